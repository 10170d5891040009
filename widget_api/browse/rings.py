"""Divide the ring around a number of problems on a map by what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from widget_api import i18n
from widget_api.status_table import SHAPES, STATUSES

_GAP = 2  # of a circumference of 100: between two parts of a ring
# Each group by the status that most of it has, as on the widget's map.
TYPICAL_STATUSES = {"new": "accepted", "working": "in_progress", "done": "resolved", "closed": "answered"}


@dataclass(frozen=True, kw_only=True)
class Arc:
    """The part of a ring that a group of statuses has, in hundredths of the circumference."""

    tone: str
    length: float
    offset: float


def count_groups(statuses: Mapping[str, int]) -> dict[str, int]:
    """Count problems by the groups of the public filters; a status without a group stands for itself."""
    counts = dict[str, int]()
    for status in STATUSES:
        if count := statuses.get(status, 0):
            group = STATUSES[status].group or status
            counts[group] = counts.get(group, 0) + count
    return counts


def list_arcs(groups: Mapping[str, int]) -> list[Arc]:
    """The ring of several problems, clockwise from the top. `groups` are those of `count_groups`."""
    arcs, begins, total = list[Arc](), 0.0, sum(groups.values())
    for group, count in groups.items():
        share = 100 * count / total
        length = max(1.0, share - _GAP) if len(groups) > 1 else share
        tone = SHAPES[STATUSES[TYPICAL_STATUSES.get(group, group)].shape].tone
        arcs.append(Arc(tone=tone, length=round(length, 1), offset=round(25 - begins, 1)))
        begins += share
    return arcs


def describe_groups(language: str, groups: Mapping[str, int]) -> str:
    """What a ring says, in words."""
    names = {group: f"city.groups.{group}" if group in TYPICAL_STATUSES else f"status.{group}" for group in groups}
    return ", ".join(f"{i18n.text(language, names[group]).lower()} — {count}" for group, count in groups.items())
