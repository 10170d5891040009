"""Pages as the service sends them, held against HTML by html-validate (npm), all in one run."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
VALIDATOR = ROOT / "node_modules" / ".bin" / "html-validate"


def faults(pages: Mapping[str, str], folder: Path) -> list[str]:
    """What is wrong with each page: its name, the place, the rule, the words of the validator."""
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page)
    config = ["--config", str(ROOT / ".htmlvalidate.mjs"), "--formatter", "json"]
    names = [str(folder / f"{name}.html") for name in pages]
    done = subprocess.run([VALIDATOR, *config, *names], capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 1), done.stderr
    return [
        f"{Path(page['filePath']).stem}:{fault['line']}: {fault['ruleId']}: {fault['message']}"
        for page in json.loads(done.stdout)
        for fault in page["messages"]
    ]
