"""/status: what the queue of deliveries means, in the words of a webmaster."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from tests.conftest import ONE_DATABASE, Client
from tests.factories import make_site, submit_report
from widget_api import clock
from widget_api.context import Context
from widget_api.database import Transaction
from widget_api.deliveries.delays import KEPT, LATE, Delays, read_delays
from widget_api.errors import Unavailable

NOW = 1_795_860_000
PLATFORM = "platform:canary"
pytestmark = pytest.mark.settings(work="off")


@pytest.fixture(autouse=True)
def moment() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


@pytest.mark.settings(work="off", operator_contact="help@operator.test")
async def test_strangers_find_registration_and_the_operator(client: Client, context: Context) -> None:
    """The pages of residents, who write to their agency, do not name the operator."""
    site = await make_site(context.database)
    for path in ("/", "/cabinet/sign-in", "/cabinet/", "/stats", "/sites/new", "/status", f"/s/{site.key}"):
        page = (await client.get(path, headers={"Accept-Language": "ru"}, follow_redirects=True)).text
        assert ("mailto:help@operator.test" in page) == ("/s/" not in path), path
        if path not in ("/status", f"/s/{site.key}"):
            assert re.search('(href|action)="/sites/new"', page), path
    security = await client.get("/.well-known/security.txt")
    assert security.text.splitlines()[:2] == ["Contact: mailto:help@operator.test", "Expires: 2026-12-28T00:00:00Z"]


async def plant(context: Context, sink: str, age: int, *, reports: int = 1, **changes: Any) -> list[str]:
    """One pending delivery each for some reports, of which nothing else waits. Returns the deliveries."""
    agency = {"name": "canary agency", "email": "canary@agency.test"}
    site = await make_site(context.database, name="canary site", agency=agency)
    ids = []
    for _ in range(reports):
        problem_id = (await submit_report(context.database, site, email="canary@example.test")).problem_id
        values: dict[str, Any] = {"id": clock.new_id(), "event_id": clock.new_id(), "problem_id": problem_id}
        values |= {"site_id": site.id, "position": 1, "sink": sink, "state": "pending"}
        values |= {"next_at": NOW - age, "created_at": NOW - age}
        ids.append(str(values["id"]))

        async def work(tx: Transaction, values: dict[str, Any] = values, problem_id: str = problem_id) -> None:
            await tx.run("DELETE FROM deliveries WHERE problem_id = :id", id=problem_id)
            await tx.insert("deliveries", **values | changes)

        await context.database.write(work)
    return ids


async def succeed(context: Context, delivery_id: str, at: int) -> None:
    async def work(tx: Transaction) -> None:
        values = {"delivery_id": delivery_id, "at": at, "outcome": "delivered"}
        await tx.insert("delivery_attempts", id=clock.new_id(), **values)
        await tx.run("UPDATE deliveries SET state = 'delivered' WHERE id = :id", id=delivery_id)

    await context.database.write(work)


async def test_a_quiet_service_works_and_future_letters_are_no_delay(context: Context, client: Client) -> None:
    assert await read_delays(context.database) == Delays(NOW)
    answer = await client.get("/status")
    assert answer.status_code == 200
    assert "Сервис работает." in answer.text
    assert "не теряются" not in answer.text
    assert "The service is working." in (await client.get("/status?lang=en")).text
    assert (await client.get("/.well-known/security.txt")).status_code == 404
    await plant(context, "reminder:due:2026-12-01", 9 * LATE, next_at=NOW + 86_400)
    await plant(context, "media", 9 * LATE)
    assert (await read_delays(context.database)).worst == "works"


@pytest.mark.parametrize(("sink", "field"), [("resident", "letters"), ("agency", "letters"), (PLATFORM, "platforms")])
async def test_what_nobody_takes_is_late_since_it_was_enqueued(
    context: Context, client: Client, moment: time_machine.Traveller, sink: str, field: str
) -> None:
    await plant(context, sink, LATE - 1, last_error="canary https://platform.inside.test")
    assert (await read_delays(context.database)).worst == "works"
    moment.shift(KEPT)
    found = await read_delays(context.database)
    assert (found.worst, getattr(found, field)) == (field, NOW - LATE + 1)
    page = (await client.get("/status")).text.replace("\xa0", " ")
    assert "Сообщения не теряются" in page
    assert {"letters": "письма задерживаются", "platforms": "передача на платформу задерживается"}[field] in page
    assert "с задержкой, с 28 ноября" in page
    assert not re.search(r"canary|inside\.test", page), "nothing of the inside"


async def test_failing_deliveries_are_a_delay_from_the_last_success_on(context: Context) -> None:
    """And only where several fail: one mailbox that takes nothing is no trouble of the service."""
    later = {"attempts": 3, "next_at": NOW + 3600}
    await plant(context, "resident", 9 * LATE, **later)
    assert (await read_delays(context.database)).letters is None
    (sent,) = await plant(context, "agency", 8 * LATE)
    await succeed(context, sent, NOW - 7 * LATE)
    await plant(context, "resident", 3 * LATE, reports=2, **later)
    await plant(context, "resident", 0, reports=2, **later)
    with time_machine.travel(NOW + KEPT, tick=False):
        assert (await read_delays(context.database)).letters == NOW - 3 * LATE
    (sent,) = await plant(context, "agency", 2 * LATE)
    await succeed(context, sent, NOW - LATE)
    with time_machine.travel(NOW + 2 * KEPT, tick=False):
        assert (await read_delays(context.database)).letters is None


@ONE_DATABASE
async def test_the_answer_is_kept_for_some_seconds(
    context: Context, moment: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    row = context.database.row

    async def counted(*given: Any, **values: Any) -> Any:
        reads.append(given)
        return await row(*given, **values)

    monkeypatch.setattr(context.database, "row", counted)
    for _ in range(20):
        await read_delays(context.database)
    assert len(reads) == 4
    moment.shift(KEPT)
    await read_delays(context.database)
    assert len(reads) == 8


@ONE_DATABASE
async def test_an_unavailable_database_is_told_without_its_reason(
    context: Context, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> Any:
        raise Unavailable("postgresql://secret@db")

    monkeypatch.setattr(context.database, "row", away)
    answer = await client.get("/status")
    assert answer.status_code == 503
    assert "Сервис временно не работает" in answer.text
    assert "secret" not in answer.text
    assert "вовремя" not in answer.text
