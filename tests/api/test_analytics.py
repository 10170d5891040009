"""The dashboard of the cabinet: its numbers are those of the naive reading, on the page and in every file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
import time_machine

from tests.conftest import ONE_DATABASE
from tests.factories import AGENT, RESIDENT, existing, make_site, submit_report
from tests.support import naive_statistics as naive
from tests.support.cabinet import Cabinet, Enter
from tests.support.processes import CommandFailed
from widget_api import clock
from widget_api.browse import growth, places, statistics
from widget_api.browse.statistics import Query
from widget_api.cabinet.analytics.tables import compare
from widget_api.context import Context
from widget_api.problems import dialogue, lifecycle
from widget_api.problems.model import Change
from widget_api.problems.projections import figures
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does

ZONE = "Europe/Moscow"
Cli = Callable[..., Any]
NOON = clock.parse_rfc3339("2026-11-25T10:00:00Z")
DAY = 86_400


async def receive(
    context: Context, site: Site, days_ago: float, category: str = "roads", address: str = "Мира, 5"
) -> str:
    """An accepted report of some days before noon."""
    with time_machine.travel(NOON - days_ago * DAY, tick=False):
        receipt = await submit_report(context.database, site, category=category, address=address)
        await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    return receipt.problem_id


@pytest.fixture
async def busy(context: Context, site: Site) -> Site:
    """Reports of this November, of October and of a year ago."""
    database = context.database
    service = await sites.add_agency(database, name="Водоканал", email="v@gorod.test", parent_id=site.agency.id)
    for days in (3, 4, 5, 20, 22, 40, 41, 366):
        await receive(context, site, days, "water", "ул. Лесная, 7")
    answered = await receive(context, site, 12)
    with time_machine.travel(NOON - 10 * DAY, tick=False):
        await lifecycle.change(database, AGENT, site.id, answered, Change(to="forwarded", service=service))
        await lifecycle.change(database, AGENT, site.id, answered, Change(to="resolved", text="Починили"))
    with time_machine.travel(NOON - 9 * DAY, tick=False):
        await dialogue.rate(database, site.id, answered, 2)
        await lifecycle.change(database, RESIDENT, site.id, answered, Change(to="reopened", text="Снова течёт"))
    return site


async def read_csv(cabinet: Cabinet, path: str) -> list[list[str]]:
    answer = await cabinet.client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "private, no-store"
    return list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=";"))


async def test_the_dashboard_shows_the_month_so_far(context: Context, busy: Site, enter: Enter) -> None:
    with time_machine.travel(NOON, tick=False):
        head = await enter("head", busy.agency.id)
        page = await head.read("/cabinet/analytics")
        october = await head.read("/cabinet/analytics?from=2026-10-01&to=2026-10-31")
        stories = await naive.read_stories(context.database, busy.id, ZONE)
        found = naive.count(stories, ZONE, NOON, date(2026, 11, 1), date(2026, 11, 25))
    assert "Что происходит: 1–25 ноября" in page.text
    received = sum(found["by_status"].values())
    assert (received, found["returned"], found["rating"]) == (6, 1, 2.0)
    for text in (
        f"{received} поступило",
        "1 отвечено",
        "1 вернули авторы",
        "2 оценка ответов",
        "год назад было 1",
        "решено из поступивших 2 просрочено из поступивших Сравнение",  # states of now are not compared
    ):
        assert text in page.text, text
    assert "Сравнение: 7–31 октября и 1–25 ноября 2025." in page.text
    assert "Сравнить не с чем, сообщений не было: сентябрь 2026 и октябрь 2025." in october.text
    assert "Снова течёт" in page.text
    assert "/cabinet/analytics/services?" in " ".join(page.links) or "/cabinet/analytics/services" in page.links


async def test_the_first_week_of_a_month_begins_with_the_month_before(busy: Site, enter: Enter) -> None:
    for moment, period in (
        ("2026-11-30T20:59:59Z", "ноябрь 2026"),
        ("2026-11-30T21:00:00Z", "ноябрь 2026"),  # the first day of December in Moscow
        ("2026-12-07T20:59:59Z", "ноябрь 2026"),
        ("2026-12-07T21:00:00Z", "1–8 декабря"),
    ):
        with time_machine.travel(clock.parse_rfc3339(moment), tick=False):
            head = await enter("head", busy.agency.id)
            assert f"Что происходит: {period}" in (await head.read("/cabinet/analytics")).text, moment


async def test_every_file_has_the_numbers_of_the_naive_reading(context: Context, busy: Site, enter: Enter) -> None:
    period = "from=2026-10-01&to=2026-11-25"
    with time_machine.travel(NOON, tick=False):
        head = await enter("head", busy.agency.id)
        stories = await naive.read_stories(context.database, busy.id, ZONE)
        found = naive.count(stories, ZONE, NOON, date(2026, 10, 1), date(2026, 11, 25))
        files = {
            name: await read_csv(head, f"/cabinet/analytics/{name}.csv?{period}")
            for name in ("months", "categories", "statuses", "sources", "ratings", "services", "districts", "streets")
        }
    months = naive.count_months(stories, ZONE, ("2026-10", "2026-11"))
    assert [(int(row[1]), int(row[2])) for row in files["months"][-2:]] == [pair[1:] for pair in months]
    assert sum(int(row[1]) for row in files["categories"][1:]) == sum(found["by_status"].values())
    assert {row[0]: int(row[1]) for row in files["statuses"][1:]} == {"Принято": 7, "Возвращено в работу": 1}
    assert [row[1] for row in files["ratings"][1:]] == ["0", "0", "0", "1", "0"]
    assert files["services"][1][0] == "Водоканал"
    assert files["services"][0][5] == "Обычно до ответа, часов"
    assert [float(cell.replace(",", ".")) for cell in files["services"][1][4:6]] == [1, found["median_hours"]]
    assert [row[0] for row in files["streets"][1:]] == ["улица Лесная", "Мира"]
    assert files["districts"][1][0] == "Вне районов"


@pytest.mark.parametrize("killed", [False, True])
async def test_a_new_time_zone_moves_the_days_of_all_reports_or_nothing(
    context: Context, busy: Site, cli: Cli, enter: Enter, monkeypatch: pytest.MonkeyPatch, killed: bool
) -> None:
    database, zone = context.database, "Asia/Kamchatka"
    await receive(context, busy, 0.1)  # at half past ten in the morning, in the evening there
    await receive(context, busy, -0.3)  # in the evening, on the next day there

    async def end(*_: object) -> None:
        raise OSError("the process ends here")

    if killed:
        monkeypatch.setattr(figures, "count", end)
        with pytest.raises(CommandFailed):
            cli("site", "set", busy.id, "--time-zone", zone, "--name", "Другое")
        zone = ZONE
    else:
        await (await enter("admin", busy.agency.id)).send(
            f"/cabinet/sites/{busy.id}/territory", f"/cabinet/sites/{busy.id}/territory", time_zone=zone
        )
    now = await sites.by_id(database, busy.id)
    assert (now.time_zone, now.name) == (zone, busy.name)
    stories = await naive.read_stories(database, busy.id, zone)
    for day in (date(2026, 11, 25), date(2026, 11, 26)):
        counted = await statistics.read(database, Query(sites=(now,), first=day, last=day), NOON)
        assert counted.total == sum(naive.count(stories, zone, NOON, day, day)["by_status"].values()), day
        assert counted.total == (2 if zone == ZONE else 1) * (day.day == 25) + (zone != ZONE) * (day.day == 26)


async def test_streets_of_the_same_name_are_those_of_their_sites(context: Context, busy: Site, enter: Enter) -> None:
    """Two towns of one agency have a street «Лесная»."""
    database, town = context.database, await make_site(context.database, name="Посёлок", agency={"name": "Посёлок"})
    await changes.update_agency(database, town.agency.id, {"parent_id": busy.agency.id})
    for days in (5, 5, 6, 6, 6):
        await receive(context, town, days, "water", "улица Лесная, 7")
    await receive(context, town, 120)  # comparable weeks
    with time_machine.travel(NOON, tick=False):
        month = Query(sites=(busy, town), first=date(2026, 11, 1), last=date(2026, 11, 25))
        stories = [story for site in month.sites for story in await naive.read_stories(database, site.id, ZONE)]
        streets = await places.list_streets(database, month)
        assert {(one.site_id, one.name): one.total for one in streets} == naive.count_streets(stories, ZONE, "2026-11")
        houses = await places.list_houses(database, month, "улица Лесная")
        assert {(one.site_id, one.name): one.total for one in houses} == {
            (busy.id, "ул. Лесная, 7"): 5,
            (town.id, "улица Лесная, 7"): 5,
        }
        growing = await growth.find_growing(database, month, date(2026, 11, 25))
        assert [(one.name, one.site_id) for one in growing if one.kind == "street"] == [("улица Лесная", town.id)]
        head = await enter("head", busy.agency.id)
        path = "/cabinet/analytics/places?from=2026-11-01"
        page = await head.read(f"{path}&street=улица Лесная")
        for row in ("улица Лесная Посёлок 5", f"улица Лесная {busy.name} 5", "улица Лесная, 7 Посёлок 5 5"):
            assert row in page.text, row
        (leads,) = [link for link in page.links if "street=" in link and town.id in link]
        alone = (await head.read(leads)).text
        assert "улица Лесная, 7 5 5" in alone
        assert "ул. Лесная, 7" not in alone
        assert "Лесная Посёлок" not in alone, "of one site nothing has to be said"
        rows = await read_csv(head, "/cabinet/analytics/streets.csv?from=2026-11-01")
        assert sorted(row[2] for row in rows[1:3]) == sorted([town.name, busy.name])
        assert "улица Лесная (Посёлок): 5 сообщений" in (await head.read("/cabinet/analytics")).text


async def test_filters_narrow_every_number(context: Context, busy: Site, enter: Enter) -> None:
    with time_machine.travel(NOON, tick=False):
        head = await enter("head", busy.agency.id)
        (service,) = await context.database.rows("SELECT id FROM agencies WHERE name = 'Водоканал'")
        assert "1 поступило" in (await head.read(f"/cabinet/analytics?from=all&service={service['id']}")).text
        assert "8 поступило" in (await head.read("/cabinet/analytics?from=all&service=none")).text
        assert "8 поступило" in (await head.read("/cabinet/analytics?from=all&category=water")).text
        streets = await head.read("/cabinet/analytics/places?from=all&street=улица Лесная")
        assert "ул. Лесная, 7 8" in streets.text


@ONE_DATABASE
async def test_a_wrong_date_is_explained_and_the_month_shown(busy: Site, enter: Enter) -> None:
    for query, message in (
        ("from=01.11.2026", "Это не дата"),
        ("from=2026-02-30", "Это не дата"),
        ("to=0001-01-01", "Это не дата"),
        ("from=2026-11-20&to=2026-11-10", "кончается раньше"),
        ("from=2027-01-01", "кончается раньше"),
    ):
        with time_machine.travel(NOON, tick=False):
            head = await enter("head", busy.agency.id)
            page = await head.read(f"/cabinet/analytics?{query}")
        assert message in page.text, query
        assert "6 поступило" in page.text


async def test_a_service_reads_the_statistics_of_its_own_reports(context: Context, busy: Site, enter: Enter) -> None:
    (service,) = await context.database.rows("SELECT id FROM agencies WHERE name = 'Водоканал'")
    with time_machine.travel(NOON, tick=False):
        head = await enter("head", service["id"])
        page = await head.read("/cabinet/analytics?from=all")
        assert "1 поступило" in page.text
        # Another service in the address changes nothing, nor does none at all.
        for other in ("none", busy.agency.id):
            assert "1 поступило" in (await head.read(f"/cabinet/analytics?from=all&service={other}")).text
        await head.read("/cabinet/analytics/services", 404)


async def test_an_unchanged_dashboard_costs_one_conditional_request(context: Context, busy: Site, enter: Enter) -> None:
    with time_machine.travel(NOON, tick=False):
        head = await enter("head", busy.agency.id)
        first = await head.client.get("/cabinet/analytics/version?from=all")
        again = {"If-None-Match": first.headers["etag"]}
        assert (await head.client.get("/cabinet/analytics/version?from=all", headers=again)).status_code == 304
        await receive(context, busy, 0)
        changed = await head.client.get("/cabinet/analytics/version?from=all", headers=again)
        assert changed.status_code == 200
    midnight = clock.parse_rfc3339("2026-11-25T21:00:00Z")  # in Moscow
    for now, status in ((midnight - 1, 304), (midnight, 200)):
        with time_machine.travel(now, tick=False):
            again = {"If-None-Match": changed.headers["etag"]}
            assert (await head.client.get("/cabinet/analytics/version?from=all", headers=again)).status_code == status


async def test_what_grows_is_named_with_what_is_usual(context: Context, site: Site, enter: Enter) -> None:
    for week in range(12):
        await receive(context, site, 14 + 7 * week, "lighting")
    for _ in range(6):
        await receive(context, site, 1, "lighting")
    with time_machine.travel(NOON, tick=False):
        page = await (await enter("head", site.agency.id)).read("/cabinet/analytics")
    assert "Уличное освещение: 6 сообщений за неделю с 23 ноября, обычно 0,9" in page.text
    assert "/cabinet/problems?category=lighting&counted=yes&since=2026-11-23&until=2026-11-29" in page.links


@pytest.mark.parametrize(
    ("counts", "grows"),
    [
        ([5, *[1] * 8], True),  # 1 + 3·√1 = 4
        ([4, *[1] * 8], False),
        ([5, *[1] * 7], False),  # too few weeks to know what is usual
        ([4, *[0] * 20], False),  # too few reports to mean anything
        ([5, *[0] * 20], True),
        ([20, *[0, 20] * 10], False),  # a topic that comes and goes
        ([62, *[40] * 20], True),  # the year is flat, but reports come by chance: 40 + 3·√40 = 59
        ([58, *[40] * 20], False),
    ],
)
def test_a_week_stands_out_against_its_own_year(counts: list[int], grows: bool) -> None:
    mondays = [date.fromordinal(date(2026, 11, 23).toordinal() - 7 * back) for back in range(len(counts))]
    assert (growth.find_topic("category", "snow", mondays, counts, 0) is not None) == grows


def test_a_year_ago_ends_at_the_end_of_february() -> None:
    leap = Query(sites=(), first=date(2028, 2, 1), last=date(2028, 2, 29))
    assert leap.year_ago() == Query(sites=(), first=date(2027, 2, 1), last=date(2027, 2, 28))
    assert leap.shifted_back() == Query(sites=(), first=date(2028, 1, 1), last=date(2028, 1, 31))
    odd = Query(sites=(), first=date(2026, 11, 10), last=date(2026, 11, 12))
    assert odd.shifted_back() == Query(sites=(), first=date(2026, 11, 7), last=date(2026, 11, 9))
    assert Query(sites=(), last=date(2026, 11, 12)).shifted_back() is None


def test_few_reports_are_compared_by_number_and_many_by_percent() -> None:
    pairs = ((12, 0), (12, 9), (12, 10), (12, 12), (30, 10), (31, 10))
    texts = [change and change.text for change in (compare("ru", "count", now, before) for now, before in pairs)]
    assert texts == ["было 0", "было 9", "+20 %", "без перемен", "+200 %", "было 10"]
    slower = existing(compare("ru", "hours", 120, 48, "less"))
    assert (slower.text, slower.tone) == ("+3 дн.", "bad")


async def test_overdue_is_that_of_each_sites_own_day(context: Context) -> None:
    """Midnight in Vladivostok comes seven hours before that in Moscow."""
    agency = {"name": "Край"}
    two = [await make_site(context.database, agency=agency, time_zone=zone) for zone in (ZONE, "Asia/Vladivostok")]
    for site in two:
        await receive(context, site, 0)
    (due,) = {row["answer_due"] for row in await context.database.rows("SELECT answer_due FROM problems")}
    evening = clock.parse_rfc3339(f"{due}T16:00:00Z")
    for now, overdue in ((evening - 3 * 3600, 0), (evening, 1), (evening + 8 * 3600, 2)):
        assert (await statistics.read(context.database, Query(sites=tuple(two)), now)).overdue == overdue
