"""Attacks by somebody who knows the source code, over HTTP, on photos, the embed kit and the private page."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import resource
import select
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import orjson
import pytest
from aiohttp import web

from tests.api.test_photos import jpeg
from tests.conftest import ONE_DATABASE, Client, running
from tests.factories import (
    AGENT,
    EMAIL,
    HOST_ORIGIN,
    OPERATOR,
    PUBLIC_URL,
    RESIDENT,
    make_report,
    make_site,
    problem_body,
    submit_report,
)
from tests.support.brute_force import client_from, record_delays
from tests.support.cabinet import Enter
from tests.support.mail import MailSink
from tests.support.processes import Service as Running
from tests.support.processes import run_command
from widget_api import clock, outbound
from widget_api.app import open_context
from widget_api.attachments.photos import intake
from widget_api.attachments.photos.service import receive
from widget_api.browse import api as problem_routes
from widget_api.context import Context
from widget_api.database import Database, Transaction
from widget_api.deliveries import queue
from widget_api.errors import Invalid
from widget_api.mail import links as letters
from widget_api.open311 import parse
from widget_api.ops import retention
from widget_api.outbound import Answer, Failed, Outbound
from widget_api.people import accounts
from widget_api.platform import request, update_import
from widget_api.platform.model import Platform
from widget_api.platform.store import links, platforms
from widget_api.problems import dialogue, lifecycle
from widget_api.problems.model import Actor, Change, Contact, Photo, Status, Update
from widget_api.problems.store import records
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites.install import inspection, markup, service, sightings
from widget_api.sites.install.inspection import ExpectedService
from widget_api.sites.install.sightings import MAX_ORIGINS
from widget_api.sites.model import Site
from widget_api.web.bodies import MAX_UPLOADS_PER_ADDRESS
from widget_api.web.brute_force import FREE_ATTEMPTS
from widget_api.worker import Worker


@pytest.fixture
def database(app: Any) -> Database:
    found: Database = app.state.context.database
    return found


@asynccontextmanager
async def calling(settings: Settings) -> AsyncIterator[tuple[Any, Client]]:
    """The application under other settings, called from a loopback address."""
    async with running(settings) as app:
        transport = httpx2.ASGITransport(app=app)
        async with httpx2.AsyncClient(transport=transport, base_url=settings.public_url) as client:
            yield app, client


async def published(database: Database, site: Site, **changes: Any) -> tuple[str, int]:
    """A report that the agency accepted: its identifier and number."""
    receipt = await submit_report(database, site, **changes)
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    return receipt.problem_id, receipt.number


async def resolved(database: Database, site: Site) -> tuple[str, int]:
    problem_id, number = await published(database, site)
    await lifecycle.change(database, AGENT, site.id, problem_id, Change(to="resolved", text="Яма засыпана"))
    return problem_id, number


async def version_of(client: Client, site: Site) -> str:
    return str((await client.get(f"/api/v1/sites/{site.key}")).json()["consent"]["version"])


# --- input that broke the service ----------------------------------------------------------------------------------


@ONE_DATABASE
async def test_bad_paths_nested_json_and_charsets_break_nothing(client: Client, site: Site) -> None:
    for name in ("%00", "a%00b", "a" * 5000, "..%2f..%2fsettings.py", "%2e%2e/%2e%2e/settings.py"):
        for folder in ("/static/", "/w/1/"):
            assert (await client.get(folder + name)).status_code == 404, folder
    for deep in ("[" * 300 + "]" * 300, '{"a":' * 500 + "1" + "}" * 500):
        body = orjson.dumps(problem_body(await version_of(client, site)))[:-1] + b',"x":' + deep.encode() + b"}"
        answer = await client.post(
            f"/api/v1/sites/{site.key}/problems",
            content=body,
            headers={"Content-Type": "application/json", "Idempotency-Key": "deep", "Origin": HOST_ORIGIN},
        )
        assert (answer.status_code, answer.json()["code"]) == (400, "malformed")
    for charset in ("undefined", "idna", "zlib", "no-such", "unicode_escape"):
        body = b'--X\r\nContent-Disposition: form-data; name="description"\r\n\r\n\xff\\ud800\r\n--X--\r\n'
        headers = {"Content-Type": f"multipart/form-data; boundary=X; charset={charset}"}
        answer = await client.post("/open311/v2/requests.json", content=body, headers=headers)
        assert answer.status_code in (400, 403), charset


async def test_a_forged_cabinet_cursor_is_ignored(enter: Enter, site: Site) -> None:
    client = (await enter("agent", site.agency.id)).client
    for forged in ("1.99999999999999999.x", f"{2**62}.1.x", f"1.{2**31}.{site.id}"):
        assert (await client.get("/cabinet/problems", params={"after": forged})).status_code == 200


# --- who is calling ------------------------------------------------------------------------------------------------


async def test_forwarded_addresses_set_by_the_client_are_ignored(
    make_settings: Callable[..., Settings], database_url: str
) -> None:
    """Some proxies add a separate header line (HAProxy), others append to the client's line."""
    forged = [("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-For", "203.0.113.9")]
    settings = make_settings(database_url=database_url, trusted_proxies="127.0.0.1", challenge="off")
    async with calling(settings) as (app, client):
        site = await make_site(app.state.context.database)
        answer = await client.post(
            f"/api/v1/sites/{site.key}/problems",
            json=problem_body(await version_of(client, site)),
            headers=[*forged, ("Idempotency-Key", "1"), ("Origin", HOST_ORIGIN)],
        )
        assert answer.status_code == 201, answer.text
        kept = await app.state.context.database.rows("SELECT ip FROM consents")
        assert [row["ip"] for row in kept] == ["203.0.113.9"]


