"""GeoReport as existing client programs speak it, byte for byte where that matters.

Field names and habits are those of FixMyStreet (perllib/Open311.pm), CitySDK's participation API as used by Klarschiff
and 6Aika, GeoReporter for uReport, and Mark-a-Spot; none of their code is used here.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus, urlencode
from xml.etree import ElementTree

import pytest

from tests.conftest import GOROD, Client
from tests.factories import AGENT, existing
from tests.support.georeport import ROOT, PictureServer, Worker, outcomes, photos_of
from tests.support.pictures import halves, photo
from widget_api import clock
from widget_api.context import Context
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
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
            "updated_datetime": clock.rfc3339(clock.now()).replace("Z", "+00:00"),
            "service_request_id": request_id,
            "status": status,
            "description": f"Новость {update_id}",
            "last_name": "-",
            "first_name": "Anna",
            "email": "anna@example.test",
            "update_id": update_id,
            **more,
        }
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


async def test_fixmystreet_receives_the_reason_of_a_refusal(
    client: Client, context: Context, site: Site, key: str
) -> None:
    """A report without a map position is sent with an address; one for an unknown service is refused."""
    form = {"api_key": key, "service_code": "roads", "description": "Яма", "address_id": "#NOTPINPOINTED#"}
    assert (await client.post(f"{ROOT}/requests.xml", data=form)).status_code == 200
    answer = await client.post(f"{ROOT}/requests.xml", data=form | {"service_code": "POT"})
    error = ElementTree.fromstring(answer.content)
    assert (answer.status_code, error.tag, error.findtext("error/code")) == (400, "errors", "400")
    assert (error.findtext("error/description") or "").startswith("service_code")


async def test_a_citysdk_app_reads_requests_nearby(client: Client, context: Context, site: Site, key: str) -> None:
    form = {
        "api_key": key,
        "email": "anna@example.test",
        "service_code": "lighting",
        "description": "Не горит фонарь",
        "lat": "55.0794",
        "long": "38.7783",
        "privacy_policy_accepted": "true",
        "photo_required": "false",
    }
    answer = await client.post(f"{ROOT}/requests.json?extensions=citysdk,media", data=form)
    number = answer.json()[0]["service_request_id"]
    await accept(context, site, Change(to="in_progress"))
    near = {
        "lat": "55.08",
        "long": "38.77",
        "radius": "1000",
        "status": "open",
        "detailed_status": "RECEIVED, IN_PROCESS",
        "extensions": "true",
        "updated_after": "2011-01-01T00:00:00Z",
        "max_requests": "20",
        "also_archived": "true",
        "api_key": key,
    }
    (found,) = (await client.get(f"{ROOT}/requests.json", params=near)).json()
    assert (found["service_request_id"], found["extended_attributes"]["detailed_status"]) == (number, "IN_PROGRESS")
    assert (await client.get(f"{ROOT}/requests.json", params=near | {"detailed_status": "PROCESSED"})).json() == []
    assert (await client.get(f"{ROOT}/requests.json", params=near | {"radius": "50"})).json() == []


async def test_georeporter_sends_a_photo_in_a_multipart_form(
    client: Client, context: Context, site: Site, key: str
) -> None:
    """Every field is a part and the picture is called `media`; then it looks for its own report."""
    fields = {
        "jurisdiction_id": "gorod.test",
        "api_key": key,
        "service_code": "garbage",
        "lat": "55.079400",
        "long": "38.778300",
        "address_string": "ул. Мира, 5",
        "device_id": "2b6f0cc904d137be2e1730235f5664094b83",
        "first_name": "Анна",
        "last_name": "",
        "phone": "",
        "email": "",
        "description": "Переполнены контейнеры",
    }
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


async def test_httpie_repeats_a_file_field_and_requests_extensions(
    client: Client, context: Context, site: Site, key: str
) -> None:
    form = {
        "api_key": key,
        "service_code": "roads",
        "title": "Multipart",
        "description": "Яма",
        "lat": "60.1",
        "lon": "25",
    }
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
