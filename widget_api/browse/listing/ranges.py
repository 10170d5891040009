"""Rows whose cell lies in one of some ranges, each range looked up in the index of cells.

Both databases would sooner read a whole site and compare each row with each range, where their statistics are old or
say nothing of ranges. SQLite takes the order of a CROSS JOIN as it is written; PostgreSQL leaves a subquery with an
OFFSET as it is and runs it for each range.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from widget_api.geo import cells


def within(dialect: str, found: list[cells.Range], table: str, condition: str) -> tuple[str, dict[str, Any]]:
    """What stands after FROM, and its values; `table` names its alias last ("problems p"), `condition` is of it."""
    alias = table.split()[-1]
    matching = f"{condition} AND {alias}.cell BETWEEN r.low AND r.high"
    if dialect == "sqlite":
        ranges, values = _listed(found)
        return f"{ranges} CROSS JOIN {table} ON {matching}", values
    rows = "unnest(CAST(:lows AS bigint[]), CAST(:highs AS bigint[])) r (low, high)"
    lows, highs = zip(*found, strict=True) if found else ((), ())
    return (
        f"{rows} CROSS JOIN LATERAL (SELECT * FROM {table} WHERE {matching} OFFSET 0) {alias}",
        {"lows": lows, "highs": highs},
    )


def counted(
    dialect: str, found: list[cells.Range], site_id: str, level: int, categories: Sequence[str]
) -> tuple[str, dict[str, Any]]:
    """`within` for the counted cells `c` of a level: a row for each of these categories, or one for all together."""
    names = {f"category{index}": one for index, one in enumerate(categories or ("",))}
    listed = ", ".join(f":{name}" for name in names)
    table, values = within(
        dialect, found, "site_cells c", f"c.site_id = :site_id AND c.level = :level AND c.category IN ({listed})"
    )
    return table, {**values, **names, "site_id": site_id, "level": level}


def _listed(found: list[cells.Range]) -> tuple[str, dict[str, Any]]:
    """A table `r` with `low` and `high`; few different sizes, so that few statements are prepared."""
    size = next(size for size in (1, 4, 16, cells.MAX_CELLS) if len(found) <= size)
    padded = [*found, *[(-1, -2)] * (size - len(found))]
    values = {f"low{index}": low for index, (low, _) in enumerate(padded)}
    values |= {f"high{index}": high for index, (_, high) in enumerate(padded)}
    return f"({' UNION ALL '.join(f'SELECT :low{i} AS low, :high{i} AS high' for i in range(size))}) r", values
