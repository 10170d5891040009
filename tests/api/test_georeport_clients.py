"""GeoReport as existing client programs speak it, byte for byte where that matters; pictures given by URL.

Field names and habits are those of FixMyStreet (perllib/Open311.pm), CitySDK's participation API as used by Klarschiff
and 6Aika, GeoReporter for uReport, and Mark-a-Spot; none of their code is used here.
"""

from __future__ import annotations

import asyncio
import io
import uuid
from typing import Any
from urllib.parse import quote_plus, urlencode
from xml.etree import ElementTree

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

FORM = "application/x-www-form-urlencoded"
pytestmark = [pytest.mark.settings(work="off"), GOROD]


async def accept(context: Context, site: Site, to: Change | None = None) -> None:
    row = existing(await context.database.row("SELECT id FROM problems ORDER BY number DESC LIMIT 1"))
    await lifecycle.change(context.database, AGENT, site.id, row["id"], to or Change(to="accepted"))


class FixMyStreet:
    """LWP posts pairs in no fixed order, with empty values for missing ones; XML::Simple parses the answer."""

    def __init__(self, client: Client, key: str) -> None:
        self.client, self.key = client, key

    async def post(self, path: str, fields: list[tuple[str, str]]) -> ElementTree.Element:
        said = [*fields, ("api_key", self.key), ("jurisdiction_id", "gorod.test")]
        headers = {"Content-Type": FORM, "User-Agent": "libwww-perl/6.67", "TE": "deflate,gzip;q=0.3"}
        answer = await self.client.post(f"{ROOT}/{path}", content=urlencode(said).encode(), headers=headers)
        assert answer.status_code == 200, answer.text
        return ElementTree.fromstring(answer.content)

    async def get(self, path: str, **query: str) -> ElementTree.Element:
        address = f"{ROOT}/{path}?{urlencode({**query, 'jurisdiction_id': 'gorod.test'})}"
        answer = await self.client.get(address, headers={"User-Agent": "libwww-perl/6.67"})
        assert answer.status_code == 200, answer.text
        return ElementTree.fromstring(answer.content)

    async def report(self, *photos: str) -> str:
        root = await self.post(
            "requests.xml",
            [
                ("first_name", "Anna"),
                ("last_name", ""),
                ("phone", ""),
                ("email", "anna@example.test"),
                ("service_code", "roads"),
                ("description", "Яма\n\nГлубокая яма у школы\n\nhttps://fms.example/report/7\n"),
                ("lat", "55.079400"),
                ("long", "38.778300"),
                *(("media_url", address) for address in photos),
                ("attribute[fixmystreet_id]", "7"),
                ("attribute[easting]", "410244"),
                ("deviceid", "iOS"),
            ],
        )
        found = root.findtext("request/service_request_id")
        assert root.tag == "service_requests"
        assert found
        return found

    async def update(self, request_id: str, update_id: str, status: str, **more: str) -> str:
        fields = {
            "updated_datetime": clock.rfc3339(clock.now()).replace("Z", "+00:00"), "service_request_id": request_id,
            "status": status, "description": f"Новость {update_id}", "last_name": "-", "first_name": "Anna",
            "email": "anna@example.test", "update_id": update_id, **more,
        }  # fmt: skip
        root = await self.post("servicerequestupdates.xml", list(fields.items()))
        found = root.findtext("request_update/update_id")
        assert found
        return found


async def test_fixmystreet_sends_a_report_and_receives_its_updates(
    client: Client, context: Context, site: Site, key: str, pictures: PictureServer, worker: Worker
) -> None:
    fms = FixMyStreet(client, key)
    first, second = (pictures.set_answer(f"/photo/7.{place}.full.jpeg", photo(halves(64, 48))) for place in range(2))
    services = await fms.get("services.xml")
    assert "roads" in [one.findtext("service_code") for one in services.findall("service")]
    assert (await fms.get("services/roads.xml")).tag == "service_definition"
    number = await fms.report(first, second)
    await worker.until_idle()
    assert len(await photos_of(context)) == 2
    await accept(context, site, Change(to="planned", expected_on="2099-01-02", text="Засыплем весной"))
    start, end = (clock.rfc3339(clock.now() + hours * 3600) for hours in (-2, 2))
    updates = (await fms.get("servicerequestupdates.xml", api_key=key, start_date=start, end_date=end)).findall(
        "request_update"
    )
    assert [(one.findtext("service_request_id"), one.findtext("status")) for one in updates] == [
        (number, "ACTION_SCHEDULED")
    ]
    assert updates[0].findtext("description") == "Засыплем весной"
    assert clock.parse_rfc3339(updates[0].findtext("updated_datetime") or "") <= clock.now() + 1
    # Its script that fetches reports reads these fields of every report.
    (request,) = (await fms.get("requests.xml", api_key=key, start_date=start, end_date=end)).findall("request")
    elements = {one.tag: one.text for one in request}
    assert (elements["service_request_id"], elements["status"], elements["service_code"]) == (number, "open", "roads")
    assert (elements["lat"], elements["long"]) == ("55.0794", "38.7783")
    assert (await client.get(elements["media_url"] or "")).headers["content-type"] == "image/jpeg"


