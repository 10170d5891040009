"""Draw the districts of a site with how many entries of a directory each has. One SVG, without a script.

A number says how many, and hatching where there is none: nothing is told by colour alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from widget_api.browse.coverage import Place
from widget_api.browse.map_frame import MapFrame
from widget_api.geo.model import Area
from widget_api.sites.model import District

_FAINTEST, _DARKEST = 0.2, 0.6  # what is under it can still be read
_STEP = 1.5  # between points of a border in the drawing; closer ones are left out
Spot = tuple[float, float]  # in the drawing


@dataclass(frozen=True, kw_only=True)
class Shape:
    place: Place
    path: str  # of SVG
    x: float  # of the number
    y: float
    opacity: float


@dataclass(frozen=True, kw_only=True)
class CoverageMap:
    shapes: Sequence[Shape]
    tiles: list[tuple[str, int, int]]


def draw_coverage(districts: Sequence[District], places: Sequence[Place], tiles_zoom: int | None) -> CoverageMap | None:
    """The map of districts and their places, both in one order; None where there are none.

    Takes a second for the largest borders: their outlines are made once.
    """
    if not districts:
        return None
    wests, souths, easts, norths = zip(*(one.area.box for one in districts), strict=True)
    frame = MapFrame.fit((min(wests), min(souths), max(easts), max(norths)), tiles_zoom)
    most = max(place.total for place in places) or 1
    shapes = []
    for district, place in zip(districts, places, strict=True):
        rings = list(project_outline(district.area, frame))
        x, y = _find_middle(rings)
        opacity = round(_FAINTEST + (_DARKEST - _FAINTEST) * (place.total / most) ** 0.5, 2)
        shapes.append(Shape(place=place, path=write_path(rings), x=round(x, 1), y=round(y, 1), opacity=opacity))
    return CoverageMap(shapes=shapes, tiles=frame.tiles() if tiles_zoom is not None else [])


def project_outline(area: Area, frame: MapFrame) -> Iterator[list[Spot]]:
    """The rings of an area in a drawing."""
    for ring in area.outline:
        kept = list[Spot]()
        for lng, lat in ring:
            spot = frame.project(lat, lng)
            if not kept or math.dist(kept[-1], spot) >= _STEP:
                kept.append((round(spot[0], 1), round(spot[1], 1)))
        yield kept


def write_path(rings: Iterable[Sequence[Spot]]) -> str:
    return "".join("M" + "L".join(f"{x:g} {y:g}" for x, y in ring) + "Z" for ring in rings)


def _find_middle(rings: Sequence[Sequence[Spot]]) -> Spot:
    """A spot inside, as far from the border to the left and right as the middle line of the largest ring has one."""
    largest = max(rings, key=lambda ring: max(y for _, y in ring) - min(y for _, y in ring))
    y = (max(y for _, y in largest) + min(y for _, y in largest)) / 2
    crossed = sorted(
        left + (y - top) / (bottom - top) * (right - left)
        for ring in rings
        for (left, top), (right, bottom) in pairwise([*ring, ring[0]])
        if (top <= y) != (bottom <= y)
    )
    widest = max(zip(crossed[::2], crossed[1::2], strict=False), key=lambda pair: pair[1] - pair[0], default=None)
    return (largest[0][0], y) if widest is None else ((widest[0] + widest[1]) / 2, y)
