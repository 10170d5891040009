"""Writes the locks of requirements/ from the ranges of pyproject.toml: every version with its hashes, no address.

    .venv/bin/python scripts/lock.py [--upgrade]

`run.txt` is what the service needs, `dev.txt` adds what building, linting and testing need, `isso.txt` is another
program for the torture pages, without the parser that it does not load by default and that needs a compiler. The locks
hold for every supported Python and platform (markers tell them apart).
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADING = "# Made by scripts/lock.py from pyproject.toml; do not edit.\n"
KINDS = {
    "run": ("pyproject.toml", "requirements/build.in"),
    "dev": ("pyproject.toml", "--extra", "dev"),
    "isso": (
        *("--group", "pyproject.toml:isso"),
        *(part for name in ("misaka", "cffi", "pycparser") for part in ("--no-emit-package", name)),
    ),
}


def lock(kind: str, arguments: tuple[str, ...], upgrade: bool) -> None:
    target = ROOT / "requirements" / f"{kind}.txt"
    command = [
        *(str(Path(sys.executable).parent / "uv"), "pip", "compile", "--quiet", *arguments),
        *("--universal", "--python-version", "3.11", "--generate-hashes", "--no-annotate", "--no-header"),
        *("--no-emit-index-url", "--no-emit-find-links", "--no-emit-package", "igrajdanin-widget"),
        *("--output-file", str(target), *(["--upgrade"] if upgrade else [])),
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    text = target.read_text()
    target.write_text(HEADING + text.removeprefix(HEADING))


if __name__ == "__main__":
    for kind, arguments in KINDS.items():
        lock(kind, arguments, "--upgrade" in sys.argv)
        print(f"requirements/{kind}.txt")
