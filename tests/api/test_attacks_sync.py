"""Attacks on synchronisation: what a token, a platform's key or a platform's answer must not be able to do."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.api.test_georeport_server import ROOT, accept, post, send
from tests.api.test_platform_mirror import own
from tests.api.test_platform_webhook import UPDATES, make_update, signed
from tests.conftest import Client
from tests.factories import AGENT, existing, submit_report
from tests.fake_platform import FakePlatform
from widget_api import clock, redaction
from widget_api.cli import running as command_line
from widget_api.context import Context
from widget_api.database import Database
from widget_api.deliveries import queue
from widget_api.deliveries.model import Retry
from widget_api.open311 import parse
from widget_api.platform import pull, request
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms
from widget_api.problems import lifecycle, remote_pictures
from widget_api.problems.model import Change
from widget_api.problems.traces import hash_text
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites.model import Site

pytestmark = pytest.mark.site(jurisdiction="gorod.test", agency={"mode": "email"})


@pytest.fixture
def settings(fake: FakePlatform, make_settings: Callable[..., Settings], database_url: str) -> Settings:
    return make_settings(database_url=database_url, platform_url=fake.url, platform_key="secret", work="off")


@pytest.fixture
def database(context: Context) -> Database:
    return context.database


async def problem_of(database: Database, number: str) -> Any:
    return await database.row("SELECT * FROM problems WHERE number = :number", number=int(number))


# --- a token of scope «georeport» -----------------------------------------------------------------------------------


async def test_a_sender_cannot_publish_a_rejected_one(client: Client, database: Database, site: Site, key: str) -> None:
    for later in ("IN_PROGRESS", "FIXED", "OPEN", "INTERNAL_REFERRAL"):
        number = await send(client, key)
        row = await problem_of(database, number)
        await lifecycle.change(database, AGENT, site.id, row["id"], Change(to="rejected", text="Данные соседа"))
        fields = {"api_key": key, "service_request_id": number}
        for status in (later, "REOPEN", later):
            await post(client, "servicerequestupdates.json", fields | {"status": status, "description": status})
            assert (await client.get(f"{ROOT}/requests/{number}.json")).status_code == 404, status
        assert not (await problem_of(database, number))["published"], later
        assert (await problem_of(database, number))["status"] in ("rejected", "reopened")  # its author may ask again


async def test_a_request_withdrawn_before_moderation_is_delivered_to_nobody(
    client: Client, database: Database, site: Site, key: str
) -> None:
    """Withdrawn and submitted again it would reach the agency's mailbox past its moderator, without its spam mark."""
    number = await send(client, key)
    row = await problem_of(database, number)
    await lifecycle.mark_spam(database, AGENT, site.id, row["id"], True)
    fields = {"api_key": key, "service_request_id": number}
    for _ in range(2):  # a repetition is recognised, not refused
        back = fields | {"status": "CANCELLED", "update_id": "7"}
        assert (await post(client, "servicerequestupdates.json", back)).status_code == 200
    assert (await post(client, "servicerequestupdates.json", fields | {"status": "REOPEN"})).status_code == 400
    row = await problem_of(database, number)
    assert (row["status"], row["released_at"], row["published"]) == ("withdrawn", None, False)
    assert await database.row("SELECT * FROM deliveries WHERE sink = 'agency' AND state <> 'dropped'") is None


async def test_a_token_cannot_decide_problems_of_another_platform(
    client: Client, database: Database, site: Site, key: str
) -> None:
    number = await send(client, await changes.add_token(database, site.id, "georeport"))
    problem_id = await accept(database, site, number)
    mirrored = "UPDATE problems SET mirror_of = 'elsewhere', source = 'platform' WHERE id = :id"
    await database.write(lambda tx: tx.run(mirrored, id=problem_id), site.id)
    fields = {"api_key": key, "service_request_id": number, "status": "FIXED", "description": "Сделано"}
    assert (await post(client, "servicerequestupdates.json", fields)).status_code == 403
    assert (await problem_of(database, number))["status"] == "accepted"


# --- what a platform answers ----------------------------------------------------------------------------------------


