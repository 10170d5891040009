"""Read the table of statuses, `statuses.json`, which the widget's build reads as well.

For each status it has the appearance (a shape, drawn at 16 px, in one of a few tones, so that colour is never the only
distinction), whether the problem is open, and the group for filters. `overdue` and `erased` are not statuses, but are
displayed like them.
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Literal, NamedTuple


class Shape(NamedTuple):
    path: str  # SVG, in a square of 16
    tone: str  # a token of web/tokens.py
    fill: Literal["filled", ""] = ""


class Status(NamedTuple):
    shape: str
    stage: Literal["open", "closed", ""] = ""
    group: str = ""


_TABLE = json.loads((resources.files("widget_api") / "statuses.json").read_text("utf-8"))
SHAPES = {name: Shape(*row) for name, row in _TABLE["shapes"].items()}
STATUSES = {name: Status(*row) for name, row in _TABLE["statuses"].items()}
PUBLIC_STATUSES = tuple(name for name, status in STATUSES.items() if status.group)  # those of published problems
OPEN_PUBLIC_STATUSES = tuple(name for name in PUBLIC_STATUSES if STATUSES[name].stage == "open")
