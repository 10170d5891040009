"""Generate the invented town, always the same: river, streets, blocks and houses as shapes, and their addresses."""

from __future__ import annotations

import math
import random
from bisect import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import accumulate, pairwise
from typing import NamedTuple

import orjson

from widget_api.geo.model import METRES_PER_DEGREE

Point = tuple[float, float]
CENTRE = (55.081, 38.779)  # latitude, longitude
_ANGLE = math.radians(14)  # of the grid, from north
_HALF_LENGTH, _HALF_DEPTH, _MIDDLE = 3300, 1500, 450  # metres: the built-up oval, and its distance from the river
_EDGE = _HALF_LENGTH + 150
_RIVER_WIDTH = 190
_FAR = 30_000  # metres: how far anything is drawn
_AVENUE, _STREET, _LANE = 24, 12, 8  # metres wide


DISTRICTS = {"west": (-_EDGE, -1200), "centre": (-1200, 900), "east": (900, _EDGE)}


@dataclass(frozen=True)
class Shape:
    """A filled polygon, or a line of `width` metres. Points are latitude and longitude, while it is generated metres
    along and across the town."""

    kind: str
    points: tuple[Point, ...]
    width: float = 0.0


@dataclass(frozen=True)
class Street:
    """A street with a name, as the line along its middle."""

    name: str
    is_avenue: bool
    points: tuple[Point, ...]


class House(NamedTuple):
    """The address of a house, and its middle."""

    street: str
    number: str
    lat: float
    lng: float


class _Plan(NamedTuple):
    """The lines of the streets, in metres along and across the town, the blocks that are built, and all shapes."""

    us: list[float]
    vs: list[float]
    cells: list[tuple[int, int]]
    shapes: list[Shape]


def border_ring(first: float = -_EDGE, last: float = _EDGE) -> list[list[float]]:
    """The town's border as a GeoJSON ring, along the river and around the streets; of a part of it, given in metres."""
    along = [first + (last - first) * step / 24 for step in range(25)]
    bank = [(u, _river(u) + _RIVER_WIDTH / 2 + 10) for u in along]
    around = [(u, _MIDDLE + math.sqrt(1 - (u / _EDGE) ** 2) * (_HALF_DEPTH + 150)) for u in reversed(along)]
    ring = [_place(*point) for point in (*bank, *around)]
    return [[round(lng, 6), round(lat, 6)] for lat, lng in (*ring, ring[0])]


def town_shapes() -> list[Shape]:
    """All shapes, in drawing order."""
    return [replace(shape, points=_place_all(shape.points)) for shape in _draw().shapes]


def town_streets() -> list[Street]:
    """The streets that have a name."""
    us, vs, cells, _ = _draw()
    along, across = _names()
    found = []
    for j, name in enumerate(along):
        columns = [i for i, row in cells if j - 1 <= row <= j]
        path = _between((us[min(columns)], vs[j]), (us[max(columns) + 1], vs[j]), 60)
        found.append(Street(name, _is_avenue(None, j), _place_all(path)))
    for i, name in enumerate(across):
        rows = [j for column, j in cells if i - 1 <= column <= i]
        path = _between((us[i], vs[min(rows)]), (us[i], vs[max(rows) + 1]), 30)
        found.append(Street(name, _is_avenue(i, None), _place_all(path)))
    return found


def town_houses() -> list[House]:
    """The addresses of all houses: numbered along the nearest street, odd numbers on one side of it."""
    us, vs, _, shapes = _draw()
    along, across = _names()
    by_side: dict[tuple[str, int], list[tuple[float, Point]]] = {}
    for shape in shapes:
        if shape.kind == "house":
            u, v = (sum(part) / len(shape.points) for part in zip(*shape.points, strict=True))
            i, j = bisect(us, u) - 1, bisect(vs, v) - 1
            _, name, side, at = min(
                (v - vs[j], along[j], 1, u),
                (vs[j + 1] - v, along[j + 1], 2, u),
                (u - us[i], across[i], 1, v),
                (us[i + 1] - u, across[i + 1], 2, v),
            )
            by_side.setdefault((name, side), []).append((at, _place(u, v)))
    return [
        House(name, str(side + 2 * index), round(lat, 6), round(lng, 6))
        for (name, side), houses in sorted(by_side.items())
        for index, (_, (lat, lng)) in enumerate(sorted(houses))
    ]


