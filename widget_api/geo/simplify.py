"""A border with as many points as can be told apart on a screen."""

from __future__ import annotations

import heapq

Point = tuple[int, int]
Ring = tuple[Point, ...]
_TRIANGLE = 4  # points of the shortest closed ring


def simplified(rings: list[Ring], smallest: float, most: int) -> list[list[Point]]:
    """Without the corners whose triangles are smallest (Visvalingam and Whyatt 1993), the first and last point of a
    ring aside: until every triangle is as large as `smallest` and no more than `most` points are left."""
    before, after, left = list[list[int]](), list[list[int]](), list[int]()
    corners = list[tuple[float, int, int]]()
    for at, ring in enumerate(rings):
        last = len(ring) - 1
        before.append([index - 1 for index in range(last + 1)])
        after.append([index + 1 for index in range(last + 1)])
        left.append(len(ring))
        corners += [(_triangle(*ring[index - 1 : index + 2]), at, index) for index in range(1, last)]
    heapq.heapify(corners)
    gone = [bytearray(len(ring)) for ring in rings]
    current = {(at, index): size for size, at, index in corners}
    while corners and (corners[0][0] < smallest or sum(left) > most):
        size, at, index = heapq.heappop(corners)
        if gone[at][index] or size != current[at, index] or left[at] <= _TRIANGLE:
            continue
        gone[at][index] = 1
        left[at] -= 1
        one, other = before[at][index], after[at][index]
        after[at][one], before[at][other] = other, one
        for corner in (one, other):
            if 0 < corner < len(rings[at]) - 1:
                points = (rings[at][before[at][corner]], rings[at][corner], rings[at][after[at][corner]])
                # Never smaller than what has just gone, so that lines go before the bends they lead to.
                current[at, corner] = max(size, _triangle(*points))
                heapq.heappush(corners, (current[at, corner], at, corner))
    return [[point for index, point in enumerate(ring) if not gone[at][index]] for at, ring in enumerate(rings)]


def _triangle(a: Point, b: Point, c: Point) -> float:
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2
