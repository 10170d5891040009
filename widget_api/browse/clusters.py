"""Build the map of published problems: a limited number of markers, however many problems lie in the view.

If many problems match, the markers are made from counted cells, otherwise from the problems themselves. Cells count by
status and category, so those filters are exact at any size. For words, periods and «overdue» the newest matching
problems are read, up to MOST, and `partial` says whether some are missing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

from widget_api.browse import listing
from widget_api.browse.listing import Filters, access_paths
from widget_api.browse.queries import Viewport
from widget_api.database import Database, Row
from widget_api.geo import cells as geo_cells
from widget_api.geo.cells import LEVEL, Range, cell_at, deinterleave, parent, tile_corner, tile_position
from widget_api.geo.model import Box
from widget_api.problems.deadline import is_overdue
from widget_api.problems.projections.model import LEVELS
from widget_api.problems.wording import first_line
from widget_api.sites.model import Site
from widget_api.status_table import PUBLIC_STATUSES

POINTS_ABOVE = 14  # zoom; above it single problems are read instead of cells
_TITLE = 80  # characters


@dataclass(frozen=True, kw_only=True)
class View:
    """The visible part of a map, its zoom, and the filters of the problems shown."""

    bbox: Box
    zoom: int
    filters: listing.Filters  # with the same box


def parse(query: Iterable[tuple[str, str]], site: Site) -> View:
    """Parse the query of a map. Raises Malformed that names the parameter."""
    pairs = list(query)
    filters = listing.parse(pairs, site, Viewport)
    assert filters.bbox is not None
    return View(bbox=filters.bbox, zoom=int(next(value for name, value in pairs if name == "zoom")), filters=filters)


def cost(view: View) -> int:
    """Return the cost in the units of Filters.cost. Filters other than status and category make problems be read."""
    filters = view.filters
    counted = replace(filters, statuses=(), categories=(), bbox=None)
    return 5 * counted.cost + bool(filters.statuses or filters.categories) + 2 * (view.zoom > POINTS_ABOVE)


def single(problem: Mapping[str, Any] | Any, *, overdue: bool) -> dict[str, Any]:
    """Return the marker of one problem, at its own position."""
    properties = {
        "count": 1,
        "number": problem["number"],
        "status": problem["status"],
        "overdue": overdue,
        "category": problem["category"],
        "title": first_line(problem["description"], _TITLE),
    }
    return _feature(problem["lat"], problem["lng"], properties)


def cluster(lat: float, lng: float, statuses: Mapping[str, int], box: Box) -> dict[str, Any]:
    """Return the marker of several problems, at their mean position; `box` is the area to zoom to."""
    counts = {status: count for status, count in statuses.items() if count}
    return _feature(lat, lng, {"count": sum(counts.values()), "statuses": counts, "bbox": list(box)})


def collection(features: list[dict[str, Any]], *, partial: bool) -> dict[str, Any]:
    """Return GeoJSON (RFC 7946) with two foreign members: the number of problems, and whether some are missing."""
    total = sum(feature["properties"]["count"] for feature in features)
    return {"type": "FeatureCollection", "features": features, "total": total, "partial": partial}


def _feature(lat: float, lng: float, properties: dict[str, Any]) -> dict[str, Any]:
    place = {"type": "Point", "coordinates": [round(lng, 6), round(lat, 6)]}
    return {"type": "Feature", "geometry": place, "properties": properties}


FEW = 300  # problems in a view up to which single problems are read instead of cells
MOST = 5000  # problems read for one view
MOST_CELLS = 4096  # cells of one response
ALONE_FROM = 18  # zoom; from it on each problem has its own marker, however close others are
_RESOLVED = 5000  # problems that may be read to find those that are alone in their cell under a filter


async def clusters(database: Database, site_id: str, view: View, today: date) -> dict[str, Any]:
    """Return a GeoJSON FeatureCollection; `today` is the current date at the site."""
    filters = view.filters
    counted = not replace(filters, statuses=(), categories=(), bbox=None).narrow
    if counted and view.zoom <= POINTS_ABOVE:
        level = _level(view)
        cells = [
            _cell(row, filters) for row in await _read_cells(database, site_id, view.bbox, level, filters.categories)
        ]
        if sum(cell.matching for cell in cells) > FEW:
            return collection(await _of_cells(database, site_id, view, level, cells, today), partial=False)
    return await _of_problems(database, site_id, view, today)


def _level(view: View) -> int:
    """Return the level of cells for a zoom: about 60 to 120 pixels wide; coarser if the box exceeds any screen."""
    wanted = max(LEVELS[0], min(LEVELS[-1], (view.zoom + 2) // 2 * 2))
    return (
        geo_cells.choose_level(view.bbox, tuple(level for level in LEVELS if level <= wanted), MOST_CELLS) or LEVELS[0]
    )


@dataclass(frozen=True)
class Cell:
    """A counted cell: all its problems, those that match the filter, and the mean position of all."""

    cell: int
    total: int
    matching: int
    statuses: dict[str, int]  # of those that match
    lat: float
    lng: float
    number: int  # of a single problem


def _cell(row: Row, filters: listing.Filters) -> Cell:
    number, *counts = row[: 1 + len(PUBLIC_STATUSES)]
    lat, lng, numbers = row[1 + len(PUBLIC_STATUSES) :]
    wanted = filters.statuses or PUBLIC_STATUSES
    matching = {
        name: int(count) for name, count in zip(PUBLIC_STATUSES, counts, strict=True) if count and name in wanted
    }
    total = int(sum(counts))
    divisor = total or 1
    return Cell(number, total, sum(matching.values()), matching, lat / divisor, lng / divisor, int(numbers))


async def _of_cells(
    database: Database, site_id: str, view: View, level: int, cells: Sequence[Cell], today: date
) -> list[dict[str, Any]]:
    single_problems = await _find_single(database, site_id, view, level, cells)
    return [
        _single(single_problems[counted.cell], today)
        if counted.cell in single_problems
        else cluster(counted.lat, counted.lng, counted.statuses, _box(counted.cell, level))
        for counted in cells
        if counted.matching
    ]


async def _find_single(
    database: Database, site_id: str, view: View, level: int, cells: Sequence[Cell]
) -> Mapping[int, Row]:
    """Find the problems that are the only matching ones of their cell, by cell.

    In a cell of one problem the sum of numbers is its number. A single match among others is searched for in its cell,
    starting with the cells of the fewest problems.
    """
    candidates = [counted for counted in cells if counted.matching == 1]
    rows = list(
        await _read_numbered(database, site_id, [counted.number for counted in candidates if counted.total == 1])
    )
    examined, own_ranges = 0, list[Range]()
    for counted in sorted((counted for counted in candidates if counted.total > 1), key=lambda counted: counted.total):
        examined += counted.total
        if examined > _RESOLVED:
            break
        own_ranges += geo_cells.refine_ranges([(counted.cell, counted.cell)], level, LEVEL)
    rows += await _read_within(database, site_id, own_ranges, view.filters)
    return {parent(row["cell"], level): row for row in rows}


async def _of_problems(database: Database, site_id: str, view: View, today: date) -> dict[str, Any]:
    """Read the newest matching problems and group them by the cells of this zoom."""
    filters = replace(view.filters, sort="new", after=None)
    page = await listing.find(database, site_id, filters, today, MOST)
    level = LEVEL if view.zoom >= ALONE_FROM else min(LEVEL, view.zoom + 2)
    groups = defaultdict[Any, list[Row]](list)
    for row in page.rows:
        around = cell_at(row["lat"], row["lng"])
        groups[row["number"] if view.zoom >= ALONE_FROM else parent(around, level)].append(row)
    features = [_single(rows[0], today) if len(rows) == 1 else _group(rows) for rows in groups.values()]
    return collection(features, partial=page.end is not None)


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


_COLUMNS = (*PUBLIC_STATUSES, "lat_sum", "lng_sum", "number_sum")
_MARKER = (
    "p.number, p.category, p.status, p.description, p.lat, p.lng, p.cell,"
    " p.answer_due, p.mirror_of, p.spam, p.erased_at"
)


async def _read_cells(database: Database, site_id: str, bbox: Box, level: int, categories: Sequence[str]) -> list[Row]:
    """List the cells of a level that intersect the box, each with its counts over all these categories."""
    coarse = geo_cells.choose_level(bbox, tuple(range(level + 1))) or 0
    around = geo_cells.refine_ranges(geo_cells.cell_ranges(bbox, coarse), coarse, level)
    one_row_each = len(categories) <= 1
    sums = ", ".join(f"c.{name}" if one_row_each else f"SUM(c.{name}) AS {name}" for name in _COLUMNS)
    table, values = access_paths.counted(database.dialect, around, site_id, level, categories)
    rows = await database.rows_at_once(
        f"SELECT c.cell, {sums} FROM {table}{'' if one_row_each else ' GROUP BY c.cell'} ORDER BY c.cell",
        **values,
    )
    west, south, east, north = bbox
    (left, top), (right, bottom) = tile_position(north, west, level), tile_position(south, east, level)
    return [row for row in rows if _within(row["cell"], left, top, right, bottom)]


def _within(cell: int, left: int, top: int, right: int, bottom: int) -> bool:
    x, y = deinterleave(cell)
    return left <= x <= right and top <= y <= bottom


async def _read_numbered(database: Database, site_id: str, numbers: Sequence[int]) -> Sequence[Row]:
    """Read published problems by number, with the columns of a marker."""
    return [row for part in _parts(numbers, 100) for row in await _read_part(database, site_id, part)]


async def _read_part(database: Database, site_id: str, numbers: Sequence[int]) -> Sequence[Row]:
    padded = [*numbers, *[0] * (100 - len(numbers))]  # so that one prepared statement serves any number
    names = {f"number{index}": number for index, number in enumerate(padded)}
    return await database.rows_at_once(
        f"SELECT {_MARKER} FROM problems p WHERE p.site_id = :site_id AND p.published"
        f" AND p.number IN ({', '.join(f':{name}' for name in names)})",
        site_id=site_id,
        **names,
    )


async def _read_within(
    database: Database, site_id: str, cell_ranges: Sequence[Range], filters: Filters
) -> Sequence[Row]:
    """Read published problems of the filter's statuses and categories in ranges of cells."""
    rows = list[Row]()
    kinds = {f"kind{index}": category for index, category in enumerate(filters.categories)}
    states = {f"state{index}": status for index, status in enumerate(filters.statuses)}
    condition = "".join(
        f" AND p.{column} IN ({', '.join(f':{name}' for name in names)})"
        for column, names in (("category", kinds), ("status", states))
        if names
    )
    for part in _parts(cell_ranges, geo_cells.MAX_CELLS):
        wanted = f"p.site_id = :site_id AND p.published{condition}"
        table, values = access_paths.within(database.dialect, part, "problems p", wanted)
        rows += await database.rows(
            f"SELECT {_MARKER} FROM {table}",
            site_id=site_id,
            **values,
            **kinds,
            **states,
        )
    return rows


def _parts(whole: Sequence[Range] | Sequence[int], size: int) -> Iterable[list]:  # type: ignore[type-arg]
    return (list(whole[start : start + size]) for start in range(0, len(whole), size))
