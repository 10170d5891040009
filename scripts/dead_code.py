"""Names code that nothing uses: vulture's findings but what templates read and the table of sinks names.

    .venv/bin/python -m scripts.dead_code

Tests are no use: what they alone call is dead, too. What is used in a way that no reader of Python sees stands in
`[tool.vulture]` of pyproject.toml, each with its reason.
"""

import re
import sys
import tomllib
from pathlib import Path

from vulture.core import Vulture

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ROOT / "widget_api" / "templates"
SINKS = ROOT / "widget_api" / "deliveries" / "sinks.py"  # handlers stand there as "module:function"


def main() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["vulture"]
    reader = Vulture(ignore_names=settings["ignore_names"], ignore_decorators=settings["ignore_decorators"])
    reader.scavenge([str(ROOT / path) for path in settings["paths"]], exclude=settings["exclude"])
    shown = {word for path in TEMPLATES.rglob("*.*") for word in re.findall(r"\w+", path.read_text())}
    used = shown | set(re.findall(r'[\w.]+:(\w+)"', SINKS.read_text()))
    found = [item for item in reader.get_unused_code(settings["min_confidence"]) if item.name not in used]
    for item in found:
        print(f"{Path(item.filename).relative_to(ROOT)}:{item.first_lineno}: {item.message}")
    sys.exit(1 if found or reader.exit_code else 0)


if __name__ == "__main__":
    main()
