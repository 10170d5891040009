"""Resources that one anonymous sender could take from all others: memory, disk, queue places, accounts; each as an
attack.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from limits import parse_many
from limits.aio.storage import MemoryStorage

from tests.conftest import Client
from tests.factories import submit_report
from tests.support.brute_force import client_from
from widget_api.context import Context
from widget_api.errors import Busy
from widget_api.mail.links import confirm_url
from widget_api.problems import forms
from widget_api.sites import changes
from widget_api.sites.model import Site
from widget_api.web import bodies
from widget_api.web.limits import RATES

IN_PARTS = {"Content-Type": "multipart/form-data; boundary=X"}
PART = '--X\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'


def upload_urls(site: Site) -> list[str]:
    return ["/open311/v2/requests.json", "/open311/v2/servicerequestupdates.xml", f"/s/{site.key}/report"]


class Flood:
    """A form of many parts; `sent` is the number of bytes that were read."""

    def __init__(self, parts: list[str]) -> None:
        self._parts = parts
        self.sent = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            self.sent += len(part)
            yield part.encode()
        yield b"--X--\r\n"


async def test_the_total_size_of_form_fields_is_bounded(client: Client, site: Site) -> None:
    for parts in (
        [PART.format(f"f{number}", "", "y" * 32_000) for number in range(190)],
        [PART.format("n" * 4_000, "\r\nX-Other: " + "y" * 4_000, "") for number in range(190)],
    ):
        for door in upload_urls(site):
            flood = Flood(parts)
            answer = await client.post(door, content=flood, headers=IN_PARTS)
            assert answer.status_code in (400, 413), door
            assert flood.sent < bodies.MAX_FIELDS_SIZE + 2 * len(parts[0]), door


async def test_the_api_key_is_checked_before_the_fields(client: Client, site: Site) -> None:
    wrong = [PART.format("lat", "", "nowhere")]
    answer = await client.post("/open311/v2/requests.json", content=Flood(wrong), headers=IN_PARTS)
    assert answer.status_code == 403


async def test_a_disconnect_within_a_form_is_no_error(app: Any, site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    for path in upload_urls(site):
        messages = iter(
            [
                {"type": "http.request", "body": PART.format("f", "", "y" * 1000).encode(), "more_body": True},
                {"type": "http.disconnect"},
            ]
        )

        async def receive(messages: Any = messages) -> Any:
            return next(messages)

        statuses = list[int]()

        async def send(message: Any, statuses: list[int] = statuses) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        headers = [(name.lower().encode(), value.encode()) for name, value in IN_PARTS.items()]
        scope = {"type": "http", "asgi": {"version": "3.0"}, "method": "POST", "path": path, "raw_path": path.encode()}
        rest = {"query_string": b"", "headers": headers, "scheme": "https", "client": ("127.0.0.1", 1)}
        await app(scope | rest | {"server": ("widget.test", 443)}, receive, send)
        assert statuses == [400], path
    assert [record for record in caplog.records if record.exc_info or record.levelno >= logging.WARNING] == []


FILE = PART.format("photos", '; filename="a.jpg"', "\xff" * 300_000)


def reported(site: Site, context: Context, *, ours: bool) -> list[str]:
    """A report with 3 MB of photos followed by a field; its identifier is genuine or made up."""
    token = forms.issue_form_id(context.signer, site) if ours else "forged"
    return [PART.format("form", "", token), *[FILE] * 5, PART.format("name", "", "Марья Петровна")]


@pytest.fixture
def spooled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The greatest number of bytes spooled to disk."""
    greatest, reserve = [0], bodies.reserve_space

    def noting(sender: str, size: int) -> None:
        reserve(sender, size)
        greatest[0] = max(greatest[0], bodies._by_address.total())

    monkeypatch.setattr(bodies, "reserve_space", noting)
    return greatest


