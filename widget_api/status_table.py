"""Read the table of statuses, `statuses.json`, which the widget's build reads as well.

It says of each status how it looks everywhere (never by colour alone, but by a shape, drawn at 16 px, in one of a few
tones), whether work on it goes on, and in which group people filter by it. `overdue` and `erased` are no statuses;
they are shown like them.
"""

from __future__ import annotations

import json
import re
from importlib import resources
from typing import Literal, NamedTuple


class Shape(NamedTuple):
    path: str  # SVG, in a square of 16
    tone: str
    fill: Literal["filled", ""] = ""


class Status(NamedTuple):
    shape: str
    stage: Literal["open", "closed", ""] = ""
    group: str = ""


_TABLE = json.loads((resources.files("widget_api") / "statuses.json").read_text("utf-8"))
TONES: dict[str, dict[str, str]] = _TABLE["tones"]
SHAPES = {name: Shape(*row) for name, row in _TABLE["shapes"].items()}
STATUSES = {name: Status(*row) for name, row in _TABLE["statuses"].items()}


def paint(name: str, content: bytes) -> bytes:
    """Put the colours of the table into a static file that is a style sheet: `tone(done, dark)`.

    Other files come back as they are. The widget's build does the same with its sheets.
    """
    if not name.endswith(".css"):
        return content
    return re.sub(rb"tone\((\w+), (\w+)\)", lambda found: TONES[found[1].decode()][found[2].decode()].encode(), content)
