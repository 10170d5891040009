"""GET …/problems and …/problems/{number}: only published problems, paged, filtered, cached by the site's version."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, RESIDENT, make_site, submit_report
from widget_api import clock
from widget_api.browse import listing, queries
from widget_api.database import Database
from widget_api.errors import Malformed
from widget_api.problems import lifecycle
from widget_api.problems.model import STATUSES, Change, Contact
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does


@pytest.fixture
def database(app: Any) -> Database:
    found: Database = app.state.context.database
    return found


async def publish(database: Database, site: Site, to: str = "accepted", **changes: Any) -> int:
    receipt = await submit_report(database, site, contact=Contact(), **changes)
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    if to != "accepted":
        wish = Change(to=to, text="Сделано", expected_on="2099-01-01", responsible="Горсвет")  # type: ignore[arg-type]
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, wish)
    return receipt.number


def path(site: Site, rest: str = "") -> str:
    return f"/api/v1/sites/{site.key}/problems{rest}"


async def numbers(client: Client, site: Site, query: str = "") -> list[int]:
    answer = await client.get(path(site, query))
    assert answer.status_code == 200, answer.text
    return [item["number"] for item in answer.json()["items"]]


async def test_a_list_item_has_exactly_these_fields_and_a_problem_its_timeline(
    client: Client, database: Database, site: Site
) -> None:
    await publish(database, site, "resolved")
    answer = await client.get(path(site))
    assert answer.headers["access-control-allow-origin"] == "*"
    (item,) = answer.json()["items"]
    assert set(item) == {
        "number", "url", "category", "category_name", "description", "address", "location", "status", "created_at",
        "updated_at", "answer_due",
        "overdue", "photos", "supporters", "has_answer", "source", "answered_at", "comments",
    }  # fmt: skip
    assert (item["status"], item["has_answer"], item["overdue"]) == ("resolved", True, False)
    assert item["location"] == {"lat": 55.0794, "lng": 38.7783}
    assert item["created_at"].endswith("Z")
    assert answer.json()["next"] is None
    number = await publish(database, site, "resolved")
    answer = await client.get(path(site, f"/{number}?lang=en"))
    found = answer.json()
    assert [entry["status"] for entry in found["timeline"]] == ["moderation", "accepted", "resolved"]
    assert [entry["actor"] for entry in found["timeline"]] == ["resident", "agent", "agent"]
    assert all(entry["label"] for entry in found["timeline"])
    assert found["answer"]["text"] == "Сделано"
    assert found["answer"]["agency"] == "Администрация города"
    assert answer.headers["content-language"] == "en"


async def test_unpublished_and_personal_data_are_not_returned(client: Client, database: Database, site: Site) -> None:
    contact = Contact(email="canary-mail@example.test", name="Канарейкин", phone="+7 999 1234567", publish_name=True)
    hidden = await submit_report(database, site, contact=contact, description="Тайное сообщение")
    shown = await submit_report(database, site, contact=contact)
    rejected = await submit_report(database, site, contact=contact, description="Отклонённое сообщение")
    await lifecycle.change(database, AGENT, site.id, shown.problem_id, Change(to="resolved", text="Готово"))
    await lifecycle.change(database, RESIDENT, site.id, shown.problem_id, Change(to="reopened", text="Слова жителя"))
    await lifecycle.change(database, AGENT, site.id, rejected.problem_id, Change(to="rejected", text="Причина"))
    answers = [await client.get(path(site)), await client.get(path(site, f"/{shown.number}"))]
    for secret in ("canary", "Канарейкин", "1234567", "Тайное", "Отклонённое", "Слова жителя", hidden.problem_id):
        assert all(secret not in answer.text for answer in answers), secret
    unpublished = await client.get(path(site, f"/{hidden.number}"))
    unknown = await client.get(path(site, "/999"))
    assert unpublished.status_code == unknown.status_code == 404
    assert unpublished.json() == unknown.json(), "an unpublished number is as unknown as one that never was"


async def test_an_invalid_number_is_404_and_search_terms_are_literal(client: Client, site: Site) -> None:
    for number in ("0", "-1", "abc", "1.5", "٣", "99999999999999999999", "1%00", "%D9%A3"):
        answer = await client.get(path(site, f"/{number}"))
        assert answer.status_code == 404, number
        assert answer.headers["content-type"] == "application/problem+json", number
    terms = ("' OR 1=1 --", '"', '"яма', "яма*", "NEAR(яма)", "a:b", "\\", "%", "_", "&|!()", "<->", "-яма", "🕳", "١")
    for q in terms:
        answer = await client.get(path(site), params={"q": q})
        assert answer.status_code == 200, (q, answer.text)
        assert answer.json() == {"items": [], "next": None}, q
    # It arrives as UTF-8 replacement characters.
    assert (await client.get(path(site, "?q=%ED%A0%80"))).status_code == 200
    with pytest.raises(Malformed):
        listing.parse([("q", "\ud800")], site)


async def test_filters(client: Client, database: Database, site: Site) -> None:
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
    await lifecycle.change(database, AGENT, site.id, await id_of(database, site, road), Change(to="in_progress"))
    assert (await numbers(client, site, "?sort=updated"))[0] in (road, snow)
    other = await make_site(database)
    assert await numbers(client, other) == [], "another site's problems are never listed"
    assert (await client.get(path(other, "/1"))).status_code == 404


async def id_of(database: Database, site: Site, number: int) -> str:
    row = await database.row(
        "SELECT id FROM problems WHERE site_id = :site AND number = :number", site=site.id, number=number
    )
    assert row is not None
    return str(row["id"])


WRONG = {
    "limit": ("101", "0", "-5", "x", "٣", "1e1", "9" * 5000, "000000001" + "9" * 1000, "1&limit=2"),
    "status": ("gone", ",", "accepted%00", "' OR 1=1 --"),
    "category": ("x" * 101, ",".join(f"c{one}" for one in range(101)), "%00", "a%00b", "roads,%00"),
    "sort": ("random", "number;DROP TABLE problems"),
    "bbox": (
        "1,2,3", "1,2,3,4,5", "39,55,38,56", "38,56,39,55", "38,55,38,56", "1,2,3,nan", "-inf,2,3,4", "1,2,3,91",
        "-181,2,3,4", "170,50,-170,60", "1,2,3," + "4" * 5000,
    ),
    "cursor": ("abc", "WzEsMl0", "A" * 4000, "%FF%FE", "я"),
    "q": ("я" * 201, "x" * 60_000, "%00", "яма%1F"),
    "since": ("yesterday", "2026-02-30", "2026-2-3", "٢٠٢٦-٠١-٠١", "2026-01-01T00:00:00Z"),
    "until": ("9999-12-31", "0000-01-01", "2026-02-01&since=2026-02-02"),
    "overdue": ("1", "false"),
}  # fmt: skip


@ONE_DATABASE
async def test_an_invalid_or_unknown_parameter_is_named(client: Client, site: Site) -> None:
    for query, parameter in [(f"{name}={value}", name) for name, values in WRONG.items() for value in values]:
        answer = await client.get(path(site, f"?{query}"))
        assert answer.status_code == 400, answer.text
        assert (answer.json()["code"], answer.json()["parameter"]) == ("parameter_wrong", parameter), query
    for query, parameter in (
        ("unknown=1", "unknown"), ("stauts=accepted", "stauts"), ("Status=accepted", "Status"),
        ("offset=20", "offset"), ("zoom=9", "zoom"), ("number=1", "number"), ("site_id=1", "site_id"), ("=1", ""),
        ("x%00=1", "x"), ("x" * 60_000 + "=1", "x" * 50), ("unknown=", "unknown"),
    ):  # fmt: skip
        answer = await client.get(path(site, f"?{query}"))
        assert answer.status_code == 400, answer.text
        assert (answer.json()["code"], answer.json()["parameter"]) == ("parameter_unknown", parameter), query


async def test_status_groups_select_their_statuses(client: Client, database: Database, site: Site) -> None:
    accepted = await publish(database, site)
    working = [await publish(database, site, to) for to in ("forwarded", "in_progress", "planned")]
    done = await publish(database, site, "resolved")
    closed = [await publish(database, site, to) for to in ("answered", "redirected", "rejected")]
    assert await numbers(client, site, "?status=new") == [accepted]
    # The widget's loader sends all parameters of the URL: the open problem does not affect the list.
    assert await numbers(client, site, f"?status=new&problem={done}") == [accepted]
    assert await numbers(client, site, f"?problem={done}") == await numbers(client, site, "?")
    assert await numbers(client, site, "?status=working") == working[::-1]
    assert await numbers(client, site, "?status=done") == [done]
    assert await numbers(client, site, "?status=closed") == closed[::-1]
    assert await numbers(client, site, "?status=new,resolved") == [done, accepted]
    assert await numbers(client, site, "?status=new&status=done") == [done, accepted], "a form repeats the name"
    grouped = set[str]().union(*queries.GROUPS.values())
    assert grouped == set(STATUSES) - {"moderation", "withdrawn"}, "each public status is in a group"


async def test_periods_are_days_in_the_sites_time_zone(client: Client, database: Database) -> None:
    site = await make_site(database, time_zone="Asia/Kamchatka")
    midnight = clock.parse_rfc3339("2026-03-01T00:00:00+12:00")
    before = await publish(database, site, received_at=midnight - 1)
    first = await publish(database, site, received_at=midnight)
    last = await publish(database, site, received_at=midnight + 86_399)
    after = await publish(database, site, received_at=midnight + 86_400)
    assert await numbers(client, site, "?since=2026-03-01&until=2026-03-01") == [last, first]
    assert await numbers(client, site, "?since=2026-03-01") == [after, last, first]
    assert await numbers(client, site, "?until=2026-02-28") == [before]


async def test_overdue_filter_and_order_by_due_date(client: Client, database: Database, site: Site) -> None:
    days = (60, 3, 90)
    received = [await publish(database, site, received_at=clock.now() - day * 86_400) for day in days]
    await publish(database, site, "resolved", received_at=clock.now() - 100 * 86_400)
    items = (await client.get(path(site))).json()["items"]
    assert [item["overdue"] for item in items] == [False, True, True, False]
    assert await numbers(client, site, "?overdue=true") == [received[0], received[2]]
    assert await numbers(client, site, "?overdue=true&status=done") == []
    assert await numbers(client, site, "?sort=due") == [received[2], received[0], received[1]]


async def test_a_cursor_is_valid_for_its_filter_only(client: Client, database: Database, site: Site) -> None:
    for _ in range(3):
        await publish(database, site)
    cursor = (await client.get(path(site, "?limit=1"))).json()["next"]
    assert (await client.get(path(site, f"?limit=2&cursor={cursor}"))).status_code == 200
    assert (await client.get(path(site, f"?limit=1&category=snow&cursor={cursor}"))).status_code == 400
    assert (await client.get(path(site, f"?sort=updated&cursor={cursor}"))).status_code == 400
    other = await make_site(database)
    assert (await client.get(path(other, f"?limit=1&cursor={cursor}"))).status_code == 400
    sort, key, number = cursor.split(".")
    for tampered in (f"{sort}.{key}.1", f"{sort}.{int(key) + 1}.{number}", cursor[:-1], cursor[1:], f"{cursor}.1", "0"):
        assert tampered != cursor
        assert (await client.get(path(site, f"?limit=1&cursor={tampered}"))).status_code == 400, tampered


async def test_unchanged_lists_return_304_and_changes_are_visible_at_once(
    client: Client, database: Database, site: Site
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
    await lifecycle.change(database, AGENT, site.id, await id_of(database, site, number), Change(to="in_progress"))
    after = await client.get(path(site), headers={"If-None-Match": before})
    assert after.status_code == 200
    assert after.json()["items"][0]["status"] == "in_progress"