async def second(context: Context) -> tuple[FakePlatform, str]:
    """A second, well-behaved platform of the same site."""
    made = await FakePlatform().start()
    platform = Platform(id=clock.new_id(), name="Другая", url=made.url, key="k" * 20, protocol="georeport")
    await platforms.insert_platform(context.database, platform)
    return made, platform.id


def change(**values: Any) -> dict[str, Any]:
    return {"update_id": "1", "service_request_id": "901", "status": "IN_PROGRESS", "description": "Идём"} | values


LONG_AGO = "0001-01-01T00:00:00+14:00"


@pytest.mark.parametrize(
    ("requests", "updates"),
    [
        ([own(requested_datetime=LONG_AGO, updated_datetime=LONG_AGO)], []),
        ([own()], [change(updated_datetime=LONG_AGO)]),
        ([own(requested_datetime="9999-12-31T23:59:59-14:00")], [change(updated_datetime="9999-12-31T23:59:59-14:00")]),
        ([own(service_request_id="".join(uuid.uuid4().hex for _ in range(300))), own()], []),
        ([own(service_request_id="../901?a=b#c"), own()], []),
        ([own(media_url="https://x.test/" + "a" * 100_000)], []),
        ([own()], [change(update_id=str(number), service_request_id=str(number)) for number in range(33_000)]),
        ([own()], [change(update_id=str(uuid.uuid4()), extended_attributes={
            "kind": "status", "status_code": "forwarded", "responsible": "я" * 100_000})]),
        ([own()], [change(update_id=str(uuid.uuid4()), extended_attributes={
            "kind": "status", "status_code": "planned", "expected_on": "0001-01-01"})]),
    ],
    ids=["received", "changed", "late", "long id", "path", "address", "many", "responsible", "day"],
)  # fmt: skip
async def test_no_platform_answer_breaks_a_page_or_polling(
    client: Client, context: Context, site: Site, fake: FakePlatform, requests: Any, updates: Any
) -> None:
    fake.own, fake.news = requests, updates
    platform = existing(await platforms.find_platform(context.database, "default"))
    for _ in range(2):
        assert await pull.poll_site(context.database, context.outbound, platform, site.id, respect_pauses=False) is None
    (row, *_) = await context.database.rows("SELECT number FROM problems")
    for path in (
        f"/api/v1/sites/{site.key}/problems",
        f"/s/{site.key}/problems/{row['number']}",
        f"{ROOT}/requests.xml?extensions=true&service_request_id={row['number']}",
        f"{ROOT}/servicerequestupdates.json?service_request_id={row['number']}",
    ):
        answer = await client.get(path)
        assert answer.status_code == 200, path
        assert len(answer.content) < 100_000, path


async def test_invalid_answers_of_one_platform_do_not_block_others(
    context: Context, site: Site, monkeypatch: pytest.MonkeyPatch, fake: FakePlatform
) -> None:
    other, other_id = await second(context)
    other.own = [own(description="Другая яма")]
    ask_of = pull.poll_site

    async def failing(database: Database, outbound: Any, platform: Platform, site_id: str, **named: Any) -> Any:
        if platform.id == "default":
            raise KeyError("something nobody thought of")
        return await ask_of(database, outbound, platform, site_id, **named)

    monkeypatch.setattr(pull, "poll_site", failing)
    await pull.poll_platforms(context)
    await other.stop()
    assert [row["description"] for row in await context.database.rows("SELECT description FROM problems")] == [
        "Другая яма"
    ]
    rows = await context.database.rows("SELECT platform_id, last_error FROM platform_cursors")
    assert {row["platform_id"]: row["last_error"] for row in rows} == {"default": "KeyError", other_id: None}


async def test_an_endless_answer_of_one_platform_does_not_block_others(
    context: Context, site: Site, monkeypatch: pytest.MonkeyPatch, fake: FakePlatform
) -> None:
    other, _ = await second(context)
    fake.away = "hang"
    asking: pull.PollTasks = {}
    for number in range(2):
        other.own = [own(901 + number)]
        await pull.start_polling(context, asking)
        waiting = [task for name, task in asking.items() if name != "default"]
        await asyncio.wait_for(asyncio.gather(*waiting), 30)
    assert not asking["default"].done()
    asking["default"].cancel()
    await other.stop()
    assert len([call for call in other.calls if call.path == "servicerequestupdates"]) == 2
    monkeypatch.setattr(pull, "SITE_TIMEOUT", 0.2)
    await pull.poll_platforms(context)
    (row,) = await context.database.rows("SELECT last_error FROM platform_cursors WHERE platform_id = 'default'")
    assert row["last_error"] == "TimeoutError"


