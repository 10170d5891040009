"""POST /api/v1/sites/{key}/problems: the error for every bad input, in the contract's order, without writing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.conftest import ONE_DATABASE
from tests.factories import AGENT, HOST_ORIGIN, make_site, problem_body
from tests.support.public_api import JSON, Widget, problem
from widget_api.database.schema import metadata
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.problems.store import contacts
from widget_api.sites import changes


async def test_a_report_returns_number_due_date_and_private_link(widget: Widget) -> None:
    response = await widget.send()
    assert response.status_code == 201
    answer = response.json()
    assert set(answer) == {"number", "status", "received_at", "answer_due", "track_url"}
    assert (answer["number"], answer["status"]) == (1, "moderation")
    assert answer["track_url"].startswith("https://widget.test/t/")
    assert response.headers["access-control-allow-origin"] == HOST_ORIGIN
    assert "Origin" in response.headers["vary"]
    assert response.headers["cache-control"] == "no-store"


async def test_without_an_email_address_a_code_is_returned(widget: Widget) -> None:
    answer = (await widget.send(email=None)).json()
    assert len(answer["code"]) == 8


@ONE_DATABASE
async def test_an_unregistered_origin_is_refused_with_cors_headers_before_the_body(widget: Widget) -> None:
    for origin in (
        "null", "https://evil.test", "https://gorod.test.evil.test", "https://notgorod.test", "http://gorod.test",
        "https://gorod.test:8443", "https://GOROD.test", "https://xn--c1aay4a.xn--p1ai",
    ):  # fmt: skip
        widget.origin = origin
        refusal = problem(await widget.send(content=b"{not even json"), 403)
        assert refusal["code"] == "origin_not_registered", origin
        assert refusal["origin"] == origin
        assert refusal["register_url"]
        response = await widget.send(content=b"{}")
        assert response.headers["access-control-allow-origin"] == origin
        assert await widget.written() == 0


async def test_a_preflight_is_allowed_and_an_unknown_key_refused_for_any_origin(widget: Widget) -> None:
    headers = {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}
    response = await widget.client.options(f"{widget.root}/problems", headers=headers)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://evil.test"
    allowed = response.headers["access-control-allow-headers"].lower()
    assert {"content-type", "idempotency-key", "if-none-match"} <= set(allowed.split(", "))
    assert problem(await widget.send(content=b"{}"), 403)["code"] == "ticket_missing"
    widget.root, widget.origin = "/api/v1/sites/wk_unknown", "https://evil.test"
    assert problem(await widget.send(content=b"{"), 404)["code"] == "site_not_found"


@ONE_DATABASE
async def test_unreadable_bodies_are_refused(widget: Widget) -> None:
    for headers, content, status in (
        ({"Content-Type": "application/json"}, b"x" * 70_000, 413),
        ({"Content-Type": "text/plain"}, b"x" * 70_000, 413),
        ({"Content-Type": "text/plain"}, b"{}", 415),
        ({}, b"{}", 415),
        ({"Content-Type": "application/json"}, b"{", 400),
        ({"Content-Type": "application/json"}, b"[]", 400),
        ({"Content-Type": "application/json"}, b'{"a": "\xff"}', 400),
        ({"Content-Type": "application/json"}, b'{"a": "\\ud800"}', 400),
        ({"Content-Type": "application/json"}, b'{"a": ' + b"[" * 30_000, 400),
    ):
        sent = {"Origin": HOST_ORIGIN, "Idempotency-Key": "k", **headers}
        response = await widget.client.post(f"{widget.root}/problems", content=content, headers=sent)
        problem(response, status)
        assert await widget.written() == 0, content

    # A body without a declared length is limited, too.
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    headers = {"Origin": HOST_ORIGIN, "Idempotency-Key": "k", **JSON}
    problem(await widget.client.post(f"{widget.root}/problems", content=endless(), headers=headers), 413)


@ONE_DATABASE
async def test_a_valid_idempotency_key_is_required(widget: Widget) -> None:
    for key in (None, "", "x" * 256, "ключ"):
        problem(await widget.send(key), 400)
        assert await widget.written() == 0, key


async def test_all_invalid_or_missing_fields_are_named_at_once(widget: Widget) -> None:
    ticket = await widget.ticket()
    body = {
        "ticket": ticket,
        "category": "нет такой",
        "description": "a",
        "location": {"lat": 100, "lng": "x"},
        "email": "not an address",
        "phone": "abc",
        "name": 5,
        "consent": {"version": "?", "processing": "yes"},
        "answers": [],
    }
    refusal = problem(await widget.send(content=json.dumps(body).encode()), 422)
    named = {error["field"]: error["code"] for error in refusal["errors"]}
    assert named == {
        "category": "unknown",
        "description": "too_short",
        "location": "coordinates",
        "email": "email",
        "phone": "phone",
        "name": "wrong_type",
        "consent.processing": "required",
    }
    assert all(error["detail"] for error in refusal["errors"])
    again = await widget.send("key-2", ticket=ticket)
    assert again.status_code == 201, "a refused report does not use the ticket up"
    refusal = problem(await widget.send(content=json.dumps({"ticket": await widget.ticket()}).encode()), 422)
    assert {error["field"] for error in refusal["errors"] if error["code"] == "required"} == {
        "category",
        "description",
        "location",
        "consent.processing",
        "consent.version",
    }


async def test_single_fields_at_their_limits_and_null_means_absent(widget: Widget) -> None:
    for changed, field in (
        ({"description": "x" * 4001}, "description"),
        ({"description": "x" * 4000 + "\x1f"}, "description"),  # as long as sent, whatever is removed from it
        ({"description": "x" * 4000 + " "}, "description"),
        ({"description": " \x00\x01 "}, "description"),
        ({"location": {"lat": float("inf"), "lng": 1}}, "location"),
        ({"location": {"lat": 55.0}}, "location"),
        ({"location": "здесь"}, "location"),
        ({"consent": {"version": "другая", "processing": True}}, "consent.version"),
        ({"consent": True}, "consent"),
        ({"photos": ["no-such-token"]}, "photos.0"),
    ):
        response = await widget.send(**changed)
        if "location" in changed and response.status_code == 400:
            continue  # infinity is not valid JSON
        assert field in {error["field"] for error in problem(response, 422)["errors"]}, field
    location = {"lat": None, "lng": None, "address": "Ул. Мира, 5"}
    response = await widget.send(location=location, name=None, phone="", page_url=None, answers=None, photos=None)
    assert response.status_code == 201, response.text


async def test_the_same_key_of_a_site_returns_the_same_bytes_or_a_conflict(widget: Widget, app: Any) -> None:
    first = await widget.send("k", ticket=await widget.ticket())
    again = await widget.send("k", ticket="a stale ticket does not matter")
    assert (again.status_code, again.content) == (201, first.content)
    refusal = problem(await widget.send("k", description="Совсем другое сообщение"), 422)
    assert refusal["code"] == "idempotency_key_reused"
    ticket = await widget.ticket()
    answers = await asyncio.gather(*(widget.send("retried", ticket=ticket) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert await widget.written() == 2
    other = Widget(widget.client, await make_site(app.state.context.database))
    assert (await other.send("k")).status_code == 201, "a key belongs to its site"
    assert await widget.written() == 3


async def test_a_ticket_is_valid_for_one_report_of_one_site_and_origin(widget: Widget, app: Any) -> None:
    ticket = await widget.ticket()
    assert (await widget.send("a", ticket=ticket)).status_code == 201
    assert problem(await widget.send("b", ticket=ticket), 403)["code"] == "ticket_spent"
    assert problem(await widget.send("c", ticket="forged"), 403)["code"] == "ticket_invalid"
    other = Widget(widget.client, await make_site(app.state.context.database))
    assert problem(await other.send("d", ticket=await widget.ticket()), 403)["code"] == "ticket_other_site"
    own = Widget(widget.client, widget.site, "https://widget.test")
    assert problem(await own.send("e", ticket=await widget.ticket()), 403)["code"] == "ticket_other_site"
    assert await widget.written() == 1


@pytest.mark.settings(challenge="off")
async def test_without_challenges_the_ticket_is_optional(widget: Widget) -> None:
    body = problem_body(await widget.consent())
    assert (await widget.send(content=json.dumps(body).encode())).status_code == 201


async def test_stored_data_of_the_page_and_the_consent(widget: Widget, app: Any) -> None:
    await widget.send(page_url="https://user:secret@gorod.test/news?token=1#top")
    database = app.state.context.database
    row = await database.row("SELECT page_url FROM problems")
    assert row[0] == "https://gorod.test/news"
    for number, address in enumerate(("javascript:alert(1)", "ftp://gorod.test/", "")):
        await widget.send(f"other-{number}", page_url=address)
    assert len(await database.rows("SELECT 1 FROM problems WHERE page_url IS NULL")) == 3
    consent = await database.row("SELECT version, hash, purpose, ip, at FROM consents")
    assert (consent["version"], consent["purpose"]) == (await widget.consent(), "processing")
    assert len(consent["hash"]) == 64
    assert consent["ip"]
    assert consent["at"]


async def test_without_contacts_consent_and_network_address_may_be_left_out(widget: Widget, app: Any) -> None:
    """Where the site asks for consent with contacts alone: nothing of the sender's network is stored anywhere."""
    database = app.state.context.database
    await widget.send("before")
    address = (await database.row("SELECT ip FROM consents"))["ip"]
    await database.write(lambda tx: tx.run("DELETE FROM consents"))
    site = (await database.row("SELECT id FROM sites"))["id"]
    await changes.update_site(database, site, {"consent": "contacts"})
    assert (await widget.client.get(widget.root)).json()["consent"]["required"] == "contacts"
    given = {"version": await widget.consent(), "processing": True}
    for number, consent in enumerate((None, given, {"processing": False})):
        assert (await widget.send(f"without-{number}", email=None, consent=consent)).status_code == 201
    for table in metadata.sorted_tables:
        rows = await database.rows(f'SELECT * FROM "{table.name}"')
        assert not [row for row in rows if address in map(str, tuple(row))], table.name
    for wrong in (
        {"email": "anna@example.test"},
        {"name": "Анна"},
        {"phone": "+7 912 345-67-89"},
        {"email": "не почта"},
    ):
        body: dict[str, Any] = {"email": None, "consent": None, **wrong}
        refused = await widget.send("with", **body)
        fields = [error["field"] for error in problem(refused, 422)["errors"]]
        assert fields[-2:] == ["consent.processing", "consent.version"], wrong
    assert (await widget.send("with", consent=given)).status_code == 201
    assert (await database.row("SELECT ip FROM consents"))["ip"] == address


