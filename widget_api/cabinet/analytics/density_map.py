"""Draw the density of reports on a map: cells of a grid, the darker the more reports. One SVG, without a script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from widget_api.browse.map_frame import MapFrame
from widget_api.browse.queries import Bbox
from widget_api.geo.cells import deinterleave, tile_corner

_MIN_SIZE = 12  # of a cell in the drawing; smaller ones are joined four by four
_FAINTEST, _DARKEST = 0.2, 0.8


@dataclass(frozen=True, kw_only=True)
class Cell:
    x: float
    y: float
    width: float
    height: float
    opacity: float
    count: int
    bbox: str


@dataclass(frozen=True, kw_only=True)
class Density:
    cells: list[Cell]
    tiles: list[tuple[str, int, int]]


def draw_density(
    counts: Mapping[int, int], area: Mapping[int, int], finest: int, tiles_zoom: int | None
) -> Density | None:
    """The map of these cells of a level; None where there are none. It shows all of `area`, so that maps of several
    months have one frame."""
    if not area:
        return None
    frame = MapFrame.fit(_find_area(area, finest), tiles_zoom)
    level = finest
    while level > 4 and _size(frame, level) < _MIN_SIZE:
        level -= 1
    joined = Counter[int]()
    for cell, count in counts.items():
        joined[cell >> 2 * (finest - level)] += count
    greatest = max(joined.values(), default=0) or 1
    cells = []
    for cell, count in sorted(joined.items()):
        west, south, east, north = _box(cell, level)
        (left, top), (right, bottom) = frame.project(north, west), frame.project(south, east)
        cells.append(
            Cell(
                x=round(left, 1),
                y=round(top, 1),
                width=round(right - left, 1),
                height=round(bottom - top, 1),
                opacity=round(_FAINTEST + (_DARKEST - _FAINTEST) * (count / greatest) ** 0.5, 2),
                count=count,
                bbox=",".join(f"{degrees:.6f}" for degrees in (west, south, east, north)),
            )
        )
    return Density(cells=cells, tiles=frame.tiles() if tiles_zoom is not None else [])


def _box(cell: int, level: int) -> Bbox:
    x, y = deinterleave(cell)
    (north, west), (south, east) = tile_corner(x, y, level), tile_corner(x + 1, y + 1, level)
    return west, south, east, north


def _find_area(cells: Mapping[int, int], level: int) -> Bbox:
    boxes = [_box(cell, level) for cell in cells]
    return (
        min(box[0] for box in boxes),
        min(box[1] for box in boxes),
        max(box[2] for box in boxes),
        max(box[3] for box in boxes),
    )


def _size(frame: MapFrame, level: int) -> float:
    """The width of a cell in the drawing."""
    west, _, east, _ = _box(0, level)
    return frame.project(0, east)[0] - frame.project(0, west)[0]
