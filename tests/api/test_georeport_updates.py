"""The updates feed chooses the cheapest way to read and always returns the same updates in the same order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import product

import pytest

from tests.conftest import ONE_DATABASE
from tests.factories import AGENT, make_site, run_statement, submit_report
from widget_api import clock
from widget_api.database import Database, Row
from widget_api.open311 import store
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites.model import Site


async def log(database: Database, many: int) -> Site:
    """Problems of a site, most of them published, whose events have times of a year, not in the order of the log."""
    chance, site = random.Random(3), await make_site(database)
    for index in range(many):
        receipt = await submit_report(database, site)
        if index % 4:
            await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
            done = Change(to="resolved", text=f"Сделано {index}")
            await lifecycle.change(database, AGENT, site.id, receipt.problem_id, done)
    now = clock.now()
    for row in await database.rows("SELECT id FROM events WHERE site_id = :id", id=site.id):
        at = now - chance.randrange(365) * 86_400
        await run_statement(database, "UPDATE events SET at = :at WHERE id = :event", at=at, event=row["id"])
    return site


async def list_updates(database: Database, site: Site, **asked: int | None) -> Sequence[Row]:
    values = {"since": 0, "until": 2**40, "after": None, "limit": 1000, "offset": 0} | asked
    found = await store.find_update_positions(database, site.id, token_id=None, everything=False, **values)  # type: ignore[arg-type]
    ids = [row["id"] for row in found]
    return await store.read_updates(database, site.id, token_id=None, everything=False, event_ids=ids)


@pytest.mark.parametrize("few", [0, 7, 30, 5000])
async def test_every_way_reads_the_same_updates(database: Database, monkeypatch: pytest.MonkeyPatch, few: int) -> None:
    monkeypatch.setattr(store, "SCAN_LIMIT", few)
    site = await log(database, 20)
    await log(database, 3)
    every = await database.rows(
        "SELECT e.id, e.at, e.position FROM events e JOIN problems p ON p.id = e.problem_id"
        " WHERE e.site_id = :id AND p.published AND e.kind = 'status' ORDER BY e.position",
        id=site.id,
    )
    assert len(every) == 30
    now, day = clock.now(), 86_400
    spans = ((0, 2**40), (now - 90 * day, 2**40), (now - 300 * day, now - 200 * day), (now + day, 2**40))
    for (since, until), after, (limit, offset) in product(
        spans, (None, 0, 12, 40, 10_000), ((1000, 0), (1, 0), (4, 3), (5, 28))
    ):
        wanted = [
            row["id"] for row in every if since <= row["at"] <= until or (after is not None and row["position"] > after)
        ]
        found = await list_updates(database, site, since=since, until=until, after=after, limit=limit, offset=offset)
        assert [row["id"] for row in found] == wanted[offset : offset + limit], (since, until, after, limit, offset)
        if offset + limit < len(wanted):  # and the rest, as the next batch of the same answer
            later = await list_updates(
                database, site, since=since, until=until, after=after, past=found[-1]["position"]
            )
            assert [row["id"] for row in later] == wanted[offset + limit :]


@ONE_DATABASE  # SQLite counts its steps
async def test_an_update_costs_the_same_whatever_the_log(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "SCAN_LIMIT", 10)
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    for reader in database._readers:
        await reader.raw.set_progress_handler(step, 1)
    for asked in ({"after": 0}, {"since": 0}, {"after": 5, "since": 0}):
        costs = []
        for site in (await log(database, 12), await log(database, 60)):
            steps = 0
            assert len(await list_updates(database, site, limit=1, **{"since": clock.now() - 90 * 86_400} | asked)) == 1
            costs.append(steps)
        assert costs[1] < costs[0] * 1.3, (asked, costs)
