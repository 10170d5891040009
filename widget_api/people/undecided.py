"""Tell the operators which reports their agencies have not decided about in time, by letter once a working morning.

A letter leaves when a report has newly waited for too long, and lists all that do. `sites.undecided_told` is the moment
since before which a site's reports have been told, so each is news once; an upgrade tells nothing of those that wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from email.message import EmailMessage
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from widget_api import clock, i18n, schedule
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.mail import outbox
from widget_api.mail.outbox import Letter
from widget_api.people import accounts, store
from widget_api.people.model import VisibleSite
from widget_api.problems.deadline import undecided_sql
from widget_api.problems.notices import is_quiet
from widget_api.sites import service as sites
from widget_api.sites.deadlines import Calendar

JOB = "undecided"
MORNING = time(9)  # local
CHECK_INTERVAL, PAUSE = 60, 15.0  # seconds between two attempts of all processes, and between two checks of one
LONGEST = 30 * clock.DAY  # seconds to the next working morning, at most; what lies further ahead a wrong clock wrote
MAX_COUNT = 1000  # reports of a site that are counted
MAX_LINES = 20  # reports in a letter


@dataclass(frozen=True, kw_only=True)
class Undecided:
    """What operators may decide in an agency's place, the oldest first, up to MAX_COUNT of each site."""

    rows: Sequence[tuple[VisibleSite, Row]]

    @property
    def count(self) -> int:
        return len(self.rows)


async def list_undecided(database: Database) -> Undecided:
    """The reports of all sites that have waited for their agency's decision for too long."""
    found = list[tuple[VisibleSite, Row]]()
    for site in await store.list_undecided_sites(database):
        rows = await database.rows(
            "SELECT p.id, p.number, p.category, p.address, p.created_at FROM problems p"
            f" WHERE p.site_id = :site_id AND {undecided_sql()} ORDER BY p.created_at, p.number LIMIT :most",
            site_id=site.id,
            cutoff=site.undecided_before,
            most=MAX_COUNT,
        )
        found += [(site, row) for row in rows]
    return Undecided(rows=sorted(found, key=lambda pair: (pair[1]["created_at"], pair[1]["id"])))


async def describe(database: Database, language: str, undecided: Undecided, most: int) -> list[dict[str, Any]]:
    """The first reports in words, for a page and for a letter."""
    return [
        {
            "number": row["number"],
            "category": (await sites.by_id(database, site.id)).category_name(language, row["category"]),
            "place": row["address"] or "",
            "site": site.name,
            "received": i18n.format_moment(language, row["created_at"], site.time_zone),
            "path": f"/cabinet/problems/{row['id']}",
        }
        for site, row in undecided.rows[:most]
    ]


# --- the morning -----------------------------------------------------------------------------------------------------


async def enqueue_if_due(context: Context) -> float:
    """Enqueue this morning's letters, in the worker. Returns the seconds to wait before the next call."""
    database, now = context.database, clock.now()
    if not await schedule.begin(database, JOB, now, CHECK_INTERVAL, longest=LONGEST):
        return PAUSE
    operators = await database.rows("SELECT id FROM users WHERE agency_id IS NULL AND disabled_at IS NULL ORDER BY id")
    user = await store.find_user(database, operators[0]["id"]) if operators else None
    calendar = Calendar(await accounts.find_time_zone(database, user) if user is not None else "UTC")
    enqueued, early = 0, now < _morning(calendar, calendar.local_date(now))
    if user is not None and not early and not is_quiet(now, calendar):
        due, day = await store.list_undecided_sites(database), calendar.local_date(now).isoformat()
        telling = partial(_enqueue, due=due, operators=[row["id"] for row in operators], day=day)
        enqueued = await database.write(telling) if due else 0
    await schedule.end(database, JOB, now, f"{enqueued} letters", next_at=_next_morning(calendar, now))
    return PAUSE


def _morning(calendar: Calendar, day: date) -> int:
    return int(datetime.combine(day, MORNING, ZoneInfo(calendar.time_zone)).timestamp())


def _next_morning(calendar: Calendar, now: int) -> int:
    """The next working morning, today's if it has not begun."""
    today = calendar.local_date(now)
    before = today - timedelta(days=1) if now < _morning(calendar, today) else today
    return _morning(calendar, calendar.add_working_days(before, 1))


async def _enqueue(tx: Transaction, due: Sequence[VisibleSite], operators: Sequence[str], day: str) -> int:
    """Enqueue a letter to each operator if there is something new to tell. Returns their number."""
    news = [site for site in due if await _has_news(tx, site)]
    for site in news:
        told = {"id": site.id, "until": site.undecided_before}
        await tx.run("UPDATE sites SET undecided_told = :until WHERE id = :id", **told)
    if not news:
        return 0
    for user_id in operators:
        await outbox.enqueue(tx, LETTERS.kind, user_id, day=day)
    return len(operators)


async def _has_news(tx: Transaction, site: VisibleSite) -> bool:
    """Whether a report of the site waits for too long that was not told."""
    row = await tx.row(
        "SELECT 1 FROM problems p JOIN sites s ON s.id = p.site_id"
        f" WHERE p.site_id = :site_id AND {undecided_sql()} AND NOT {undecided_sql('s.undecided_told')} LIMIT 1",
        site_id=site.id,
        cutoff=site.undecided_before,
    )
    return row is not None


# --- the letter ------------------------------------------------------------------------------------------------------


async def _write(context: Context, letter: Letter) -> EmailMessage | None:
    """Compose the letter to an operator. It shows the state at the time of sending."""
    database, public_url = context.database, context.settings.public_url
    user = await store.find_user(database, letter.subject)
    undecided = await list_undecided(database)
    if user is None or not undecided.rows:
        return None
    lines = await describe(database, user.language, undecided, MAX_LINES)
    return outbox.compose(
        context,
        "undecided",
        user.language,
        user.email,
        i18n.text(user.language, "cabinet.operator"),
        (letter.id, letter.kind),
        count=undecided.count,
        lines=[one | {"url": public_url + one["path"]} for one in lines],
        more=undecided.count - len(lines),
        list_url=f"{public_url}/cabinet/problems?tab=moderation",
    )


LETTERS = outbox.Handler("undecided", _write, lifetime=clock.DAY)
