"""The report of a week, month or quarter by mail: on the first working morning after it, once, and nothing at night."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date

import pytest

from tests.api.test_notices import at
from tests.conftest import ONE_DATABASE
from tests.factories import AGENT, make_site, submit_report
from tests.support.cabinet import Cabinet, Enter
from tests.support.mail import Letter, MailSink, deliver_due
from widget_api.context import Context
from widget_api.journal import COMMAND_LINE
from widget_api.people import accounts, report_letters
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites.model import Site

REPORT = "/cabinet/analytics/report"
EMAIL = "anna@gorod.test"
pytestmark = pytest.mark.settings(work="off")


@pytest.fixture(autouse=True)
def autumn() -> Iterator[None]:
    with at("2026-11-25T12:00"):  # a Wednesday
        yield


@pytest.fixture
async def site(context: Context, autumn: None) -> Site:
    """A site with a report that was answered this month."""
    made = await make_site(context.database)
    problem_id = (await submit_report(context.database, made)).problem_id
    await lifecycle.confirm(context.database, made.id, problem_id)
    await lifecycle.change(context.database, AGENT, made.id, problem_id, Change(to="resolved", text="Засыпали"))
    return made


async def choose(cabinet: Cabinet, every: str) -> None:
    assert (await cabinet.send(REPORT, f"{REPORT}/letters", every=every)).status_code == 303
    assert f'<option value="{every}" selected>' in (await cabinet.client.get(REPORT)).text


async def send(context: Context, mail_sink: MailSink, when: str, zone: str = "Europe/Moscow") -> list[Letter]:
    """All letters so far to the person, once the jobs of a moment have run, twice."""
    with at(when, zone):
        for _ in range(2):
            await report_letters.enqueue_reports(context.database)
            await deliver_due(context)
    return [letter for letter in mail_sink.to(EMAIL) if "/analytics/report" in letter.text]


@pytest.mark.parametrize(
    ("every", "moments", "title", "days"),
    [
        (
            "week",
            # The week ends on Sunday the 29th: Monday morning at nine, and not again that week.
            {"2026-11-27T09:00": 0, "2026-11-29T10:00": 0, "2026-11-30T08:59": 0, "2026-11-30T09:00": 1}
            | {"2026-11-30T20:00": 1, "2026-12-01T09:00": 1, "2026-12-06T12:00": 1, "2026-12-07T09:00": 2},
            "23–29 ноября 2026",
            "from=2026-11-23&to=2026-11-29",
        ),
        (
            "month",
            {"2026-11-30T09:00": 0, "2026-12-01T08:59": 0, "2026-12-01T09:00": 1, "2026-12-02T09:00": 1}
            # Nobody works in the first days of January 2027, until Monday the 11th.
            | {"2026-12-31T12:00": 1, "2027-01-01T09:00": 1, "2027-01-08T09:00": 1, "2027-01-11T08:00": 1}
            | {"2027-01-11T09:00": 2, "2027-01-12T09:00": 2, "2027-02-01T09:00": 3},
            "ноябрь 2026",
            "from=2026-11-01&to=2026-11-30",
        ),
        (
            "quarter",
            {"2026-12-01T09:00": 0, "2026-12-31T23:00": 0, "2027-01-04T09:00": 0, "2027-01-11T09:00": 1}
            | {"2027-02-01T09:00": 1, "2027-03-31T09:00": 1, "2027-04-01T09:00": 2},
            "1 октября 2026 — 31 декабря 2026",
            "from=2026-10-01&to=2026-12-31",
        ),
    ],
)
async def test_a_report_comes_on_the_first_working_morning_after_its_period(
    enter: Enter,
    context: Context,
    site: Site,
    mail_sink: MailSink,
    every: str,
    moments: dict[str, int],
    title: str,
    days: str,
) -> None:
    await choose(await enter("head", site.agency.id, EMAIL), every)
    first = None
    for moment, expected in moments.items():
        sent = await send(context, mail_sink, moment)
        assert len(sent) == expected, moment
        first = first or (sent[0] if sent else None)
    assert first is not None
    assert title in first.subject.replace("\u00a0", " ")
    assert f"{REPORT}?{days}" in first.text
    assert "Поступило: 1, в прошлом периоде 0" in first.text
    assert "Яма" not in first.text


async def test_what_waited_for_the_night_to_end_leaves_in_the_morning_in_the_persons_language(
    enter: Enter, context: Context, site: Site, mail_sink: MailSink
) -> None:
    await choose(await enter("head", site.agency.id, EMAIL), "week")
    await context.database.write(lambda tx: tx.run("UPDATE users SET language = 'en'"))
    with at("2026-11-30T20:59"):
        assert await report_letters.enqueue_reports(context.database) == 1
        assert await report_letters.enqueue_reports(context.database) == 0
    assert await send(context, mail_sink, "2026-11-30T23:00") == []
    assert await send(context, mail_sink, "2026-12-01T07:00") == []
    (letter,) = await send(context, mail_sink, "2026-12-01T09:30")
    assert letter.subject.startswith("Report on residents’ messages")
    assert "Received: 1, in the period before 0" in letter.text


async def test_who_is_away_disabled_or_no_longer_reads_statistics_gets_none(
    enter: Enter, context: Context, site: Site, mail_sink: MailSink
) -> None:
    await choose(await enter("head", site.agency.id, EMAIL), "week")
    (user,) = await context.database.rows("SELECT id FROM users WHERE email = :email", email=EMAIL)
    await accounts.set_absence(context.database, user["id"], "2026-12-01", None, COMMAND_LINE)
    assert await send(context, mail_sink, "2026-11-30T09:00") == []
    assert len(await send(context, mail_sink, "2026-12-02T09:00")) == 1, "back again"
    await accounts.disable_user(context.database, EMAIL)
    assert len(await send(context, mail_sink, "2026-12-07T09:00")) == 1
    await accounts.enable_user(context.database, EMAIL)
    await context.database.write(lambda tx: tx.run("UPDATE users SET role = 'agent'"))
    assert len(await send(context, mail_sink, "2026-12-07T09:00")) == 1
    await context.database.write(lambda tx: tx.run("UPDATE users SET role = 'head'"))
    with at("2026-12-07T09:30"):
        assert await report_letters.enqueue_reports(context.database) == 1
    await context.database.write(lambda tx: tx.run("UPDATE users SET role = 'viewer'"))
    assert len(await send(context, mail_sink, "2026-12-07T10:00")) == 1, "demoted before it was sent"
    await context.database.write(lambda tx: tx.run("UPDATE users SET role = 'head'"))
    with at("2026-12-14T10:00"):
        assert await report_letters.enqueue_reports(context.database) == 1
    await accounts.disable_user(context.database, EMAIL)
    assert len(await send(context, mail_sink, "2026-12-14T10:01")) == 1, "disabled before it was sent"


async def test_two_processes_enqueue_it_once(enter: Enter, context: Context, site: Site) -> None:
    await choose(await enter("head", site.agency.id, EMAIL), "week")
    with at("2026-11-30T09:00"):
        both = [report_letters.enqueue_reports(context.database) for _ in range(2)]
        assert sorted(await asyncio.gather(*both)) == [0, 1]


@ONE_DATABASE
async def test_nothing_comes_after_it_is_stopped(
    enter: Enter, context: Context, site: Site, mail_sink: MailSink
) -> None:
    admin = await enter("admin", site.agency.id, EMAIL)
    await choose(admin, "week")
    await choose(admin, "")
    assert await send(context, mail_sink, "2026-11-30T09:00") == []


@ONE_DATABASE
async def test_nine_is_that_of_the_site(enter: Enter, context: Context, mail_sink: MailSink) -> None:
    site = await make_site(context.database, time_zone="Asia/Kamchatka")
    await submit_report(context.database, site)
    await choose(await enter("head", site.agency.id, EMAIL), "week")
    assert await send(context, mail_sink, "2026-11-30T08:59", "Asia/Kamchatka") == []
    assert len(await send(context, mail_sink, "2026-11-30T09:00", "Asia/Kamchatka")) == 1


@pytest.mark.parametrize(
    ("every", "today", "first", "last"),
    [
        ("week", "2026-11-29", "2026-11-16", "2026-11-22"),
        ("week", "2026-11-30", "2026-11-23", "2026-11-29"),
        ("week", "2027-01-01", "2026-12-21", "2026-12-27"),
        ("month", "2027-01-01", "2026-12-01", "2026-12-31"),
        ("month", "2028-03-31", "2028-02-01", "2028-02-29"),
        ("quarter", "2027-01-01", "2026-10-01", "2026-12-31"),
        ("quarter", "2026-12-31", "2026-07-01", "2026-09-30"),
    ],
)
def test_the_last_period_is_the_last_ended(every: report_letters.Every, today: str, first: str, last: str) -> None:
    found = report_letters.last_period(every, date.fromisoformat(today))
    assert [day.isoformat() for day in found] == [first, last]
