"""The `webhook` protocol: signed events are sent, signed updates accepted, and the feed contains the same events."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import orjson
import pytest
from aiohttp import web

from tests.api.test_corrections import CLEAN, WORDS
from tests.conftest import GOROD, Client, running
from tests.factories import AGENT, existing, submit_report
from tests.support.exchange import (
    KEY,
    PlatformWorker,
    accept_report,
    correct_report,
    status,
    timeline,
    webhook_receiver,
)
from widget_api import clock
from widget_api.context import Context
from widget_api.platform import signature
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.settings import Settings
from widget_api.sites import changes, collection
from widget_api.sites.model import Site

UPDATES = "/api/v1/platform/updates"
pytestmark = GOROD


class Receiver:
    """A server that records what it receives and answers as configured."""

    def __init__(self) -> None:
        self.status = 204
        self.events: list[dict[str, Any]] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert signature.is_valid(
            KEY, {name.lower(): text for name, text in request.headers.items()}, body, clock.now()
        )
        assert request.content_type == "application/cloudevents+json"
        if self.status == 204:
            self.events.append(orjson.loads(body))
        return web.Response(status=self.status)


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    made = Receiver()
    async with webhook_receiver(made.handle, "/hook/") as url:  # unchanged: without its slash it is another address
        yield made, url


@pytest.fixture
async def app(
    receiver: tuple[Receiver, str], make_settings: Callable[..., Settings], database_url: str
) -> AsyncIterator[Any]:
    wished = {"platform_url": receiver[1], "platform_key": KEY, "platform_protocol": "webhook", "work": "off"}
    async with running(make_settings(database_url=database_url, **wished)) as started:
        yield started


def signed(content: Any, key: str = KEY, at: int | None = None) -> dict[str, Any]:
    body = orjson.dumps(content)
    return {"content": body, "headers": signature.sign(key, "m-1", clock.now() if at is None else at, body)}


def make_update(number: int, **data: Any) -> dict[str, Any]:
    data = {"number": number, "jurisdiction": "gorod.test", "kind": "status", "status_code": "in_progress"} | data
    event = {"specversion": "1.0", "id": str(uuid.uuid4()), "source": "https://central.test", "type": "x"}
    return event | {"time": clock.rfc3339(clock.now()), "data": data}


async def test_events_are_sent_signed_in_order(context: Context, site: Site, receiver: tuple[Receiver, str]) -> None:
    hook, platform_worker = receiver[0], PlatformWorker(context)
    problem = await accept_report(context, site)
    hook.status = 503
    await platform_worker.round()
    hook.status = 204
    await platform_worker.until_idle()
    await lifecycle.change(context.database, AGENT, site.id, problem, Change(to="resolved", text="Засыпали"))
    await platform_worker.until_idle()
    assert [one["type"].rpartition(".")[2] for one in hook.events] == ["received", "status", "status"]
    first, _, last = hook.events
    assert first["data"]["description"] == "Глубокая яма на пешеходном переходе у школы"
    assert "anna" not in str(hook.events)
    assert (last["data"]["status_code"], last["data"]["text"]) == ("resolved", "Засыпали")
    assert last["subject"] == "1"


async def test_publication_and_corrections_carry_the_report_as_it_is(
    context: Context, site: Site, receiver: tuple[Receiver, str]
) -> None:
    hook, platform_worker = receiver[0], PlatformWorker(context)
    problem = (await submit_report(context.database, site, description=WORDS)).problem_id
    await lifecycle.confirm(context.database, site.id, problem)
    await platform_worker.until_idle()
    assert (hook.events[0]["data"]["description"], "report" in hook.events[0]["data"]) == (WORDS, False)
    await correct_report(context, site, problem, description=CLEAN, category="yards")
    await lifecycle.change(context.database, AGENT, site.id, problem, Change(to="accepted"))
    hook.status = 503  # the text is read when an event is sent
    await platform_worker.round()
    await correct_report(context, site, problem, description="Яма во дворе", category="yards")
    hook.status = 204
    await platform_worker.until_idle()
    told = [(one["type"].rpartition(".")[2], one["data"]["report"]["description"]) for one in hook.events[1:]]
    assert told[-2:] == [("status", "Яма во дворе"), ("corrected", "Яма во дворе")]
    assert {kind for kind, _ in told[:-2]} == {"corrected"}
    report = hook.events[-1]["data"]["report"]
    assert (report["category"], report["lat"], report["photos"]) == ("yards", 55.0794, [])
    assert "Ивановой" not in str(hook.events[1:])


async def test_a_refusal_is_final_and_a_timeout_is_retried(
    context: Context, site: Site, receiver: tuple[Receiver, str]
) -> None:
    hook, platform_worker = receiver[0], PlatformWorker(context)
    await accept_report(context, site)
    hook.status = 400
    await platform_worker.round()
    row = existing(await context.database.row("SELECT state FROM deliveries WHERE opens AND sink LIKE 'platform:%'"))
    assert row["state"] == "dead"


async def test_updates_signed_now_alone_are_imported_once(client: Client, context: Context, site: Site) -> None:
    problem = await accept_report(context, site)
    for request in (
        {"json": make_update(1)},
        signed(make_update(1), key="another key of somebody else"),
        signed(make_update(1), at=clock.now() - 3600),
    ):
        assert (await client.post(UPDATES, **request)).status_code == 401
    body: dict[str, Any] = {"content": b"{", "headers": signature.sign(KEY, "m", clock.now(), b"{")}
    assert (await client.post(UPDATES, **body)).status_code == 400
    assert await status(context, problem) == "accepted"
    update = make_update(1, text="Выехала бригада", actor="agent")
    for _ in range(2):
        answer = await client.post(UPDATES, **signed(update))
        assert (answer.status_code, answer.json()) == (202, {"taken": 1})
    assert (await timeline(context, problem))[-1] == ("status", "in_progress", "Выехала бригада")
    assert [kind for kind, _, _ in await timeline(context, problem)].count("status") == 2
    last = make_update(1, status_code="planned") | {"time": clock.rfc3339(clock.now() + 60)}
    content = [last, make_update(1), make_update(99), make_update(1, jurisdiction="other.test"), {"data": None}, 7]
    assert (await client.post(UPDATES, **signed(content))).json() == {"taken": 2}
    assert await status(context, problem) == "planned"


async def test_the_feed_requires_a_platform_token(client: Client, context: Context, site: Site) -> None:
    receipt = await submit_report(context.database, site)
    await lifecycle.change(
        context.database, AGENT, site.id, receipt.problem_id, Change(to="forwarded", responsible="Горсвет", text="Им")
    )
    token = await changes.add_token(context.database, site.id, "platform")
    lesser = await changes.add_token(context.database, site.id, "georeport")

    async def ask(query: str, key: str) -> httpx2.Response:
        return await client.get(f"/api/v1/platform/events?{query}", headers={"Authorization": f"Bearer {key}"})

    for key in (lesser, "nonsense", ""):
        refused = await ask("after=0", key)
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert "от 1 до 500" in (await ask("limit=501", token)).json()["errors"][0]["detail"]
    found = (await ask(f"site={site.key}", token)).json()
    assert [one["type"].rpartition(".")[2] for one in found["events"]] == ["received", "status"]
    data = found["events"][1]["data"]
    assert (data["status_code"], data["responsible"], data["text"]) == ("forwarded", "Горсвет", "Им")
    assert "anna" not in str(found)
    assert (await ask(f"after={found['next']}", token)).json() == {"events": [], "next": found["next"]}
    assert (await ask("limit=1&after=0", token)).json()["next"] == 1
    assert (await ask("site=other.test", token)).status_code == 404
    assert (await ask("after=x", token)).status_code == 422


async def test_only_whole_entries_of_known_collections_are_taken(client: Client, context: Context, site: Site) -> None:
    """A signer cannot touch what never left, bring in what cannot be shown, or break anything with wrong types."""
    child = await collection.add_collection(context.database, site, "budget", "budgeting")
    own = await submit_report(context.database, child, category="yards", description="Сквер\n\nПосадить деревья")
    (hidden,) = await context.database.rows("SELECT id FROM events WHERE problem_id = :id", id=own.problem_id)
    whole = {"title": "Фонари", "description": "Поставить фонари", "address": "ул. Мира, 5", "category": "elsewhere"}
    born: dict[str, Any] = {"kind": "received", "status_code": "moderation", "collection": "budget"}
    for wrong in (
        {"collection": "budget", "entry": hidden["id"], "text": "Чужое слово"},
        born | whole | {"entry": hidden["id"]},
        born | whole | {"entry": "no id"},
        born | whole | {"entry": str(uuid.uuid4()), "collection": "nowhere"},
        born | whole | {"entry": str(uuid.uuid4()), "collection": ["budget"]},
        born | whole | {"entry": str(uuid.uuid4()), "jurisdiction": "other.test"},
        *(born | whole | {"entry": str(uuid.uuid4()), name: value} for name in ("title", "description")
          for value in (None, 5, ["Фонари"], " \x00 ")),
        born | whole | {"entry": str(uuid.uuid4()), "address": None, "lat": "55", "lng": 400},
    ):  # fmt: skip
        answer = await client.post(UPDATES, **signed(make_update(1, **wrong)))
        assert (answer.status_code, answer.json()) == (202, {"taken": 0}), wrong
    rough = {"answers": {"cost": ["много"], "benefits": 5, "unknown": "x"}, "photos": [5, "ftp://x"], "lat": True}
    for given in (rough, {"answers": ["x"], "photos": "x", "lng": 38.0, "time": 5}):
        answer = await client.post(UPDATES, **signed(make_update(1, **born, **whole, **given, entry=str(uuid.uuid4()))))
        assert answer.json() == {"taken": 1}, given
    rows = await context.database.rows(
        "SELECT category, answers, lat, lng FROM problems WHERE id <> :own ORDER BY number", own=own.problem_id
    )
    assert [tuple(row) for row in rows] == [("other", '{"benefits":"5"}', None, None), ("other", "{}", None, None)]
