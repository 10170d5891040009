"""Define territories, boxes and distances.

Vertices are integers in ten-millionths of a degree, so that the test whether a point lies on a border is exact.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

UNIT = 10_000_000  # of a degree: 11 mm on the ground
_MAX_CORNERS = 500  # that are compared to see whether areas overlap
METRES_PER_DEGREE = 111_320.0  # of one degree on the equator
Point = tuple[int, int]  # longitude, latitude
Ring = tuple[Point, ...]  # closed: the last is the first
Edge = tuple[int, int, int, int]  # x, y of its lower end, x, y of its upper one
Box = tuple[float, float, float, float]  # west, south, east, north in degrees
_MAP_URL = "https://www.openstreetmap.org/?mlat={lat}&mlon={lng}#map=18/{lat}/{lng}"
_MAX_BANDS = 1024
_TILE_SIZE = 256  # pixels
_SCREEN_WIDTH = 320  # pixels of a small phone
_ZOOM_RANGE = (3, 16)
# An outline: most points of all its rings, most rings, and the smallest visible share of its width, as 1/n.
_MAX_POINTS, _MAX_RINGS, _VISIBLE_SHARE = 1_000, 100, 4_000
_MIN_POINTS = 4  # points of the shortest closed ring


@dataclass(frozen=True)
class Polygon:
    """An outer ring and its holes. Boundaries, those of holes too, belong to it."""

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
        """The area in square metres, approximately: for comparing a district with its town."""
        outer, *holes = map(_ring_size, self.rings)
        _, south, _, north = self.bounds
        return (
            (outer - sum(holes)) * (METRES_PER_DEGREE / UNIT) ** 2 * math.cos(math.radians((south + north) / 2 / UNIT))
        )

    @cached_property
    def _bands(self) -> tuple[int, tuple[tuple[Edge, ...], ...]]:
        """The height of a band of latitude, and the edges that cross each: `covers` tests only those of one band."""
        edges = [(*a, *b) if a[1] <= b[1] else (*b, *a) for ring in self.rings for a, b in _ring_edges(ring)]
        _, south, _, north = self.bounds
        tall = sum(edge[3] - edge[1] for edge in edges)  # an edge stands in every strip it crosses, in 8 on average
        count = max(1, min(_MAX_BANDS, len(edges) // 8, 7 * len(edges) * (north - south) // max(1, tall)))
        height = (north - south) // count + 1
        bands: list[list[Edge]] = [[] for _ in range(count)]
        for edge in edges:
            for band in range(max(0, (edge[1] - south) // height), min(count - 1, (edge[3] - south) // height) + 1):
                bands[band].append(edge)
        return height, tuple(map(tuple, bands))

    def covers(self, x: int, y: int) -> bool:
        """Even-odd rule: whether a ray to the east crosses the rings an odd number of times (upper ends excluded)."""
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
        """The largest polygon, on which a map is centred: the middle of all of them may lie at sea."""
        return max(self.polygons, key=lambda polygon: polygon.size)

    @cached_property
    def size(self) -> float:
        return sum(polygon.size for polygon in self.polygons)

    @property
    def points(self) -> int:
        return sum(len(ring) for polygon in self.polygons for ring in polygon.rings)

    @cached_property
    def outline(self) -> list[list[list[float]]]:
        """Simplified rings for a map, in degrees, longitude first, without those too small to be seen.

        Takes a second for the largest border there may be. Use `covers` to test whether a point lies inside.
        """
        west, south, east, north = self.box
        smallest = (max(east - west, north - south) * UNIT / _VISIBLE_SHARE) ** 2
        found = sorted(((_ring_size(ring), ring) for polygon in self.polygons for ring in polygon.rings), reverse=True)
        rings = [ring for size, ring in found[:_MAX_RINGS] if size >= smallest] or [found[0][1]]
        return [
            [[round(x / UNIT, 5), round(y / UNIT, 5)] for x, y in ring]
            for ring in simplify(rings, smallest, _MAX_POINTS)
        ]

    def covers(self, lat: float, lng: float) -> bool:
        return self._covers(round(lng * UNIT), round(lat * UNIT))

    def _covers(self, x: int, y: int) -> bool:
        return any(polygon.covers(x, y) for polygon in self.polygons)

    def overlaps(self, other: Area) -> bool:
        """Whether a corner of one lies in the other, or both cover the middle of what their boxes have in common.

        Made to notice a border that lies elsewhere. Thin areas that cross without a common corner may be missed, and
        of long borders some corners alone are looked at.
        """
        return any(
            one._covers(x, y) for one, another in ((self, other), (other, self)) for x, y in another._corners()
        ) or any(self._meets(one, another) for one in self.polygons for another in other.polygons)

    def _corners(self) -> list[tuple[int, int]]:
        corners = [corner for polygon in self.polygons for corner in polygon.rings[0]]
        return corners[:: max(1, len(corners) // _MAX_CORNERS)]

    @staticmethod
    def _meets(one: Polygon, other: Polygon) -> bool:
        west, south, east, north = (
            *map(max, one.bounds[:2], other.bounds[:2]),
            *map(min, one.bounds[2:], other.bounds[2:]),
        )
        x, y = (west + east) // 2, (south + north) // 2
        return one.covers(x, y) and other.covers(x, y)


def rectangle(box: Box) -> Area:
    """The territory of a site that has only a box."""
    west, south, east, north = (round(number * UNIT) for number in box)
    return Area((Polygon((((west, south), (east, south), (east, north), (west, north), (west, south)),)),))


def boxes_overlap(one: Box, other: Box) -> bool:
    return one[0] <= other[2] and other[0] <= one[2] and one[1] <= other[3] and other[1] <= one[3]


def boxes_distance(one: Box, other: Box) -> float:
    """Metres between the nearest points of two boxes; 0 where they overlap."""
    across = max(0.0, one[0] - other[2], other[0] - one[2])
    lat = min(max(one[1], other[1]), one[3])  # of `one`, as near to the other as there is
    return distance(lat, 0.0, min(max(lat, other[1]), other[3]), across)


def distance(lat: float, lng: float, other_lat: float, other_lng: float) -> float:
    """Metres between two points, on the plane that touches the globe at the first: accurate up to some 100 m."""
    across = abs(lng - other_lng)
    across = min(across, 360 - across) * math.cos(math.radians(lat))
    return math.hypot(lat - other_lat, across) * METRES_PER_DEGREE


def map_link(lat: float, lng: float) -> str:
    """The address of a public map with a marker at the point, for people to open."""
    return _MAP_URL.format(lat=f"{lat:.6f}", lng=f"{lng:.6f}")


def box_around(lat: float, lng: float, metres: float) -> tuple[float, float, list[tuple[float, float]]]:
    """A box around everything within `metres`: south, north, and [(west, east)], two of them where it crosses 180°."""
    high = metres / METRES_PER_DEGREE
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
    return max(_ZOOM_RANGE[0], min(_ZOOM_RANGE[1], math.floor(math.log2(_SCREEN_WIDTH / _TILE_SIZE / share))))


def mercator(lat: float) -> float:
    """The vertical position of a latitude on Web Mercator's square, 0 (north) to 1 (EPSG:3857 ends at ±85.0511°)."""
    sine = math.sin(math.radians(max(-85.0511, min(85.0511, lat))))
    return 0.5 - math.atanh(sine) / (2 * math.pi)


