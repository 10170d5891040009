"""Find the numbers of the requests that a reader's query returns, in order and in batches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date

from widget_api.browse import listing
from widget_api.browse.listing import Filters, Projection
from widget_api.browse.listing.conditions import conditions, order
from widget_api.browse.queries import SORTS
from widget_api.database import Database, Row
from widget_api.open311 import parameters, store

BATCH_SIZE = 1000  # rows a query
_POSITIONS = Projection("p.created_at, p.updated_at, p.number")


async def find_numbers(
    database: Database, site_id: str, token_id: str | None, query: parameters.RequestQuery
) -> AsyncIterator[Sequence[int]]:
    """Yield the numbers on the requested page. Each batch begins after the last row of the one before."""
    skip, left, filters = query.page.skip, query.page.limit, query.filters
    if query.numbers is not None:
        rows = await store.visible_numbers(database, site_id, token_id, query.numbers) if query.numbers else ()
        yield [row["number"] for row in rows][skip : skip + left]
        return
    while left:
        size = min(BATCH_SIZE, skip + left)
        rows = await find_positions(database, site_id, token_id, filters, size)
        numbers = [row["number"] for row in rows if row["updated_at"] <= query.until]
        batch = numbers[skip : skip + left]
        yield batch
        if len(numbers) < size:
            return
        left, skip = left - len(batch), max(0, skip - len(numbers))
        filters = filters.starting_after(listing.position(filters, rows[-1]))


async def find_positions(
    database: Database, site_id: str, token_id: str | None, filters: Filters, limit: int
) -> Sequence[Row]:
    """Return created_at, updated_at and number of the next requests, including unpublished ones sent with the token."""
    public = await listing.rows(database, site_id, filters, date.max, limit, _POSITIONS)
    if token_id is None:
        return public
    where = conditions(site_id, filters, date.max, database.dialect, store.UNSEEN_SQL)
    own = await database.rows(
        f"SELECT {_POSITIONS.columns} FROM problems p WHERE {where} {order(filters)} LIMIT :limit",
        limit=limit,
        token=token_id,
        **where.values,
    )
    newest_first = SORTS[filters.sort].newest_first != filters.backwards
    both = sorted((*public, *own), key=lambda row: listing.position(filters, row), reverse=newest_first)
    return both[:limit]
