"""Number Web Mercator's tiles along a Z-order curve (Morton 1966), so that an ordinary index answers spatial queries.

A cell's number without its last two bits is that of its parent, one level up. A box on the map is therefore covered by
a few ranges of numbers. At level 20 a cell is about 20 m wide in the middle of Russia.
"""

from __future__ import annotations

import math

from widget_api.geo.model import Box, latitude

LEVEL = 20  # of the cell numbers stored with problems
_MAX_LATITUDE = 85.0511287798066  # degrees; the edge of Web Mercator's square
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


def cell_at(lat: float, lng: float) -> int:
    """The number of the cell at `LEVEL` that contains a point, given in degrees."""
    x, y = tile_position(lat, lng, LEVEL)
    return interleave(x, y)


def tile_position(lat: float, lng: float, level: int) -> tuple[int, int]:
    """Column and row of the tile that contains a point, given in degrees."""
    size = 1 << level
    sine = math.sin(math.radians(max(-_MAX_LATITUDE, min(_MAX_LATITUDE, lat))))
    x = int((lng + 180) / 360 * size)
    y = int((0.5 - math.atanh(sine) / (2 * math.pi)) * size)
    return max(0, min(size - 1, x)), max(0, min(size - 1, y))


def interleave(x: int, y: int) -> int:
    """Interleave the bits of a column and a row into a cell's number."""
    return _spread(x) | _spread(y) << 1


def deinterleave(cell_number: int) -> tuple[int, int]:
    return _gather(cell_number), _gather(cell_number >> 1)


def parent(cell_number: int, level: int) -> int:
    """The cell of a coarser level that contains a cell of `LEVEL`."""
    return cell_number >> 2 * (LEVEL - level)


def tile_corner(x: int, y: int, level: int) -> tuple[float, float]:
    """Latitude and longitude of a tile's north-western corner."""
    size = 1 << level
    return latitude(y / size), x / size * 360 - 180


def _spread(bits: int) -> int:
    for shift, mask in _SPREAD:
        bits = (bits | bits << shift) & mask
    return bits


def _gather(bits: int) -> int:
    bits &= 0x5555555555555555
    for shift, mask in _GATHER:
        bits = (bits | bits >> shift) & mask
    return bits


MAX_CELLS = 64
Range = tuple[int, int]  # first and last


def choose_level(bbox: Box, levels: tuple[int, ...], most: int = MAX_CELLS) -> int | None:
    """The finest of `levels` at which at most `most` cells cover the box; None where there is none."""
    return max((one for one in levels if _count_cells(bbox, one) <= most), default=None)


def cell_ranges(bbox: Box, level: int) -> list[Range]:
    """The cells of a level that intersect the box, with neighbours along the curve joined to ranges."""
    (left, top), (right, bottom) = _corner_tiles(bbox, level)
    found = list[Range]()
    for one in sorted(interleave(x, y) for x in range(left, right + 1) for y in range(top, bottom + 1)):
        if found and found[-1][1] == one - 1:
            found[-1] = found[-1][0], one
        else:
            found.append((one, one))
    return found


def refine_ranges(found: list[Range], level: int, wanted: int) -> list[Range]:
    """Convert ranges of one level to the numbers of a finer one."""
    shift = 2 * (wanted - level)
    return [(first << shift, (last + 1 << shift) - 1) for first, last in found]


def _count_cells(bbox: Box, level: int) -> int:
    (left, top), (right, bottom) = _corner_tiles(bbox, level)
    return (right - left + 1) * (bottom - top + 1)


def _corner_tiles(bbox: Box, level: int) -> tuple[tuple[int, int], tuple[int, int]]:
    west, south, east, north = bbox
    return tile_position(north, west, level), tile_position(south, east, level)