async def test_metrics_are_not_public_behind_a_local_proxy(client: Client) -> None:
    assert (await client.get("/metrics")).status_code == 200
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP"):
        assert (await client.get("/metrics", headers={name: "127.0.0.1"})).status_code == 404, name


async def test_metrics_in_production_need_the_token(make_settings: Callable[..., Settings], database_url: str) -> None:
    """A bare proxy on this machine adds no header, so its requests look local."""
    chosen = {"environment": "production", "database_url": database_url}
    async with calling(make_settings(**chosen)) as (_, client):
        for headers in ({}, {"Authorization": "Bearer "}, {"Authorization": "Bearer guess"}):
            assert (await client.get("/metrics", headers=headers)).status_code == 404
    async with calling(make_settings(**chosen, metrics_token="figures-for-prometheus")) as (_, client):
        for given in ("", "Bearer", "Bearer guess", "Basic figures-for-prometheus", "figures-for-prometheus"):
            assert (await client.get("/metrics", headers={"Authorization": given})).status_code == 404, given
        for given in ("Bearer figures-for-prometheus", "bearer figures-for-prometheus"):
            answer = await client.get("/metrics", headers={"Authorization": given})
            assert answer.status_code == 200
            assert "widget_queue_length" in answer.text


async def test_hsts_is_sent(make_settings: Callable[..., Settings], database_url: str) -> None:
    """Otherwise an attacker on the network answers the next http:// address that somebody types (RFC 6797)."""
    paths = ("/healthz", "/cabinet/sign-in", "/display?theme=blue", "/nothing", "/api/v1/sites/wk_nobody", "/metrics")
    for url, expected in (("https://widget.test", ["max-age=31536000"]), ("http://widget.test", [])):
        async with calling(make_settings(database_url=database_url, public_url=url)) as (app, client):
            key = (await make_site(app.state.context.database)).key
            kept = f"/api/v1/sites/{key}/problems"
            answers = [await client.get(path) for path in (*paths, "/static/nothing", f"/s/{key}", kept, kept, kept)]
            for answer in (*answers, await client.post("/api/v1/sites/wk_nobody/problems", content=b"")):
                assert answer.headers.get_list("strict-transport-security") == expected, answer.url