async def test_every_status_of_fixmystreet_is_accepted(client: Client, context: Context, site: Site, key: str) -> None:
    fms = FixMyStreet(client, key)
    number = await fms.report()
    await accept(context, site)
    for place, status in enumerate(
        (
            *("OPEN", "IN_PROGRESS", "INVESTIGATING", "ACTION_SCHEDULED", "INTERNAL_REFERRAL", "FIXED", "REOPEN"),
            *("NOT_COUNCILS_RESPONSIBILITY", "DUPLICATE", "NO_FURTHER_ACTION", "CLOSED", "CANCELLED"),
        )
    ):
        again = {await fms.update(number, str(100 + place), status) for _ in range(2)}
        assert len(again) == 1


async def test_fixmystreet_receives_the_reason_of_a_refusal(client: Client, key: str) -> None:
    """A report without a map position is sent with an address; one for an unknown service is refused."""
    form = {"api_key": key, "service_code": "roads", "description": "Яма", "address_id": "#NOTPINPOINTED#"}
    assert (await client.post(f"{ROOT}/requests.xml", data=form)).status_code == 200
    answer = await client.post(f"{ROOT}/requests.xml", data=form | {"service_code": "POT"})
    error = ElementTree.fromstring(answer.content)
    assert (answer.status_code, error.tag, error.findtext("error/code")) == (400, "errors", "400")
    assert (error.findtext("error/description") or "").startswith("service_code")


async def test_a_citysdk_app_reads_requests_nearby(client: Client, context: Context, site: Site, key: str) -> None:
    form = {
        "api_key": key, "email": "anna@example.test", "service_code": "lighting", "description": "Не горит фонарь",
        "lat": "55.0794", "long": "38.7783", "privacy_policy_accepted": "true", "photo_required": "false",
    }  # fmt: skip
    answer = await client.post(f"{ROOT}/requests.json?extensions=citysdk,media", data=form)
    number = answer.json()[0]["service_request_id"]
    await accept(context, site, Change(to="in_progress"))
    near = {
        "lat": "55.08", "long": "38.77", "radius": "1000", "status": "open",
        "detailed_status": "RECEIVED, IN_PROCESS", "extensions": "true", "updated_after": "2011-01-01T00:00:00Z",
        "max_requests": "20", "also_archived": "true", "api_key": key,
    }  # fmt: skip
    (found,) = (await client.get(f"{ROOT}/requests.json", params=near)).json()
    assert (found["service_request_id"], found["extended_attributes"]["detailed_status"]) == (number, "IN_PROGRESS")
    assert (await client.get(f"{ROOT}/requests.json", params=near | {"detailed_status": "PROCESSED"})).json() == []
    assert (await client.get(f"{ROOT}/requests.json", params=near | {"radius": "50"})).json() == []


async def test_georeporter_sends_a_photo_in_a_multipart_form(client: Client, context: Context, key: str) -> None:
    """Every field is a part and the picture is called `media`; then it looks for its own report."""
    fields = {
        "jurisdiction_id": "gorod.test", "api_key": key, "service_code": "garbage", "lat": "55.079400",
        "long": "38.778300", "address_string": "ул. Мира, 5", "device_id": "2b6f0cc904d137be2e1730235f5664094b83",
        "first_name": "Анна", "last_name": "", "phone": "", "email": "", "description": "Переполнены контейнеры",
    }  # fmt: skip
    boundary = "0xKhTmLbOuNdArY"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="media"; filename="media.png"\r\n'
    parts.append(f"{head}Content-Type: image/png\r\n\r\n".encode() + photo(halves(64, 48), "png") + b"\r\n")
    answer = await client.post(
        f"{ROOT}/requests.json",
        content=b"".join([*parts, f"--{boundary}--\r\n".encode()]),
        headers={"Content-Type": f"multipart/form-data; boundary={boundary}"},
    )
    assert answer.status_code == 200, answer.text
    number = answer.json()[0]["service_request_id"]
    assert len(await photos_of(context)) == 1
    assert (await client.get(f"{ROOT}/tokens/{number}.json?api_key={key}")).status_code == 200
    (own,) = (await client.get(f"{ROOT}/requests/{number}.json?api_key={key}")).json()
    assert own["description"] == "Переполнены контейнеры"