def latitude(y: float) -> float:
    """The latitude of a vertical position on that square: the inverse of `mercator`."""
    return math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * max(0.0, min(1.0, y))))))


def _ring_size(ring: Ring) -> float:
    """The enclosed area in square units (the shoelace formula)."""
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in _ring_edges(ring))) / 2


def _ring_edges(ring: Ring) -> Iterator[tuple[Point, Point]]:
    return pairwise(ring)


def simplify(rings: list[Ring], smallest: float, most: int) -> list[list[Point]]:
    """Drop corners by the size of their triangles, smallest first (Visvalingam and Whyatt 1993).

    Stops when every triangle is at least as large as `smallest` and no more than `most` points are left. The first and
    last point of a ring stay.
    """
    before, after, left = list[list[int]](), list[list[int]](), list[int]()
    corners = list[tuple[float, int, int]]()
    for at, ring in enumerate(rings):
        last = len(ring) - 1
        before.append([index - 1 for index in range(last + 1)])
        after.append([index + 1 for index in range(last + 1)])
        left.append(len(ring))
        corners += [(_triangle_size(*ring[index - 1 : index + 2]), at, index) for index in range(1, last)]
    heapq.heapify(corners)
    removed = [bytearray(len(ring)) for ring in rings]
    current = {(at, index): size for size, at, index in corners}
    while corners and (corners[0][0] < smallest or sum(left) > most):
        size, at, index = heapq.heappop(corners)
        if removed[at][index] or size != current[at, index] or left[at] <= _MIN_POINTS:
            continue
        removed[at][index] = 1
        left[at] -= 1
        one, other = before[at][index], after[at][index]
        after[at][one], before[at][other] = other, one
        for corner in (one, other):
            if 0 < corner < len(rings[at]) - 1:
                points = (rings[at][before[at][corner]], rings[at][corner], rings[at][after[at][corner]])
                # Never smaller than the one just dropped, so that straight lines go before the bends they lead to.
                current[at, corner] = max(size, _triangle_size(*points))
                heapq.heappush(corners, (current[at, corner], at, corner))
    return [[point for index, point in enumerate(ring) if not removed[at][index]] for at, ring in enumerate(rings)]


def _triangle_size(a: Point, b: Point, c: Point) -> float:
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2