async def test_publishing_a_name_needs_its_own_consent(widget: Widget, app: Any) -> None:
    version = await widget.consent()
    await widget.send("a", name="Анна", consent={"version": version, "processing": True, "publish_name": True})
    await widget.send("b", consent={"version": version, "processing": True, "publish_name": True})
    await widget.send("d", name="Анна", consent={"version": version, "processing": True})
    rows = await app.state.context.database.rows("SELECT * FROM consents ORDER BY purpose")
    assert [row["purpose"] for row in rows] == [*["processing"] * 3, "publish_name"]
    shown = await app.state.context.database.rows("SELECT publish_name FROM contacts WHERE publish_name")
    assert len(shown) == 1, "a name alone is no consent, nor is a consent without a name"
    of_name = (await widget.client.get(widget.root)).json()["consent"]["publish_name"]
    assert rows[-1]["version"] == of_name["version"] != version
    assert rows[-1]["hash"] != rows[0]["hash"]
    assert rows[-1]["at"]
    assert rows[-1]["ip"]
    document = await widget.client.get(of_name["url"].removeprefix("https://widget.test"))
    assert rows[-1]["hash"] in document.text
    assert "Согласие на публикацию имени" in document.text
    assert "Только имя" in document.text
    assert "В списках сообщений, файлах открытых данных и лентах имени нет." in document.text
    other = {"version": version, "processing": True, "publish_name": True, "name_version": version}
    refused = await widget.send("c", name="Анна", consent=other)
    assert [error["field"] for error in problem(refused, 422)["errors"]] == ["consent.publish_name"]


