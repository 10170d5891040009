"""Places in one dimension: the cells of Web Mercator's tiles along a Z-order curve (Morton 1966).

A number of level 20 (a cell is about 20 m wide in the middle of Russia) without its last two bits is that of the cell
around it, one level up. So a box on the map is a few ranges of numbers, which an ordinary index of any database serves.
"""

from __future__ import annotations

import math

LEVEL = 20  # of the numbers kept with a problem
_NORTH = 85.0511287798066  # where the square of Web Mercator ends
# Shifts and masks that put a zero between any two of 32 bits (Warren, Hacker's Delight, 7-2), and take it out again.
_SPREAD = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)
_GATHER = (
    (1, 0x3333333333333333),
    (2, 0x0F0F0F0F0F0F0F0F),
    (4, 0x00FF00FF00FF00FF),
    (8, 0x0000FFFF0000FFFF),
    (16, 0x00000000FFFFFFFF),
)


def cell(lat: float, lng: float) -> int:
    """The number of the cell at `LEVEL` that holds a place, given in degrees."""
    x, y = position(lat, lng, LEVEL)
    return number(x, y)


def position(lat: float, lng: float, level: int) -> tuple[int, int]:
    """Column and row of the tile that holds a place."""
    size = 1 << level
    sine = math.sin(math.radians(max(-_NORTH, min(_NORTH, lat))))
    x = int((lng + 180) / 360 * size)
    y = int((0.5 - math.atanh(sine) / (2 * math.pi)) * size)
    return max(0, min(size - 1, x)), max(0, min(size - 1, y))


def number(x: int, y: int) -> int:
    """The bits of column and row, one of each in turn."""
    return _spread(x) | _spread(y) << 1


def column_and_row(cell: int) -> tuple[int, int]:
    return _gather(cell), _gather(cell >> 1)


def parent(cell: int, level: int) -> int:
    """The cell of a coarser level around a cell of `LEVEL`."""
    return cell >> 2 * (LEVEL - level)


def corner(x: int, y: int, level: int) -> tuple[float, float]:
    """The north-western corner of a tile: latitude, longitude."""
    size = 1 << level
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * y / size)))), x / size * 360 - 180


def _spread(bits: int) -> int:
    for shift, mask in _SPREAD:
        bits = (bits | bits << shift) & mask
    return bits


def _gather(bits: int) -> int:
    bits &= 0x5555555555555555
    for shift, mask in _GATHER:
        bits = (bits | bits >> shift) & mask
    return bits
