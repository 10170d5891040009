"""Leases, order and retries: no delivery is lost or overtaken, and a failing one does not block others."""

from __future__ import annotations

import asyncio

import pytest

from tests.factories import AGENT, NOON, add_platform, existing, make_site, submit_report
from widget_api import clock
from widget_api.database import Database, Transaction
from widget_api.deliveries import admin, queries, queue
from widget_api.deliveries.model import LEASE, LOST, RETRY_DELAYS, Delivery, retry_delay
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Contact
from widget_api.problems.submit import Receipt
from widget_api.sites.model import Site

NOW = NOON + 3600  # later than anything these tests write


@pytest.fixture
async def site(database: Database) -> Site:
    await add_platform(database)
    return await make_site(database)


async def busy_problem(database: Database, site: Site) -> Receipt:
    """A report with four pending events for the platform: received, accepted, in progress, resolved."""
    receipt = await submit_report(database, site, contact=Contact())
    for wish in (Change(to="accepted"), Change(to="in_progress"), Change(to="resolved", text="Готово")):
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, wish)
    return receipt


async def take(database: Database, holder: str = "w", now: int = NOW + 10) -> list[Delivery]:
    return await queue.claim(database, holder, 100, now)


async def test_events_of_a_problem_are_claimed_one_by_one_in_order(database: Database, site: Site) -> None:
    await busy_problem(database, site)
    seen = []
    while claimed := await take(database):
        assert len(claimed) == 1, "nothing overtakes what is still under way"
        assert await take(database) == []
        seen.append(claimed[0].status)
        await queue.finish(database, "w", claimed[0], NOW + 10)
    assert seen == ["moderation", "accepted", "in_progress", "resolved"]


async def test_a_failing_problem_does_not_block_others(database: Database, site: Site) -> None:
    failing = await busy_problem(database, site)
    other = await busy_problem(database, site)
    arrived = []
    for _ in range(20):
        for delivery in await take(database):
            if delivery.problem_id == failing.problem_id:
                await queue.finish(database, "w", delivery, NOW + 10, "refused", retry_in=3600)
            else:
                arrived.append(delivery.status)
                await queue.finish(database, "w", delivery, NOW + 10)
    assert other.problem_id != failing.problem_id
    assert arrived == ["moderation", "accepted", "in_progress", "resolved"]


async def test_a_dead_request_blocks_its_updates_until_it_is_retried(database: Database, site: Site) -> None:
    await busy_problem(database, site)
    (request,) = await take(database)
    await queue.finish(database, "w", request, NOW + 10, "unknown service")
    assert await take(database) == [], "a platform that never got the request cannot take its updates"
    assert (await admin.count_by_state(database))["dead"] == 1
    assert await admin.replay(database, request.id, NOW)
    (again,) = await take(database)
    assert (again.id, again.attempts) == (request.id, 1)


async def test_a_dead_update_does_not_block_the_next_one(database: Database, site: Site) -> None:
    await busy_problem(database, site)
    (request,) = await take(database)
    await queue.finish(database, "w", request, NOW + 10)
    (update,) = await take(database)
    await queue.finish(database, "w", update, NOW + 10, "poison")
    (following,) = await take(database)
    assert following.position > update.position


async def test_the_lease_of_a_killed_worker_expires_and_its_result_is_ignored(database: Database, site: Site) -> None:
    await busy_problem(database, site)
    (leased,) = await take(database, "killed")
    assert await take(database, "other", NOW + 10 + LEASE - 1) == []
    (taken,) = await take(database, "other", NOW + 10 + LEASE)
    assert taken.id == leased.id
    assert LEASE <= 15
    await queue.finish(database, "killed", leased, NOW + 30)
    assert (await admin.count_by_state(database))["leased"] == 1
    await queue.finish(database, "other", taken, NOW + 30)
    assert (await admin.count_by_state(database))["delivered"] == 1


async def test_a_killed_worker_does_not_consume_a_retry_attempt(database: Database, site: Site) -> None:
    await submit_report(database, site)
    now = NOW + 10
    for lost in range(4):
        (leased,) = await take(database, "killed", now)
        now += LEASE
        assert (leased.attempts, leased.repeated) == (1, lost > 0)
    (taken,) = await take(database, now=now)
    retry_in = existing(retry_delay(taken.attempts, None))
    assert retry_in <= 1.2 * RETRY_DELAYS[1], "the first failure is followed by the first wait"
    await queue.finish(database, "w", taken, now, "busy", retry_in)
    (again,) = await take(database, now=now + retry_in)
    assert (again.attempts, again.repeated) == (2, True)


async def test_only_first_attempts_skip_the_search_for_an_earlier_result(database: Database, site: Site) -> None:
    await submit_report(database, site)
    (first,) = await take(database)
    assert not first.repeated
    await queue.finish(database, "w", first, NOW + 10, "the answer was lost")
    await admin.replay(database, first.id, NOW + 20)
    (replayed,) = await take(database, now=NOW + 20)
    assert replayed.repeated, "what a dead one may have left at the sink is there after the replay too"