async def test_the_consent_to_publish_a_name_can_be_revoked_separately(widget: Widget, app: Any) -> None:
    version = await widget.consent()
    given = {"version": version, "processing": True, "publish_name": True}
    sent = await widget.send("a", name="Анна", consent=given)
    private = sent.json()["track_url"].removeprefix("https://widget.test")
    assert f'action="{private}/unnamed"' in (await widget.client.get(private)).text
    database, number = app.state.context.database, sent.json()["number"]
    problem_id = (await database.row("SELECT id FROM problems"))["id"]
    await lifecycle.change(database, AGENT, widget.site.id, problem_id, Change(to="accepted"))
    public = (f"{widget.root}/problems/{number}", f"/s/{widget.site.key}/problems/{number}")
    first = await widget.client.get(public[0])
    assert first.json()["author"] == "Анна"
    assert "<dt>Автор</dt><dd>Анна</dd>" in (await widget.client.get(public[1])).text
    for listing in ("/problems", "/problems.csv", "/problems.geojson", ""):
        assert "Анна" not in (await widget.client.get(widget.root + listing)).text
    exchange = f"/open311/v2/requests.json?jurisdiction_id={widget.site.jurisdiction}&extensions=true"
    for read in (f"/s/{widget.site.key}", f"/s/{widget.site.key}/feed.atom", exchange):
        shown = (await widget.client.get(read)).text
        assert "Глубокая яма" in shown, read
        assert "Анна" not in shown, read
    for _ in range(2):
        assert (await widget.client.post(f"{private}/unnamed")).status_code == 303
    page = (await widget.client.get(f"{private}?done=unnamed")).text
    assert "Согласие на публикацию имени отозвано" in page
    assert f'action="{private}/unnamed"' not in page
    again = await widget.client.get(public[0], headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.json()["author"]) == (200, None), "whoever has it in a cache hears of it"
    assert "Анна" not in (await widget.client.get(public[1])).text
    rows = await database.rows("SELECT purpose FROM consents WHERE withdrawn_at IS NOT NULL")
    assert [row["purpose"] for row in rows] == ["publish_name"]
    (contact,) = await database.rows("SELECT publish_name, name FROM contacts")
    assert (bool(contact["publish_name"]), contact["name"]) == (False, "Анна")
    await database.write(lambda tx: tx.run("UPDATE contacts SET publish_name = TRUE"))
    assert await contacts.published_name(database, problem_id) is None, "the consent decides, not the mark"


