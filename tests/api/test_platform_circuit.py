"""The circuit breaker: unavailable platforms are paused without using up attempts; one bad event does not open it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import GOROD
from tests.factories import AGENT, existing, make_site, run_statement, submit_report
from tests.fake_platform import FakePlatform, Fault
from tests.support.exchange import PlatformWorker, accept_report, states
from widget_api import clock
from widget_api.context import Context
from widget_api.deliveries import admin, circuit, queue
from widget_api.deliveries.model import LEASE
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Contact
from widget_api.sites.model import Site

REPORTS = circuit.OPENS + 3
pytestmark = GOROD


@pytest.fixture(autouse=True)
def _keys(fake: FakePlatform) -> None:
    fake.honours_keys = True


@pytest.fixture
def context(exchange_context: Context) -> Context:
    return exchange_context


async def fill(context: Context, site: Site, fake: FakePlatform, how: Fault) -> PlatformWorker:
    """More reports than open the circuit, of which the first meet an unavailable platform."""
    fake.away = how
    for number in range(REPORTS):
        await accept_report(context, site, description=f"Яма номер {number}")
    platform_worker = PlatformWorker(context)
    await platform_worker.round()
    return platform_worker


async def rest(context: Context) -> Any:
    return existing(await context.database.row("SELECT failures, paused_until, pause_reason FROM platforms"))


async def tried(context: Context) -> list[int]:
    rows = await context.database.rows("SELECT attempts FROM deliveries WHERE sink LIKE 'platform:%'")
    return sorted({row["attempts"] for row in rows})


@pytest.mark.parametrize("how", ["503", "drop", "403"])
async def test_an_unavailable_platform_gets_only_probes(
    context: Context, site: Site, fake: FakePlatform, how: Fault
) -> None:
    platform_worker = await fill(context, site, fake, how)
    for _ in range(30):  # nearly a month
        platform_worker.now += 86_400
        asked = len(fake.posts("requests"))
        await platform_worker.round()
        assert len(fake.posts("requests")) <= asked + 1
    assert (await rest(context))["paused_until"] is not None
    assert set(await states(context)) == {"pending"}
    assert max(await tried(context)) == 1, "only what was under way when it opened has lost a try"
    assert await admin.measure_delay(context.database, platform_worker.now) == 0, (
        "what waits for the platform is no standstill"
    )

    fake.away = None
    await platform_worker.until_idle()
    assert sorted(one["description"] for one in fake.requests) == [f"Яма номер {n}" for n in range(REPORTS)]
    assert set(await states(context)) == {"delivered"}
    closed = await rest(context)
    assert (closed["failures"], closed["paused_until"], closed["pause_reason"]) == (0, None, None)


async def test_deliveries_to_a_paused_platform_hide_no_others(context: Context, site: Site, fake: FakePlatform) -> None:
    """They stay at the head of the queue for days; later deliveries are claimed, and again after their worker died."""
    platform_worker = await fill(context, site, fake, "503")
    assert (await rest(context))["paused_until"] is not None
    await submit_report(context.database, site, contact=Contact(email="other@example.test"))
    soon = platform_worker.now + 1
    claimed = await queue.claim(context.database, "killed", 50, soon)
    assert {one.sink for one in claimed} >= {"resident"}
    assert not {one.sink for one in claimed if one.sink.startswith("platform:")}
    assert await queue.claim(context.database, "other", 50, soon) == []

    await run_statement(context.database, "UPDATE deliveries SET next_at = next_at + 86400 WHERE state = 'leased'")
    again = await queue.claim(context.database, "other", 50, soon + LEASE)
    assert {one.id for one in again if not one.probe} == {one.id for one in claimed}


async def test_one_failing_event_does_not_open_the_circuit(context: Context, site: Site, fake: FakePlatform) -> None:
    fake.poison = frozenset({"Эта роняет платформу"})
    await accept_report(context, site, description="Эта роняет платформу")
    platform_worker = PlatformWorker(context)
    for _ in range(12):
        await platform_worker.round()
        platform_worker.now += 86_400
    assert (await rest(context))["paused_until"] is None
    assert sorted(await states(context)) == ["dead", "pending"]
    await accept_report(context, site, description="А эта нет")
    await platform_worker.round()
    assert [one["description"] for one in fake.requests] == ["А эта нет"]


async def test_a_permanently_failing_event_does_not_keep_the_circuit_open(
    context: Context, site: Site, fake: FakePlatform
) -> None:
    """The probe is the delivery that has waited longest, so after a bad event others have their turn."""
    fake.poison = frozenset({"Эта роняет платформу"})
    await accept_report(context, site, description="Эта роняет платформу")
    platform_worker = await fill(context, site, fake, "drop")
    assert (await rest(context))["paused_until"] is not None
    fake.away = None
    for _ in range(40):
        platform_worker.now += 400
        await platform_worker.round()
    assert len(fake.requests) == REPORTS, "long before that"
    for _ in range(12):
        platform_worker.now += 40_000
        await platform_worker.round()
    assert len(fake.requests) == REPORTS
    assert (await states(context)).count("dead") == 1


async def test_retry_after_is_the_minimum_pause(context: Context, site: Site, fake: FakePlatform) -> None:
    fake.away, fake.retry_after = "429", 7200
    for number in range(circuit.OPENS):
        await accept_report(context, site, description=f"Яма номер {number}")
    await PlatformWorker(context).round()
    assert (await rest(context))["paused_until"] >= clock.now() + 7100


async def test_two_workers_send_one_probe(context: Context, site: Site, fake: FakePlatform) -> None:
    await fill(context, site, fake, "503")
    later = clock.now() + 4000
    first = await queue.claim(context.database, "one", 50, later)
    second = await queue.claim(context.database, "two", 50, later)
    assert [one.probe for one in (*first, *second)] == [True]


async def test_other_sinks_continue(context: Context, fake: FakePlatform) -> None:
    site = await make_site(context.database, agency={"mode": "email"})
    await fill(context, site, fake, "503")
    problem = await accept_report(context, site, description="Когда она отдыхает")
    await lifecycle.change(context.database, AGENT, site.id, problem, Change(to="in_progress"))
    claimed = await queue.claim(context.database, "test", 50, clock.now())
    assert {one.sink for one in claimed} == {"agency"}
