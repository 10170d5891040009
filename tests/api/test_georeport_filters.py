"""Filters of the request list, compared with a naive filter over the same table, and the fields of its answer."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.conftest import GOROD, ONE_DATABASE, Client
from tests.factories import AGENT, RESIDENT, make_site, run_statement, submit_report
from tests.support.georeport import ROOT
from widget_api import clock
from widget_api.context import Context
from widget_api.geo.model import distance
from widget_api.open311 import render
from widget_api.problems import lifecycle
from widget_api.problems.model import CLOSED, OPEN, STATUSES, Change
from widget_api.sites import changes
from widget_api.sites.model import Site

DAY = 86_400
CODES = ("roads", "yards", "lighting")
pytestmark = [GOROD, pytest.mark.settings(work="off")]


async def list_requests(client: Client, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(f"{ROOT}/requests.json", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def ids(client: Client, **query: Any) -> list[int]:
    return [int(one["service_request_id"]) for one in await list_requests(client, **query)]


async def town(client: Client, context: Context, site: Site, many: int) -> dict[str, str]:
    """Requests of two senders and residents, in every status, over a year and district; returns the senders' keys."""
    chance = random.Random(5)
    keys = {name: await changes.add_token(context.database, site.id, "platform") for name in ("first", "second")}
    for index in range(many):
        place = (54 + chance.random(), 38 + chance.random())
        if index % 5 == 0:
            await submit_report(context.database, site, lat=place[0], lng=place[1])
            continue
        form = {
            "api_key": keys[chance.choice(("first", "second"))],
            "service_code": chance.choice(CODES),
            "description": f"Яма {index}",
            "extended_attributes[status_code]": chance.choice(STATUSES),
        }
        form |= (
            {"lat": f"{place[0]:.6f}", "long": f"{place[1]:.6f}"} if index % 7 else {"address_string": "ул. Мира, 5"}
        )
        assert (await client.post(f"{ROOT}/requests.json", data=form)).status_code == 200
    now = clock.now()
    for row in await context.database.rows("SELECT id, number FROM problems"):
        times = {"created": now - chance.randrange(365 * DAY), "updated": now - row["number"] // 3 * 600}
        moved = "UPDATE problems SET created_at = :created, updated_at = :updated WHERE id = :id"
        await run_statement(context.database, moved, id=row["id"], **times)
    return keys


async def rows_of(context: Context, own: str | None = None) -> list[Mapping[str, Any]]:
    """All visible requests: public ones, and those sent with a token."""
    rows = await context.database.rows(
        "SELECT p.*, e.source AS sent_by FROM problems p"
        " JOIN events e ON e.problem_id = p.id AND e.kind = 'received' ORDER BY p.created_at DESC, p.number DESC"
    )
    return [row for row in map(dict, rows) if row["published"] or (own is not None and row["sent_by"] == own)]


def within(row: Mapping[str, Any], box: tuple[float, float, float, float]) -> bool:
    west, south, east, north = box
    return row["lat"] is not None and west <= row["lng"] <= east and south <= row["lat"] <= north


BOX = (38.2, 54.1, 38.8, 54.7)
FILTERS: Sequence[tuple[dict[str, Any], Any]] = (
    ({}, lambda row: row["created_at"] >= clock.now() - 90 * DAY),
    ({"status": "open"}, lambda row: row["status"] in OPEN and row["created_at"] >= clock.now() - 90 * DAY),
    ({"updated_after": "2020-01-01T00:00:00Z"}, lambda row: True),
    ({"updated_before": "2099-01-01T00:00:00Z", "status": "open,closed"}, lambda row: True),
    ({"updated_before": "2099-01-01T00:00:00Z", "status": "closed"}, lambda row: row["status"] in CLOSED),
    (
        {
            "updated_after": "2020-01-01T00:00:00Z",
            "service_code": "roads,lighting",
            "detailed_status": "IN_PROGRESS,FIXED",
        },
        lambda row: (
            row["category"] in ("roads", "lighting") and row["status"] in ("in_progress", "resolved", "confirmed")
        ),
    ),
    (
        {"updated_after": "2020-01-01T00:00:00Z", "detailed_status": "planned,FOR_TRIAGE", "status": "open"},
        lambda row: row["status"] in ("planned", "moderation"),
    ),
    ({"updated_after": "2020-01-01T00:00:00Z", "detailed_status": "planned", "status": "closed"}, lambda row: False),
    (
        {"updated_after": "2020-01-01T00:00:00Z", "detailed_status": "IN_PROCESS"},  # CitySDK
        lambda row: row["status"] in ("forwarded", "in_progress", "planned", "reopened"),
    ),
    ({"updated_after": "2020-01-01T00:00:00Z", "bbox": ",".join(map(str, BOX))}, lambda row: within(row, BOX)),
    (
        {"updated_after": "2020-01-01T00:00:00Z", "lat": 54.5, "long": 38.5, "radius": 25_000},
        lambda row: row["lat"] is not None and distance(54.5, 38.5, row["lat"], row["lng"]) <= 25_000,
    ),
    (
        {"lat": 54.5, "lon": 38.5, "radius": 30_000, "bbox": ",".join(map(str, BOX))},
        lambda row: (
            within(row, BOX)
            and distance(54.5, 38.5, row["lat"], row["lng"]) <= 30_000
            and row["created_at"] >= clock.now() - 90 * DAY
        ),
    ),
)


@pytest.mark.parametrize("batch", [7, 1000])
async def test_filters_match_a_naive_filter(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(render, "BATCH_SIZE", batch)
    monkeypatch.setattr(render, "CHUNK_SIZE", 3)
    keys = await town(client, context, site, 60)
    await make_site(context.database)
    tokens = await context.database.rows(
        "SELECT DISTINCT source FROM events WHERE kind = 'received' AND source IS NOT NULL"
    )
    seen = {None: await rows_of(context)} | {row["source"]: await rows_of(context, row["source"]) for row in tokens}
    assert len({len(rows) for rows in seen.values()}) > 1
    found_any = 0
    for (query, wanted), (key, (size, page)) in itertools.product(
        FILTERS, itertools.product((None, *keys.values()), ((1000, 1), (5, 1), (9, 2), (4, 9)))
    ):
        asker = None if key is None else await token_id(context, key)
        expected = [row for row in seen[asker] if wanted(row)]
        if "updated_after" in query or "updated_before" in query:
            expected.sort(key=lambda row: (row["updated_at"], row["number"]))
        numbers = [row["number"] for row in expected]
        found_any += len(numbers)
        more = {"jurisdiction_id": "gorod.test", "page_size": size, "page": page} | ({"api_key": key} if key else {})
        told_numbers = await ids(client, **query, **more)
        assert told_numbers == numbers[(page - 1) * size : page * size], (query, key, size, page)
    assert found_any > 1000


async def token_id(context: Context, key: str) -> str:
    hashed = hashlib.sha256(key.encode()).hexdigest()
    (row,) = await context.database.rows("SELECT id FROM tokens WHERE token_hash = :hash", hash=hashed)
    return str(row["id"])


async def test_update_time_ranges_are_inclusive_and_allow_paging(client: Client, context: Context, site: Site) -> None:
    await town(client, context, site, 40)
    public = sorted(await rows_of(context), key=lambda row: (row["updated_at"], row["number"]))
    first, last = (clock.rfc3339(public[place]["updated_at"]) for place in (4, -4))
    between = [r["number"] for r in public if public[4]["updated_at"] <= r["updated_at"] <= public[-4]["updated_at"]]
    assert await ids(client, updated_after=first, updated_before=last) == between
    assert await ids(client, updated_after=last, updated_before=first) == []
    collected, position = list[int](), "2020-01-01T00:00:00Z"
    while True:  # as a reader continues: from the last time it has seen, without the requests it has
        page = await list_requests(client, updated_after=position, page_size=5)
        fresh = [int(one["service_request_id"]) for one in page if int(one["service_request_id"]) not in collected]
        collected += fresh
        if not fresh:
            break
        position = page[-1]["updated_datetime"]
    assert collected == [row["number"] for row in public]


async def test_receipt_and_update_ranges_can_be_combined(client: Client, context: Context, site: Site) -> None:
    await town(client, context, site, 40)
    now = clock.now()
    start, end = now - 300 * DAY, now - 220 * DAY
    asked = {"start_date": clock.rfc3339(start), "end_date": clock.rfc3339(end)}
    asked["updated_after"] = "2020-01-01T00:00:00Z"
    expected = sorted(
        (row["updated_at"], row["number"]) for row in await rows_of(context) if start <= row["created_at"] <= end
    )
    assert expected
    assert await ids(client, **asked) == [number for _, number in expected]
    asked["end_date"] = clock.rfc3339(now)
    assert (await client.get(f"{ROOT}/requests.json", params=asked)).status_code == 400


INVALID = {
    "bbox": ("bbox=1,2,3", "bbox=39,55,38,56", "bbox=38,55,39,north"),
    "radius": (
        "lat=55&long=38",
        "lat=55&long=38&radius=0",
        "lat=55&long=38&radius=-5",
        "lat=55&long=38&radius=1000000",
        "lat=55&long=38&radius=near",
    ),
    "long": ("radius=100&lat=55",),
    "lat": ("radius=100&long=38", "lat=95&long=38&radius=100"),
    "detailed_status": ("detailed_status=ON_THE_MOON", "detailed_status=planned,nonsense"),
    "status": ("status=planned",),
    "updated_after": ("updated_after=yesterday",),
    "updated_before": ("updated_before=2026-13-01T00:00:00Z",),
    "page_size": ("page_size=1001",),
    "page": ("page=1001&page_size=100",),
}


@ONE_DATABASE
async def test_an_invalid_value_is_named(client: Client, site: Site) -> None:
    for query, named in [(query, name) for name, asked in INVALID.items() for query in asked]:
        answer = await client.get(f"{ROOT}/requests.json?{query}")
        assert answer.status_code == 400, query
        assert [one["description"].partition(":")[0] for one in answer.json()] == [named]
        answer = await client.get(f"{ROOT}/requests.json?{query}&service_request_id=1")
        assert answer.status_code == (400 if named.startswith("page") else 200)  # which overrides all others


async def test_an_empty_value_is_ignored(client: Client, context: Context, site: Site) -> None:
    receipt = await submit_report(context.database, site)
    await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    names = ("bbox", "lat", "long", "radius", "detailed_status", "status", "updated_after", "updated_before", "page")
    assert await ids(client, **dict.fromkeys(names, "")) == [receipt.number]


async def test_extensions_tell_exact_status_birth_id_and_timeline(client: Client, context: Context, site: Site) -> None:
    receipt = await submit_report(context.database, site)
    for wish in (Change(to="accepted"), Change(to="resolved", text="Яма засыпана")):
        await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, wish)
    again = Change(to="reopened", text="Провалилась снова, звоните мне")
    await lifecycle.change(context.database, RESIDENT, site.id, receipt.problem_id, again)

    await run_statement(context.database, "UPDATE problems SET source_url = 'https://elsewhere.test/7'")
    born = await context.database.row(
        "SELECT e.id, p.answer_due FROM events e JOIN problems p ON p.id = e.problem_id WHERE e.kind = 'received'"
    )
    assert born is not None
    plain = (await client.get(f"{ROOT}/requests/1.json")).json()[0]
    assert not {"extended_attributes", "notes"} & set(plain)
    for wanted in ("true", "citysdk,media", "1"):
        (found,) = await list_requests(client, extensions=wanted)
        (single,) = (await client.get(f"{ROOT}/requests/1.json?extensions={wanted}")).json()
        assert found == single
        assert found["extended_attributes"] == {
            "status_code": "reopened", "detailed_status": "REOPEN", "event_id": born["id"],
            "received_as": "moderation", "answer_due": born["answer_due"], "source": "widget",
            "source_url": "https://elsewhere.test/7", "url": f"https://widget.test/s/{site.key}/problems/1",
        }  # fmt: skip
        assert [(one["status"], one["description"]) for one in found["notes"]] == [
            ("FOR_TRIAGE", None),
            ("OPEN", None),
            ("FIXED", "Яма засыпана"),
            ("REOPEN", None),  # unmoderated words of the author
        ]
        assert all(one["datetime"].endswith("Z") for one in found["notes"])
    assert "звоните" not in (await client.get(f"{ROOT}/requests.xml?extensions=true")).text
    xml = (await client.get(f"{ROOT}/requests.xml?extensions=true")).text
    assert "<notes><note><datetime>" in xml
    for off in ("false", "0", ""):
        assert "notes" not in (await list_requests(client, extensions=off))[0]
    key = await changes.add_token(context.database, site.id, "platform")
    (found,) = await list_requests(client, api_key=key)
    assert found["extended_attributes"]["event_id"] == born["id"]
    assert "notes" not in found


async def test_updates_of_given_requests_come_of_any_time(client: Client, context: Context, site: Site) -> None:
    for _ in range(4):
        receipt = await submit_report(context.database, site)
        await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
        await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="in_progress"))

    await run_statement(context.database, "UPDATE events SET at = at - :year", year=365 * DAY)

    async def updates(**query: Any) -> list[tuple[str, str]]:
        answer = await client.get(f"{ROOT}/servicerequestupdates.json", params=query)
        assert answer.status_code == 200, answer.text
        return [(one["service_request_id"], one["status"]) for one in answer.json()]

    assert await updates() == []
    both = [("2", "OPEN"), ("2", "IN_PROGRESS"), ("4", "OPEN"), ("4", "IN_PROGRESS")]
    assert await updates(service_request_id="4,2,99,x") == both
    assert await updates(service_request_id="2,4", start_date="2099-01-01T00:00:00Z") == both
    assert await updates(service_request_id="2,4", page_size=3, page=2) == both[3:]
    assert await updates(service_request_id="99") == []
    hidden = await submit_report(context.database, site)
    assert await updates(service_request_id=str(hidden.number)) == []