async def test_differently_written_numbers_share_one_guess_counter(app: Any, client: Client, site: Site) -> None:
    waited = record_delays(app)
    receipt = await submit_report(app.state.context.database, site, email=None)
    for guess in range(FREE_ATTEMPTS + 10):
        written = f"{'№ ' if guess % 2 else ''}{'0' * (guess % 7)}{receipt.number}{' ' * (guess % 3)}"
        data = {"site": site.key, "number": written, "code": "AAAAAAAA"}
        async with client_from(app, f"198.{guess}.100.1") as stranger:
            assert (await stranger.post("/track", data=data)).status_code == 422
    assert waited == [1, 2, 4, 8, 16, 16, 16, 16, 16, 16]


# --- what costs memory or time -------------------------------------------------------------------------------------


async def test_the_answer_cache_limit_includes_its_keys(client: Client, site: Site) -> None:
    kept = problem_routes._answers._cache
    kept.clear()
    for number in range(3):
        await client.get(f"/api/v1/sites/{site.key}/problems?status=new&limit={number + 1}")
    assert len(kept) == 3
    assert sum(map(len, kept)) <= kept.currsize


async def test_an_oversized_multipart_form_is_refused_before_it_fills_the_memory(client: Client, site: Site) -> None:
    part = '--X\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    for body in (
        "".join(part.format(f"f{number}", "y" * 30_000) for number in range(1000)),
        part.format("description", "y" * 200_000),
    ):
        answer = await client.post(
            "/open311/v2/requests.json",
            content=f"{body}--X--\r\n",
            headers={"Content-Type": "multipart/form-data; boundary=X"},
        )
        assert answer.status_code == 400


async def test_georeport_reads_without_a_key_are_rate_limited(
    client: Client, site: Site, app: Any, database: Database
) -> None:
    token = await changes.add_token(database, site.id, "georeport")
    limits = app.state.context.limits
    for _ in range(1200):
        await limits.hit("georeport_reads", "127.0.0.1", site.id)
    # residents behind that address can still search
    assert (await client.get(f"/s/{site.key}?q=яма")).status_code == 200
    for path in ("requests", "servicerequestupdates"):
        answer = await client.get(f"/open311/v2/{path}.json")
        assert (answer.status_code, "retry-after" in answer.headers) == (429, True)
        assert (await client.get(f"/open311/v2/{path}.json?api_key={token}")).status_code == 200


async def test_georeport_writes_are_rate_limited_per_token_except_platform_tokens(
    client: Client, site: Site, app: Any, database: Database
) -> None:
    answered_by: dict[Any, int] = {"georeport": 429, "platform": 400}
    for scope, answered in answered_by.items():
        token, other = [await changes.add_token(database, site.id, scope) for _ in range(2)]
        row = await database.row("SELECT id FROM tokens WHERE token_hash = :hash", hash=changes.hash_token(token))
        assert row is not None, scope
        for _ in range(600):
            await app.state.context.limits.hit("georeport", row["id"])
        for path in ("requests", "servicerequestupdates"):
            address = f"/open311/v2/{path}.json"
            statuses = [(await client.post(address, data={"api_key": key})).status_code for key in (token, other)]
            assert statuses == [answered, 400], path


async def test_spellings_of_a_mailbox_are_one_for_limits_of_letters_and_erasure(database: Database, site: Site) -> None:
    """Mail systems treat all these domains as one (RFC 3490, section 4), and most of them ignore what follows a «+»."""
    for _ in range(3):
        await submit_report(database, site, email="victim@example.test")
    for address in (
        "victim+1@example.test",
        "victim@ｅxample.test",
        "victim@exam\u00adple.test",
        "VICTIM+2@EXAMPLE。test",
    ):
        receipt = await submit_report(database, site, email=address)
        left = await database.rows("SELECT id FROM deliveries WHERE problem_id = :id", id=receipt.problem_id)
        assert not left, address
    receipt = await submit_report(database, site, email="anna@почта.рф")
    erased = await retention.erase_person(database, "anna@XN--80A1ACNY.xn--p1ai")
    assert [one["number"] for one in erased] == [receipt.number]
    assert not await retention.erase_person(database, "anna+1@почта.рф")


