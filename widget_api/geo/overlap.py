"""Measure how much of an area lies in another one.

Both are cut along parallels. Their outlines are taken, as maps show them: a border that goes up and down 50,000 times
costs no more than others.
"""

from __future__ import annotations

import math
from itertools import pairwise

from widget_api.geo.model import Area

_LINES = 500  # parallels; an area narrower than one in 500 of the other's height may be missed
_Intervals = list[tuple[float, float]]


def measure_share(area: Area, other: Area) -> float:
    """The share of `area` that lies in `other`, 0 to 1. Takes seconds for the worst borders: call it in a thread."""
    _, low, _, high = area.box
    total = shared = 0.0
    for line, (own, others) in enumerate(zip(_cut(area, low, high), _cut(other, low, high), strict=True)):
        width = math.cos(math.radians(low + (line + 0.5) * (high - low) / _LINES))  # of a degree there
        total += width * sum(east - west for west, east in own)
        shared += width * _common(own, others)
    return shared / total if total else 0.0


def _cut(area: Area, low: float, high: float) -> list[_Intervals]:
    """What of each of _LINES parallels between two latitudes lies in an area, from west to east."""
    crossings: list[list[float]] = [[] for _ in range(_LINES)]
    step = (high - low) / _LINES
    for ring in area.outline:
        for one, another in pairwise(ring):
            (x1, y1), (x2, y2) = (one, another) if one[1] <= another[1] else (another, one)
            first, last = (math.ceil((y - low) / step - 0.5) for y in (y1, y2))
            for line in range(max(0, first), min(_LINES, last)):
                crossings[line].append(x1 + (x2 - x1) * (low + (line + 0.5) * step - y1) / (y2 - y1))
    return [list(zip(found[::2], found[1::2], strict=True)) for found in map(sorted, crossings)]


def _common(one: _Intervals, other: _Intervals) -> float:
    """The length of what two rows of intervals have in common."""
    at, length = 0, 0.0
    for west, east in one:
        while at < len(other) and other[at][1] <= west:
            at += 1
        length += sum(min(east, b) - max(west, a) for a, b in _until(other, at, east))
    return length


def _until(intervals: _Intervals, at: int, east: float) -> _Intervals:
    """The intervals from an index on that begin west of a place."""
    end = at
    while end < len(intervals) and intervals[end][0] < east:
        end += 1
    return intervals[at:end]
