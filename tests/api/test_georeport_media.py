"""Pictures given by URL: fetched after the answer, checked like uploads, deleted with their report."""

from __future__ import annotations

import asyncio
import io
import uuid
from typing import Any

import pytest
from PIL import Image

from tests.conftest import GOROD, ONE_DATABASE, Client
from tests.factories import AGENT, RESIDENT, existing
from tests.support.georeport import ROOT, PictureServer, Worker, outcomes, photos_of
from tests.support.pictures import PLACE, halves, photo
from widget_api import clock
from widget_api.attachments.photos.model import MAX_FILE_SIZE
from widget_api.context import Context
from widget_api.deliveries import queue
from widget_api.outbound import Outbound
from widget_api.problems import lifecycle, remote_pictures
from widget_api.problems.model import Change
from widget_api.sites import changes
from widget_api.sites.model import Site

pytestmark = [pytest.mark.settings(work="off"), GOROD]


def picture(width: int = 640) -> bytes:
    return photo(halves(width, 480), place=PLACE)


async def send(
    client: Client, context: Context, site: Site, *addresses: str, scope: Any = "georeport", **more: Any
) -> str:
    """Send a request with these pictures. Returns its token."""
    key = await changes.add_token(context.database, site.id, scope)
    form = {"api_key": key, "service_code": "roads", "lat": "55.08", "long": "38.77", "description": "Яма"}
    answer = await client.post(f"{ROOT}/requests.json", data={**form, "media_url": list(addresses), **more})
    assert answer.status_code == 200, answer.text
    return key


async def problem(context: Context) -> Any:
    return existing(await context.database.row("SELECT * FROM problems"))


async def test_pictures_are_fetched_after_the_answer_and_keep_their_order(
    client: Client, context: Context, site: Site, pictures: PictureServer, worker: Worker
) -> None:
    """The first one succeeds only on the second attempt. None keeps its camera metadata or location."""
    urls = [pictures.set_answer(f"/{width}", picture(width)) for width in (640, 320, 480)]
    pictures.set_answer("/640", b"", "503 Service Unavailable", "Retry-After: 30")
    await send(client, context, site, urls[0], urls[0], **{"media_url[]": urls[1], "media_url[5]": urls[2]})
    assert not pictures.asked
    await worker.round()
    assert await outcomes(context) == {"640": None, "320": "taken", "480": "taken"}
    assert [one["width"] for one in await photos_of(context)] == [320, 480]
    pictures.set_answer("/640", picture(640))
    await worker.until_idle()
    assert [one["width"] for one in await photos_of(context)] == [640, 320, 480]
    assert pictures.asked == {"/640": 2, "/320": 1, "/480": 1}
    assert await worker.states() == ["delivered"]
    problem_id = (await problem(context))["id"]
    await lifecycle.change(context.database, AGENT, site.id, problem_id, Change(to="accepted"))
    (found,) = (await client.get(f"{ROOT}/requests.json")).json()
    file = (await client.get(found["media_url"])).content
    assert Image.open(io.BytesIO(file)).size == (640, 480)
    assert b"Secret camera" not in file


async def test_permanent_failures_are_final_and_keep_the_report(
    client: Client, context: Context, site: Site, pictures: PictureServer, worker: Worker
) -> None:
    wrong = {
        "text": pictures.set_answer("/text", b"<html>not a picture</html>"),
        "broken": pictures.set_answer("/broken", picture()[:400]),
        "gone": pictures.url + "/gone",
        "moved": pictures.set_answer("/moved", b"", "302 Found", f"Location: {pictures.url}/good"),
        "large": pictures.set_answer("/large", picture() + bytes(MAX_FILE_SIZE)),
    }
    pictures.set_answer("/good", picture())
    for url in wrong.values():
        await send(client, context, site, url)
    await send(client, context, site, pictures.url + "/good")
    await worker.until_idle()
    assert await outcomes(context) == {
        "text": "photo_type",
        "broken": "photo_broken",
        "gone": "status_404",
        "moved": "redirected",
        "large": "photo_too_large",
        "good": "taken",
    }
    assert pictures.asked["/good"] == 1  # redirects are not followed
    assert set(await worker.states()) == {"delivered"}
    assert len(await context.database.rows("SELECT id FROM problems")) == 6
    assert len(await context.database.rows("SELECT id FROM photos")) == 1


