"""The GeoReport v2 server, called as clients in the wild call it, in both formats and on both databases."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from xml.etree import ElementTree

import httpx2
import orjson
import pytest

from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, existing, make_site, run_statement, submit_report
from widget_api import clock
from widget_api.database import Database
from widget_api.errors import Unavailable
from widget_api.open311 import render, store
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites import changes
from widget_api.sites.model import Site
from widget_api.web import streaming

ROOT = "/open311/v2"
TEXT = "Не горит фонарь у дома 5"
Token = Callable[[str], Awaitable[str]]
pytestmark = pytest.mark.site(jurisdiction="gorod.test")


@pytest.fixture
def database(app: Any) -> Database:
    found: Database = app.state.context.database
    return found


@pytest.fixture
def token(database: Database, site: Site) -> Token:
    async def make(scope: Any) -> str:
        return await changes.add_token(database, site.id, scope)

    return make


def fields(key: str, **changed: str) -> dict[str, str]:
    values = {"api_key": key, "service_code": "lighting", "lat": "55.0794", "long": "38.7783", "description": TEXT}
    return {name: value for name, value in (values | changed).items() if value != "absent"}


async def post(client: Client, path: str, form: dict[str, Any], **headers: str) -> httpx2.Response:
    return await client.post(f"{ROOT}/{path}", data=form, headers=headers)


async def send(client: Client, key: str, **changed: str) -> str:
    answer = await post(client, "requests.json", fields(key, **changed))
    assert answer.status_code == 200, answer.text
    return str(answer.json()[0]["service_request_id"])


async def accept(database: Database, site: Site, number: str) -> str:
    row = existing(await database.row("SELECT id FROM problems WHERE number = :number", number=int(number)))
    await lifecycle.change(database, AGENT, site.id, row["id"], Change(to="accepted"))
    return str(row["id"])


def update_of(key: str, number: object, **changed: str) -> dict[str, str]:
    """The form of an update with an identifier of its own."""
    return {"api_key": key, "service_request_id": str(number), "update_id": str(uuid.uuid4())} | changed


def refusals(answer: httpx2.Response) -> list[tuple[int, str]]:
    """Code and description of each error, in either format."""
    if answer.headers["content-type"] == "application/json; charset=utf-8":
        return [(one["code"], one["description"]) for one in answer.json()]
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    root = ElementTree.fromstring(answer.content)
    assert root.tag == "errors"
    return [(int(one.findtext("code") or 0), one.findtext("description") or "") for one in root.findall("error")]


# --- services ---


async def test_services_and_definitions_in_both_formats(client: Client, site: Site) -> None:
    found = (await client.get(f"{ROOT}/services.json")).json()
    assert {one["service_code"]: one["service_name"] for one in found}["roads"] == "Дороги и тротуары"
    assert found[0] | {"service_code": "", "service_name": ""} == {
        "service_code": "", "service_name": "", "description": None, "metadata": False, "type": "realtime",
        "keywords": None, "group": None,
    }  # fmt: skip
    answer = await client.get(f"{ROOT}/services.xml?jurisdiction_id=gorod.test")
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert answer.content.startswith(b'<?xml version="1.0" encoding="utf-8"?>')
    codes = [one.text for one in ElementTree.fromstring(answer.content).findall("service/service_code")]
    assert codes == [one["service_code"] for one in found]
    assert (await client.get(f"{ROOT}/services/roads.json")).json() == {"service_code": "roads", "attributes": []}
    answer = await client.get(f"{ROOT}/services/nonsense.xml")
    assert (answer.status_code, [code for code, _ in refusals(answer)]) == (404, [404])


async def test_questions_are_attributes_and_answers_stored(client: Client, database: Database, token: Token) -> None:
    questions: list[dict[str, Any]] = [
        {"code": "size", "datatype": "singlevaluelist", "required": True, "description": "Размер", "order": 2}
        | {"values": [["s", "до 10 см"], ["l", "больше"]]},
        {"code": "when", "datatype": "multivaluelist", "description": "Когда"}
        | {"values": [["d", "днём"], ["n", "ночью"]]},
    ]
    asked_there = "UPDATE site_categories SET questions = :questions WHERE code = 'roads'"
    await run_statement(database, asked_there, questions=orjson.dumps(questions).decode())
    await run_statement(database, "UPDATE site_counters SET settings = settings + 1")
    definition = (await client.get(f"{ROOT}/services/roads.json")).json()
    assert [one["code"] for one in definition["attributes"]] == ["when", "size"]
    assert definition["attributes"][1]["values"] == [{"key": "s", "name": "до 10 см"}, {"key": "l", "name": "больше"}]
    key = await token("georeport")
    asked = {"service_code": "roads", "attribute[when][]": ["d", "n"], "attribute[unknown]": "x"}
    answer = await post(client, "requests.json", {**fields(key), **asked})
    assert [text.split(":")[0] for _, text in refusals(answer)] == ["attribute[size]"]
    answer = await post(client, "requests.json", {**fields(key), **asked, "attribute[size]": "huge"})
    assert answer.status_code == 400
    answer = await post(client, "requests.json", {**fields(key), **asked, "attribute[size]": "l"})
    assert answer.status_code == 200
    row = existing(await database.row("SELECT answers FROM problems"))
    assert orjson.loads(row["answers"]) == {"size": "l", "when": ["d", "n"]}


# --- jurisdictions and keys ---


async def test_jurisdictions(client: Client, database: Database, site: Site) -> None:
    for address in ("services.json", "services.json?jurisdiction_id=", "services.json?jurisdiction_id=gorod.test"):
        assert (await client.get(f"{ROOT}/{address}")).status_code == 200
    assert (await client.get(f"{ROOT}/services.json?jurisdiction_id=other.test")).status_code == 404
    await make_site(database, jurisdiction="second.test")
    for address, status in (
        ("services.json", 400),
        ("requests.xml?jurisdiction_id=", 400),
        ("requests.xml?jurisdiction_id=second.test", 200),
        ("servicerequestupdates.xml?jurisdiction_id=other.test", 404),
    ):
        answer = await client.get(f"{ROOT}/{address}")
        assert answer.status_code == status
        assert status == 200 or refusals(answer)[0][0] == status


async def test_the_key_is_checked_before_the_fields(client: Client, database: Database, token: Token) -> None:
    key = await token("georeport")
    for path in ("requests.json", "requests.xml", "servicerequestupdates.json"):
        for form in ({}, {"api_key": "wrong"}, {"api_key": "", "service_code": "nonsense"}):
            answer = await post(client, path, form)
            assert (answer.status_code, refusals(answer)[0][0]) == (403, 403)
    answer = await post(client, "requests.json", {"api_key": "wrong", "jurisdiction_id": "other.test"})
    assert answer.status_code == 404
    other = await make_site(database, jurisdiction="second.test")
    stranger = await changes.add_token(database, other.id, "georeport")
    assert (await post(client, "requests.json", fields(stranger, jurisdiction_id="gorod.test"))).status_code == 403
    assert (await post(client, "requests.json", fields(key))).status_code == 400  # several sites now
    await changes.revoke_token(database, key)
    expired = await token("georeport")
    await run_statement(database, "UPDATE tokens SET expires_at = :now WHERE expires_at IS NULL", now=clock.now() - 1)
    for one in (key, expired):
        answer = await post(client, "requests.json", fields(one, jurisdiction_id="gorod.test"))
        assert answer.status_code == 403


# --- sending requests ---


async def test_a_request_waits_for_moderation(client: Client, database: Database, site: Site, token: Token) -> None:
    key, other = await token("georeport"), await token("georeport")
    answer = await post(client, "requests.json", fields(key, account_id="7"))
    assert answer.json() == [{"service_request_id": "1", "service_notice": None, "account_id": "7"}]
    assert (await client.get(f"{ROOT}/requests/1.json")).status_code == 404
    assert (await client.get(f"{ROOT}/requests/1.json?api_key={other}")).status_code == 404
    assert (await client.get(f"{ROOT}/requests.json")).json() == []
    (own,) = (await client.get(f"{ROOT}/requests/1.json?api_key={key}&extensions=true")).json()
    assert (own["status"], own["extended_attributes"]["status_code"]) == ("open", "moderation")
    given = await client.get(f"{ROOT}/tokens/1.json?api_key={key}")
    assert given.json() == [{"service_request_id": "1", "token": "1"}]
    await accept(database, site, "1")
    (public,) = (await client.get(f"{ROOT}/requests/1.json")).json()
    assert public["description"] == TEXT
    assert (public["service_code"], public["service_name"]) == ("lighting", "Уличное освещение")
    assert (public["lat"], public["long"]) == (55.0794, 38.7783)
    assert public["requested_datetime"].endswith("Z")
    assert public["expected_datetime"][-6:] == "+03:00"
    assert public["agency_responsible"] == "Администрация города"
    assert set(public) == {
        *("service_request_id", "status", "status_notes", "service_name", "service_code", "description"),
        *("agency_responsible", "service_notice", "requested_datetime", "updated_datetime", "expected_datetime"),
        *("address", "address_id", "zipcode", "lat", "long", "media_url"),
    }


async def test_xml_requests_are_equivalent(client: Client, database: Database, site: Site, token: Token) -> None:
    key = await token("georeport")
    answer = await post(client, "requests.xml", fields(key, description="<b>&amp; «ё» 😀\x07</b>"))
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    root = ElementTree.fromstring(answer.content)
    assert (root.tag, root.findtext("request/service_request_id")) == ("service_requests", "1")
    await accept(database, site, "1")
    root = ElementTree.fromstring((await client.get(f"{ROOT}/requests/1.xml")).content)
    assert root.findtext("request/description") == "<b>&amp; «ё» 😀</b>"


@ONE_DATABASE
async def test_invalid_fields_are_named(client: Client, token: Token) -> None:
    key = await token("georeport")
    for changed, named in (
        ({"service_code": "absent"}, "service_code"), ({"service_code": "nonsense"}, "service_code"),
        ({"lat": "absent", "long": "absent"}, "lat"), ({"long": "absent"}, "long"), ({"lat": "91"}, "lat"),
        ({"lat": "nan"}, "lat"), ({"description": "я" * 4001}, "description"),
        ({"media_url": "file:///etc/passwd"}, "media_url"),
    ):  # fmt: skip
        for form in ("json", "xml"):
            answer = await post(client, f"requests.{form}", fields(key, **changed))
            assert answer.status_code == 400, named
            assert [(code, text.partition(":")[0]) for code, text in refusals(answer)] == [(400, named)]


async def test_an_address_is_a_location_multipart_is_accepted_and_json_is_not(client: Client, token: Token) -> None:
    key = await token("georeport")
    await send(client, key, lat="", long="", address_string="ул. Ленина, 5", media_url="", email="")
    await send(client, key, lat="absent", long="absent", address_id="42")
    (second, first) = (await client.get(f"{ROOT}/requests.json?api_key={key}")).json()
    assert (first["address"], first["lat"]) == ("ул. Ленина, 5", None)
    assert (second["address"], second["address_id"], second["lat"]) == (None, None, None)
    report = {"report": ("a.pdf", b"%PDF-1.7", "application/pdf")}  # neither a picture nor meant as one
    answer = await client.post(f"{ROOT}/requests.json", data=fields(key), files=report)
    assert answer.status_code == 200, answer.text
    assert (await client.post(f"{ROOT}/requests.json", json=fields(key))).status_code == 400
    answer = await client.post(
        f"{ROOT}/requests.xml", content=b"--x", headers={"Content-Type": "multipart/form-data; boundary=y"}
    )
    assert [code for code, _ in refusals(answer)] == [answer.status_code]
    huge = await post(client, "requests.json", fields(key, description="я" * 100_000))
    assert huge.status_code == 400


async def test_a_repeated_key_gives_the_same_bytes(client: Client, database: Database, token: Token) -> None:
    key = await token("georeport")
    named = {"Idempotency-Key": "k-1"}
    first = await post(client, "requests.json", fields(key), **named)
    again = await post(client, "requests.json", fields(key), **named)
    assert (first.content, again.content) == (first.content, first.content)
    assert refusals(await post(client, "requests.xml", fields(key, description="иное"), **named))[0][0] == 400
    assert (await post(client, "requests.json", fields(key), **{"Idempotency-Key": "k" * 256})).status_code == 400
    row = existing(await database.row("SELECT COUNT(*) AS many FROM problems"))
    assert row["many"] == 1
    other = await post(client, "requests.json", fields(await token("georeport")), **named)
    assert other.json()[0]["service_request_id"] == "2", "another sender's key is another key"


async def test_contacts_are_stored_for_scope_platform_only(client: Client, database: Database, token: Token) -> None:
    person = {"email": "anna@example.test", "first_name": "Анна", "last_name": "Петровна К.", "phone": "+7 900 000"}
    await send(client, await token("georeport"), **person)
    assert await database.row("SELECT * FROM contacts") is None
    await send(client, await token("platform"), **person)
    row = existing(await database.row("SELECT * FROM contacts"))
    assert (row["email"], row["name"], row["phone"]) == ("anna@example.test", "Анна Петровна К.", "+7 900 000")
    assert await database.rows("SELECT * FROM deliveries") == []  # no letter: the sender informs the resident


async def test_scope_platform_carries_code_and_birth_id(client: Client, token: Token) -> None:
    key, born = await token("platform"), str(uuid.uuid4())
    update = {
        "extended_attributes[status_code]": "in_progress",
        "extended_attributes[event_id]": born,
        "extended_attributes[requested_datetime]": "2026-01-02T03:04:05Z",
    }
    assert await send(client, key, **update) == "1"
    (found,) = (await client.get(f"{ROOT}/requests/1.json?extensions=true")).json()
    assert found["extended_attributes"]["status_code"] == "in_progress"
    assert found["requested_datetime"] == "2026-01-02T03:04:05Z"
    assert await send(client, key, **update, description="чуть иначе") == "1"  # the same birth id: the same report
    assert await send(client, key) == "2"
    (plain,) = (await client.get(f"{ROOT}/requests/2.json?extensions=true")).json()
    assert plain["extended_attributes"]["status_code"] == "accepted"
    assert await send(client, await token("georeport"), **update) == "3"  # and no other token may use it
    assert (await client.get(f"{ROOT}/requests/3.json")).status_code == 404


# --- reading requests ---


async def test_filters(client: Client, token: Token) -> None:
    key = await token("platform")
    for code, status, at in (
        ("roads", "accepted", "2026-01-01T00:00:00Z"),
        ("snow", "resolved", "2026-02-01T00:00:00Z"),
        ("roads", "in_progress", "2026-03-01T00:00:00Z"),
    ):
        update = {"extended_attributes[status_code]": status, "extended_attributes[requested_datetime]": at}
        await send(client, key, service_code=code, **update)

    async def ids(query: str) -> list[str]:
        answer = await client.get(f"{ROOT}/requests.json?{query}")
        assert answer.status_code == 200, answer.text
        return [one["service_request_id"] for one in answer.json()]

    span = "start_date=2026-01-01T00:00:00Z&end_date=2026-03-01T00:00:00%2B00:00"
    assert await ids(span) == ["3", "2", "1"]
    assert await ids(f"{span}&service_code=roads,yards") == ["3", "1"]
    assert await ids(f"{span}&status=closed") == ["2"]
    assert await ids(f"{span}&status=open,closed&service_code=") == ["3", "2", "1"]
    # Not ISO 8601, yet unambiguous.
    assert await ids("start_date=2026-02-02&end_date=2026-03-01T03:00:00 03:00") == ["3"]
    assert await ids("start_date=2026-01-15T00:00:00Z") == ["3", "2"]  # and at most 90 days later
    assert await ids(f"{span}&page_size=2&page=2") == ["1"]
    assert await ids("service_request_id=1,3,99,x&status=closed") == ["3", "1"]  # overrides all others
    assert await ids("service_request_id=99") == []
    for path in ("requests.json", "servicerequestupdates.json"):
        for wrong in ("abc", "x,y", "-1", "0", ","):
            answer = await client.get(f"{ROOT}/{path}?service_request_id={wrong}")
            assert (answer.status_code, refusals(answer)[0][0]) == (404, 404), wrong
    for query in (
        "start_date=2026-01-01T00:00:00Z&end_date=2026-06-01T00:00:00Z",
        "start_date=yesterday",
        "status=broken",
        "page_size=0",
        "page=x",
    ):
        assert (await client.get(f"{ROOT}/requests.json?{query}")).status_code == 400
    for days in (89, 91):
        at = clock.rfc3339(clock.now() - days * 86_400)
        await send(client, key, **{"extended_attributes[requested_datetime]": at})
    by_default = await ids("")
    assert ("4" in by_default, "5" in by_default) == (True, False), "those of ninety days"
    assert "от 1 до 1\u202f000" in refusals(await client.get(f"{ROOT}/requests.json?page_size=1001"))[0][1]


@ONE_DATABASE
async def test_a_long_list_is_refused_in_its_format_while_too_many_are_read(
    client: Client, database: Database, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        receipt = await submit_report(database, site)
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    monkeypatch.setattr(render, "CHUNK_SIZE", 1)
    monkeypatch.setattr(streaming, "MAX_STREAMS", 0)
    for path in ("requests.xml", "requests.json", "servicerequestupdates.xml"):
        answer = await client.get(f"{ROOT}/{path}")
        assert (answer.status_code, refusals(answer)[0][0]) == (429, 429)
        assert int(answer.headers["retry-after"]) > 0
        short = await client.get(f"{ROOT}/{path}?page_size=1")
        assert (short.status_code, int(short.headers["content-length"])) == (200, len(short.content))


async def test_errors_have_the_requested_format_and_language(client: Client, site: Site) -> None:
    for wrong, form in itertools.product(("0", "-1", "x", "99999999999999999999", "1.5", "%00"), ("json", "xml")):
        answer = await client.get(f"{ROOT}/requests/{wrong}.{form}")
        assert (answer.status_code, refusals(answer)[0][0]) == (404, 404), wrong
    others = (("GET", "nothing.json"), ("GET", "services.yaml"), ("DELETE", "requests.xml"), ("PUT", "x.json"))
    for method, path in others:
        answer = await client.request(method, f"{ROOT}/{path}")
        assert (answer.status_code, refusals(answer)[0][0]) == (404, 404)
        expected = "application/json" if path.endswith("json") else "text/xml"
        assert answer.headers["content-type"] == f"{expected}; charset=utf-8"
    answer = await client.get(f"{ROOT}/requests/9.json", headers={"Accept-Language": "en"})
    assert refusals(answer) == [(404, "There is no such request.")]
    assert refusals(await client.get(f"{ROOT}/requests/9.json?lang=ru")) == [(404, "Такого сообщения нет.")]


async def test_what_residents_say_of_themselves_is_never_returned(
    client: Client, database: Database, site: Site, token: Token
) -> None:
    own, trusted = await token("georeport"), await token("platform")
    person = {"first_name": "Канарейка", "last_name": "Ветрова", "email": "canary@gorod.test", "phone": "+7 900 55501"}
    number = await send(client, trusted, **person)
    (stored,) = await database.rows("SELECT name, email, phone, problem_id FROM contacts")
    assert tuple(stored)[:3] == ("Канарейка Ветрова", "canary@gorod.test", "+7 900 55501")
    await lifecycle.change(database, AGENT, site.id, stored["problem_id"], Change(to="in_progress"))
    paths = ("requests.json", "requests.xml", "servicerequestupdates.json", f"requests/{number}.json")
    for path, key in itertools.product(paths, ("", own, trusted)):
        shown = (await client.get(f"{ROOT}/{path}?extensions=true&api_key={key}")).text
        assert "service_request_id" in shown, path
        assert [said for said in ("Канарейка", "Ветрова", "canary", "55501") if said in shown] == [], path


# --- updates ---


async def test_updates_are_told_in_both_formats(client: Client, database: Database, site: Site, token: Token) -> None:
    number = await send(client, await token("georeport"))
    assert (await client.get(f"{ROOT}/servicerequestupdates.json")).json() == []
    problem = await accept(database, site, number)
    planned = Change(to="planned", expected_on="2099-01-02", text="Заменим лампу")
    born = await lifecycle.change(database, AGENT, site.id, problem, planned)
    start = clock.rfc3339(clock.now() - 60)
    found = (await client.get(f"{ROOT}/servicerequestupdates.json?start_date={start}")).json()
    assert [one["status"] for one in found] == ["OPEN", "ACTION_SCHEDULED"]
    assert found[1]["update_id"] == born
    assert found[1]["service_request_id"] == number
    assert found[1]["description"] == "Заменим лампу"
    extended = found[1]["extended_attributes"]
    assert (extended["status_code"], extended["actor"], extended["expected_on"]) == ("planned", "agent", "2099-01-02")
    root = ElementTree.fromstring((await client.get(f"{ROOT}/servicerequestupdates.xml")).content)
    assert root.tag == "service_request_updates"
    assert [one.text for one in root.findall("request_update/update_id")][1] == born
    later = (await client.get(f"{ROOT}/servicerequestupdates.json?start_date=2099-01-01T00:00:00Z")).json()
    assert later == []
    position = extended["position"]
    after = await client.get(f"{ROOT}/servicerequestupdates.json?start_date=2099-01-01T00:00:00Z&after={position - 1}")
    assert [one["update_id"] for one in after.json()] == [born]


async def test_platforms_alone_see_hidden_reports(client: Client, database: Database, site: Site, token: Token) -> None:
    receipt = await submit_report(database, site)
    rejected = Change(to="rejected", text="Это не городская территория")
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, rejected)
    address = f"{ROOT}/servicerequestupdates.json?api_key="
    assert (await client.get(address + await token("georeport"))).json() == []
    (found,) = (await client.get(address + await token("platform"))).json()
    assert (found["status"], found["description"]) == ("NO_FURTHER_ACTION", "Это не городская территория")


async def test_an_update_is_imported_once(client: Client, token: Token) -> None:
    key, born = await token("platform"), str(uuid.uuid4())
    number = await send(client, key)
    update = update_of(key, number, update_id=born, status="ACTION_SCHEDULED", description="Заменим лампу") | {
        "updated_datetime": clock.rfc3339(clock.now()), "extended_attributes[status_code]": "planned",
        "extended_attributes[expected_on]": "2099-01-02", "extended_attributes[responsible]": "Горсвет",
        "extended_attributes[actor]": "agent",
    }  # fmt: skip
    first = await post(client, "servicerequestupdates.xml", update)
    again = await post(client, "servicerequestupdates.xml", update)
    assert first.status_code == 200, first.text
    assert ElementTree.fromstring(first.content).findtext("request_update/update_id") == born
    assert first.content == again.content
    (found,) = (await client.get(f"{ROOT}/servicerequestupdates.json")).json()
    assert found["update_id"] == born
    told_back = {"kind": "status", "status_code": "planned", "actor": "agent", "expected_on": "2099-01-02"}
    assert found["extended_attributes"] == {**told_back, "responsible": "Горсвет", "position": 2}
    (request,) = (await client.get(f"{ROOT}/requests/{number}.json?extensions=true")).json()
    assert request["expected_datetime"] == "2099-01-02T23:59:59+03:00"
    assert request["extended_attributes"]["status_code"] == "planned"


async def test_an_update_with_a_text_only_does_not_change_the_status(client: Client, token: Token) -> None:
    """The specification requires a status, which may be outdated on arrival."""
    key = await token("platform")
    number = await send(client, key)
    update = update_of(key, number, status="FIXED", description="Ждём запчасти") | {"extended_attributes[kind]": "text"}
    assert (await post(client, "servicerequestupdates.json", update)).status_code == 200
    (found,) = (await client.get(f"{ROOT}/servicerequestupdates.json")).json()
    assert (found["status"], found["description"]) == ("OPEN", "Ждём запчасти")
    assert found["extended_attributes"]["kind"] == "text"


async def test_an_external_update_keeps_its_birth_id_when_repeated(
    client: Client, database: Database, site: Site, token: Token
) -> None:
    key = await token("georeport")
    number = await send(client, key)
    await accept(database, site, number)
    update = update_of(key, number, update_id="77", status="FIXED", description="Сделано")
    replies = {(await post(client, "servicerequestupdates.json", update)).text for _ in range(3)}
    assert len(replies) == 1
    found = (await client.get(f"{ROOT}/servicerequestupdates.json")).json()
    assert [one["status"] for one in found] == ["OPEN", "FIXED"]
    assert found[1]["update_id"] == orjson.loads(replies.pop())[0]["update_id"]
    stated = update | {"update_id": "78", "extended_attributes[status_code]": "withdrawn", "status": "closed"}
    assert (await post(client, "servicerequestupdates.json", stated | {"description": ""})).status_code == 200
    (request,) = (await client.get(f"{ROOT}/requests/{number}.json?extensions=true")).json()
    # A bare «closed» is consistent with it, and there is no exact code for others.
    assert request["extended_attributes"]["status_code"] == "resolved"


async def test_invalid_updates_are_refused(client: Client, token: Token) -> None:
    key = await token("georeport")
    number = await send(client, key)
    for changed, status in (
        ({"service_request_id": ""}, 400),
        ({"service_request_id": "99"}, 404),
        ({"service_request_id": "x"}, 404),
        ({"status": "ON_THE_MOON"}, 400),
        ({"updated_datetime": "yesterday"}, 400),
        ({"description": "я" * 10_001}, 400),
        ({"status": "OPEN"}, 400),  # in moderation: only its moderator can publish it
    ):
        update = {"api_key": key, "service_request_id": number, "status": "FIXED"} | changed
        answer = await post(client, "servicerequestupdates.json", update)
        assert (answer.status_code, refusals(answer)[0][0]) == (status, status), changed
    other = {"api_key": await token("georeport"), "service_request_id": number, "status": "CANCELLED"}
    assert (await post(client, "servicerequestupdates.json", other)).status_code == 404
    assert (await client.get(f"{ROOT}/servicerequestupdates.json?api_key={key}")).json() == []
    assert (await post(client, "servicerequestupdates.json", other | {"api_key": key})).status_code == 200
    (own,) = (await client.get(f"{ROOT}/requests/{number}.json?api_key={key}&extensions=true")).json()
    assert own["extended_attributes"]["status_code"] == "withdrawn"


async def test_no_platform_acts_for_our_residents(client: Client, database: Database, site: Site, token: Token) -> None:
    receipt = await submit_report(database, site)
    update = update_of(await token("platform"), receipt.number)
    for code in ("withdrawn", "confirmed", "moderation"):
        answer = await post(client, "servicerequestupdates.json", update | {"extended_attributes[status_code]": code})
        assert answer.status_code == 400
    answer = await post(client, "servicerequestupdates.json", update | {"extended_attributes[status_code]": "accepted"})
    assert answer.status_code == 200


async def test_erasure_is_passed_on(client: Client, database: Database, token: Token) -> None:
    key = await token("platform")
    number = await send(client, key, email="anna@example.test", first_name="Анна")
    update = update_of(key, number) | {"extended_attributes[kind]": "erased"}
    for _ in range(2):
        assert (await post(client, "servicerequestupdates.json", update)).status_code == 200
    assert await database.row("SELECT * FROM contacts") is None
    assert (await client.get(f"{ROOT}/requests/{number}.json")).status_code == 404
    assert await send(client, key) == "2"


# --- discovery, formats, the rest ---


async def test_discovery(client: Client, site: Site) -> None:
    for path in ("/open311/discovery", f"{ROOT}/discovery"):
        found = (await client.get(f"{path}.json")).json()
        assert list(found) == ["changeset", "contact", "key_service", "endpoints", "software"]
        assert found["software"] == "igrajdanin-widget"
        (endpoint,) = found["endpoints"]
        assert endpoint["specification"] == "http://wiki.open311.org/GeoReport_v2"
        assert endpoint["url"] == "https://widget.test/open311/v2"
        assert endpoint["type"] == "test"
        root = ElementTree.fromstring((await client.get(f"{path}.xml")).content)
        assert root.tag == "discovery"
        assert [one.text for one in root.findall("endpoints/endpoint/formats/format")] == endpoint["formats"]


@ONE_DATABASE
async def test_pages_on_other_origins_may_call(client: Client, site: Site) -> None:
    for path in ("requests.json", "servicerequestupdates.xml", "services.json", "nothing", "x/y.json"):
        origin = {"Origin": "https://app.test"}
        for method in ("GET", "POST"):
            asked = origin | {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type"}
            answer = await client.options(f"{ROOT}/{path}", headers=asked)
            assert (answer.status_code, answer.content) == (204, b""), path
            assert answer.headers["access-control-allow-origin"] == "https://app.test"
            assert method in answer.headers["access-control-allow-methods"]
            assert "content-type" in answer.headers["access-control-allow-headers"].lower()
        plain = await client.options(f"{ROOT}/{path}", headers=origin)
        assert (plain.status_code, plain.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")
        for answer in (
            await client.get(f"{ROOT}/{path}", headers=origin),
            await client.post(f"{ROOT}/{path}", headers=origin),
        ):
            assert answer.headers.get_list("access-control-allow-origin") in (["*"], ["https://app.test"])
            assert "text/html" not in answer.headers["content-type"]


# --- what fails ---


@pytest.mark.parametrize(("path", "read"), [("requests", "read_requests"), ("servicerequestupdates", "read_updates")])
async def test_a_failing_list_is_an_error_or_visibly_incomplete(
    client: Client, database: Database, site: Site, monkeypatch: pytest.MonkeyPatch, path: str, read: str
) -> None:
    """The database fails before the list begins, or in its middle, after the status has been sent."""
    for _ in range(4):
        receipt = await submit_report(database, site)
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    real, reads, broken = getattr(store, read), 0, 0

    async def failing(*given: Any, **named: Any) -> Any:
        nonlocal reads
        reads += 1
        if reads == broken:
            raise Unavailable
        return await real(*given, **named)

    monkeypatch.setattr(render, "CHUNK_SIZE", 1)
    monkeypatch.setattr(store, read, failing)
    for form in ("json", "xml"):
        for place in (1, 2):
            reads, broken = 0, place
            answer = await client.get(f"{ROOT}/{path}.{form}")
            assert (answer.status_code, refusals(answer)[0][0]) == (503, 503)
        reads, broken = 0, 4
        sent: list[bytes] = []
        with pytest.raises(RuntimeError):  # raised through Starlette; a server closes the connection
            async with client.stream("GET", f"{ROOT}/{path}.{form}") as answer:
                sent += [piece async for piece in answer.aiter_bytes()]
        broken = 0
        whole = await client.get(f"{ROOT}/{path}.{form}")
        assert len(ElementTree.fromstring(whole.content) if form == "xml" else whole.json()) == 4
        assert not b"".join(sent).rstrip().endswith((b"]", b"</service_requests>", b"</service_request_updates>"))
