"""The published problems of a site, as the public reads them: rows straight to JSON, paged by keyset."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from widget_api.database import Database, Row
from widget_api.problems.listing import cursors
from widget_api.problems.listing.conditions import conditions, order
from widget_api.problems.listing.filters import SORTS, Filters
from widget_api.problems.listing.items import COLUMNS, item


async def page(database: Database, site_id: str, filters: Filters, today: date, public_url: str) -> dict[str, Any]:
    """`{items, next}`: one page of the published problems; `today` is the site's own."""
    found = await rows(database, site_id, filters, today, filters.limit + 1)
    items = [item(row, today, public_url) for row in found[: filters.limit]]
    further = len(found) > filters.limit
    return {"items": items, "next": cursor(site_id, filters, found[filters.limit - 1]) if further else None}


async def rows(database: Database, site_id: str, filters: Filters, today: date, most: int) -> Sequence[Row]:
    """The next ones in the filter's order: COLUMNS of each. With `after` set to `position` of the last, those after."""
    sql, values = conditions(filters, today, database.dialect)
    # A filter may have to look long for its few matches; without one an index leads straight to them.
    read = database.rows if filters.narrow else database.rows_at_once
    return await read(
        f"SELECT {COLUMNS} FROM problems WHERE site_id = :site_id AND published{sql}{order(filters)} LIMIT :most",
        site_id=site_id,
        most=most,
        **values,
    )


def position(filters: Filters, row: Row) -> cursors.Position:
    return row[SORTS[filters.sort].column], row["number"]


def cursor(site_id: str, filters: Filters, row: Row) -> str:
    """What `next` says after this row."""
    return cursors.write(position(filters, row), filters.fingerprint(site_id))
