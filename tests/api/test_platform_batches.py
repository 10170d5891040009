"""Webhook receivers get due events in batches; a refused event is isolated, and the order is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import pytest
import time_machine
from aiohttp import web

from tests.conftest import GOROD
from tests.factories import AGENT, NOON, run_statement, submit_report
from tests.support.exchange import KEY, accept_report, webhook_receiver
from widget_api import clock
from widget_api.app import open_context
from widget_api.context import Context
from widget_api.deliveries import model, queue
from widget_api.platform import batches, signature
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, join_entry
from widget_api.settings import Settings
from widget_api.sites import changes, collection
from widget_api.sites.model import Site
from widget_api.worker import Worker

BATCH, REPORTS = 20, 30
WAIT = 60.0
pytestmark = GOROD


class Receiver:
    """Accepts single events and batches; refuses those that contain the poison."""

    def __init__(self) -> None:
        self.messages: list[list[dict[str, Any]]] = []
        self.poison: str | None = None
        self.refusal = 400
        self.takes_batches = True

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for message in self.messages for event in message]

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert signature.is_valid(
            KEY, {name.lower(): text for name, text in request.headers.items()}, body, clock.now()
        )
        many = request.content_type == "application/cloudevents-batch+json"
        assert many or request.content_type == "application/cloudevents+json"
        if many and not self.takes_batches:
            return web.Response(status=415)
        events = orjson.loads(body) if many else [orjson.loads(body)]
        if self.poison is not None and any(event["data"].get("description") == self.poison for event in events):
            return web.Response(status=self.refusal)
        self.messages.append(events)
        return web.Response(status=204)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "MAX_EVENTS", BATCH)


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    made = Receiver()
    async with webhook_receiver(made.handle) as url:
        yield made, url


@pytest.fixture
def hook(receiver: tuple[Receiver, str]) -> Receiver:
    return receiver[0]


@pytest.fixture
async def context(
    receiver: tuple[Receiver, str], make_settings: Callable[..., Settings], database_url: str
) -> AsyncIterator[Context]:
    wished = {"platform_url": receiver[1], "platform_key": KEY, "platform_protocol": "webhook"}
    async with open_context(make_settings(database_url=database_url, **wished)) as opened:
        yield opened


@pytest.fixture
async def reported(context: Context, site: Site) -> list[str]:
    """Many reports, each decided at once, so that two events of each are due."""
    sent: list[Awaitable[str]] = [accept_report(context, site, description=f"Яма номер {n}") for n in range(REPORTS)]
    return list(await asyncio.gather(*sent))


async def states(context: Context) -> dict[str, int]:
    rows = await context.database.rows(
        "SELECT state, COUNT(*) AS many FROM deliveries WHERE sink LIKE 'platform:%' GROUP BY state"
    )
    return {row["state"]: row["many"] for row in rows}


async def work(context: Context, until: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    """Run a real worker until the queue has the expected state."""
    working = asyncio.create_task(Worker(context).run())
    try:
        async with asyncio.timeout(WAIT):
            while not until(found := await states(context)):  # noqa: ASYNC110 - what the database shows
                await asyncio.sleep(0.05)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    return found


def done(found: dict[str, int]) -> bool:
    return not {"pending", "leased"} & set(found)


async def test_due_events_are_sent_in_batches_in_order(context: Context, reported: list[str], hook: Receiver) -> None:
    assert await work(context, done) == {"delivered": 2 * REPORTS}
    assert max(map(len, hook.messages)) > BATCH / 2
    assert all(len(message) <= BATCH for message in hook.messages)
    for number in range(1, REPORTS + 1):
        kinds = [one["type"].rpartition(".")[2] for one in hook.events if one["data"]["number"] == number]
        assert kinds == ["received", "status"]
    for message in hook.messages:
        assert len({event["data"]["number"] for event in message}) == len(message)


async def test_a_receiver_without_batch_support_gets_single_events(
    context: Context, reported: list[str], hook: Receiver
) -> None:
    hook.takes_batches = False
    assert await work(context, done) == {"delivered": 2 * REPORTS}
    assert {len(message) for message in hook.messages} == {1}


@pytest.mark.parametrize("refusal", [400, 500])
async def test_a_refused_event_does_not_fail_others(
    context: Context, reported: list[str], hook: Receiver, refusal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model, "RETRY_DELAYS", (0, 0, 0))
    hook.poison, hook.refusal = "Яма номер 17", refusal
    stands = {"delivered": 2 * REPORTS - 2, "dead": 1, "pending": 1}  # the next event of its report waits behind it
    with time_machine.travel(NOON):  # attempts follow each other
        await work(context, stands.__eq__)
    assert len({one["id"] for one in hook.events}) == len(hook.events) == 2 * REPORTS - 2


async def test_an_erasure_is_sent_alone_and_its_answer_recorded(
    context: Context, site: Site, reported: list[str], hook: Receiver
) -> None:
    await work(context, done)
    for problem in reported[:3]:
        await lifecycle.change(context.database, AGENT, site.id, problem, Change(to="in_progress"))
        await lifecycle.erase(context.database, AGENT, site.id, problem)
    await work(context, done)
    erased = [message for message in hook.messages if any(one["type"].endswith(".erased") for one in message)]
    assert [len(message) for message in erased] == [1, 1, 1]
    rows = await context.database.rows("SELECT way, acknowledged_at FROM platform_erasures")
    assert [(row["way"], row["acknowledged_at"] is not None) for row in rows] == [("call", True)] * 3


async def test_marked_as_spam_is_in_no_batch(context: Context, site: Site, reported: list[str], hook: Receiver) -> None:
    """A worker died with its report leased; after the lease, other deliveries are due beside it."""
    await work(context, done)
    hook.messages.clear()
    sent = [await submit_report(context.database, site, description=f"Реклама {n}") for n in range(3)]
    for one in sent:
        await lifecycle.confirm(context.database, site.id, one.problem_id)
    held = await queue.claim(context.database, "killed", 50, clock.now() + 1)
    assert {one.kind for one in held if one.sink.startswith("platform:")} == {"received"}
    await lifecycle.mark_spam(context.database, AGENT, site.id, sent[0].problem_id, True)

    await run_statement(context.database, "UPDATE deliveries SET lease_until = 0 WHERE state = 'leased'")
    await work(context, done)
    descriptions = {one["data"].get("description") for one in hook.events} - {None}
    assert descriptions == {"Реклама 1", "Реклама 2"}


async def test_entries_of_a_draft_wait_for_its_publication(context: Context, site: Site, hook: Receiver) -> None:
    draft = await collection.add_collection(context.database, site, "experts", "experts", draft=True)
    for number in range(2):
        entry = {"category": draft.categories[0].code, "description": join_entry(f"Эксперт {number}", "Знает дороги")}
        await accept_report(context, draft, **entry)
    await accept_report(context, site)  # comes after them
    await work(context, {"delivered": 2, "pending": 4}.__eq__)
    assert {one["data"].get("collection") for one in hook.events} == {None}
    await changes.disable_site(context.database, draft.id, disabled=False)
    await work(context, done)
    assert [one["data"]["collection"] for one in hook.events[2:]] == ["experts"] * 4


async def test_news_of_a_drafts_entry_waits_where_the_platform_does_not_have_it(
    context: Context, site: Site, hook: Receiver
) -> None:
    """The platform was connected after the entry was accepted, so nothing precedes the news."""
    draft = await collection.add_collection(context.database, site, "experts", "experts", draft=True)
    entry = {"category": draft.categories[0].code, "description": join_entry("Эксперт", "Знает дороги")}
    switch = "UPDATE platforms SET disabled_at = :at"
    await context.database.write(lambda tx: tx.run(switch, at=1))
    problem_id = await accept_report(context, draft, **entry)
    await context.database.write(lambda tx: tx.run(switch, at=None))
    reject = Change(to="rejected", text="Так нельзя")
    await lifecycle.change(context.database, AGENT, draft.id, problem_id, reject)
    await accept_report(context, site)
    await work(context, {"delivered": 2, "pending": 1}.__eq__)
    assert {one["data"].get("collection") for one in hook.events} == {None}
    await changes.disable_site(context.database, draft.id, disabled=False)
    await work(context, done)
    assert [one["data"]["collection"] for one in hook.events[2:]] == ["experts"]