# --- what must not be public ---------------------------------------------------------------------------------------


async def test_unmoderated_words_of_an_author_are_not_public(client: Client, database: Database, site: Site) -> None:
    problem_id, number = await resolved(database, site)
    await lifecycle.change(database, RESIDENT, site.id, problem_id, Change(to="reopened", text="КАНАРЕЙКА"))
    other = await changes.add_token(database, site.id, "georeport")
    trusted = await changes.add_token(database, site.id, "platform")
    for path in (
        f"/api/v1/sites/{site.key}/problems",
        f"/api/v1/sites/{site.key}/problems/{number}",
        f"/s/{site.key}",
        f"/s/{site.key}/problems/{number}",
        *(f"/open311/v2/{name}" for name in ("requests.json", f"requests/{number}.xml", "servicerequestupdates.json")),
        f"/open311/v2/servicerequestupdates.xml?api_key={other}",
        f"/open311/v2/requests.json?api_key={other}&extensions=true",
    ):
        answer = await client.get(path)
        assert answer.status_code == 200, path
        assert "КАНАРЕЙКА" not in answer.text, path
    feed = await client.get(f"/open311/v2/servicerequestupdates.json?api_key={trusted}")
    assert "КАНАРЕЙКА" in feed.text


async def test_an_author_cannot_publish_a_rejected_report(client: Client, database: Database, site: Site) -> None:
    receipt = await submit_report(database, site)
    reject = Change(to="rejected", text="Здесь персональные данные соседа")
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, reject)
    path = f"/api/v1/sites/{site.key}/problems/{receipt.number}"
    assert (await client.get(path)).status_code == 404
    again = Change(to="reopened", text="Опубликуйте")
    await lifecycle.change(database, RESIDENT, site.id, receipt.problem_id, again)
    assert (await client.get(path)).status_code == 404
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="in_progress"))
    assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("later", [("in_progress",), ("in_progress", "planned", "resolved"), ("reopened", "accepted")])
async def test_no_platform_republishes_a_withdrawn_report(
    client: Client, database: Database, site: Site, later: tuple[Status, ...]
) -> None:
    problem_id, number = await published(database, site)
    await lifecycle.change(database, RESIDENT, site.id, problem_id, Change(to="withdrawn"))
    row = await records.full(database, site.id, problem_id)
    assert row is not None
    for step, status in enumerate(later, 1):
        update = Update(id=f"00000000-0000-4000-8000-00000000000{step}", at=row["status_at"] + step, status=status)
        await lifecycle.import_update(database, Actor(kind="platform", source="p"), site.id, problem_id, update)
    assert (await client.get(f"/api/v1/sites/{site.key}/problems/{number}")).status_code == 404
    assert (await client.get(f"/s/{site.key}/problems/{number}")).status_code == 404
    assert (await client.get(f"/open311/v2/requests/{number}.json")).status_code == 404


async def test_personal_data_is_in_no_public_answer(client: Client, database: Database, site: Site) -> None:
    canaries = {"name": "Канарейкина Анна", "phone": "+7 900 555-35-35", "email": "canary@mail.test"}
    report = make_report(contact=Contact(**canaries, publish_name=True), page_url="https://gorod.test/canary-page")
    problem_id, number = await published(
        database, site, contact=report.contact, page_url=report.page_url, device="canary-device"
    )
    await accounts.add_user(database, email="canary-agent@a.test", role="agent", agency_id=site.agency.id)
    row = await database.row("SELECT user_id FROM events WHERE user_id IS NOT NULL")
    assert row is None
    private = (*canaries.values(), "canary", "203.0.113.7", problem_id)
    api, pages, georeport = f"/api/v1/sites/{site.key}", f"/s/{site.key}", "/open311/v2"
    for path in (
        *(api, f"{api}/problems", f"{api}/problems?q=canary", f"{api}/problems/{number}"),
        *(pages, f"{pages}/report", f"{pages}/embed", f"{pages}/problems/{number}", f"{pages}/consent"),
        *(f"{georeport}/{name}" for name in ("services.xml", "requests.xml?extensions=true", "requests.json")),
        *(f"{georeport}/{name}" for name in (f"requests/{number}.xml?extensions=true", f"tokens/{number}.json")),
        *(f"{georeport}/servicerequestupdates.xml", "/open311/discovery.xml"),
        *("/metrics", "/healthz", "/readyz", "/track", "/sites/new"),
    ):
        answer = await client.get(path)
        assert answer.status_code == 200, path
        for canary in private:
            assert canary not in answer.text, (path, canary)