@cache
def _names() -> tuple[list[str], list[str]]:
    """The names of the streets along the town, from the river on, and of those across it, from the west."""
    names = orjson.loads((resources.files(__package__) / "town_streets.json").read_bytes())
    return names["along"], names["across"]


@cache
def _draw() -> _Plan:
    chance = random.Random(1177)  # noqa: S311 - the same town each time
    us, vs = list(_lines(chance, -3400, 3400, 170, 270)), list(_lines(chance, -900, 2100, 140, 230))
    cells = [
        (i, j)
        for i in range(len(us) - 1)
        for j in range(len(vs) - 1)
        if _built((us[i] + us[i + 1]) / 2, (vs[j] + vs[j + 1]) / 2)
    ]
    found = [*_country(chance), *_river_side()]
    streets: dict[tuple[int, int, int, int], Shape] = {}
    for i, j in cells:
        found += _block(chance, us[i], us[i + 1], vs[j], vs[j + 1])
        for a, b in (
            ((i, j), (i + 1, j)),
            ((i, j + 1), (i + 1, j + 1)),
            ((i, j), (i, j + 1)),
            ((i + 1, j), (i + 1, j + 1)),
        ):
            main = _is_avenue(None, a[1]) if a[1] == b[1] else _is_avenue(a[0], None)
            path = _between((us[a[0]], vs[a[1]]), (us[b[0]], vs[b[1]]))
            streets[*a, *b] = _line("avenue" if main else "street", _AVENUE if main else _STREET, path)
    return _Plan(us, vs, cells, [*found, *_stream(), *_ways(us), *streets.values()])


def _is_avenue(across: int | None, along: int | None) -> bool:
    """Whether a street is wide: by its place among those across the town, or among those along it."""
    return across % 5 == 2 if across is not None else along is not None and along % 4 == 2


def _place_all(points: Iterable[Point]) -> tuple[Point, ...]:
    return tuple(_place(*point) for point in points)


def _place(u: float, v: float) -> Point:
    """Convert metres along and across the town, slightly bent, to latitude and longitude."""
    bent_u, bent_v = u + 70 * math.sin(v / 700), v + 90 * math.sin(u / 1300)
    x = bent_u * math.cos(_ANGLE) - bent_v * math.sin(_ANGLE)
    y = bent_u * math.sin(_ANGLE) + bent_v * math.cos(_ANGLE)
    return CENTRE[0] + y / METRES_PER_DEGREE, CENTRE[1] + x / METRES_PER_DEGREE / math.cos(math.radians(CENTRE[0]))


def _fill(kind: str, points: Iterable[Point]) -> Shape:
    return Shape(kind, tuple(points))


def _line(kind: str, width: float, points: Iterable[Point]) -> Shape:
    return Shape(kind, tuple(points), width)


def _between(a: Point, b: Point, steps: int = 6) -> list[Point]:
    return [(a[0] + (b[0] - a[0]) * t / steps, a[1] + (b[1] - a[1]) * t / steps) for t in range(steps + 1)]


def _river(u: float) -> float:
    """The distance of the river's centre line across the town."""
    return -1330 + 210 * math.sin(u / 1500 + 0.7) + 60 * math.sin(u / 520)


