"""Query the counted cells of the map, and single problems in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from widget_api.browse.listing import Filters, ranges
from widget_api.database import Database, Row
from widget_api.geo import cells as geo_cells
from widget_api.geo.cells import Range, deinterleave, tile_position
from widget_api.geo.model import Box
from widget_api.status_table import PUBLIC_STATUSES

_COLUMNS = (*PUBLIC_STATUSES, "lat_sum", "lng_sum", "number_sum")
_MARKER = (
    "p.number, p.category, p.status, p.description, p.lat, p.lng, p.cell,"
    " p.answer_due, p.mirror_of, p.spam, p.erased_at"
)


async def cells(database: Database, site_id: str, bbox: Box, level: int, categories: Sequence[str]) -> list[Row]:
    """List the cells of a level that intersect the box, each with its counts over all these categories."""
    coarse = geo_cells.choose_level(bbox, tuple(range(level + 1))) or 0
    around = geo_cells.refine_ranges(geo_cells.cell_ranges(bbox, coarse), coarse, level)
    one_row_each = len(categories) <= 1
    sums = ", ".join(f"c.{name}" if one_row_each else f"SUM(c.{name}) AS {name}" for name in _COLUMNS)
    table, values = ranges.counted(database.dialect, around, site_id, level, categories)
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


async def numbered(database: Database, site_id: str, numbers: Sequence[int]) -> Sequence[Row]:
    """Read published problems by number, with the columns of a marker."""
    return [row for part in _parts(numbers, 100) for row in await _numbered(database, site_id, part)]


async def _numbered(database: Database, site_id: str, numbers: Sequence[int]) -> Sequence[Row]:
    padded = [*numbers, *[0] * (100 - len(numbers))]  # so that one prepared statement serves any number
    names = {f"number{index}": number for index, number in enumerate(padded)}
    return await database.rows_at_once(
        f"SELECT {_MARKER} FROM problems p WHERE p.site_id = :site_id AND p.published"
        f" AND p.number IN ({', '.join(f':{name}' for name in names)})",
        site_id=site_id,
        **names,
    )


async def within(database: Database, site_id: str, cell_ranges: Sequence[Range], filters: Filters) -> Sequence[Row]:
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
        table, values = ranges.within(database.dialect, part, "problems p", wanted)
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