async def test_a_delivery_that_kills_its_workers_dies_without_others(database: Database, site: Site) -> None:
    """A worker claims 16 at once and dies each time one of them is the poison; the others need one more lease."""
    for _ in range(6):
        await submit_report(database, site)
    waiting = (await admin.count_by_state(database))["pending"]
    poison: str | None = None
    now, leases = NOW + 10, 0
    for _ in range(LOST * waiting):
        claimed = [*await take(database, now=now), *await take(database, now=now)]  # a worker asks again at once
        poison = poison or claimed[0].id
        if poison in {delivery.id for delivery in claimed}:
            leases += 1
            now += LEASE
            continue
        for delivery in claimed:
            await queue.finish(database, "w", delivery, now)
        if not claimed:
            break
    assert leases == LOST
    assert await admin.count_by_state(database) == {"dead": 1, "delivered": waiting - 1}
    (dead,) = await queries.list_deliveries(database, queries.DeliveryFilter(states=("dead",)))
    assert dead["id"] == poison
    assert f"ended {LOST} times" in dead["last_error"]
    assert [
        row["outcome"] for row in await database.rows("SELECT outcome FROM delivery_attempts WHERE error <> ''")
    ] == ["dead"]
    assert await admin.replay(database, dead["id"], now)
    assert [delivery.id for delivery in await take(database, now=now)] == [poison]


async def test_a_renewed_lease_is_kept(database: Database, site: Site) -> None:
    await busy_problem(database, site)
    (leased,) = await take(database)
    await queue.renew(database, "w", [leased.id], NOW + 10 + LEASE - 1)
    assert await take(database, "other", NOW + 10 + LEASE) == []
    expired = NOW + 10 + 2 * LEASE
    assert len(await take(database, "other", expired)) == 1
    await queue.renew(database, "w", [leased.id], expired + LEASE - 1)
    assert len(await take(database, "third", expired + LEASE)) == 1, "only the holder renews"


async def test_two_workers_never_claim_the_same_event(database: Database, site: Site) -> None:
    for _ in range(30):
        await busy_problem(database, site)
    other = Database(database.url)
    await other.connect()
    try:
        workers = [(database, "a"), (other, "b")] * 5
        taken = await asyncio.gather(*(take(connected, holder) for connected, holder in workers))
    finally:
        await other.disconnect()
    identifiers = [delivery.id for batch in taken for delivery in batch]
    assert len(identifiers) == len(set(identifiers)) == 30


async def test_every_attempt_is_recorded_and_the_last_failure_is_final(database: Database, site: Site) -> None:
    await submit_report(database, site)
    now = NOW + 10
    for attempt in range(1, len(RETRY_DELAYS) + 1):
        (delivery,) = await take(database, now=now)
        assert delivery.attempts == attempt
        retry_in = retry_delay(delivery.attempts, None)
        assert (retry_in is None) == (attempt == len(RETRY_DELAYS))
        await queue.finish(database, "w", delivery, now, "500 Internal Server Error", retry_in)
        now += (retry_in or 0) + 1
    attempts = await database.rows("SELECT outcome, error FROM delivery_attempts ORDER BY at, id")
    assert [row["outcome"] for row in attempts] == ["retry"] * (len(RETRY_DELAYS) - 1) + ["dead"]
    assert (await queries.list_deliveries(database, queries.DeliveryFilter(states=("dead",))))[0][
        "last_error"
    ] == "500 Internal Server Error"


def test_retry_delays_grow_have_jitter_and_honour_the_sink() -> None:
    waits = [retry_delay(attempts, None) for attempts in range(1, len(RETRY_DELAYS))]
    for wait, step in zip(waits, RETRY_DELAYS[1:], strict=True):
        assert wait is not None
        assert 0.8 * step <= wait <= 1.2 * step
    assert retry_delay(len(RETRY_DELAYS), 5) is None
    assert retry_delay(1, 120) == 120
    assert len({retry_delay(3, None) for _ in range(50)}) > 1


async def test_a_stalled_queue_reports_its_duration(database: Database, site: Site) -> None:
    assert await admin.measure_delay(database, NOW + 500) == 0
    await submit_report(database, site)
    assert await admin.measure_delay(database, NOW + 500) >= 490
    (delivery,) = await take(database)
    await queue.finish(database, "w", delivery, NOW + 10, "busy", retry_in=1000)
    assert await admin.measure_delay(database, NOW + 500) == 0, "waiting for its own time is no standstill"


async def test_a_long_queue_with_progress_is_not_stalled(database: Database, site: Site) -> None:
    await busy_problem(database, site)
    await busy_problem(database, site)
    assert await admin.measure_standstill(database, NOW + 500) >= 490
    (first, second) = await take(database)
    await queue.finish(database, "w", first, NOW + 480)
    await queue.finish(database, "w", second, NOW + 480)
    assert await admin.measure_delay(database, NOW + 500) >= 490, "what follows has been due as long"
    assert await admin.measure_standstill(database, NOW + 500) == 0
    assert await admin.measure_standstill(database, NOW + 600) == 120


async def test_only_the_last_attempts_are_listed(database: Database, site: Site) -> None:
    """Probes to an unavailable platform are recorded as attempts too, but consume none."""
    receipt = await busy_problem(database, site)
    (row,) = await database.rows(
        "SELECT id FROM deliveries WHERE problem_id = :id ORDER BY position LIMIT 1", id=receipt.problem_id
    )

    async def tried(tx: Transaction) -> None:
        for number in range(queries.MAX_ATTEMPTS_SHOWN + 30):
            await tx.insert(
                "delivery_attempts", id=clock.new_id(), delivery_id=row["id"], at=NOW + number // 2, outcome="retry"
            )

    await database.write(tried)
    shown = (await queries.list_attempts(database, [row["id"]]))[row["id"]]
    assert [one["at"] for one in shown] == [NOW + number // 2 for number in range(30, queries.MAX_ATTEMPTS_SHOWN + 30)]
