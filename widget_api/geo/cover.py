"""A box on the map as a few ranges of cells."""

from __future__ import annotations

from widget_api.geo.cells import number, position

MOST = 64
Box = tuple[float, float, float, float]  # west, south, east, north
Range = tuple[int, int]  # first and last


def level(bbox: Box, levels: tuple[int, ...], most: int = MOST) -> int | None:
    """The finest of `levels` at which so many cells hold the box; None where none does."""
    return max((one for one in levels if _many(bbox, one) <= most), default=None)


def ranges(bbox: Box, level: int) -> list[Range]:
    """The cells of that level that the box touches: neighbours along the curve are one range."""
    (left, top), (right, bottom) = _corners(bbox, level)
    found = list[Range]()
    for cell in sorted(number(x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)):
        if found and found[-1][1] == cell - 1:
            found[-1] = found[-1][0], cell
        else:
            found.append((cell, cell))
    return found


def finer(found: list[Range], level: int, wanted: int) -> list[Range]:
    """The same ranges in the numbers of a finer level."""
    shift = 2 * (wanted - level)
    return [(first << shift, (last + 1 << shift) - 1) for first, last in found]


def _many(bbox: Box, level: int) -> int:
    (left, top), (right, bottom) = _corners(bbox, level)
    return (right - left + 1) * (bottom - top + 1)


def _corners(bbox: Box, level: int) -> tuple[tuple[int, int], tuple[int, int]]:
    west, south, east, north = bbox
    return position(north, west, level), position(south, east, level)
