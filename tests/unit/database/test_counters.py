"""Numbers without gaps, and positions in commit order, however many works change a site's counters at once."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.factories import make_site
from widget_api import events
from widget_api.database import Database, Transaction
from widget_api.errors import Refused


async def test_works_of_one_batch_change_the_counters_in_sequence(database: Database) -> None:
    site = await make_site(database)

    async def counts(tx: Transaction) -> int:
        return (await events.advance(tx, site.id, problems=1, events=2)).number

    async def fails(tx: Transaction) -> None:
        await counts(tx)
        raise Refused("no")

    async def fails_later(tx: Transaction) -> None:
        await counts(tx)
        await tx.run("UPDATE sites SET name = 'x' WHERE id = :id", id=site.id)
        await counts(tx)
        raise Refused("no")

    async def reads(tx: Transaction) -> int:
        await counts(tx)
        row = await tx.row("SELECT number FROM site_counters WHERE site_id = :id", id=site.id)
        assert row is not None
        return int(row["number"])

    async def touches(tx: Transaction) -> int:
        await tx.run("UPDATE site_counters SET number = number + 10 WHERE site_id = :id", id=site.id)
        return await counts(tx)

    before = (await counters(database, site.id))[2]
    works: list[Any] = [counts, fails, counts, fails_later, counts, reads, counts, touches, counts]
    outcomes = await asyncio.gather(*(database.write(work, site.id) for work in works), return_exceptions=True)
    assert [one for one in outcomes if isinstance(one, int)] == [1, 2, 3, 4, 5, 16, 17]
    assert await counters(database, site.id) == (17, 14, before + 7)


async def counters(database: Database, site_id: str) -> tuple[int, int, int]:
    row = await database.row("SELECT number, position, version FROM site_counters WHERE site_id = :id", id=site_id)
    assert row is not None
    return row["number"], row["position"], row["version"]
