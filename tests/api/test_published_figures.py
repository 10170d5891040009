"""The published figures of a site: a period, a district, small numbers, and the table by month."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest
import time_machine

from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, RESIDENT, make_site, submit_report
from widget_api import openapi
from widget_api.context import Context
from widget_api.problems import dialogue, lifecycle
from widget_api.problems.model import Change
from widget_api.sites import service, store
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does

NOON = 1_795_600_800  # 2026-11-25T10:00:00Z
DAY, HOUR = 86_400, 3_600
WEST, EAST = "aaaa-west", "bbbb-east"
SQUARES = {WEST: (38.0, 38.5), EAST: (38.5, 39.0)}  # longitudes
KNOWN = (
    *("total", "open", "resolved", "overdue", "by_status", "by_category", "by_month", "median_days", "share_resolved"),
)


async def make_districts(context: Context, site: Site) -> Site:
    async def work(tx: Any) -> None:
        for name, (west, east) in SQUARES.items():
            ring = [[west, 54], [east, 54], [east, 56], [west, 56], [west, 54]]
            area = json.dumps({"type": "Polygon", "coordinates": [ring]})
            await tx.insert("districts", id=name, site_id=site.id, name=name.title(), area=area, created_at=NOON)
        await store.bump_version(tx, site.id)

    await context.database.write(work)
    return await service.by_id(context.database, site.id)


async def answer_reports(
    context: Context, site: Site, hours: Sequence[int], *, marks: Sequence[int] = (), lng: float = 38.1
) -> list[str]:
    """Reports received at noon, each answered after so many hours, the first ones rated."""
    problems = list[str]()
    for after in hours:
        with time_machine.travel(NOON, tick=False):
            problem_id = (await submit_report(context.database, site, lng=lng)).problem_id
            await lifecycle.change(context.database, AGENT, site.id, problem_id, Change(to="accepted"))
        with time_machine.travel(NOON + after * HOUR, tick=False):
            await lifecycle.change(context.database, AGENT, site.id, problem_id, Change(to="resolved", text="Готово"))
            if len(problems) < len(marks):
                await dialogue.rate(context.database, site.id, problem_id, marks[len(problems)])
        problems.append(problem_id)
    return problems


async def figures(client: Client, site: Site, **query: str) -> dict[str, Any]:
    with time_machine.travel(NOON + 20 * DAY, tick=False):
        answer = await client.get(f"/api/v1/sites/{site.key}/stats", params=query)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_known_members_stay_in_front_and_far_days_are_days_too(client: Client, site: Site) -> None:
    found = await figures(client, site)
    assert tuple(found)[: len(KNOWN)] == KNOWN
    assert "by_district" not in found
    assert (found["from"], found["to"], found["district"], found["rating"]) == (None, None, None, None)
    for day in ("0001-01-01", "1969-12-31", "9999-12-31", "9999-12-05"):
        for name in ("stats", "stats.csv"):
            for end in ("from", "to"):
                assert (await client.get(f"/api/v1/sites/{site.key}/{name}?{end}={day}")).status_code == 200, day


async def test_all_figures_of_a_site(client: Client, context: Context, site: Site) -> None:
    problems = await answer_reports(context, site, (1, 2, 3, 30, 600), marks=(5, 5, 4, 5, 2))
    with time_machine.travel(NOON + 2 * DAY, tick=False):
        await lifecycle.change(
            context.database, RESIDENT, site.id, problems[0], Change(to="reopened", text="Опять яма")
        )
    found = await figures(client, site)
    assert (found["total"], found["answered"], found["returned"]) == (5, 5, 1)
    assert (found["in_time"], found["late"], found["share_in_time"]) == (3, 1, 0.75)
    assert found["rating"] == {"mean": 4.2, "count": 5}
    assert (found["median_hours_to_answer"], found["p90_hours_to_answer"]) == (3, 600)
    assert found["median_hours_to_reaction"] == 0
    assert found["by_source"] == {"widget": 5}


async def test_a_period_counts_what_came_and_was_answered_in_it(client: Client, context: Context, site: Site) -> None:
    await answer_reports(context, site, (1, 30))
    day = await figures(client, site, **{"from": "2026-11-25", "to": "2026-11-25"})
    assert (day["from"], day["to"], day["total"], day["answered"]) == ("2026-11-25", "2026-11-25", 2, 1)
    later = await figures(client, site, **{"from": "2026-11-26"})
    assert (later["to"], later["total"], later["answered"], later["median_hours_to_answer"]) == (None, 0, 1, 30)
    assert (await figures(client, site, to="2026-11-24"))["total"] == 0
    assert (await figures(client, site, **{"from": "", "to": "", "district": ""}))["total"] == 2
    east = await make_site(context.database, time_zone="Asia/Kamchatka")  # at noon the 25th, 22 o'clock there
    await answer_reports(context, east, (1, 3))
    assert (await figures(client, east, **{"from": "2026-11-26"}))["answered"] == 1


@ONE_DATABASE
async def test_wrong_parameters_are_refused(client: Client, context: Context, site: Site) -> None:
    await make_districts(context, site)
    for query, code, parameter in (
        ("from=2026-02-30", "parameter_wrong", "from"),
        ("from=1.2.2026", "parameter_wrong", "from"),
        ("to=20261125", "parameter_wrong", "to"),
        ("from=2026-11-26&to=2026-11-25", "parameter_wrong", "to"),
        ("district=nowhere", "parameter_wrong", "district"),
        ("first=2026-11-25", "parameter_unknown", "first"),
        ("from=2026-11-25&from=2026-11-26", "parameter_wrong", "from"),
    ):
        for name in ("stats", "stats.csv"):
            answer = await client.get(f"/api/v1/sites/{site.key}/{name}?{query}")
            assert (answer.status_code, answer.json()["code"]) == (400, code), name
            assert f"«{parameter}»" in answer.json()["detail"], query


async def test_districts_are_counted_apart(client: Client, context: Context, site: Site) -> None:
    site = await make_districts(context, site)
    await answer_reports(context, site, (1, 2))
    await answer_reports(context, site, (3,), lng=38.7)
    await answer_reports(context, site, (4,), lng=30)
    found = await figures(client, site)
    assert found["total"] == 4
    assert [(one["id"], one["name"], one["total"], one["resolved"]) for one in found["by_district"]] == [
        (WEST, "Aaaa-West", 2, 2),
        (EAST, "Bbbb-East", 1, 1),
    ]
    part = await figures(client, site, district=EAST)
    assert (part["district"], part["total"], part["answered"]) == (EAST, 1, 1)
    assert [one["total"] for one in part["by_district"]] == [0, 1]


@pytest.mark.parametrize(("many", "shown"), [(4, False), (5, True)])
async def test_few_answers_of_a_district_and_few_ratings_are_not_published(
    client: Client, context: Context, site: Site, many: int, shown: bool
) -> None:
    site = await make_districts(context, site)
    await answer_reports(context, site, range(many), marks=[5] * many)
    part, whole = await figures(client, site, district=WEST), await figures(client, site)
    times = ("median_days", "median_hours_to_answer", "p90_hours_to_answer", "median_hours_to_reaction")
    assert [part[name] is not None for name in times] == [shown] * 4
    assert [whole[name] is not None for name in times] == [True] * 4
    assert (part["rating"], whole["rating"]) == (({"mean": 5, "count": 5},) * 2 if shown else (None, None))
    assert (part["answered"], part["in_time"]) == (many, many)


async def test_each_part_has_an_etag_of_its_own(client: Client, context: Context, site: Site) -> None:
    await make_districts(context, site)
    for name in ("stats", "stats.csv"):
        address = f"/api/v1/sites/{site.key}/{name}"
        queries = ("", "from=2026-11-25", "to=2026-11-25", f"district={WEST}", f"district={EAST}")
        tags = [(await client.get(f"{address}?{query}")).headers["etag"] for query in queries]
        assert len(set(tags)) == len(queries)
        for query, tag in zip(queries, tags, strict=True):
            again = await client.get(f"{address}?{query}", headers={"If-None-Match": tag})
            assert (again.status_code, again.content) == (304, b"")
            assert "s-maxage" in again.headers["cache-control"]


async def table(client: Client, site: Site, query: str = "") -> list[dict[str, str]]:
    with time_machine.travel(NOON + 40 * DAY, tick=False):
        answer = await client.get(f"/api/v1/sites/{site.key}/stats.csv{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    assert answer.headers["content-disposition"].endswith('-2027-01-04-stats.csv"')
    assert answer.content.startswith(b"\xef\xbb\xbfmonth")
    separator = ";" if "semicolon" in query else ","
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=separator))


async def test_the_table_has_a_row_for_each_month(client: Client, context: Context, site: Site) -> None:
    assert await table(client, site) == []
    await answer_reports(context, site, (1, 240, 600))
    rows = await table(client, site)
    assert [row["month"] for row in rows] == ["2026-11", "2026-12", "2027-01"]
    assert rows[0] | {"received": "3", "answered": "1", "in_time": "1", "status_resolved": "3"} == rows[0]
    assert rows[1] | {"received": "0", "answered": "2", "in_time": "1", "late": "1", "status_resolved": "0"} == rows[1]
    assert set(rows[2].values()) == {"2027-01", "0"}
    assert await table(client, site, "?separator=semicolon") == rows
    assert await table(client, site, "?to=2026-11-30") == rows[:1]
    cut = await table(client, site, "?from=2026-11-26&to=2026-12-10")
    assert [(row["month"], row["received"], row["answered"]) for row in cut] == [("2026-12", "0", "1")]


async def test_the_table_adds_up_to_the_figures(client: Client, context: Context, site: Site) -> None:
    site = await make_districts(context, site)
    await answer_reports(context, site, (1, 240, 600))
    await answer_reports(context, site, (2,), lng=38.7)
    with time_machine.travel(NOON, tick=False):
        problem_id = (await submit_report(context.database, site, lng=38.1)).problem_id
        refusal = Change(to="rejected", text="Не видно, где это", reason="no_place")
        await lifecycle.change(context.database, AGENT, site.id, problem_id, refusal)
    for query in ({}, {"from": "2026-11-25", "to": "2026-12-05"}, {"district": WEST}):
        found = await figures(client, site, **query)
        rows = await table(client, site, "?" + "&".join(f"{name}={value}" for name, value in query.items()))
        outcomes = found["outcomes"]
        told = {f"outcome_{name}": outcomes[name] for name in ("received", "published", "rejected", "waiting")}
        told["rejected_no_place"] = outcomes["rejected_by_reason"]["no_place"]
        assert {name: sum(int(row[name]) for row in rows) for name in told} == told
        names = {"received": "total"} | {name: name for name in ("answered", "in_time", "late", "returned")}
        for column, name in names.items():
            assert sum(int(row[column]) for row in rows) == found[name], (query, column)
        for status, many in found["by_status"].items():
            assert sum(int(row[f"status_{status}"]) for row in rows) == many


def test_the_description_lists_every_figure() -> None:
    described = openapi.document("https://widget.test")["components"]["schemas"]["Stats"]
    assert set(described["required"]) == set(described["properties"]) - {"by_district"}
    assert {"from", "to", "rating"} <= set(described["required"])


@pytest.mark.parametrize(("many", "shown"), [(4, False), (5, True)])
async def test_the_page_shows_the_same_figures_and_what_they_mean(
    client: Client, context: Context, site: Site, many: int, shown: bool
) -> None:
    problems = await answer_reports(context, site, (1, 2, 3, 30, 600)[:many], marks=(5, 5, 4, 5, 2)[:many])
    with time_machine.travel(NOON + 2 * DAY, tick=False):
        await lifecycle.change(
            context.database, RESIDENT, site.id, problems[0], Change(to="reopened", text="Опять яма")
        )
    found = await figures(client, site)
    with time_machine.travel(NOON + 20 * DAY, tick=False):
        page = (await client.get(f"/s/{site.key}")).text
    (_, all_of_them) = page.split('<dl class="tiles">')
    tiles = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", all_of_them.partition("</dl>")[0]))
    expected = {
        "Открыто": "1",
        "Решено и подтверждено": str(many - 1),
        "Просрочено": str(found["overdue"]),
        "Отвечают в срок": f"{round(found['share_in_time'] * 100)} %",
        "Доля решённых": f"{round(found['share_resolved'] * 100)} %",
        "Вернули авторы": "1",
    } | ({"Оценка ответов": "4,2\N{NO-BREAK SPACE}из\N{NO-BREAK SPACE}5"} if shown else {})
    assert {name: tiles[name] for name in tiles if name != "Обычно отвечают за"} == expected
    for name in tiles.keys() - {"Доля решённых"}:
        assert f"<li>{name}: " in page
    assert f'href="/api/v1/sites/{site.key}/stats.csv"' in page
