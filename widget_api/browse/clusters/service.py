"""Where many problems match, the counted cells answer; where few do, or cells do not know the filter, the problems do.

Status and category are counted in cells, so those filters are exact at any size. Words, periods and «overdue» are not:
the newest ones that match are read, up to MOST, and `partial` says where that was not all.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from widget_api.browse import listing
from widget_api.browse.clusters import store
from widget_api.browse.clusters.model import POINTS_ABOVE, View, cluster, collection, single
from widget_api.database import Database, Row
from widget_api.database.schema import PUBLIC_STATUSES
from widget_api.geo import cells as geo_cells
from widget_api.geo.cells import LEVEL, cell_at, deinterleave, parent, tile_corner
from widget_api.geo.model import Box
from widget_api.problems.deadline import is_overdue
from widget_api.problems.projections.model import LEVELS

FEW = 300  # problems in a view that are told one by one, where they lie apart
MOST = 5000  # problems that are read for one view
MOST_CELLS = 4096  # of one answer
ALONE_FROM = 18  # zoom: here each stands for itself, so near to another it may lie
_RESOLVED = 5000  # problems that may be looked through for those that are alone under a filter


async def clusters(database: Database, site_id: str, view: View, today: date) -> dict[str, Any]:
    """A GeoJSON FeatureCollection; `today` is the site's own."""
    filters = view.filters
    counted = not replace(filters, statuses=(), categories=(), bbox=None).narrow
    if counted and view.zoom <= POINTS_ABOVE:
        level = _level(view)
        cells = [
            _cell(row, filters) for row in await store.cells(database, site_id, view.bbox, level, filters.categories)
        ]
        if sum(one.many for one in cells) > FEW:
            return collection(await _of_cells(database, site_id, view, level, cells, today), partial=False)
    return await _of_problems(database, site_id, view, today)


def _level(view: View) -> int:
    """Of the cells for this zoom: about 60 to 120 pixels wide; coarser where the box is larger than any screen."""
    wanted = max(LEVELS[0], min(LEVELS[-1], (view.zoom + 2) // 2 * 2))
    return geo_cells.choose_level(view.bbox, tuple(one for one in LEVELS if one <= wanted), MOST_CELLS) or LEVELS[0]


@dataclass(frozen=True)
class Cell:
    """A counted cell: how many there are at all, how many the filter lets through, and where their middle is."""

    cell: int
    everything: int
    many: int
    statuses: dict[str, int]
    lat: float
    lng: float
    number: int  # of a single problem


def _cell(row: Row, filters: listing.Filters) -> Cell:
    number, *counts = row[: 1 + len(PUBLIC_STATUSES)]
    lat, lng, numbers = row[1 + len(PUBLIC_STATUSES) :]
    wanted = filters.statuses or PUBLIC_STATUSES
    told = {name: int(many) for name, many in zip(PUBLIC_STATUSES, counts, strict=True) if many and name in wanted}
    everything = int(sum(counts))
    of = everything or 1
    return Cell(number, everything, sum(told.values()), told, lat / of, lng / of, int(numbers))


async def _of_cells(
    database: Database, site_id: str, view: View, level: int, cells: Sequence[Cell], today: date
) -> list[dict[str, Any]]:
    lone = await _alone(database, site_id, view, level, cells)
    return [
        _single(lone[one.cell], today)
        if one.cell in lone
        else cluster(one.lat, one.lng, one.statuses, _box(one.cell, level))
        for one in cells
        if one.many
    ]


async def _alone(database: Database, site_id: str, view: View, level: int, cells: Sequence[Cell]) -> Mapping[int, Row]:
    """The problems that are the only ones of their cell, by it. The sum of numbers is the number of a single one; one
    that is alone under a filter is looked for among its neighbours, the emptier cells first."""
    alone = [one for one in cells if one.many == 1]
    found = list(await store.numbered(database, site_id, [one.number for one in alone if one.everything == 1]))
    looked, few = 0, list[geo_cells.Range]()
    for one in sorted((one for one in alone if one.everything > 1), key=lambda one: one.everything):
        looked += one.everything
        if looked > _RESOLVED:
            break
        few += geo_cells.refine_ranges([(one.cell, one.cell)], level, LEVEL)
    found += await store.within(database, site_id, few, view.filters)
    return {parent(row["cell"], level): row for row in found}


async def _of_problems(database: Database, site_id: str, view: View, today: date) -> dict[str, Any]:
    """The newest that match, grouped by the cells of this zoom."""
    filters = replace(view.filters, sort="new", after=None)
    found = await listing.find(database, site_id, filters, today, MOST)
    level = LEVEL if view.zoom >= ALONE_FROM else min(LEVEL, view.zoom + 2)
    groups = defaultdict[Any, list[Row]](list)
    for row in found.rows:
        around = cell_at(row["lat"], row["lng"])
        groups[row["number"] if view.zoom >= ALONE_FROM else parent(around, level)].append(row)
    features = [_single(rows[0], today) if len(rows) == 1 else _group(rows) for rows in groups.values()]
    return collection(features, partial=found.end is not None)


def _group(rows: Sequence[Row]) -> dict[str, Any]:
    lats, lngs = [row["lat"] for row in rows], [row["lng"] for row in rows]
    box = (min(lngs), min(lats), max(lngs), max(lats))
    return cluster(sum(lats) / len(rows), sum(lngs) / len(rows), Counter(row["status"] for row in rows), box)


def _single(row: Row, today: date) -> dict[str, Any]:
    return single(row, overdue=is_overdue(row, today))


@lru_cache(maxsize=4096)
def _box(number: int, level: int) -> Box:
    x, y = deinterleave(number)
    north, west = tile_corner(x, y, level)
    south, east = tile_corner(x + 1, y + 1, level)
    return round(west, 6), round(south, 6), round(east, 6), round(north, 6)