@pytest.mark.parametrize("address", ["javascript:alert(document.domain)", "data:text/html,x", "//evil.test"])
async def test_links_from_platforms_are_http_or_dropped(
    client: Client, app: Any, database: Database, site: Site, address: str
) -> None:
    problem_id, _ = await published(database, site)
    platform = Platform(
        id="p", name="P", url="https://p.test", key="k", protocol="georeport", jurisdiction=None, contacts="none",
        site_id=None,
    )  # fmt: skip
    await platforms.insert_platform(database, platform)

    async def old(tx: Transaction) -> None:  # as stored by earlier releases, which did not check
        await links.insert_link(
            tx, problem_id=problem_id, platform_id="p", site_id=site.id, remote_id="7", remote_token=None,
            remote_url=address,
        )  # fmt: skip

    await database.write(old)
    page = await client.get(letters.track_url(app.state.context, problem_id))
    assert "P:" in page.text
    assert f'href="{address}"' not in page.text
    reply = parse.RemoteRequest(id="7", extended={"url": address})
    assert request.remote_url(reply) is None
    assert request.remote_url(parse.RemoteRequest(id="7", extended={"url": "https://"})) is None
    assert request.remote_url(parse.RemoteRequest(id="7", extended={"url": "https://p.test/7"})) == "https://p.test/7"


async def test_a_mail_servers_refusal_does_not_reveal_the_address(
    database_url: str, make_settings: Callable[..., Settings], mail_sink: MailSink, caplog: pytest.LogCaptureFixture
) -> None:
    """Mail servers repeat the address; their message is shown to viewers and outlives the erasure of the contact."""
    mail_sink.refusal = f"550 5.1.1 <{EMAIL}>: Recipient address rejected ({EMAIL.upper()} unknown)"
    mail_sink.behaviour = "refuse"
    async with open_context(make_settings(database_url=database_url)) as context:
        site = await make_site(context.database)
        await submit_report(context.database, site)
        worker = Worker(context)
        for one in await queue.claim(context.database, worker.holder, 10, 2**31 - 1):
            await worker._deliver_group([one])
        rows = [
            *await context.database.rows("SELECT last_error AS said FROM deliveries"),
            *await context.database.rows("SELECT error AS said FROM delivery_attempts"),
        ]
    assert len(rows) == 2
    for row in rows:
        assert "550 5.1.1" in row["said"]
        assert EMAIL not in row["said"].lower()
    assert EMAIL not in caplog.text


def test_data_files_are_not_readable_by_other_users(tmp_path: Path) -> None:
    settings = {"WIDGET_DATA": str(tmp_path / "data"), "WIDGET_DATABASE_URL": f"sqlite:///{tmp_path}/data/widget.db"}
    run_command("migrate", settings=settings, directory=tmp_path)
    made = [tmp_path / "data", *(tmp_path / "data").iterdir()]
    assert {"widget.db", "secret_keys"} <= {path.name for path in made}
    for path in made:
        assert not path.stat().st_mode & 0o077, path