async def test_files_are_spooled_to_disk_and_counted_separately(
    client: Client, context: Context, site: Site, spooled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    on_disk, size = list[tuple[int, bool]](), 2 * bodies.MAX_FIELDS_SIZE
    read = bodies._uploaded_file

    async def noting(upload: Any, sender: str) -> Any:
        on_disk.append((upload.size, upload.file._rolled))
        return await read(upload, sender)

    monkeypatch.setattr(bodies, "_uploaded_file", noting)
    key = await changes.add_token(context.database, site.id, "georeport")
    given = {"api_key": key, "service_code": "lighting", "lat": "55.0794", "long": "38.7783", "description": "Темно"}
    sent = [PART.format(name, "", value) for name, value in given.items()]
    # Under an unknown field name: such files are ignored, whatever they are.
    sent += [PART.format("attachment", '; filename="a.bin"', "y" * many) for many in (1_000, size)]
    answer = await client.post("/open311/v2/requests.json", content=Flood(sent), headers=IN_PARTS)
    assert answer.status_code == 200, answer.text
    assert on_disk == [(1_000, False), (size, True)], "a small one needs no file"
    assert (spooled[0], bodies._by_address.total()) == (1_000 + size, 0)


async def test_a_forms_identifier_is_checked_before_its_files_are_stored(
    client: Client, context: Context, site: Site, spooled: list[int]
) -> None:
    flood = Flood(reported(site, context, ours=False))
    answer = await client.post(f"/s/{site.key}/report", content=flood, headers=IN_PARTS)
    assert answer.status_code == 422
    assert "Марья Петровна" in answer.text, "nothing typed is lost, where an identifier is too old"
    assert spooled[0] <= len(FILE.encode()), "what came with the identifier"
    await client.post(f"/s/{site.key}/report", content=Flood(reported(site, context, ours=True)), headers=IN_PARTS)
    assert spooled[0] > 4 * 300_000
    assert bodies._by_address.total() == 0
    other = [*reported(site, context, ours=True)[:2], FILE.replace("photos", "attachment")]
    await client.post(f"/s/{site.key}/report", content=Flood(other), headers=IN_PARTS)
    assert bodies._by_address.total() == 0, "what nobody asked for is given back too"


@pytest.mark.parametrize("token", ["", "somebody.somewhere.forged"])
async def test_unauthenticated_clients_store_no_cabinet_files(client: Client, spooled: list[int], token: str) -> None:
    """A form is stored for a user who must sign in first only if its token was issued to somebody."""
    flood = Flood([PART.format("form_token", "", token), *[FILE] * 5])
    answer = await client.post("/cabinet/problems/1", content=flood, headers=IN_PARTS)
    assert (answer.status_code, answer.headers["location"]) == (303, "/cabinet/sign-in")
    assert spooled[0] <= len(FILE.encode()), "what came with the token"
    assert bodies._by_address.total() == 0


@pytest.mark.parametrize("bound", ["MAX_SPOOLED", "MAX_SPOOLED_PER_ADDRESS"])
async def test_the_total_size_of_uploads_in_progress_is_bounded(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(bodies, bound, 2_000_000)
    parts = reported(site, context, ours=True)
    answer = await client.post(f"/s/{site.key}/report", content=Flood(parts), headers=IN_PARTS)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert "Сейчас загружают слишком много файлов" in answer.text
    assert bodies._by_address.total() == 0
    photo = await client.post(f"/api/v1/sites/{site.key}/photos", content=Flood([FILE] * 2), headers=IN_PARTS)
    assert photo.status_code in (400, 503), "one file is all that is taken there"
    again = await client.post(f"/s/{site.key}/report", content=Flood(parts[:2]), headers=IN_PARTS)
    assert again.status_code == 422, "there is room again"


async def slow(parts: list[str], going_on: asyncio.Event) -> AsyncIterator[bytes]:
    """A form that is sent except for its end, which waits."""
    for part in parts:
        yield part.encode()
    await going_on.wait()
    yield b"--X--\r\n"


async def test_the_networks_of_one_customer_share_a_limit(
    app: Any, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of the 65,536 networks of a /48 has the share of one address; together they count as one sender."""
    monkeypatch.setattr(bodies, "MAX_SPOOLED", 5_000_000)
    parts, path = reported(site, context, ours=True)[:3], f"/s/{site.key}/report"
    going_on = asyncio.Event()

    async with client_from(app, "2001:db8:1:1::1") as first, client_from(app, "2001:db8:1:2::1") as second:
        holding = asyncio.create_task(first.post(path, content=slow(parts, going_on), headers=IN_PARTS))
        while bodies._by_address.total() < 1_100_000 and not holding.done():  # noqa: ASYNC110 - it sets no event
            await asyncio.sleep(0.01)
        assert (await second.post(path, content=Flood(parts), headers=IN_PARTS)).status_code == 503
        async with client_from(app, "2001:db8:2::1") as other:
            assert (await other.post(path, content=Flood(parts), headers=IN_PARTS)).status_code == 422
        going_on.set()
        assert (await holding).status_code == 422
    assert bodies._by_address.total() == bodies._by_network.total() == 0


@pytest.mark.parametrize(("customers", "room"), [(1, 104), (2, 64), (4, 32)])
def test_another_sender_has_room_however_many_fill_the_disk(customers: int, room: int) -> None:
    """Each sends from all of its networks, and no request ends: they keep their share for LONGEST_SENDING."""
    piece, held = 65_536, Counter[str]()

    def fill(*addresses: str) -> int:
        before = held.total()
        for address in addresses:
            with contextlib.suppress(Busy):
                while True:
                    bodies.reserve_space(address, piece)
                    held[address] += piece
        return held.total() - before

    try:
        for customer in range(customers):
            fill(*(f"2001:db8:{customer}:{site:x}00::1" for site in range(8)))
        assert fill("192.0.2.1") >= room * 1024 * 1024
    finally:
        for address, size in held.items():
            bodies.release_space(address, size)
    assert bodies._by_address.total() == bodies._by_network.total() == 0


async def test_a_form_that_takes_too_long_is_aborted(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "UPLOAD_TIMEOUT", 0.2)
    parts, given_up = reported(site, context, ours=True)[:2], asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        for part in parts:
            yield part.encode()
        try:
            await asyncio.Event().wait()
        finally:
            given_up.set()

    async with asyncio.timeout(60):
        answer = await client.post(f"/s/{site.key}/report", content=endless(), headers=IN_PARTS)
    assert answer.status_code == 400
    assert given_up.is_set()
    assert bodies._by_address.total() == 0


async def test_two_concurrent_senders_take_turns(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One keeps what it has sent so far, the other is told to retry and then has its turn."""
    monkeypatch.setattr(bodies, "MAX_SPOOLED", 2_000_000)
    parts, path = reported(site, context, ours=True)[:2], f"/s/{site.key}/report"
    going_on = asyncio.Event()

    first = asyncio.create_task(client.post(path, content=slow(parts, going_on), headers=IN_PARTS))
    content = len(parts[1].partition("\r\n\r\n")[2].rstrip().encode())  # all of it: half a picture leaves room
    while bodies._by_address.total() < content and not first.done():  # noqa: ASYNC110 - it sets no event
        await asyncio.sleep(0.01)
    assert (await client.post(path, content=Flood(parts), headers=IN_PARTS)).status_code == 503
    going_on.set()
    assert (await first).status_code == 422
    assert (await client.post(path, content=Flood(parts), headers=IN_PARTS)).status_code == 422


async def test_what_strangers_may_ask_for_has_a_rate(client: Client, context: Context, site: Site) -> None:
    """Other rates are tested with what they limit."""
    receipt = await submit_report(context.database, site)
    for rate, method, path, sent in (
        ("challenges", "GET", "/api/v1/sites/{key}/challenge", {}),
        ("tickets", "POST", "/api/v1/sites/{key}/tickets", {"json": {"challenge": "x"}}),
        ("photos", "POST", "/api/v1/sites/{key}/photos", {"files": {"file": ("a.jpg", b"\xff\xd8\xff")}}),
        ("exports", "GET", "/api/v1/sites/{key}/problems.csv", {}),
        ("confirmations", "POST", "{confirmation}", {}),
    ):
        url = path.format(key=site.key, confirmation=confirm_url(context, receipt.problem_id))
        context.limits._rates[rate] = tuple(parse_many("1/hour"))
        first, second = [await client.request(method, url, **sent) for _ in range(2)]
        assert first.status_code != 429, rate
        assert (second.status_code, int(second.headers["retry-after"]) > 0) == (429, True)


async def test_a_sitemap_counts_as_a_file_download(client: Client, context: Context, site: Site) -> None:
    for path in ("sitemap.xml", "sitemap-1.xml"):
        context.limits._memory = type(context.limits._memory)(MemoryStorage())
        answers = [await client.get(f"/s/{site.key}/{path}") for _ in range(int(RATES["exports"].partition("/")[0]))]
        assert {answer.status_code for answer in answers} == {200}
        assert (await client.get(f"/s/{site.key}/{path}")).status_code == 429
        unchanged = {"If-None-Match": answers[-1].headers["etag"]}
        assert (await client.get(f"/s/{site.key}/{path}", headers=unchanged)).status_code == 304
