"""Send heads and administrators the main numbers of each week, month or quarter, on the first working morning after it.

A person gets the report of a period once: `users.reported_until` is the last day of the last period reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from functools import partial
from itertools import count
from typing import Literal, get_args
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from widget_api import clock, i18n, schedule
from widget_api.browse import regional_report
from widget_api.browse.statistics import Query, add_months
from widget_api.context import Context
from widget_api.database import Database, Transaction
from widget_api.deliveries.model import Retry
from widget_api.mail import outbox
from widget_api.mail.outbox import Letter
from widget_api.people import accounts_store, store
from widget_api.people.model import User, VisibleSite, choose_counted
from widget_api.problems.notices import OPENS, Person, is_quiet
from widget_api.problems.store import notices
from widget_api.sites import service
from widget_api.sites.model import Site

REPORT_PATH = "/cabinet/analytics/report"
Every = Literal["week", "month", "quarter"]
PERIODS: tuple[Every, ...] = get_args(Every)
MORNING = time(9)  # local
CHECK_INTERVAL, PAUSE = 60, 15.0  # seconds between two checks of the clock, of all processes and of one
TOLD = ("received", "open", "answered", "share_in_time", "median", "returned")


def last_period(every: Every, today: date) -> tuple[date, date]:
    """The first and the last day of the last period that has ended."""
    if every == "week":
        last = today - timedelta(days=today.isoweekday())
        return last - timedelta(days=6), last
    first = today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1) if every == "quarter" else today.replace(day=1)
    before = add_months(first, -3 if every == "quarter" else -1)
    return before, first - timedelta(days=1)


async def choose(database: Database, user: User, every: str, now: int) -> None:
    """Save how often a user wants the report; what has ended before is not sent."""
    row = await notices.find_person(database, user.id)
    if row is None:
        return
    chosen = next((one for one in PERIODS if one == every), None)
    today = Person.of(row).calendar.local_date(now)
    until = last_period(chosen, today)[1].isoformat() if chosen else None
    columns = {"report_every": chosen, "reported_until": until}
    await database.write(lambda tx: accounts_store.update_user(tx, user.id, columns))


async def find_choice(database: Database, user: User) -> str:
    """How often a user wants the report; empty where they do not."""
    row = await notices.find_person(database, user.id)
    return (row and row["report_every"]) or ""


def _at(day: date, clock_time: time, time_zone: str) -> int:
    return int(datetime.combine(day, clock_time, ZoneInfo(time_zone)).astimezone(UTC).timestamp())


async def count_sites(database: Database, user: User) -> Query:
    """All reports that a user's statistics count, of all time."""
    visible = await store.list_report_sites(database, user)
    return await count_chosen(database, user, choose_counted(visible))


async def count_chosen(database: Database, user: User, chosen: Sequence[VisibleSite]) -> Query:
    """The reports of some sites; a service's are those assigned to it."""
    assigned = bool(chosen) and all(site.assigned_to is not None for site in chosen)
    of = tuple([await service.by_id(database, site.id) for site in chosen])
    return Query(sites=of, service=user.agency_id if assigned else None)


# --- the morning -----------------------------------------------------------------------------------------------------


async def enqueue_if_due(context: Context) -> float:
    """Enqueue this morning's letters, in the worker. Returns the seconds to wait before the next call."""

    async def enqueue() -> str:
        return f"{await enqueue_reports(context.database)} reports"

    await schedule.run_if_due(context.database, "reports", CHECK_INTERVAL, enqueue)
    return PAUSE


async def enqueue_reports(database: Database) -> int:
    """Enqueue the reports of the people whose period has ended and who work this morning. Returns their number."""
    now, enqueued = clock.now(), 0
    for row in await notices.list_report_readers(database):
        person = Person.of(row)
        today = person.calendar.local_date(now)
        first, last = last_period(row["report_every"], today)
        reported = (row["reported_until"] or "") >= last.isoformat()
        early = now < _at(today, MORNING, person.calendar.time_zone) or is_quiet(now, person.calendar)
        user = await store.find_user(database, person.id)
        if reported or early or person.is_away(now) or user is None or not user.may("statistics.read"):
            continue
        sites = (await count_sites(database, user)).sites
        enqueued += await database.write(partial(_enqueue, user_id=user.id, sites=sites, first=first, last=last))
    return enqueued


async def _enqueue(tx: Transaction, user_id: str, sites: Sequence[Site], first: date, last: date) -> int:
    """Enqueue a person's report, unless another process has. Where nothing ever came in there is nothing to tell."""
    if not await notices.begin_report(tx, user_id, last.isoformat()):
        return 0
    for site in sites:
        if await tx.row("SELECT 1 FROM problems WHERE site_id = :id LIMIT 1", id=site.id) is not None:
            await outbox.enqueue(tx, LETTERS.kind, user_id, first=first.isoformat(), last=last.isoformat())
            return 1
    return 0


async def _write(context: Context, letter: Letter) -> EmailMessage | None:
    database, user_id, now = context.database, letter.subject, clock.now()
    row, user = await notices.find_person(database, user_id), await store.find_user(database, user_id)
    if row is None or user is None or not user.may("statistics.read") or row["report_every"] is None:
        return None
    person = Person.of(row)
    if is_quiet(now, person.calendar):
        raise Retry("nobody is written to at night and on days off", after=_next_opening(person, now) - now)
    first, last = (date.fromisoformat(letter.parameters[name]) for name in ("first", "last"))
    query = replace(await count_sites(database, user), first=first, last=last)
    content, language = await regional_report.read(database.in_threads(), query, now), person.language
    period = regional_report.period_text(language, query, date.min)
    page = f"{context.settings.public_url}{REPORT_PATH}?{urlencode({'from': first, 'to': last})}"
    return outbox.compose(
        context,
        "period_report",
        language,
        person.email,
        person.agency_name,
        (letter.id, letter.kind),
        title=f"{i18n.text(language, 'report.heading')}: {period}",
        lines=[
            i18n.text(
                language,
                "report.mail.line",
                label=line.label,
                now=regional_report.format_value(language, line, line.values[0]),
                before=regional_report.format_value(language, line, line.values[1]),
            )
            for line in regional_report.make_lines(language, content)
            if line.name in TOLD
        ],
        report_url=page,
        letters_url=f"{context.settings.public_url}{REPORT_PATH}#letters",
    )


def _next_opening(person: Person, now: int) -> int:
    """When people are written to next."""
    today, zone = person.calendar.local_date(now), person.calendar.time_zone
    days = (today + timedelta(days=one) for one in count())
    return next(at for day in days if person.calendar.is_working_day(day) and (at := _at(day, OPENS, zone)) > now)


LETTERS = outbox.Handler("period_report", _write, lifetime=14 * clock.DAY)  # nobody works in the first days of a year