# --- out of the house ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(handler: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[int]:
    """A web server of this machine; the port."""
    application = web.Application()
    application.router.add_get("/", handler)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "１２７.0.0.1", "127。0。0。1", "①27.0.0.1", "127.1", "2130706433", "[::1]"]
)
async def test_no_spelling_of_an_internal_address_is_requested(host: str) -> None:
    """yarl normalises digits and connects to literal addresses without the resolver."""
    called: list[str] = []

    async def inside(request: web.Request) -> web.Response:
        called.append(request.host)
        return web.Response()

    async with listening(inside) as port:
        caller = Outbound(production=False)
        with pytest.raises((outbound.Forbidden, outbound.Failed)):
            await caller.request("GET", f"http://{host}:{port}/", operator=False)
        await caller.close()
    assert called == []


@pytest.mark.parametrize("position", ["²", "9" * 5000, str(2**40), "-1"])
def test_no_feed_position_of_a_platform_stops_polling(position: str) -> None:
    fields = parse.RemoteUpdate(
        id="1", request_id="1", status=None, at=None, description=None, extended={"position": position}
    )
    assert update_import.log_position(fields) is None


@pytest.mark.parametrize("charset", ["undefined", "idna", "no-such", "zlib"])
def test_no_charset_of_a_platform_stops_polling(charset: str) -> None:
    assert parse.parse_error(b"\xff\xfe nonsense", f"text/plain; charset={charset}")


# --- Attacks on photos, the embed kit and the private page by somebody who knows the source code ---


@pytest.mark.parametrize(
    "page",
    ["<a x='&#" + "9" * 5000 + ";'>", "<a x='&#x" + "f" * 9000 + ";'>", "<base href='https://['><a href='//[wk_'>"],
)
def test_no_page_breaks_the_page_parser(page: str) -> None:
    held = ExpectedService(public_url=PUBLIC_URL, keys={})
    answer = Answer(200, {"content-type": "text/html"}, page.encode())
    assert [line.code for line in inspection.check_page(held, f"{HOST_ORIGIN}/", answer)] == ["nothing"]