def _lines(chance: random.Random, start: int, end: int, least: int, most: int) -> Iterator[float]:
    steps = (chance.randrange(least, most) for _ in range((end - start) // least))
    return (at for at in accumulate(steps, initial=start) if at <= end)


def _built(u: float, v: float) -> bool:
    return (u / _HALF_LENGTH) ** 2 + ((v - _MIDDLE) / _HALF_DEPTH) ** 2 < 1 and v > _river(u) + _RIVER_WIDTH / 2 + 130


def _country(chance: random.Random) -> Iterator[Shape]:
    """Woods and fields around the town."""
    for _ in range(500):
        u, v, size = chance.uniform(-_FAR, _FAR), chance.uniform(-_FAR, _FAR), chance.uniform(350, 1100)
        kind = chance.choice(("wood", "wood", "field"))
        edge = [
            (
                u + math.cos(t / 9 * math.pi) * size * chance.uniform(0.7, 1.2),
                v + math.sin(t / 9 * math.pi) * size * chance.uniform(0.5, 0.9),
            )
            for t in range(18)
        ]
        if not any(_built(*point) for point in (*edge, (u, v))):
            yield _fill(kind, edge)
    yield _fill(
        "town",
        (
            (
                math.cos(t / 40 * math.pi) * (_HALF_LENGTH + 60),
                _MIDDLE + math.sin(t / 40 * math.pi) * (_HALF_DEPTH + 60),
            )
            for t in range(80)
        ),
    )


def _river_side() -> Iterator[Shape]:
    walk = range(-2300, 2301, 100)
    yield _fill("park", [(u, _river(u)) for u in walk] + [(u, _river(u) + 290) for u in reversed(walk)])
    yield _line("water", _RIVER_WIDTH, ((u, _river(u)) for u in range(-_FAR, _FAR + 1, 120)))


def _stream() -> Iterator[Shape]:
    """A stream through parks to the river."""
    yield _line("water", 22, ((_bed(v), v) for v in range(int(_river(-1500)), _FAR // 3, 60)))


def _bed(v: float) -> float:
    return -1500 + 110 * math.sin(v / 300)


def _block(chance: random.Random, west: float, east: float, south: float, north: float) -> Iterator[Shape]:
    """The houses of a block, by its distance from the square."""
    inset = _STREET / 2 + 5
    west, east, south, north = west + inset, east - inset, south + inset, north - inset
    u, v = (west + east) / 2, (south + north) / 2
    corners = [(west, south), (east, south), (east, north), (west, north)]
    away, draw = math.hypot(u, v - 250), chance.random()
    if abs(u - _bed(v)) < 150 or draw < 0.07:
        yield _fill("park", corners)
        return
    if away < 130:
        yield _fill("square", corners)
        return
    yield _fill("block", corners)
    if v > 1350 and u > 300:
        yield from _rows(chance, west, east, south, north, (70, 110), (40, 60), 18)
    elif draw < 0.13:
        yield _fill("green", [(west + 20, south + 15), (u, south + 15), (u, north - 15), (west + 20, north - 15)])
        yield from _rows(chance, u + 14, east, south, north, (30, 44), (60, 80), 20)
    elif away < 900:
        yield from _rows(chance, west, east, south, north, (34, 60), (16, 22), 12)
    elif away < 1900:
        yield from _rows(chance, west, east, south, north, (52, 84), (13, 15), 34)
    else:
        yield _line("lane", _LANE, _between((west - inset, v), (east + inset, v)))
        yield from _rows(chance, west, east, south, north, (11, 15), (9, 12), 13)


def _rows(
    chance: random.Random,
    west: float,
    east: float,
    south: float,
    north: float,
    lengths: tuple[int, int],
    depths: tuple[int, int],
    gap: float,
) -> Iterator[Shape]:
    """Rows of houses along the street, with gaps."""
    top = south + 4
    while top + depths[0] < north:
        depth, left = chance.uniform(*depths), west + 4 + chance.uniform(0, gap / 2)
        while left + lengths[0] < east:
            length = min(chance.uniform(*lengths), east - 4 - left)
            if top + depth < north and length >= lengths[0] * 0.7 and chance.random() < 0.86:
                yield _fill(
                    "house", [(left, top), (left + length, top), (left + length, top + depth), (left, top + depth)]
                )
            left += length + gap
        top += depth + gap


def _ways(us: list[float]) -> Iterator[Shape]:
    """The railway, roads out of town, and the bridge."""
    rails = [(u, 1900 + 240 * math.sin(u / 2600) - u * 0.05) for u in range(-_FAR, _FAR + 1, 150)]
    yield _line("rail", 7, rails)
    middle = us[min(range(2, len(us), 5), key=lambda index: abs(us[index]))]
    yield _line("road", 24, [(middle, v) for v in range(-_FAR, -600, 100)])
    yield _line("road", 24, [(middle, v) for v in range(1900, _FAR, 100)])
    for side in (-1, 1):
        yield _line("road", 24, [(side * u, 420 + 200 * math.sin(u / 1700)) for u in range(3150, _FAR, 120)])
    yield from (
        _line("road", 24, part) for part in pairwise([(-_FAR, -2600), (-2000, -2300), (middle, -2250), (_FAR, -2900)])
    )
