"""Measure how much of an area lies in another one.

Both are cut along parallels. Their outlines are taken, as maps show them: a border that goes up and down 50,000 times
costs no more than others.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Sequence
from itertools import pairwise

from widget_api.geo.model import Area

_LINES = 500  # parallels; an area narrower than one in 500 of the other's height may be missed
_Intervals = list[tuple[float, float]]


def measure_shares(area: Area, others: Sequence[Area]) -> list[float]:
    """The share of `area` that lies in each of others, 0 to 1. Takes seconds for the worst borders: use a thread.

    `area`, which a stranger may have sent, is cut once, however many others there are.
    """
    _, low, _, high = area.box
    own = _cut(area, low, high)
    # Of a degree on each parallel.
    widths = [math.cos(math.radians(low + (line + 0.5) * (high - low) / _LINES)) for line in range(_LINES)]
    total = sum(width * sum(east - west for west, east in found) for width, found in zip(widths, own, strict=True))
    return [_measure_common(widths, own, _cut(other, low, high)) / total if total else 0.0 for other in others]


def _measure_common(widths: Sequence[float], own: Sequence[_Intervals], other: Sequence[_Intervals]) -> float:
    rows = zip(widths, own, other, strict=True)
    return sum(width * _common(one, another) for width, one, another in rows if another)


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
    few, many = sorted((one, other), key=len)
    return sum(max(0.0, min(east, b) - max(west, a)) for west, east in few for a, b in _between(many, west, east))


def _between(intervals: _Intervals, west: float, east: float) -> _Intervals:
    """The intervals that begin between two places, and the one before, which may reach in."""
    return intervals[max(0, bisect(intervals, (west, west)) - 1) : bisect(intervals, (east, east))]
