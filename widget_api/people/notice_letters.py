"""Write to people of an agency what they want to know: at once by letter, the rest in the digest of a working morning.

A letter has the numbers, categories and places of reports and nothing of their authors: those are behind the sign-in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.message import EmailMessage
from functools import partial
from zoneinfo import ZoneInfo

from widget_api import clock, i18n, schedule
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.model import Delivery, Withheld
from widget_api.deliveries.sinks import USER
from widget_api.mail import outbox, sender
from widget_api.mail.outbox import Letter, Outcome
from widget_api.problems import notices
from widget_api.problems.deadline import is_running
from widget_api.problems.notices import DATES, KINDS, ROLES, Person
from widget_api.problems.store import notices as store
from widget_api.sites import service as sites
from widget_api.sites.deadlines import promised_date

DIGEST = "digest"
MAX_LINES = 10  # reports of a kind in a letter
CHECK_INTERVAL, PAUSE = 60, 15.0  # seconds between two checks of the clock, of all processes and of one
ACCOUNT_PATH = "/cabinet/account#notices"
# Where the cabinet lists what a kind is about.
LISTS: Mapping[str, str] = {
    "new": "/cabinet/problems?tab=moderation",
    "assigned": "/cabinet/problems?tab=mine",
    "due": "/cabinet/problems?status=soon",
    "overdue": "/cabinet/problems?tab=overdue",
    "author": "/cabinet/problems?tab=returned",
    "service": "/cabinet/problems?tab=returned",
    "approval": "/cabinet/problems?status=approval",
    "operator": "/cabinet/problems",
    "remark": "/cabinet/problems?status=remark",
}


@dataclass(frozen=True, kw_only=True)
class Group:
    """What a letter tells of one kind."""

    name: str
    count: int
    url: str  # of the list
    lines: Sequence[Mapping[str, str | int]]

    @property
    def more(self) -> int:
        return self.count - len(self.lines)


def _morning(day: date, person: Person) -> int:
    zone = ZoneInfo(person.calendar.time_zone)
    return int(datetime.combine(day, person.morning, zone).astimezone(UTC).timestamp())


# --- the digest of a morning -----------------------------------------------------------------------------------------


async def enqueue_if_due(context: Context) -> float:
    """Enqueue this morning's digests, in the worker. Returns the seconds to wait before the next call."""

    async def enqueue() -> str:
        return f"{await enqueue_digests(context.database)} digests"

    await schedule.run_if_due(context.database, "notices", CHECK_INTERVAL, enqueue)
    return PAUSE


async def enqueue_digests(database: Database) -> int:
    """Enqueue the digests of agencies where it is a working morning, each once. Returns their number."""
    now, enqueued = clock.now(), 0
    for row in await store.list_agencies(database):
        anybody = Person.of(row)
        today = anybody.calendar.local_date(now)
        begun = row["noticed_on"] == today.isoformat() or now < _morning(today, anybody)
        if not begun and not notices.is_quiet(now, anybody.calendar, anybody.morning):
            enqueued += await database.write(partial(_enqueue, agency_id=row["agency_id"], today=today, now=now))
    return enqueued


async def _enqueue(tx: Transaction, agency_id: str, today: date, now: int) -> int:
    """Notice the dates that come, give to stand-ins what waits for those away, and enqueue each person's digest."""
    if not await store.begin_morning(tx, agency_id, today.isoformat()):
        return 0
    people = {row["id"]: Person.of(row) for row in await store.list_people(tx, agency_id)}
    enqueued = 0
    until = _morning(today, next(iter(people.values())))
    for person in people.values():
        reader = notices.find_reader(person, people, now)
        if reader not in (None, person):
            await store.hand_over(tx, person.id, reader.id)
    await notices.notice_dates(tx, list(people.values()), now, until)
    for person in people.values():
        waits = await store.has_waiting(tx, person.id, until)
        if waits and notices.find_reader(person, people, now) is person:
            await outbox.enqueue(tx, LETTERS.kind, person.id, day=today.isoformat())
            enqueued += 1
    return enqueued