async def test_a_consent_without_its_own_document_publishes_no_name(widget: Widget, app: Any) -> None:
    given = {"version": await widget.consent(), "processing": True, "publish_name": True}
    number = (await widget.send("a", name="Анна", consent=given)).json()["number"]
    database = app.state.context.database
    await database.write(lambda tx: tx.run("UPDATE consents SET version = :version", version=given["version"]))
    problem_id = (await database.row("SELECT id FROM problems"))["id"]
    await lifecycle.change(database, AGENT, widget.site.id, problem_id, Change(to="accepted"))
    assert (await widget.client.get(f"{widget.root}/problems/{number}")).json()["author"] is None


async def test_nobody_can_pose_as_the_agency(widget: Widget) -> None:
    consent = {"version": await widget.consent(), "processing": True}
    for name, code in (("АДМИНИСТРАЦИЯ  города", "name_official"), ("Иван Ivаnov", "name_mixed")):
        refused = await widget.send(f"a {code}", name=name, consent=consent | {"publish_name": True})
        assert [(error["field"], error["code"]) for error in problem(refused, 422)["errors"]] == [("name", code)]
        assert (await widget.send(f"b {code}", name=name, consent=consent)).status_code == 201, (
            "the agency alone reads it"
        )


async def test_rate_limited_addresses_get_retry_after(widget: Widget) -> None:
    answers = [await widget.send(f"k{index}", content=b"{}") for index in range(101)]
    limited = [answer for answer in answers if answer.status_code == 429]
    assert limited
    assert int(limited[0].headers["retry-after"]) > 0
    problem(limited[0], 429)
