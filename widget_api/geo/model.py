"""Territories, boxes and distances. Coordinates are whole ten-millionths of a degree, so a boundary is exact."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from widget_api.geo.simplify import simplified

UNIT = 10_000_000  # of a degree: 11 mm on the ground
METRES = 111_320.0  # of one degree on the equator
Point = tuple[int, int]  # longitude, latitude
Ring = tuple[Point, ...]  # closed: the last is the first
Edge = tuple[int, int, int, int]  # x, y of its lower end, x, y of its upper one
Box = tuple[float, float, float, float]  # west, south, east, north in degrees
_MAP = "https://www.openstreetmap.org/?mlat={lat}&mlon={lng}#map=18/{lat}/{lng}"
_BANDS = 1024
_TILE = 256  # pixels
_VIEW = 320  # pixels of a small phone
_ZOOMS = (3, 16)
# An outline: points of all its rings, the rings themselves, and the part of the whole that is still seen.
_POINTS, _RINGS, _FINE = 1_000, 100, 4_000


@dataclass(frozen=True)
class Polygon:
    """An outer ring and its holes. The boundary, that of a hole too, belongs to it."""

    rings: tuple[Ring, ...]

    @cached_property
    def bounds(self) -> tuple[int, int, int, int]:
        xs, ys = zip(*self.rings[0], strict=True)
        return min(xs), min(ys), max(xs), max(ys)

    @property
    def box(self) -> Box:
        west, south, east, north = self.bounds
        return west / UNIT, south / UNIT, east / UNIT, north / UNIT

    @cached_property
    def size(self) -> float:
        """Square metres, near enough to tell a district from its town."""
        outer, *holes = map(_size, self.rings)
        _, south, _, north = self.bounds
        return (outer - sum(holes)) * (METRES / UNIT) ** 2 * math.cos(math.radians((south + north) / 2 / UNIT))

    @cached_property
    def _bands(self) -> tuple[int, tuple[tuple[Edge, ...], ...]]:
        """Edges by strips of latitude, and a strip's height: a border of thousands of points is asked about a few."""
        edges = [(*a, *b) if a[1] <= b[1] else (*b, *a) for ring in self.rings for a, b in _pairs(ring)]
        _, south, _, north = self.bounds
        tall = sum(edge[3] - edge[1] for edge in edges)  # an edge stands in every strip it crosses, in 8 on average
        count = max(1, min(_BANDS, len(edges) // 8, 7 * len(edges) * (north - south) // max(1, tall)))
        height = (north - south) // count + 1
        bands: list[list[Edge]] = [[] for _ in range(count)]
        for edge in edges:
            for band in range(max(0, (edge[1] - south) // height), min(count - 1, (edge[3] - south) // height) + 1):
                bands[band].append(edge)
        return height, tuple(map(tuple, bands))

    def covers(self, x: int, y: int) -> bool:
        """Even-odd: a ray to the east crosses the rings an odd number of times (an upper end does not count)."""
        west, south, east, north = self.bounds
        if not (west <= x <= east and south <= y <= north):
            return False
        height, bands = self._bands
        inside = False
        for x1, y1, x2, y2 in bands[(y - south) // height]:
            if not y1 <= y <= y2:
                continue
            side = (x2 - x1) * (y - y1) - (x - x1) * (y2 - y1)
            if side == 0 and min(x1, x2) <= x <= max(x1, x2):
                return True
            inside ^= side > 0 and y < y2
        return inside


@dataclass(frozen=True)
class Area:
    """A territory: one polygon or several. One that crosses longitude 180 comes cut in two (RFC 7946, 3.1.9)."""

    polygons: tuple[Polygon, ...]

    @cached_property
    def box(self) -> Box:
        wests, souths, easts, norths = zip(*(polygon.box for polygon in self.polygons), strict=True)
        return min(wests), min(souths), max(easts), max(norths)

    @cached_property
    def main(self) -> Polygon:
        """The largest, where a map begins: the middle of all may lie at sea."""
        return max(self.polygons, key=lambda polygon: polygon.size)

    @cached_property
    def size(self) -> float:
        return sum(polygon.size for polygon in self.polygons)

    @property
    def points(self) -> int:
        return sum(len(ring) for polygon in self.polygons for ring in polygon.rings)

    @cached_property
    def outline(self) -> list[list[list[float]]]:
        """Its rings as a map draws them, in degrees, longitude first; what is too small to be seen is left out. Takes a
        second for the largest border there may be. Whether a place lies inside is asked of `covers` alone."""
        west, south, east, north = self.box
        smallest = (max(east - west, north - south) * UNIT / _FINE) ** 2
        found = sorted(((_size(ring), ring) for polygon in self.polygons for ring in polygon.rings), reverse=True)
        rings = [ring for size, ring in found[:_RINGS] if size >= smallest] or [found[0][1]]
        return [
            [[round(x / UNIT, 5), round(y / UNIT, 5)] for x, y in ring] for ring in simplified(rings, smallest, _POINTS)
        ]

    def covers(self, lat: float, lng: float) -> bool:
        x, y = round(lng * UNIT), round(lat * UNIT)
        return any(polygon.covers(x, y) for polygon in self.polygons)


def rectangle(box: Box) -> Area:
    """The territory of a site that has none but its box."""
    west, south, east, north = (round(number * UNIT) for number in box)
    return Area((Polygon((((west, south), (east, south), (east, north), (west, north), (west, south)),)),))


def overlap(one: Box, other: Box) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def distance(lat: float, lng: float, other_lat: float, other_lng: float) -> float:
    """Metres from the first point, on the plane that touches the globe there: good over a few hundred metres."""
    across = abs(lng - other_lng)
    across = min(across, 360 - across) * math.cos(math.radians(lat))
    return math.hypot(lat - other_lat, across) * METRES


def map_link(lat: float, lng: float) -> str:
    """Where a person sees the place with a mark on it; nothing of ours asks there for anything."""
    return _MAP.format(lat=f"{lat:.6f}", lng=f"{lng:.6f}")


def around(lat: float, lng: float, metres: float) -> tuple[float, float, list[tuple[float, float]]]:
    """A box that holds all within `metres`: south, north, and west to east, in two parts where it crosses 180°."""
    high = metres / METRES
    south, north = max(-90.0, lat - high), min(90.0, lat + high)
    narrowest = math.cos(math.radians(max(abs(south), abs(north))))
    wide = high / narrowest if narrowest > high / 180 else 180.0
    west, east = lng - wide, lng + wide
    if wide >= 180:
        return south, north, [(-180.0, 180.0)]
    if west < -180:
        return south, north, [(-180.0, east), (west + 360, 180.0)]
    if east > 180:
        return south, north, [(west, 180.0), (-180.0, east - 360)]
    return south, north, [(west, east)]


def fitting_zoom(box: Box) -> int:
    """The greatest whole zoom at which a small screen shows all of the box (Web Mercator)."""
    west, south, east, north = box
    share = max((east - west) / 360, mercator(south) - mercator(north), 1e-9)
    return max(_ZOOMS[0], min(_ZOOMS[1], math.floor(math.log2(_VIEW / _TILE / share))))


def mercator(lat: float) -> float:
    """How far down the square map of the world a latitude lies, 0 to 1 (EPSG:3857 ends at ±85.0511°)."""
    sine = math.sin(math.radians(max(-85.0511, min(85.0511, lat))))
    return 0.5 - math.atanh(sine) / (2 * math.pi)


def _size(ring: Ring) -> float:
    """In square units."""
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in _pairs(ring))) / 2


def _pairs(ring: Ring) -> Iterator[tuple[Point, Point]]:
    return pairwise(ring)
