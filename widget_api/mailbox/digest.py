"""Send an agency a digest each working morning: overdue, soon due and new reports, and the number of held letters.

An empty digest is not sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from email.message import EmailMessage
from functools import partial
from zoneinfo import ZoneInfo

from widget_api import clock, i18n
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.mail import messages, outbox
from widget_api.mail.messages import Thread
from widget_api.mail.outbox import Letter
from widget_api.mailbox import store
from widget_api.problems import wording
from widget_api.sites import service as sites
from widget_api.sites.model import Site
from widget_api.sites.rights import MODERATED

USUAL_HOUR = 8  # local, where the agency chose no other
MAX_LINES = 20  # reports in a group


@dataclass(frozen=True)
class DigestLine:
    number: int
    category: str
    place: str
    due: str
    url: str


@dataclass(frozen=True)
class DigestGroup:
    name: str  # overdue | soon | new
    count: int
    lines: list[DigestLine]

    @property
    def more(self) -> int:
        return self.count - len(self.lines)


@dataclass(frozen=True)
class Digest:
    groups: list[DigestGroup]
    held: int

    def __bool__(self) -> bool:
        return bool(self.groups or self.held)


def morning_timestamp(day: date, site: Site) -> int:
    morning = time(site.agency.digest_hour or USUAL_HOUR)
    return int(datetime.combine(day, morning, ZoneInfo(site.time_zone)).timestamp())


async def enqueue_digests(database: Database) -> int:
    """Enqueue this morning's digests, each once. Returns their number."""
    enqueued, now = 0, clock.now()
    for row in await store.digest_agencies(database):
        agency_sites = await _sites_of_agency(database, row["id"])
        if not agency_sites:
            continue
        calendar = agency_sites[0].calendar
        today = calendar.local_date(now)
        morning = morning_timestamp(today, agency_sites[0])
        if now < morning or row["created_at"] >= morning or not calendar.is_working_day(today):
            continue
        day = today.isoformat()
        if day not in row["digested_on"] and await _build_digest(database, agency_sites, today, ""):
            enqueued += await database.write(partial(_enqueue, agency_id=row["id"], day=day))
    return enqueued


async def _enqueue(tx: Transaction, agency_id: str, day: str) -> int:
    if not await store.begin_digest(tx, agency_id, day):
        return 0
    await outbox.enqueue(tx, LETTERS.kind, agency_id, day=day)
    return 1


async def _sites_of_agency(database: Database, agency_id: str) -> list[Site]:
    """The sites of an agency, and after them the collections that it moderates for others."""
    everything = await sites.list_sites(database, collections=True)
    own = [site for site in everything if site.agency.id == agency_id]
    moderated = {row["site_id"] for row in await database.rows(MODERATED, agency_id=agency_id)}
    return own and own + [site for site in everything if site.id in moderated and site not in own]


async def _build_digest(database: Database, agency_sites: Sequence[Site], today: date, public_url: str) -> Digest:
    ids = [site.id for site in agency_sites]
    calendar = agency_sites[0].calendar
    until, since = (
        morning_timestamp(day, agency_sites[0]) for day in (today, calendar.subtract_working_days(today, 1))
    )
    reports = {
        "overdue": await store.overdue(database, ids, today.isoformat()),
        "soon": await store.due_soon(database, ids, today),
        "new": await store.released_between(database, ids, since, until),
    }
    by_id = {site.id: site for site in agency_sites}
    groups = [
        DigestGroup(name, len(rows), [_build_line(by_id[row["site_id"]], row, public_url) for row in rows[:MAX_LINES]])
        for name, rows in reports.items()
        if rows
    ]
    own = [site.id for site in agency_sites if site.agency.id == agency_sites[0].agency.id]
    return Digest(groups, await store.count_held_before(database, own, until))


def _build_line(site: Site, row: Row, public_url: str) -> DigestLine:
    return DigestLine(
        number=row["number"],
        category=site.category_name(site.language, row["category"]),
        place=row["address"] or "",
        due=wording.due_text(site.language, row["answer_due"]),
        url=f"{public_url}/cabinet/problems/{row['id']}",
    )


async def _write(context: Context, letter: Letter) -> EmailMessage | None:
    """Compose a digest. It shows the state at the time of sending."""
    agency_id, day = letter.subject, letter.parameters["day"]
    agency_sites = await _sites_of_agency(context.database, agency_id)
    if not agency_sites or not agency_sites[0].agency.digest:
        return None
    site, public_url = agency_sites[0], context.settings.public_url
    digest = await _build_digest(context.database, agency_sites, date.fromisoformat(day), public_url)
    if not digest:
        return None
    message_id = messages.message_id(public_url, agency_id, day, "digest")
    return messages.compose(
        "agency_digest",
        site.language,
        to=site.agency.email,
        mail_from=context.settings.mail_from,
        sender_name=site.name,
        thread=Thread(root=message_id, own=message_id),
        values={
            "agency": site.agency.name,
            "day": i18n.format_date(site.language, day),
            "groups": digest.groups,
            "held": digest.held,
            "contact": ", ".join(text for text, _ in context.settings.operator_contact),
            "cabinet_url": f"{public_url}/cabinet/",
        },
    )


LETTERS = outbox.Handler("agency_digest", _write, lifetime=clock.DAY, bounces="agency")
