"""Attacks on photos, the embed kit and the private page by somebody who knows the source code."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import resource
import select
import socket
import time
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from aiohttp import web

from tests.api.test_photos import jpeg
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, HOST_ORIGIN, OPERATOR, PUBLIC_URL, make_site, submit_report
from tests.support.cabinet import Cabinet
from tests.support.processes import Service as Running
from tests.support.processes import free_port
from widget_api import clock
from widget_api.attachments.photos import intake
from widget_api.attachments.photos.service import receive
from widget_api.context import Context
from widget_api.errors import Invalid
from widget_api.outbound import Answer, Failed, Outbound
from widget_api.people.accounts import add_user
from widget_api.problems import dialogue, lifecycle
from widget_api.problems.model import Change, Contact, Photo
from widget_api.sites.install import inspection, markup, service, sightings
from widget_api.sites.install.inspection import ExpectedService
from widget_api.sites.install.sightings import MAX_ORIGINS
from widget_api.sites.model import Site
from widget_api.web.bodies import MAX_UPLOADS_PER_ADDRESS

# --- pages the active check reads ----------------------------------------------------------------------------------


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


# --- counts anybody can make ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [False, True], ids=["in memory", "in the table"])
async def test_made_up_origins_do_not_displace_registered_ones(
    client: Client, context: Context, site: Site, written: bool
) -> None:
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


# --- a mailbox as a target -----------------------------------------------------------------------------------------


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


# --- addresses and logs --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["9999999999", "99999999999999999999", "0", "٣"])
async def test_an_unused_number_is_not_found(client: Client, site: Site, number: str) -> None:
    assert (await client.get(f"/s/{site.key}/problems/{number}")).status_code == 404
    assert (await client.get(f"/api/v1/sites/{site.key}/problems/{number}")).status_code == 404


# --- uploads -------------------------------------------------------------------------------------------------------


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


# --- what is said in confidence ------------------------------------------------------------------------------------


async def test_the_dialogue_of_agency_and_author_is_in_no_public_read(
    client: Client, context: Context, site: Site
) -> None:
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


# --- a page that unpacks to more than it weighs --------------------------------------------------------------------


async def test_a_compressed_page_is_not_decompressed_beyond_the_limit() -> None:
    packed = gzip.compress(b"\0" * 200_000_000, 9)

    async def bomb(_: web.Request) -> web.Response:
        return web.Response(body=packed, headers={"Content-Encoding": "gzip", "Content-Type": "text/html"})

    application = web.Application()
    application.router.add_get("/", bomb)
    runner = web.AppRunner(application)
    await runner.setup()
    outbound = Outbound(production=False)
    try:
        await web.TCPSite(runner, "127.0.0.1", port := free_port()).start()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(Failed, match="larger than"):
            await outbound.request("GET", f"http://127.0.0.1:{port}/", operator=True, limit=inspection.MAX_PAGE_SIZE)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024, "kilobytes"
    finally:
        await outbound.close()
        await runner.cleanup()


@ONE_DATABASE
@pytest.mark.parametrize("charset", ["punycode", "idna", "utf-7", "unicode_escape"])
async def test_the_client_does_not_choose_the_charset_of_a_form(client: Client, site: Site, charset: str) -> None:
    """Decoding Punycode takes quadratic time: one form of 200 fields blocked all other requests for half a minute."""
    part = b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"a" * 65_000 + b"\r\n"
    begun = time.process_time()
    answer = await client.post(
        f"/s/{site.key}/report",
        content=part * 199 + b"--b--\r\n",
        headers={"Content-Type": f'multipart/form-data; boundary=b; charset="{charset}"', "Origin": PUBLIC_URL},
    )
    assert answer.status_code == 415
    answer = await client.post(
        "/open311/v2/requests.json",
        content=part[:1000] + b"--b--\r\n",
        headers={"Content-Type": f"multipart/form-data; boundary=b; charset={charset}"},
    )
    assert answer.status_code == 400
    assert time.process_time() - begun < 4


async def test_the_moderator_sees_all_text_that_becomes_public(client: Client, context: Context, site: Site) -> None:
    """Alternative texts of photos are published with the report; hidden in an attribute, nobody would moderate them."""
    await add_user(
        context.database, email="a@a.test", role="agent", agency_id=site.agency.id, password="a long enough password"
    )
    photo = await receive(context, site.id, jpeg())
    receipt = await submit_report(context.database, site, photos=(Photo(photo.id, "Звоните Канарейкину"),))
    cabinet = Cabinet(client)
    await cabinet.sign_in("a@a.test", "a long enough password")
    page = await cabinet.read(f"/cabinet/problems/{receipt.problem_id}")
    assert "Звоните Канарейкину" in page.text