async def test_httpie_repeats_a_file_field_and_requests_extensions(client: Client, context: Context, key: str) -> None:
    form = {
        "api_key": key, "service_code": "roads", "title": "Multipart", "description": "Яма", "lat": "60.1",
        "lon": "25",
    }  # fmt: skip
    files = [("media", (f"{kind}.x", photo(halves(64, 48), kind), "image/x")) for kind in ("jpeg", "png")]
    answer = await client.post(f"{ROOT}/requests.json?extensions=citysdk,media,geometry", data=form, files=files)
    assert answer.status_code == 200, answer.text
    assert len(await photos_of(context)) == 2
    row = existing(await context.database.row("SELECT lat, lng FROM problems"))
    assert (row["lat"], row["lng"]) == (60.1, 25.0)


async def test_mark_a_spot_sends_its_key_in_the_query_and_pages_by_limit(
    client: Client, context: Context, site: Site, key: str
) -> None:
    body = "service_code=greenery&lat=55.08&long=38.77&description=" + quote_plus("Упало дерево") + "&media_url="
    headers = {"Content-Type": f"{FORM}; charset=UTF-8"}
    answer = await client.post(f"{ROOT}/requests.json?api_key={key}", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    await accept(context, site)
    asked: dict[str, Any] = {"limit": 25, "offset": 0, "extensions": "true", "bbox": "38.5,54.9,39.1,55.3", "key": "x"}
    (found,) = (await client.get(f"{ROOT}/requests.json", params=asked)).json()
    assert found["description"] == "Упало дерево"
    assert await outcomes(context) == {}


# --- Pictures given by URL: fetched after the answer, checked like uploads, deleted with their report ---


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
    urls = [pictures.set_answer(f"/{width}", picture(width)) for width in (640, 320, 480, 160, 80, 40)]
    pictures.set_answer("/640", b"", "503 Service Unavailable", "Retry-After: 30")
    more = {"media_url[]": urls[1], "media_url[5]": urls[2], "media_url[6]": urls[site.photos :]}
    await send(client, context, site, urls[0], urls[0], **more)
    assert not pictures.asked
    await worker.round()
    assert await outcomes(context) == {"640": None, "320": "taken", "480": "taken"}
    assert [one["width"] for one in await photos_of(context)] == [320, 480]
    pictures.set_answer("/640", picture(640))
    await worker.until_idle()
    assert [one["width"] for one in await photos_of(context)] == [640, 320, 480]
    assert pictures.asked == {"/640": 2, "/320": 1, "/480": 1}, "no more than a report may have"
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
        "text": "photo_type", "broken": "photo_broken", "gone": "status_404", "moved": "redirected",
        "large": "photo_too_large", "good": "taken",
    }  # fmt: skip
    assert pictures.asked["/good"] == 1  # redirects are not followed
    assert set(await worker.states()) == {"delivered"}
    assert len(await context.database.rows("SELECT id FROM problems")) == 6
    assert len(await context.database.rows("SELECT id FROM photos")) == 1


@ONE_DATABASE
async def test_internal_addresses_are_not_fetched(
    client: Client, context: Context, site: Site, pictures: PictureServer, worker: Worker
) -> None:
    addresses = (
        "http://10.1.2.3/a.jpg", "https://192.168.1.1/a.jpg", "http://169.254.169.254/latest/meta-data",
        "https://[::ffff:10.0.0.1]/a.jpg", "https://[fd00::1]/a.jpg", "https://user:password@93.184.216.34/a.jpg",
    )  # fmt: skip
    for address in addresses:
        await send(client, context, site, address)
    await worker.until_idle()
    # In production the loopback address is one too, also where full-width digits are normalised to it.
    object.__setattr__(context, "outbound", Outbound(production=True))
    url = pictures.set_answer("/good", picture())
    own = (url, url.replace("http:", "https:"), url.replace("127.0.0.1", "localhost"))
    for address in (*own, "https://１２７.0.0.1/a.jpg"):
        await send(client, context, site, address, scope="platform")
    await worker.until_idle()
    rows = await context.database.rows("SELECT url, outcome FROM media_sources")
    assert [row["url"] for row in rows if row["outcome"] != "forbidden"] == []
    assert len(rows) == 10
    assert set(await worker.states()) == {"delivered"}
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
        "api_key": key, "service_request_id": "1", "update_id": str(uuid.uuid4()), "status": "IN_PROGRESS",
        "description": "Смотрите", "extended_attributes[actor]": actor,
        "media_url": [pictures.set_answer("/a", picture()), pictures.set_answer("/b", picture())],
    }  # fmt: skip
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