def test_many_links_under_a_long_base_url_are_resolved_quickly() -> None:
    """Joining a URL scans the whole base: 90,000 links under a base of 16 kB took 40 seconds."""
    base = f"<base href='{HOST_ORIGIN}/{'a/' * 7000}'>"
    for link in ("<a href=b>", "<a href=wk_>", "<script src=loader.js></script>", "<iframe src=wk_></iframe>"):
        page = (base + link * (inspection.MAX_PAGE_SIZE // len(link)))[: inspection.MAX_PAGE_SIZE]
        begun = time.process_time()
        markup.parse_markup(page, f"{HOST_ORIGIN}/")
        assert time.process_time() - begun < 4, link


async def test_a_redirect_without_a_valid_url_is_a_failure(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def moved(*_: Any, **__: Any) -> Answer:
        return Answer(302, {"location": "https://[gorod.test/"}, b"")

    monkeypatch.setattr(Outbound, "request", moved)
    token = service.make_check_url(context.settings, site).partition("token=")[2]
    answer = await client.post(
        f"/s/{site.key}/install/check",
        params={"token": token},
        data={"url": f"{HOST_ORIGIN}/"},
        headers={"Origin": PUBLIC_URL},
    )
    assert answer.status_code in (200, 422), answer.text


@pytest.mark.parametrize("written", [False, True], ids=["in memory", "in the table"])
async def test_made_up_origins_displace_no_others(client: Client, context: Context, site: Site, written: bool) -> None:
    for index in range(MAX_ORIGINS + 5):
        answer = await client.get(f"/api/v1/sites/{site.key}/challenge", headers={"Origin": f"https://x{index}.test"})
        assert answer.status_code == 403
    if written:
        await context.sightings.flush(context.database)
    for query in ("", "?failed=connect-src"):
        await client.get(f"/api/v1/sites/{site.key}/challenge{query}", headers={"Origin": HOST_ORIGIN})
    await context.sightings.flush(context.database)
    seen = await sightings.list_since(context.database, site.id, "")
    assert {one.kind for one in seen if one.origin == HOST_ORIGIN} == {"seen", "failed.connect"}
    assert len({one.origin for one in seen}) <= MAX_ORIGINS + 2, "its own, and one for the rest"


async def test_spam_sends_no_letters(context: Context) -> None:
    site = await make_site(context.database, agency={"mode": "email"}, moderation="before")
    receipt = await submit_report(context.database, site)
    await lifecycle.confirm(context.database, site.id, receipt.problem_id)
    await lifecycle.mark_spam(context.database, OPERATOR, site.id, receipt.problem_id, True)
    said = dialogue.Clarification(id="", text="Купите у нас")
    await dialogue.clarify(context.database, site, receipt.problem_id, said)
    sent = await context.database.rows(
        "SELECT e.kind FROM deliveries d JOIN events e ON e.id = d.event_id WHERE d.sink = 'agency'"
    )
    assert "clarified" not in [row["kind"] for row in sent]


async def test_an_unused_number_is_not_found(client: Client, site: Site) -> None:
    for number in ("9999999999", "99999999999999999999", "0", "٣"):
        assert (await client.get(f"/s/{site.key}/problems/{number}")).status_code == 404, number
        assert (await client.get(f"/api/v1/sites/{site.key}/problems/{number}")).status_code == 404


@pytest.mark.parametrize("flood", ["10.0.0.1", "2001:db8:0:{number:x}::1"], ids=["an address", "networks of a /48"])
async def test_files_of_one_sender_never_hold_all_decoders(monkeypatch: pytest.MonkeyPatch, flood: str) -> None:
    begun, going_on, done = asyncio.Event(), asyncio.Event(), list[int]()
    flooding = list[asyncio.Task[None]]()

    async def decode(descriptor: int) -> bytes:
        begun.set()
        if asyncio.current_task() in flooding:
            await going_on.wait()
        done.append(descriptor)
        return b'{"error": "photo_broken"}\n'

    monkeypatch.setattr(intake, "_run_decoder", decode)
    children = intake.Intake()

    async def one(sender: str) -> None:
        with pytest.raises(Invalid):
            await children.convert(b"x", sender)

    flooding += [asyncio.create_task(one(flood.format(number=number))) for number in range(40)]
    await begun.wait()
    async with asyncio.timeout(30):
        await one("10.1.0.1")  # while all that another has in work goes on and on
    going_on.set()
    await asyncio.gather(*flooding)
    assert len(done) == 41


def site_key(service: Running) -> str:
    agency = service.cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    added = service.cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", HOST_ORIGIN)
    return str(added["key"])


def refused(service: Running, key: str) -> bool:
    answer = httpx2.post(f"{service.url}/api/v1/sites/{key}/photos", files={"file": ("x.jpg", b"", "image/jpeg")})
    return answer.status_code == 429


def test_one_address_cannot_fill_the_disk_with_endless_uploads(serve: Callable[..., Running]) -> None:
    """Rate limits count complete requests: 120 connections left 1.1 GB of temporary files within seconds."""
    service = serve()
    key = site_key(service)
    head = (
        f"POST /api/v1/sites/{key}/photos HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="x.jpg"\r\n\r\n'
    ).encode()
    with contextlib.ExitStack() as opened:
        sockets = []
        for _ in range(MAX_UPLOADS_PER_ADDRESS + 8):
            one = opened.enter_context(socket.create_connection(("127.0.0.1", service.port), timeout=10))
            one.sendall(head + b"x" * 100_000)
            sockets.append(one)
        # The uploads that the service reads last are refused, the others are still being sent.
        answered = list[bytes]()
        deadline = time.monotonic() + 20
        while len(answered) < 8 and time.monotonic() < deadline:
            for one in select.select(sockets, [], [], 1)[0]:
                answered.append(one.recv(12))
                sockets.remove(one)
        assert answered == [b"HTTP/1.1 429"] * 8
        assert select.select(sockets, [], [], 0.5)[0] == []
    deadline = time.monotonic() + 10
    while refused(service, key) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not refused(service, key), "who went away counts no more"


async def test_the_dialogue_with_the_author_is_in_no_public_read(client: Client, context: Context, site: Site) -> None:
    receipt = await submit_report(
        context.database,
        site,
        contact=Contact(email="canary-mail@x.test", name="Канарейкин", phone="+7 999 000-11-22"),
    )
    database, problem_id = context.database, receipt.problem_id
    await lifecycle.confirm(database, site.id, problem_id)
    await lifecycle.change(database, AGENT, site.id, problem_id, Change(to="accepted"))
    await dialogue.ask(database, AGENT, site.id, problem_id, "canary-question")
    photo = await receive(context, site.id, jpeg())
    said = dialogue.Clarification(id=clock.new_id(), text="canary-words", photos=(Photo(photo.id, "canary-alt"),))
    await dialogue.clarify(database, site, problem_id, said)
    await lifecycle.change(database, AGENT, site.id, problem_id, Change(to="resolved", text="Готово"))
    await dialogue.rate(database, site.id, problem_id, 2, "canary-opinion")
    api, number = f"/api/v1/sites/{site.key}", receipt.number
    asked = f"jurisdiction_id={site.jurisdiction}&extensions=true"
    for address in (
        f"{api}/problems",
        f"{api}/problems?q=canary",
        f"{api}/problems/{number}",
        f"{api}/similar?lat=55.0794&lng=38.7783&category=roads",
        f"/s/{site.key}",
        f"/s/{site.key}/problems/{number}",
        *(
            f"/open311/v2/{name}.{kind}?{asked}"
            for name in ("requests", f"requests/{number}", "servicerequestupdates")
            for kind in ("json", "xml")
        ),
    ):
        answer = await client.get(address)
        assert answer.status_code == 200, address
        for canary in ("canary-", "Канарейкин", "000-11-22", photo.id):
            assert canary not in answer.text.replace("q=canary", ""), (address, canary)
    for size in ("", ".thumb"):
        assert (await client.get(f"/photos/{photo.id}{size}.jpg")).status_code == 404


async def test_a_compressed_page_is_not_decompressed_beyond_the_limit() -> None:
    packed = gzip.compress(b"\0" * 200_000_000, 9)

    async def bomb(_: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "text/html"})

    async with listening(bomb) as port:
        caller = Outbound(production=False)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(Failed, match="larger than"):
            await caller.request("GET", f"http://127.0.0.1:{port}/", operator=True, limit=inspection.MAX_PAGE_SIZE)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024, "kilobytes"
        await caller.close()


@ONE_DATABASE
async def test_the_client_does_not_choose_the_charset_of_a_form(client: Client, site: Site) -> None:
    """Decoding Punycode takes quadratic time: one form of 200 fields blocked all other requests for half a minute."""
    for charset in ("punycode", "idna", "utf-7", "unicode_escape"):
        part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 65_000 + b"\r\n"
        begun = time.process_time()
        answer = await client.post(
            f"/s/{site.key}/report",
            content=part * 199 + b"--b--\r\n",
            headers={"Content-Type": f'multipart/form-data; boundary=b; charset="{charset}"', "Origin": PUBLIC_URL},
        )
        assert answer.status_code == 415, charset
        answer = await client.post(
            "/open311/v2/requests.json",
            content=part[:1000] + b"--b--\r\n",
            headers={"Content-Type": f"multipart/form-data; boundary=b; charset={charset}"},
        )
        assert answer.status_code == 400
        assert time.process_time() - begun < 4


async def test_the_moderator_sees_all_text_that_becomes_public(enter: Enter, context: Context, site: Site) -> None:
    """Alternative texts of photos are published with the report; hidden in an attribute, nobody would moderate them."""
    photo = await receive(context, site.id, jpeg())
    receipt = await submit_report(context.database, site, photos=(Photo(photo.id, "Звоните Канарейкину"),))
    cabinet = await enter("agent", site.agency.id)
    page = await cabinet.read(f"/cabinet/problems/{receipt.problem_id}")
    assert "Звоните Канарейкину" in page.text
