"""Draw the list's reports on a map: tiles and groups of reports in one SVG, without a script.

A group leads to the map of its own place, a report to its page. Reports that stay together at the closest zoom are a
list.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

from widget_api.browse.queries import Bbox
from widget_api.cabinet.inbox_rows import selection_url
from widget_api.cabinet.selection import Selection
from widget_api.database import Row
from widget_api.geo.model import mercator

MAX_REPORTS = 2_000
WIDTH, HEIGHT = 480, 360  # of the drawing; pages show it up to twice as large, for which tiles have enough pixels
_TILE = 128
_MARGIN = 24
_CELL = 40  # of the grid whose reports are one group
_MIN_DEGREES = 0.002  # of the shown area
_MAX_ZOOM = 19
COLUMNS = "p.id, p.site_id, p.number, p.status, p.lat, p.lng, p.created_at, p.answer_due"


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A group of reports, or one: then with its number and status."""

    x: int
    y: int
    count: int
    href: str
    number: int | None
    status: str


@dataclass(frozen=True, kw_only=True)
class MapView:
    marks: list[Mark]
    tiles: list[tuple[str, int, int]]  # address and place
    wider: str  # the map of a larger area
    placeless: int


def draw_map(rows: Sequence[Row], selection: Selection, tiles_zoom: int | None) -> MapView | None:
    """The map of these reports and of the selection's area; None where there is neither.

    `tiles_zoom` is the closest zoom that has tiles, None where there are none at all.
    """
    placed = [row for row in rows if row["lat"] is not None and row["lng"] is not None]
    if selection.bbox is None and not placed:
        return None
    west, south, east, north = area = selection.bbox or _find_area(placed)
    closest = min(tiles_zoom or _MAX_ZOOM, _MAX_ZOOM)
    across, down = (east - west) / 360 * _TILE, (mercator(south) - mercator(north)) * _TILE
    fitting = min((WIDTH - 2 * _MARGIN) / across, (HEIGHT - 2 * _MARGIN) / max(down, across / 1000))  # 0 at the poles
    zoom = max(0, min(closest, math.floor(math.log2(fitting))))
    size = _TILE << zoom  # of the world
    x0 = ((west + east) / 2 + 180) / 360 * size - WIDTH / 2
    y0 = (mercator(south) + mercator(north)) / 2 * size - HEIGHT / 2
    cells = defaultdict[tuple[int, int], list[tuple[float, float, Row]]](list)
    for row in placed:
        x, y = (row["lng"] + 180) / 360 * size - x0, mercator(row["lat"]) * size - y0
        cells[int(x // _CELL), int(y // _CELL)].append((x, y, row))
    columns = range(max(0, int(x0 // _TILE)), min(1 << zoom, int((x0 + WIDTH) // _TILE) + 1))
    lines = range(max(0, int(y0 // _TILE)), min(1 << zoom, int((y0 + HEIGHT) // _TILE) + 1))
    tiles = [
        (f"/tiles/{zoom}/{column}/{line}", round(column * _TILE - x0), round(line * _TILE - y0))
        for column, line in (product(columns, lines) if tiles_zoom is not None else ())
    ]
    return MapView(
        marks=[_mark(group, selection, closest=zoom == closest) for group in cells.values()],
        tiles=tiles,
        wider=selection_url(replace(selection, bbox=_widen(area), after=None)) if zoom else "",
        placeless=len(rows) - len(placed),
    )


def _mark(group: Sequence[tuple[float, float, Row]], selection: Selection, *, closest: bool) -> Mark:
    rows, alone = [row for _, _, row in group], len(group) == 1
    into = replace(selection, bbox=_find_area(rows), view="" if closest else "map", after=None)
    return Mark(
        x=round(sum(x for x, _, _ in group) / len(group)),
        y=round(sum(y for _, y, _ in group) / len(group)),
        count=len(group),
        href=selection_url(selection, f"/cabinet/problems/{rows[0]['id']}") if alone else selection_url(into),
        number=rows[0]["number"] if alone else None,
        status=rows[0]["status"] if alone else "",
    )


def _find_area(rows: Sequence[Row]) -> Bbox:
    edge = _MIN_DEGREES / 2
    lngs = [max(edge - 180, min(180 - edge, row["lng"])) for row in rows]
    lats = [max(edge - 85, min(85 - edge, row["lat"])) for row in rows]
    return min(lngs) - edge, min(lats) - edge, max(lngs) + edge, max(lats) + edge


def _widen(area: Bbox) -> Bbox:
    """An area three times as wide and high."""
    west, south, east, north = area
    across, down = east - west, north - south
    return max(-180.0, west - across), max(-85.0, south - down), min(180.0, east + across), min(85.0, north + down)
