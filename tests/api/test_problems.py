"""GET …/problems and …/problems/{number}: only what is published, paged, filtered, cached by the site's own version."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.factories import AGENT, RESIDENT, make_site, submit_report
from widget_api import clock
from widget_api.database import Database
from widget_api.problems import service
from widget_api.problems.model import Change, Contact
from widget_api.sites.model import Site


@pytest.fixture
def database(app: Any) -> Database:
    found: Database = app.state.context.database
    return found


@pytest.fixture
async def site(database: Database) -> Site:
    return await make_site(database)


async def publish(database: Database, site: Site, to: str = "accepted", **changes: Any) -> int:
    receipt = await submit_report(database, site, contact=Contact(), **changes)
    await service.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    if to != "accepted":
        wish = Change(to=to, text="Сделано", expected_on="2099-01-01", responsible="Горсвет")  # type: ignore[arg-type]
        await service.change(database, AGENT, site.id, receipt.problem_id, wish)
    return receipt.number


def path(site: Site, rest: str = "") -> str:
    return f"/api/v1/sites/{site.key}/problems{rest}"


async def numbers(client: httpx2.AsyncClient, site: Site, query: str = "") -> list[int]:
    answer = await client.get(path(site, query))
    assert answer.status_code == 200, answer.text
    return [item["number"] for item in answer.json()["items"]]


async def test_a_list_item_says_exactly_this(client: httpx2.AsyncClient, database: Database, site: Site) -> None:
    await publish(database, site, "resolved")
    answer = await client.get(path(site))
    assert answer.headers["access-control-allow-origin"] == "*"
    (item,) = answer.json()["items"]
    assert set(item) == {
        "number", "category", "description", "address", "location", "status", "created_at", "updated_at", "answer_due",
        "overdue", "photos", "supporters", "has_answer", "source",
    }  # fmt: skip
    assert (item["status"], item["has_answer"], item["overdue"]) == ("resolved", True, False)
    assert item["location"] == {"lat": 55.0794, "lng": 38.7783}
    assert item["created_at"].endswith("Z")
    assert answer.json()["next"] is None


async def test_nothing_unpublished_and_nothing_personal_is_ever_read(
    client: httpx2.AsyncClient, database: Database, site: Site
) -> None:
    contact = Contact(email="canary-mail@example.test", name="Канарейкин", phone="+7 999 1234567", publish_name=True)
    hidden = await submit_report(database, site, contact=contact, description="Тайное сообщение")
    shown = await submit_report(database, site, contact=contact)
    rejected = await submit_report(database, site, contact=contact, description="Отклонённое сообщение")
    await service.change(database, AGENT, site.id, shown.problem_id, Change(to="resolved", text="Готово"))
    await service.change(database, RESIDENT, site.id, shown.problem_id, Change(to="reopened", text="Слова жителя"))
    await service.change(database, AGENT, site.id, rejected.problem_id, Change(to="rejected", text="Причина"))
    answers = [await client.get(path(site)), await client.get(path(site, f"/{shown.number}"))]
    for secret in ("canary", "Канарейкин", "1234567", "Тайное", "Отклонённое", "Слова жителя", hidden.problem_id):
        assert all(secret not in answer.text for answer in answers), secret
    unpublished = await client.get(path(site, f"/{hidden.number}"))
    unknown = await client.get(path(site, "/999"))
    assert unpublished.status_code == unknown.status_code == 404
    assert unpublished.json() == unknown.json(), "an unpublished number is as unknown as one that never was"


async def test_a_problem_tells_its_timeline_and_answer(
    client: httpx2.AsyncClient, database: Database, site: Site
) -> None:
    number = await publish(database, site, "resolved")
    answer = await client.get(path(site, f"/{number}?lang=en"))
    found = answer.json()
    assert [entry["status"] for entry in found["timeline"]] == ["moderation", "accepted", "resolved"]
    assert [entry["actor"] for entry in found["timeline"]] == ["resident", "agent", "agent"]
    assert all(entry["label"] for entry in found["timeline"])
    assert found["answer"]["text"] == "Сделано"
    assert found["answer"]["agency"] == "Администрация города"
    assert answer.headers["content-language"] == "en"


@pytest.mark.parametrize("number", ["0", "-1", "abc", "1.5", "٣", "99999999999999999999", "1%00", "%D9%A3"])
async def test_what_is_no_number_is_404(client: httpx2.AsyncClient, site: Site, number: str) -> None:
    answer = await client.get(path(site, f"/{number}"))
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


async def test_pages_follow_each_other_without_gap_or_repeat(
    client: httpx2.AsyncClient, database: Database, site: Site
) -> None:
    made = [await publish(database, site) for _ in range(7)]
    seen, cursor = list[int](), ""
    while True:
        answer = (await client.get(path(site, f"?limit=3&cursor={cursor}"))).json()
        seen += [item["number"] for item in answer["items"]]
        if answer["next"] is None:
            break
        cursor = answer["next"]
    assert seen == made[::-1]


async def test_filters(client: httpx2.AsyncClient, database: Database, site: Site) -> None:
    road = await publish(database, site, description="Яма у ШКОЛЫ, глубокая")
    place = {"lat": 55.5, "lng": 39.5, "address": "Пл. Мира"}
    snow = await publish(database, site, "resolved", category="snow", description="Снег не убран", **place)
    assert await numbers(client, site, "?status=resolved") == [snow]
    assert await numbers(client, site, "?status=resolved,accepted&category=roads") == [road]
    assert await numbers(client, site, "?bbox=38,55,39,55.2") == [road]
    assert await numbers(client, site, "?q=у школы") == [road], "letters of either case, Russian too"
    assert await numbers(client, site, "?q=пл. мира") == [snow]
    assert await numbers(client, site, "?q=100%25") == []
    assert await numbers(client, site, "?status=&category=&bbox=&q=&cursor=&limit=&sort=") == [snow, road]
    await service.change(database, AGENT, site.id, await id_of(database, site, road), Change(to="in_progress"))
    assert (await numbers(client, site, "?sort=updated"))[0] in (road, snow)


async def id_of(database: Database, site: Site, number: int) -> str:
    row = await database.row(
        "SELECT id FROM problems WHERE site_id = :site AND number = :number", site=site.id, number=number
    )
    assert row is not None
    return str(row["id"])


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=101", "limit"),
        ("limit=0", "limit"),
        ("limit=-5", "limit"),
        ("limit=x", "limit"),
        ("limit=٣", "limit"),
        ("status=gone", "status"),
        ("sort=random", "sort"),
        ("bbox=1,2,3", "bbox"),
        ("bbox=39,55,38,56", "bbox"),
        ("bbox=1,2,3,nan", "bbox"),
        ("bbox=170,50,-170,60", "bbox"),
        ("cursor=abc", "cursor"),
        ("cursor=WzEsMl0", "cursor"),
        ("q=" + "я" * 1000, "q"),
    ],
)
async def test_a_wrong_parameter_is_named(client: httpx2.AsyncClient, site: Site, query: str, parameter: str) -> None:
    answer = await client.get(path(site, f"?{query}"))
    assert answer.status_code == 400, answer.text
    assert answer.json()["parameter"] == parameter


async def test_a_cursor_is_good_for_its_own_filter_only(
    client: httpx2.AsyncClient, database: Database, site: Site
) -> None:
    for _ in range(3):
        await publish(database, site)
    cursor = (await client.get(path(site, "?limit=1"))).json()["next"]
    assert (await client.get(path(site, f"?limit=2&cursor={cursor}"))).status_code == 200
    assert (await client.get(path(site, f"?limit=1&category=snow&cursor={cursor}"))).status_code == 400


async def test_unchanged_is_304_and_any_change_is_seen_at_once(
    client: httpx2.AsyncClient, database: Database, site: Site
) -> None:
    number = await publish(database, site)
    for rest in ("", f"/{number}"):
        first = await client.get(path(site, rest))
        same = await client.get(path(site, rest), headers={"If-None-Match": first.headers["etag"]})
        weak = await client.get(path(site, rest), headers={"If-None-Match": f"W/{first.headers['etag']}"})
        assert (same.status_code, weak.status_code) == (304, 304)
        assert same.content == b""
        assert "max-age=0" in first.headers["cache-control"]
        assert "s-maxage=10" in first.headers["cache-control"]
    before = (await client.get(path(site))).headers["etag"]
    await service.change(database, AGENT, site.id, await id_of(database, site, number), Change(to="in_progress"))
    after = await client.get(path(site), headers={"If-None-Match": before})
    assert after.status_code == 200
    assert after.json()["items"][0]["status"] == "in_progress"


async def test_overdue_is_computed_from_the_sites_own_day(
    client: httpx2.AsyncClient, database: Database, site: Site
) -> None:
    await publish(database, site, received_at=clock.now() - 60 * 86_400)
    await publish(database, site, "resolved", received_at=clock.now() - 50 * 86_400)
    items = (await client.get(path(site))).json()["items"]
    assert [item["overdue"] for item in items] == [False, True]


async def test_another_sites_problems_are_never_listed(
    client: httpx2.AsyncClient, database: Database, site: Site
) -> None:
    other = await make_site(database)
    await publish(database, other)
    assert await numbers(client, site) == []
    assert (await client.get(path(site, "/1"))).status_code == 404