def test_listed_requests_are_not_compared_pairwise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A platform that lists thousands of requests with tokens alone would keep this process busy for minutes."""
    counted: list[str] = []

    def counting(text: str) -> str:
        counted.append(text)
        return hash_text(text)

    monkeypatch.setattr(request, "hash_text", counting)
    waiting: Any = [{"description": f"Яма {number}", "lat": 55.0, "lng": 38.0, "reason": None} for number in range(500)]
    ours = request.FingerprintIndex(waiting)
    asked = [parse.RemoteRequest(id="1", description=f"Яма {number}", lat=55.0, long=38.0) for number in range(1000)]
    assert sum(map(ours.fit, asked)) == 500
    assert len(counted) <= 2 * (500 + 1000)


def test_a_platforms_link_shows_its_target() -> None:
    """It is shown in letters and on our pages."""
    for url in (
        "https://gorod.test@evil.test/", "https://gorod.test:443@evil.test/",
        "https://evil.test/\n\nОткройте https://other.test", "https://evil.test/ Откройте",
        "https://evil.test/\u202egnp.exe", "https://evil.test/\x1b[31m", "https://evil.test/" + "a" * 3000,
        "https://[",
    ):  # fmt: skip
        assert request.remote_url(parse.RemoteRequest(id="7", extended={"url": url})) is None, url
        good = parse.RemoteRequest(id="7", extended={"url": " https://p.test/7?a=b#c\n"})
        assert request.remote_url(good) == "https://p.test/7?a=b#c"


def test_only_bounded_answers_in_plain_charsets_are_used() -> None:
    assert parse.parse_error(b"\xff" + b"a" * 2_000_000, "text/plain; charset=Punycode")
    body = b"[" + b",".join([b'{"token":1}'] * 50_000) + b"]"
    assert len(parse.parse_requests(body)) == parse.MAX_ITEMS
    xml = b"<r>" + b"<request><token>1</token></request>" * 50_000 + b"</r>"
    assert len(parse.parse_requests(xml)) == parse.MAX_ITEMS


async def test_a_platforms_key_is_stored_in_no_error_message(context: Context, site: Site, fake: FakePlatform) -> None:
    """aiohttp repeats the whole URL, including the key, if an answer is not HTTP."""

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 abc \x1b[31mnonsense\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await platforms.change_platform(
        context.database, "default", {"url": f"http://127.0.0.1:{port}", "key": "verysecretkey"}
    )
    await pull.poll_platforms(context)
    server.close()
    (row,) = await context.database.rows("SELECT last_error FROM platform_cursors")
    assert row["last_error"]
    assert "verysecretkey" not in row["last_error"]
    assert "\x1b" not in row["last_error"]


def test_control_characters_from_servers_do_not_reach_the_terminal() -> None:
    said = "503: \x1b]0;title\x07 \x9b31m \u202egnol\r\nforged line \x00 \ud800"
    assert redaction.excerpt(said, 500) == "503: ]0;title 31m gnol forged line"
    (_, line) = command_line.print_table([{"error": said}], ["error"])
    assert not set(line) & set("\x1b\x07\x9b\r\n\x00\ud800")


# --- what is posted with a platform's signature ----------------------------------------------------------------------


async def test_weak_signing_keys_are_refused(client: Client, context: Context, site: Site) -> None:
    receipt = await submit_report(context.database, site)
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    for key in ("secret", "whsec_", "whsec_c2VjcmV0"):
        await platforms.change_platform(context.database, "default", {"key": key})
        answer = await client.post(UPDATES, **signed(make_update(receipt.number), key))
        assert answer.status_code == 401
    await platforms.change_platform(context.database, "default", {"key": ""})
    assert (await client.post(UPDATES, **signed(make_update(receipt.number), ""))).status_code == 401
    # with the weak key, which signs nothing
    await platforms.change_platform(context.database, "default", {"protocol": "webhook"})
    for key in ("", "whsec_"):
        await platforms.change_platform(context.database, "default", {"key": key})
        assert (await client.post(UPDATES, **signed(make_update(receipt.number), key))).status_code == 401
    await platforms.change_platform(context.database, "default", {"protocol": "georeport", "key": "k" * 16})
    assert (await client.post(UPDATES, **signed(make_update(receipt.number), "k" * 16))).json() == {"taken": 1}


async def test_a_signature_gives_no_access_to_other_platforms_problems(
    client: Client, context: Context, site: Site, fake: FakePlatform
) -> None:
    other, other_id = await second(context)
    other.own = [own()]
    await pull.poll_platforms(context)
    await other.stop()
    await platforms.change_platform(context.database, "default", {"key": "d" * 20})
    (row,) = await context.database.rows("SELECT number, status, mirror_of FROM problems")
    assert row["mirror_of"] == other_id
    answer = await client.post(UPDATES, **signed(make_update(row["number"]), "d" * 20))
    assert (answer.status_code, answer.json()) == (202, {"taken": 0})
    receipt = await submit_report(context.database, site)
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    for strange in (
        make_update(receipt.number, jurisdiction="gorod.test\0"),
        make_update(receipt.number, status_code="forwarded", responsible="a\0b" + "я" * 1000, text="x\0y"),
        make_update(receipt.number) | {"time": LONG_AGO},
        make_update(receipt.number) | {"id": "\0" * 10},
        make_update(receipt.number) | {"id": "x" * 5000},
    ):
        answer = await client.post(UPDATES, **signed(strange, "d" * 20))
        assert answer.status_code == 202
    (own_row,) = await context.database.rows("SELECT responsible FROM problems WHERE mirror_of IS NULL")
    assert own_row["responsible"] is None or len(own_row["responsible"]) <= 300
    assert (
        await client.get(f"{ROOT}/servicerequestupdates.json?service_request_id={receipt.number}")
    ).status_code == 200


async def test_error_messages_that_quote_a_report_are_erased_with_it(
    context: Context, site: Site, fake: FakePlatform
) -> None:
    """152-FZ, article 21: an answer that quotes the report would outlive it."""
    receipt = await submit_report(context.database, site, description="Яма у дома Канарейкина")
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    (delivery, *_) = await queue.claim(context.database, "test", 50, clock.now())
    said = "400: description: «Яма у дома Канарейкина» is not welcome"
    await queue.finish(context.database, "test", delivery, clock.now(), said)
    await lifecycle.erase(context.database, AGENT, site.id, receipt.problem_id)
    kept = await context.database.rows(
        "SELECT error AS said FROM delivery_attempts UNION ALL SELECT last_error AS said FROM deliveries"
    )
    assert {row["said"] for row in kept} <= {"…", None}


async def test_the_server_of_a_picture_is_not_revealed(client: Client, context: Context, key: str) -> None:
    await send(client, key, media_url="https://anna-kanareykina.invalid/1.jpg")
    (delivery,) = await queue.claim(context.database, "test", 50, clock.now())
    with pytest.raises(Retry) as raised:
        await remote_pictures.deliver(context, delivery)
    assert "kanareykina" not in str(raised.value)


@pytest.mark.parametrize("kind", ["status", "erased"])
async def test_a_platform_cannot_change_or_erase_a_report_it_never_received(
    client: Client, context: Context, site: Site, kind: str
) -> None:
    """Numbers can be guessed; a report that waits for its moderator has been delivered to nobody."""
    receipt = await submit_report(context.database, site)
    await platforms.change_platform(context.database, "default", {"key": "d" * 20})
    before = await context.database.row("SELECT * FROM problems WHERE id = :id", id=receipt.problem_id)
    message = make_update(receipt.number, kind=kind, status_code="accepted")
    assert (await client.post(UPDATES, **signed(message, "d" * 20))).json() == {"taken": 0}
    assert await context.database.row("SELECT * FROM problems WHERE id = :id", id=receipt.problem_id) == before
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    message = make_update(receipt.number, kind=kind, status_code="in_progress", id="another")
    assert (await client.post(UPDATES, **signed(message, "d" * 20))).json() == {"taken": 1}