# --- letters ---------------------------------------------------------------------------------------------------------


async def deliver(context: Context, delivery: Delivery) -> None:
    """Handle the sinks `user:<person>:<kind>:<cause>`."""
    user_id, kind, _ = delivery.sink.removeprefix(USER).split(":", 2)
    message = await _compose(context, delivery.id, user_id, kind)
    if message is None:
        raise Withheld("nothing is left to tell, or the next morning's letter tells it")
    await sender.send_message(context.settings, message)


async def _write_digest(context: Context, letter: Letter) -> EmailMessage | None:
    return await _compose(context, letter.id, letter.subject, DIGEST, date.fromisoformat(letter.parameters["day"]))


async def _record(tx: Transaction, letter: Letter, outcome: Outcome) -> None:
    if outcome == "refused":
        await store.release(tx, letter.subject, letter.id)


LETTERS = outbox.Handler("notices", _write_digest, _record)


async def _compose(
    context: Context, letter_id: str, user_id: str, kind: str, day: date | None = None
) -> EmailMessage | None:
    """Compose the letter about notices of a kind, or the digest of a day; None if there is nothing to tell now.

    What is not sent before the evening, or before its person is away, is told by the next morning's letter.
    """
    database, now = context.database, clock.now()
    row = await store.find_person(database, user_id)
    person = Person.of(row) if row is not None else None
    opens = person.morning if person is not None and day is not None else notices.OPENS
    if person is None or not person.enabled or person.is_away(now) or notices.is_quiet(now, person.calendar, opens):
        await database.write(partial(store.release, user_id=user_id, letter=letter_id))
        return None
    until = _morning(day, person) if day is not None else now
    claiming = partial(
        store.claim, user_id=user_id, letter=letter_id, now=now, kind=None if day is not None else kind, until=until
    )
    await database.write(claiming)
    groups = await _group(context, person, await store.list_sent(database, user_id, person.agency_id, letter_id))
    if not groups:
        return None
    public_url, count = context.settings.public_url, sum(group.count for group in groups)
    today = i18n.format_date(person.language, person.calendar.local_date(now))
    subject = i18n.text(person.language, f"notices.subject.{kind}", count=count, date=today)
    return outbox.compose(
        context,
        "notices",
        person.language,
        person.email,
        person.agency_name,
        (letter_id, "notices"),
        subject=subject,
        groups=groups,
        cabinet_url=f"{public_url}/cabinet/",
        account_url=public_url + ACCOUNT_PATH,
    )


async def _group(context: Context, person: Person, rows: Sequence[Row]) -> list[Group]:
    """Group what still is as the notices say, in the order of KINDS."""
    groups, today = list[Group](), person.calendar.local_date(clock.now()).isoformat()
    for kind in KINDS:
        current = {row["id"]: row for row in rows if row["kind"] == kind and _still_is(row, today)}
        ours = all(row["ours"] for row in current.values())
        path = LISTS[kind if ours or kind != "assigned" else "new"]  # what a service was given is new to it
        lines = [await _line(context, person.language, row) for row in list(current.values())[:MAX_LINES]]
        if lines:
            url = context.settings.public_url + path
            groups.append(Group(name=kind, count=len(current), url=url, lines=lines))
    return groups


def _still_is(row: Row, today: str) -> bool:
    if row["kind"] in DATES:
        return row["cause"].endswith(f":{row['due']}") and is_running(row)
    return row["kind"] in (*ROLES, "operator") or is_running(row)


async def _line(context: Context, language: str, row: Row) -> dict[str, str | int]:
    site, due = await sites.by_id(context.database, row["site_id"]), promised_date(row["due"])
    due = due if is_running(row) else None
    return {
        "number": row["number"],
        "category": site.category_name(language, row["category"]),
        "place": row["address"] or "",
        "due": i18n.format_date(language, due) if due else "",
        "url": f"{context.settings.public_url}/cabinet/problems/{row['id']}",
    }
