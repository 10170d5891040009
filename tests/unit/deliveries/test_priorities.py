"""Ten thousand news letters do not delay a confirmation, and lower priorities are not starved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import AGENT, NOON, add_platform, make_site, submit_report
from widget_api import clock
from widget_api.database import Database, Transaction
from widget_api.deliveries import queue
from widget_api.deliveries.model import HAPPENED, NEWS, PRIORITIES, REQUESTED, RESERVED_SLOTS, Delivery, free_slots
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Contact
from widget_api.sites.model import Site
from widget_api.worker import AT_ONCE

LATER = NOON + 3600  # later than anything these tests write
FOLLOWERS = 200


@pytest.fixture
async def site(database: Database) -> Site:
    return await make_site(database)


async def followed(database: Database, site: Site, followers: int = FOLLOWERS) -> str:
    """A published problem with that many followers."""
    receipt = await submit_report(database, site, contact=Contact())
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))

    async def work(tx: Transaction) -> None:
        for place in range(followers):
            await tx.insert(
                "followers",
                id=clock.new_id(),
                site_id=site.id,
                problem_id=receipt.problem_id,
                email=f"{place}@example.test",
                email_hash=str(place),
                language="ru",
                consent_version="1",
                consent_hash="0",
                created_at=1,
                confirmed_at=1,
            )

    await database.write(work)
    return receipt.problem_id


async def news(database: Database, site: Site, problem_id: str, *steps: str) -> None:
    for to in steps:
        await lifecycle.change(database, AGENT, site.id, problem_id, Change(to=to, text="Так"))  # type: ignore[arg-type]


async def take(database: Database, limit: int = AT_ONCE, busy: dict[int, int] | None = None) -> list[Delivery]:
    return await queue.claim(database, "w", limit, LATER, busy or {})


def lanes(claimed: list[Delivery]) -> list[int]:
    return [delivery.priority for delivery in claimed]


async def test_confirmations_overtake_news(database: Database, site: Site) -> None:
    problem_id = await followed(database, site)
    await news(database, site, problem_id, "in_progress")
    receipt = await submit_report(database, site)
    first, *others = await take(database)
    assert (first.problem_id, first.sink, first.priority) == (receipt.problem_id, "resident", REQUESTED)
    assert set(lanes(others)) == {NEWS}
    assert len(others) == AT_ONCE - 1 - (RESERVED_SLOTS - 1) - RESERVED_SLOTS, "and leave room for the next one"


async def test_a_slot_is_reserved_for_confirmations(database: Database, site: Site) -> None:
    """With a slow mail server, news take all the slots they may, and a report arrives."""
    problem_id = await followed(database, site)
    await news(database, site, problem_id, "in_progress")
    under_way = await take(database)
    assert lanes(under_way) == [NEWS] * (AT_ONCE - 2 * RESERVED_SLOTS)
    free = AT_ONCE - len(under_way)
    assert await take(database, free, {NEWS: len(under_way)}) == []
    receipt = await submit_report(database, site)
    (confirmation,) = await take(database, free, {NEWS: len(under_way)})
    assert confirmation.problem_id == receipt.problem_id


async def test_news_are_sent_even_if_many_confirmations_wait(database: Database, site: Site) -> None:
    problem_id = await followed(database, site)
    await news(database, site, problem_id, "in_progress")
    for place in range(AT_ONCE + 4):
        await submit_report(database, site, contact=Contact(email=f"{place}@example.test"))
    claimed = lanes(await take(database))
    assert claimed.count(REQUESTED) == AT_ONCE - 2 * RESERVED_SLOTS
    assert claimed.count(NEWS) == RESERVED_SLOTS


async def test_a_backlog_after_an_outage_does_not_delay_confirmations(database: Database, site: Site) -> None:
    await add_platform(database)
    for _ in range(AT_ONCE + 4):
        receipt = await submit_report(database, site, contact=Contact())
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    await submit_report(database, site)
    claimed = lanes(await take(database))
    assert claimed[0] == REQUESTED
    assert claimed.count(HAPPENED) == len(claimed) - 1 > RESERVED_SLOTS


async def test_every_follower_gets_letters_in_order(database: Database, site: Site) -> None:
    problem_id = await followed(database, site, 3)
    await news(database, site, problem_id, "in_progress", "resolved")
    seen = dict[str, list[str | None]]()
    while claimed := [one for one in await take(database) if one.priority == NEWS]:
        assert len({delivery.sink for delivery in claimed}) == len(claimed)
        for delivery in claimed:
            seen.setdefault(delivery.sink, []).append(delivery.status)
            await queue.finish(database, "w", delivery, LATER)
    assert list(seen.values()) == [["in_progress", "resolved"]] * 3


@given(st.lists(st.tuples(st.sampled_from(PRIORITIES), st.booleans()), max_size=200))
def test_no_priority_takes_the_reserved_slots_of_another(steps: list[tuple[int, bool]]) -> None:
    """In any sequence: the total is bounded, and a priority below its share finds a slot."""
    busy = dict.fromkeys(PRIORITIES, 0)
    for lane, ends in steps:
        if ends:
            busy[lane] -= busy[lane] > 0
        elif free_slots(lane, AT_ONCE - sum(busy.values()), busy) > 0:
            busy[lane] += 1
        assert sum(busy.values()) <= AT_ONCE
        for one in PRIORITIES:
            assert busy[one] >= RESERVED_SLOTS or free_slots(one, AT_ONCE - sum(busy.values()), busy) > 0
