"""Validate pages of the service with html-validate (npm), all in one run."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser

ROOT = Path(__file__).parents[2]
VALIDATOR = ROOT / "node_modules" / ".bin" / "html-validate"


def required_selects_without_placeholder(pages: Mapping[str, str]) -> list[str]:
    """Required selects whose first option already has a value (HTML, 4.10.7), which html-validate does not check."""
    return [
        f"{name}: select {select.attributes.get('name')}: required, and its first option is no placeholder"
        for name, page in pages.items()
        for select in LexborHTMLParser(page).css("select[required]:not([multiple])")
        if (first := select.css_first("option")) is None or first.attributes.get("value") != ""
    ]


def faults(pages: Mapping[str, str], folder: Path) -> list[str]:
    """The errors of each page: name, position, rule and message."""
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page)
    config = ["--config", str(ROOT / ".htmlvalidate.mjs"), "--formatter", "json"]
    names = [str(folder / f"{name}.html") for name in pages]
    result = folder / "faults.json"  # into a pipe it writes no more than fits before it ends
    with result.open("wb") as output:
        done = subprocess.run([VALIDATOR, *config, *names], stdout=output, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode in (0, 1), done.stderr.decode()
    return required_selects_without_placeholder(pages) + [
        f"{Path(page['filePath']).stem}:{fault['line']}: {fault['ruleId']}: {fault['message']}"
        for page in json.loads(result.read_bytes())
        for fault in page["messages"]
    ]
