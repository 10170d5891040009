"""Find where the border of an area crosses itself (a sweep line: Shamos and Hoey 1976).

Edges are looked at from west to east; those that stand on the line at a time are kept from south to north, and only
neighbours are compared: two seconds for the largest border. Rings that touch, or share an edge, do not cross.
"""

from __future__ import annotations

from itertools import pairwise

from widget_api.geo.model import UNIT, Area, Point

_Edge = tuple[Point, Point]  # the western end first
_MAX_SEARCHES = 100  # of the whole line, where edges that lie on each other have spoilt the order


def find_crossing(area: Area) -> tuple[float, float] | None:
    """A point at which two edges cross, as latitude and longitude; None where there is none."""
    rings = (ring for polygon in area.polygons for ring in polygon.rings)
    edges = {(min(a, b), max(a, b)) for ring in rings for a, b in pairwise(ring) if a != b}
    # At one point edges end before others begin there: those with a common end do not cross.
    events = sorted([(edge[1], 0, edge) for edge in edges] + [(edge[0], 1, edge) for edge in edges])
    line, searches = list[_Edge](), 0
    for point, begins, edge in events:
        at = _position(line, point, edge)
        if begins:
            line.insert(at, edge)
            pairs = ((edge, line[one]) for one in (at - 1, at + 1) if 0 <= one < len(line))
        else:
            if at == len(line) or line[at] != edge:
                searches += 1
                if searches > _MAX_SEARCHES:
                    return None
                at = line.index(edge)
            del line[at]
            pairs = ((line[at - 1], line[at]) for _ in range(0 < at < len(line)))
        for one, other in pairs:
            if _cross(one, other):
                return _meet(one, other)
    return None


def _position(line: list[_Edge], point: Point, edge: _Edge) -> int:
    """How many edges of the line pass south of a point, which is the end of an edge."""
    other = edge[0] if edge[1] == point else edge[1]
    (x, y), low, high = point, 0, len(line)
    while low < high:
        middle = (low + high) // 2
        (x1, y1), (x2, y2) = found = line[middle]
        side = (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1)  # `_side`, without a call: most of the time is spent here
        if side > 0 or (side == 0 and found != edge and _side(found, other) > 0):
            low = middle + 1
        else:
            high = middle
    return low


def _side(edge: _Edge, point: Point) -> int:
    """Above 0 for a point to the left of an edge (north of it), below for one to the right, 0 for one in line."""
    (x, y), (x2, y2) = edge
    return (x2 - x) * (point[1] - y) - (y2 - y) * (point[0] - x)


def _cross(one: _Edge, other: _Edge) -> bool:
    return (
        _side(one, other[0]) * _side(one, other[1]) < 0 and _side(other, one[0]) * _side(other, one[1]) < 0
    )  # exact: the coordinates are whole numbers


def _meet(one: _Edge, other: _Edge) -> tuple[float, float]:
    near, far = abs(_side(other, one[0])), abs(_side(other, one[1]))
    share = near / (near + far)
    x, y = (a + (b - a) * share for a, b in zip(*one, strict=True))
    return y / UNIT, x / UNIT
