"""Which requests a reader is told of, in their order: numbers, batch by batch, by whatever index is short."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import date

from widget_api.browse import listing
from widget_api.browse.listing import Filters, Projection
from widget_api.browse.listing.conditions import conditions, order
from widget_api.browse.queries import SORTS
from widget_api.database import Database, Row
from widget_api.open311 import parameters, store

BATCH_SIZE = 1000  # found at once
_POSITIONS = Projection("p.created_at, p.updated_at, p.number")


async def find_numbers(
    database: Database, site_id: str, token_id: str | None, asked: parameters.RequestQuery
) -> AsyncIterator[Sequence[int]]:
    """Of the page that was asked for; each batch begins after the last of the one before."""
    skip, left, filters = asked.page.skip, asked.page.many, asked.filters
    if asked.numbers is not None:
        rows = await store.visible_numbers(database, site_id, token_id, asked.numbers) if asked.numbers else ()
        yield [row["number"] for row in rows][skip : skip + left]
        return
    while left:
        size = min(BATCH_SIZE, skip + left)
        found = await find_positions(database, site_id, token_id, filters, size)
        due = [row["number"] for row in found if row["updated_at"] <= asked.until]
        told = due[skip : skip + left]
        yield told
        if len(due) < size:
            return
        left, skip = left - len(told), max(0, skip - len(due))
        filters = filters.going_on(listing.position(filters, found[-1]))


async def find_positions(
    database: Database, site_id: str, token_id: str | None, filters: Filters, most: int
) -> Sequence[Row]:
    """created_at, updated_at and number of the next ones; those that are not public to the token they came with."""
    found = await listing.rows(database, site_id, filters, date.max, most, _POSITIONS)
    if token_id is None:
        return found
    where = conditions(site_id, filters, date.max, database.dialect, store.UNSEEN_SQL)
    own = await database.rows(
        f"SELECT {_POSITIONS.columns} FROM problems p WHERE {where} {order(filters)} LIMIT :most",
        most=most,
        token=token_id,
        **where.values,
    )
    newest_first = SORTS[filters.sort].newest_first != filters.backwards
    both = sorted((*found, *own), key=lambda row: listing.position(filters, row), reverse=newest_first)
    return both[:most]