@ONE_DATABASE
@pytest.mark.parametrize(
    "address",
    [
        "http://10.1.2.3/a.jpg",
        "https://192.168.1.1/a.jpg",
        "http://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/a.jpg",
        "https://[fd00::1]/a.jpg",
        "https://user:password@93.184.216.34/a.jpg",
        "https://１２７.0.0.1/a.jpg",
    ],
)
async def test_internal_addresses_are_not_fetched(
    client: Client, context: Context, site: Site, worker: Worker, address: str
) -> None:
    if "１" in address:  # this number is the loopback address if full-width digits are normalised
        object.__setattr__(context, "outbound", Outbound(production=True))
    await send(client, context, site, address)
    await worker.until_idle()
    assert list((await outcomes(context)).values()) == ["forbidden"]
    assert await worker.states() == ["delivered"]


async def test_loopback_addresses_are_fetched_only_outside_production(
    client: Client, context: Context, site: Site, pictures: PictureServer, worker: Worker
) -> None:
    object.__setattr__(context, "outbound", Outbound(production=True))
    url = pictures.set_answer("/good", picture())
    for address in (url, url.replace("http:", "https:"), url.replace("127.0.0.1", "localhost")):
        await send(client, context, site, address, scope="platform")
    await worker.until_idle()
    rows = await context.database.rows("SELECT outcome FROM media_sources")
    assert [row["outcome"] for row in rows] == ["forbidden"] * 3
    assert not pictures.asked


async def test_failing_servers_are_retried_to_the_last_attempt_and_can_be_retried_by_hand(
    client: Client, context: Context, site: Site, pictures: PictureServer, worker: Worker
) -> None:
    url = pictures.set_answer("/a?token=secret", b"", "500 Internal Server Error")
    await send(client, context, site, url)
    await worker.until_idle()
    assert (pictures.asked["/a?token=secret"], await worker.states()) == (8, ["dead"])
    await send(client, context, site, "http://127.0.0.1:1/a.jpg")  # a port without a listener
    await worker.until_idle()
    assert await worker.states() == ["dead", "dead"]
    assert set((await outcomes(context)).values()) == {None}
    errors = await context.database.rows("SELECT DISTINCT error FROM delivery_attempts")
    assert errors
    assert not any("secret" in row["error"] for row in errors)


async def test_the_number_of_pictures_is_limited(
    client: Client, context: Context, site: Site, pictures: PictureServer, worker: Worker
) -> None:
    urls = [pictures.set_answer(f"/{number}", picture()) for number in range(site.photos + 3)]
    await send(client, context, site, *urls)
    await worker.until_idle()
    assert len(await photos_of(context)) == site.photos == len(pictures.asked)


async def test_two_workers_attach_a_picture_once(
    client: Client, context: Context, site: Site, pictures: PictureServer
) -> None:
    """As when the first worker's lease ended while it was fetching, or it was killed before it could acknowledge."""
    await send(client, context, site, *[pictures.set_answer(f"/{number}", picture()) for number in range(2)])
    (delivery,) = await queue.claim(context.database, "first", 5, clock.now())
    await asyncio.gather(remote_pictures.deliver(context, delivery), remote_pictures.deliver(context, delivery))
    await remote_pictures.deliver(context, delivery)
    assert len(await photos_of(context)) == 2
    rows = await context.database.rows("SELECT removed_at, problem_id FROM photos WHERE removed_at IS NULL")
    assert len(rows) == 2


@pytest.mark.parametrize("kind", ["withdrawn", "erased"])
async def test_picture_urls_are_erased_with_the_report_even_during_a_fetch(
    client: Client, context: Context, site: Site, pictures: PictureServer, worker: Worker, kind: str
) -> None:
    async def forget(path: str) -> None:
        problem_id = (await problem(context))["id"]
        if kind == "erased":
            await lifecycle.erase(context.database, RESIDENT, site.id, problem_id)
        else:
            await lifecycle.change(context.database, RESIDENT, site.id, problem_id, Change(to="withdrawn"))

    pictures.before = forget
    await send(client, context, site, pictures.set_answer("/a", picture()), pictures.set_answer("/b", picture()))
    await worker.round()
    assert await context.database.rows("SELECT * FROM media_sources") == []
    assert await photos_of(context) == []
    assert await context.database.rows("SELECT * FROM photos WHERE removed_at IS NULL") == []
    pictures.before = None
    await worker.until_idle()
    assert dict(pictures.asked) == {"/a": 1}


