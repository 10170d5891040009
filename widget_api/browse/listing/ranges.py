"""Build SQL that looks up ranges of cells one by one in the index of cells.

With outdated statistics, or none about ranges, both databases would read a whole site and compare each row with each
range. SQLite keeps the order of a CROSS JOIN as written; PostgreSQL does not flatten a subquery with an OFFSET and runs
it for each range.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from widget_api.geo import cells


def within(dialect: str, cell_ranges: list[cells.Range], table: str, condition: str) -> tuple[str, dict[str, Any]]:
    """Return the SQL after FROM, and its values. `table` ends with its alias ("problems p") that `condition` uses."""
    alias = table.split()[-1]
    matching = f"{condition} AND {alias}.cell BETWEEN r.low AND r.high"
    if dialect == "sqlite":
        ranges, values = _listed(cell_ranges)
        return f"{ranges} CROSS JOIN {table} ON {matching}", values
    rows = "unnest(CAST(:lows AS bigint[]), CAST(:highs AS bigint[])) r (low, high)"
    lows, highs = zip(*cell_ranges, strict=True) if cell_ranges else ((), ())
    return (
        f"{rows} CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {matching} OFFSET 0) {alias}",
        {"lows": lows, "highs": highs},
    )


def counted(
    dialect: str, cell_ranges: list[cells.Range], site_id: str, level: int, categories: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """Return `within` for the counted cells `c` of a level: a row for each of these categories, or one for all."""
    names = {f"category{index}": category for index, category in enumerate(categories or ("",))}
    listed = ", ".join(f":{name}" for name in names)
    table, values = within(
        dialect, cell_ranges, "site_cells c", f"c.site_id = :site_id AND c.level = :level AND c.category IN ({listed})"
    )
    return table, {**values, **names, "site_id": site_id, "level": level}


def _listed(cell_ranges: list[cells.Range]) -> tuple[str, dict[str, Any]]:
    """Return a table `r` with `low` and `high`, padded to few different sizes, so that few statements are prepared."""
    size = next(size for size in (1, 4, 16, cells.MAX_CELLS) if len(cell_ranges) <= size)
    padded = [*cell_ranges, *[(-1, -2)] * (size - len(cell_ranges))]
    values = {f"low{index}": low for index, (low, _) in enumerate(padded)}
    values |= {f"high{index}": high for index, (_, high) in enumerate(padded)}
    return f"({' UNION ALL '.join(f'SELECT :low{i} AS low, :high{i} AS high' for i in range(size))}) r", values
