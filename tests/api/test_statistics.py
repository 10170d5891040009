"""A site's statistics cover published problems, are exact, and are read from stored counters."""

from __future__ import annotations

import statistics
from datetime import date
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, make_site, submit_report
from tests.support.exchange import accept_report as accepted
from widget_api import clock
from widget_api.browse.statistics import median, months
from widget_api.context import Context
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does

NOON = 1_795_600_800  # 2026-11-25T10:00:00Z
DAY = 86_400


async def stats(client: Client, site: Site, **query: str) -> dict[str, Any]:
    answer = await client.get(f"/api/v1/sites/{site.key}/stats", params=query)
    assert answer.status_code == 200
    return dict(answer.json())


async def test_empty_sites_have_statistics_unknown_ones_none(client: Client, site: Site, context: Context) -> None:
    await accepted(context, await make_site(context.database))
    found = await stats(client, site)
    assert (found["total"], found["median_days"], found["share_resolved"]) == (0, None, None)
    assert len(found["by_month"]) == 12
    assert found["by_category"] == []
    assert (await client.get("/api/v1/sites/wk_nobody/stats")).status_code == 404


async def test_statistics_follow_the_problems(client: Client, context: Context, site: Site) -> None:
    with time_machine.travel(NOON - 40 * DAY, tick=False):
        late = await accepted(context, site, category="roads")
        quick = await accepted(context, site, category="roads")
        await accepted(context, site, category="snow")  # unanswered: overdue by now
        await submit_report(context.database, site, category="water")  # never published
    with time_machine.travel(NOON - 38 * DAY, tick=False):
        await lifecycle.change(context.database, AGENT, site.id, quick, Change(to="resolved", text="Сделали"))
    with time_machine.travel(NOON - 5 * DAY, tick=False):
        await lifecycle.change(context.database, AGENT, site.id, late, Change(to="answered", text="Ответили"))
        await accepted(context, site, category="snow")
    with time_machine.travel(NOON, tick=False):
        found = await stats(client, site)
        english = await stats(client, site, lang="en")
    assert (found["total"], found["open"], found["resolved"], found["overdue"]) == (4, 2, 1, 1)
    assert found["by_status"] == dict.fromkeys(found["by_status"], 0) | {"accepted": 2, "resolved": 1, "answered": 1}
    assert found["median_days"] == (2 + 35) / 2
    assert found["share_resolved"] == 0.25
    assert [(one["code"], one["total"], one["open"], one["resolved"]) for one in found["by_category"]] == [
        ("roads", 2, 0, 1),
        ("snow", 2, 2, 0),
    ]
    assert found["by_month"][-2:] == [
        {"month": "2026-10", "received": 3, "answered": 1},
        {"month": "2026-11", "received": 1, "answered": 1},
    ]
    assert english["by_category"][1]["name"] == "Snow and ice"


async def test_unchanged_statistics_return_304(client: Client, context: Context, site: Site) -> None:
    address = f"/api/v1/sites/{site.key}/stats"
    first = await client.get(address)
    tag = {"If-None-Match": first.headers["etag"]}
    assert (await client.get(address, headers=tag)).status_code == 304
    assert (await client.get(f"{address}?lang=en", headers=tag)).status_code == 200
    await accepted(context, site)
    assert (await client.get(address, headers=tag)).status_code == 200
    assert "s-maxage" in first.headers["cache-control"]


async def test_statistics_change_with_the_day(client: Client, context: Context, site: Site) -> None:
    address = f"/api/v1/sites/{site.key}/stats"
    with time_machine.travel(NOON, tick=False):
        problem_id = await accepted(context, site)
        due = await context.database.row("SELECT answer_due FROM problems WHERE id = :id", id=problem_id)
        tag = (await client.get(address)).headers["etag"]
    assert due is not None
    last = clock.parse_rfc3339(f"{due['answer_due']}T12:00:00Z")
    for now, overdue in ((last, 0), (last + DAY, 1)):
        with time_machine.travel(now, tick=False):
            answer = await client.get(address, headers={"If-None-Match": tag})
            assert answer.json()["overdue"] == overdue


@ONE_DATABASE
async def test_filters_are_refused(client: Client, site: Site) -> None:
    """Otherwise the statistics of the whole city would be taken for those of a part."""
    for query in ("since=2026-11-01", "status=new", "bbox=a,b,c,d", "colour=red"):
        answer = await client.get(f"/api/v1/sites/{site.key}/stats?{query}")
        assert (answer.status_code, answer.json()["code"]) == (400, "parameter_unknown"), query
        assert query.partition("=")[0] in answer.json()["detail"]


@given(st.lists(st.integers(0, 9999)))
def test_the_median_is_exact(days: list[int]) -> None:
    expected = statistics.median(days) if days else None
    assert median({one: days.count(one) for one in days}) == expected


@pytest.mark.parametrize(
    ("today", "first", "last"), [("2026-11-25", "2025-12", "2026-11"), ("2026-01-01", "2025-02", "2026-01")]
)
def test_twelve_months_end_with_this_one(today: str, first: str, last: str) -> None:

    listed = months(date.fromisoformat(today))
    assert (len(listed), listed[0], listed[-1]) == (12, first, last)
    assert sorted(listed) == list(listed)
