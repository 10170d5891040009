"""Maintain tables derived from the published problems: map cells, statistics, the text index, list items.

Lists, maps and charts over a million problems cannot read each of them. Every change of a problem therefore passes its
old and new state here, in the same transaction, and the difference is written. All of it can be rebuilt from the
problems (docs/decisions/0020-projections.md).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from widget_api.database import Row, Transaction
from widget_api.geo.cells import parent
from widget_api.problems.projections import figures, words
from widget_api.problems.projections.items import COLUMNS, save_item
from widget_api.problems.projections.model import CONTENT, LEVELS, PublishedState
from widget_api.status_table import PUBLIC_STATUSES

__all__ = ["CONTENT", "ITEM_COLUMNS", "save_item", "update"]

ITEM_COLUMNS = {*COLUMNS, "published"}  # the columns that `save_item` reads


async def update(tx: Transaction, before: Row | dict[str, Any] | None, after: dict[str, Any]) -> None:
    """Write the difference between two states of a problem; `before` is None if it is new.

    Both have the fields `CONTENT`, and `time_zone` and `ordinal` of the site.
    """
    difference = Counter(figures.list_figures(after, after["time_zone"]))
    if before is not None:
        difference.subtract(figures.list_figures(before, after["time_zone"]))
    await figures.count(tx, after["site_id"], difference)
    was = PublishedState.of(before) if before is not None and before["published"] else None
    now = PublishedState.of(after) if after["published"] else None
    if was == now:
        return
    if was and now and was.place == now.place:
        if was.status != now.status and now.cell is not None:
            await _move(tx, now, was.status)
    else:
        if was and was.cell is not None:
            await _remove(tx, was)
        if now and now.cell is not None:
            await _add(tx, now)
    if (was.text if was else None) != (now.text if now else None):
        if was:
            await words.remove(tx, after["ordinal"], was.number)
        if now:
            await words.add(tx, after["ordinal"], now.number, now.text)


_ROWS = [(level, name) for level in LEVELS for name in ("''", ":category")]
_ADDED = ", ".join(f"(:site_id, {level}, {name}, :cell{level}, 1, :lat, :lng, :number)" for level, name in _ROWS)
_KEY = "(site_id, level, category, cell)"
_OF_PROBLEM = "site_id = :site_id AND category IN ('', :category) AND ({})".format(
    " OR ".join(f"level = {level} AND cell = :cell{level}" for level in LEVELS)
)


async def _add(tx: Transaction, problem: PublishedState) -> None:
    """Count a problem in its cell of every level, in total and in its category."""
    status = _column(problem.status)
    grown = ", ".join(
        f"{name} = site_cells.{name} + excluded.{name}" for name in (status, "lat_sum", "lng_sum", "number_sum")
    )
    await tx.run(
        f"INSERT INTO site_cells (site_id, level, category, cell, {status}, lat_sum, lng_sum, number_sum)"
        f" VALUES {_ADDED} ON CONFLICT {_KEY} DO UPDATE SET {grown}",
        lat=problem.lat,
        lng=problem.lng,
        number=problem.number,
        **_cells(problem),
    )


async def _remove(tx: Transaction, problem: PublishedState) -> None:
    """Subtract a problem from its cells. Empty rows stay."""
    status = _column(problem.status)
    await tx.run(
        f"UPDATE site_cells SET {status} = {status} - 1, lat_sum = lat_sum - :lat, lng_sum = lng_sum - :lng,"
        f" number_sum = number_sum - :number WHERE {_OF_PROBLEM}",
        lat=problem.lat,
        lng=problem.lng,
        number=problem.number,
        **_cells(problem),
    )


async def _move(tx: Transaction, problem: PublishedState, before: str) -> None:
    """Count a problem under another status in the same cells."""
    old, new = _column(before), _column(problem.status)
    await tx.run(
        f"UPDATE site_cells SET {old} = {old} - 1, {new} = {new} + 1 WHERE {_OF_PROBLEM}",
        **_cells(problem),
    )


def _cells(problem: PublishedState) -> dict[str, str | int]:
    assert problem.cell is not None
    return {
        "site_id": problem.site_id,
        "category": problem.category,
        **{f"cell{level}": parent(problem.cell, level) for level in LEVELS},
    }


def _column(status: str) -> str:
    assert status in PUBLIC_STATUSES, status  # it becomes part of the SQL
    return status
