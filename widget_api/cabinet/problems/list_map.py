"""Draw the list's reports on a map: tiles and groups of reports in one SVG, without a script.

A group leads to the map of its own place, a report to its page. Reports that stay together at the closest zoom are a
list.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from widget_api.browse import rings
from widget_api.browse.map_frame import MapFrame
from widget_api.browse.queries import Bbox
from widget_api.cabinet.problems.inbox_rows import platform_name, selection_url
from widget_api.casework.selection import Selection
from widget_api.database import Row

MAX_REPORTS = 2_000
_CELL = 64  # of the grid whose reports are one group
_APART = 64  # between marks: 44 pixels where the drawing is 330 wide, as on a phone
_MIN_DEGREES = 0.002  # of the shown area
COLUMNS = "p.id, p.site_id, p.number, p.status, p.lat, p.lng, p.created_at, f.answer_due, p.mirror_of, p.source_name"

Group = list[tuple[float, float, Row]]  # reports with their places in the drawing


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A group of reports, or one: then with its number and status."""

    x: int
    y: int
    count: int
    href: str
    number: int | None
    status: str
    responder: str  # the platform that answers it; empty for the agency's own
    arcs: list[rings.Arc]  # of a group
    states: str  # of a group, in words


@dataclass(frozen=True, kw_only=True)
class MapView:
    marks: list[Mark]
    tiles: list[tuple[str, int, int]]  # address and place
    wider: str  # the map of a larger area
    placeless: int


def draw_map(language: str, rows: Sequence[Row], selection: Selection, tiles_zoom: int | None) -> MapView | None:
    """The map of these reports and of the selection's area; None where there is neither.

    `tiles_zoom` is the closest zoom that has tiles, None where there are none at all.
    """
    placed = [row for row in rows if row["lat"] is not None and row["lng"] is not None]
    if selection.bbox is None and not placed:
        return None
    area = selection.bbox or _find_area(placed)
    frame = MapFrame.fit(area, tiles_zoom)
    cells = defaultdict[tuple[int, int], Group](list)
    for row in placed:
        x, y = frame.project(row["lat"], row["lng"])
        cells[int(x // _CELL), int(y // _CELL)].append((x, y, row))
    return MapView(
        marks=[
            _mark(language, group, selection, closest=frame.zoom == frame.closest)
            for group in _merge_near(cells.values())
        ],
        tiles=frame.tiles() if tiles_zoom is not None else [],
        wider=selection_url(replace(selection, bbox=_widen(area), after=None)) if frame.zoom else "",
        placeless=len(rows) - len(placed),
    )


def _merge_near(groups: Iterable[Group]) -> list[Group]:
    """Groups whose marks would cover each other as one."""
    merged = list[Group]()
    for group in groups:
        while near := next((one for one in merged if math.dist(_find_middle(one), _find_middle(group)) < _APART), None):
            merged.remove(near)
            group = [*near, *group]
        merged.append(group)
    return merged


def _find_middle(group: Group) -> tuple[int, int]:
    xs, ys, _ = zip(*group, strict=True)
    return round(sum(xs) / len(xs)), round(sum(ys) / len(ys))


def _mark(language: str, group: Group, selection: Selection, *, closest: bool) -> Mark:
    rows, alone, (x, y) = [row for _, _, row in group], len(group) == 1, _find_middle(group)
    groups = {} if alone else rings.count_groups(Counter(row["status"] for row in rows))
    into = replace(selection, bbox=_find_area(rows), view="" if closest else "map", after=None)
    return Mark(
        x=x,
        y=y,
        count=len(group),
        href=selection_url(selection, f"/cabinet/problems/{rows[0]['id']}") if alone else selection_url(into),
        number=rows[0]["number"] if alone else None,
        status=rows[0]["status"] if alone else "",
        responder=platform_name(language, rows[0]) if alone else "",
        arcs=rings.list_arcs(groups),
        states=rings.describe_groups(language, groups),
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