async def test_pictures_of_a_withdrawn_report_are_not_fetched(
    client: Client, context: Context, site: Site, pictures: PictureServer, worker: Worker
) -> None:
    await send(client, context, site, pictures.set_answer("/a", picture()))
    await lifecycle.mark_spam(context.database, AGENT, site.id, (await problem(context))["id"], True)
    await worker.until_idle()
    assert (await worker.states(), dict(pictures.asked)) == (["dropped"], {})
    await lifecycle.mark_spam(context.database, AGENT, site.id, (await problem(context))["id"], False)
    await worker.until_idle()
    assert await worker.states() == ["delivered"]
    await lifecycle.erase(context.database, RESIDENT, site.id, (await problem(context))["id"])
    assert await context.database.rows("SELECT * FROM media_sources") == []


@pytest.mark.parametrize(("actor", "public"), [("agent", True), ("resident", False)])
async def test_pictures_of_an_update_are_public_but_not_those_of_an_author(
    client: Client, context: Context, site: Site, pictures: PictureServer, worker: Worker, actor: str, public: bool
) -> None:
    key = await send(client, context, site, scope="platform")
    fields = {
        "api_key": key,
        "service_request_id": "1",
        "update_id": str(uuid.uuid4()),
        "status": "IN_PROGRESS",
        "description": "Смотрите",
        "extended_attributes[actor]": actor,
        "media_url": [pictures.set_answer("/a", picture()), pictures.set_answer("/b", picture())],
    }
    for _ in range(2):
        answer = await client.post(f"{ROOT}/servicerequestupdates.json", data=fields)
        assert answer.status_code == 200, answer.text
    await worker.until_idle()
    assert pictures.asked == {"/a": 1, "/b": 1}
    rows = await context.database.rows("SELECT role, place FROM photos ORDER BY place")
    role = "answer" if public else "clarification"
    assert [(row["role"], row["place"]) for row in rows] == [(role, 0), (role, 1)]
    (found,) = (await client.get(f"{ROOT}/servicerequestupdates.json")).json()
    assert (found["media_url"] is not None) == public
    assert await photos_of(context) == []


async def test_an_update_may_consist_of_a_picture(
    client: Client, context: Context, site: Site, pictures: PictureServer, worker: Worker
) -> None:
    key = await send(client, context, site, scope="platform")
    fields = {"api_key": key, "service_request_id": "1", "media_url": pictures.set_answer("/a", picture())}
    assert (await client.post(f"{ROOT}/servicerequestupdates.json", data=fields)).status_code == 200
    await worker.until_idle()
    (found,) = (await client.get(f"{ROOT}/servicerequestupdates.json")).json()
    assert (found["status"], found["description"]) == ("OPEN", None)
    assert (await client.get(found["media_url"])).status_code == 200
    wrong = fields | {"media_url": "file:///etc/passwd"}
    answer = await client.post(f"{ROOT}/servicerequestupdates.json", data=wrong)
    assert (answer.status_code, answer.json()[0]["description"].partition(":")[0]) == (400, "media_url")


def test_host_names_are_converted_to_idna() -> None:
    for written, known in (
        ("https://пример.рф/ямы/1.jpg?a=б#c", "https://xn--e1afmkfd.xn--p1ai/ямы/1.jpg?a=б#c"),
        ("https://пример.рф:8443/1.jpg", "https://xn--e1afmkfd.xn--p1ai:8443/1.jpg"),
        ("https://example.org/1.jpg", "https://example.org/1.jpg"),
        ("https://EXAMPLE.org/1.jpg", "https://EXAMPLE.org/1.jpg"),
        ("http://１２７.0.0.1/1.jpg", "http://127.0.0.1/1.jpg"),
        ("https://[::1]/1.jpg", "https://[::1]/1.jpg"),
        (f"https://{'ё' * 80}.рф/1.jpg", f"https://{'ё' * 80}.рф/1.jpg"),
        ("http://[", "http://["),
    ):
        assert remote_pictures.in_ascii(written) == known
