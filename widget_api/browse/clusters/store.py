"""SQL of the map: the counted cells, and the problems that stand alone in theirs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from widget_api.browse.listing import Filters, ranges
from widget_api.database import Database, Row
from widget_api.database.schema import PUBLIC_STATUSES
from widget_api.geo import cells as geo_cells
from widget_api.geo.cells import Range, deinterleave, tile_position
from widget_api.geo.model import Box

_COLUMNS = (*PUBLIC_STATUSES, "lat_sum", "lng_sum", "number_sum")
_MARK = (
    "p.number, p.category, p.status, p.description, p.lat, p.lng, p.cell,"
    " p.answer_due, p.mirror_of, p.spam, p.erased_at"
)


async def cells(database: Database, site_id: str, bbox: Box, level: int, categories: Sequence[str]) -> list[Row]:
    """The cells of a level that the box touches, each with its counts, all of these categories together."""
    coarse = geo_cells.choose_level(bbox, tuple(range(level + 1))) or 0
    around = geo_cells.refine_ranges(geo_cells.cell_ranges(bbox, coarse), coarse, level)
    one = len(categories) <= 1
    told = ", ".join(f"c.{name}" if one else f"SUM(c.{name}) AS {name}" for name in _COLUMNS)
    table, values = ranges.counted(database.dialect, around, site_id, level, categories)
    rows = await database.rows_at_once(
        f"SELECT c.cell, {told} FROM {table}{'' if one else ' GROUP BY c.cell'} ORDER BY c.cell",
        **values,
    )
    west, south, east, north = bbox
    (left, top), (right, bottom) = tile_position(north, west, level), tile_position(south, east, level)
    return [row for row in rows if _within(row["cell"], left, top, right, bottom)]


def _within(cell: int, left: int, top: int, right: int, bottom: int) -> bool:
    x, y = deinterleave(cell)
    return left <= x <= right and top <= y <= bottom


async def numbered(database: Database, site_id: str, numbers: Sequence[int]) -> Sequence[Row]:
    """Published problems by their numbers, as marks tell them."""
    return [row for part in _parts(numbers, 100) for row in await _numbered(database, site_id, part)]


async def _numbered(database: Database, site_id: str, numbers: Sequence[int]) -> Sequence[Row]:
    padded = [*numbers, *[0] * (100 - len(numbers))]  # one statement for however many
    names = {f"number{index}": one for index, one in enumerate(padded)}
    return await database.rows_at_once(
        f"SELECT {_MARK} FROM problems p WHERE p.site_id = :site_id AND p.published"
        f" AND p.number IN ({', '.join(f':{name}' for name in names)})",
        site_id=site_id,
        **names,
    )


async def within(database: Database, site_id: str, found: Sequence[Range], filters: Filters) -> Sequence[Row]:
    """Published problems of these statuses and categories in ranges of cells."""
    rows = list[Row]()
    kinds = {f"kind{index}": one for index, one in enumerate(filters.categories)}
    states = {f"state{index}": one for index, one in enumerate(filters.statuses)}
    condition = "".join(
        f" AND p.{column} IN ({', '.join(f':{name}' for name in names)})"
        for column, names in (("category", kinds), ("status", states))
        if names
    )
    for part in _parts(found, geo_cells.MAX_CELLS):
        wanted = f"p.site_id = :site_id AND p.published{condition}"
        table, values = ranges.within(database.dialect, part, "problems p", wanted)
        rows += await database.rows(
            f"SELECT {_MARK} FROM {table}",
            site_id=site_id,
            **values,
            **kinds,
            **states,
        )
    return rows


def _parts(whole: Sequence[Range] | Sequence[int], size: int) -> Iterable[list]:  # type: ignore[type-arg]
    return (list(whole[start : start + size]) for start in range(0, len(whole), size))
