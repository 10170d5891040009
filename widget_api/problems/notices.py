"""Notice what happens to reports for the people of an agency whom it concerns and who want to know.

A notice waits in the table `notices` until one letter tells it: the letter of its kind, at once, or the digest of a
working morning (`people.notice_letters`). A person is told once of a cause, an event or a date, and nothing at night:
what comes outside working hours waits for the morning (decision 58).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import orjson

from widget_api import clock
from widget_api.database import Row, Transaction
from widget_api.deliveries import enqueue
from widget_api.deliveries.sinks import USER
from widget_api.events import Event, advance
from widget_api.permissions import Role, roles_of
from widget_api.problems.store import history
from widget_api.problems.store import notices as store
from widget_api.sites.deadlines import Calendar
from widget_api.sites.kinds import kind_of
from widget_api.sites.rights import list_moderators

Kind = Literal["new", "assigned", "due", "overdue", "author", "service", "approval", "remark", "operator"]
Way = Literal["letter", "digest", "off"]
DATES: tuple[Kind, ...] = ("due", "overdue")  # they come overnight, so the morning tells them
KINDS: tuple[Kind, ...] = ("new", "assigned", *DATES, "author", "service", "approval", "remark", "operator")
# Whose decisions are approved, and who approves them.
ROLES: Mapping[str, Collection[str]] = {
    "approval": roles_of("drafts.approve"),
    "remark": roles_of("drafts.submit"),
}
DEFAULT_DAYS, MAX_DAYS = 3, 30  # working days before a due date
LATE_DAYS = 14  # for which a date that has passed is still news: the service, or its people, were away
LETTER_INTERVAL = clock.HOUR  # between two letters of a kind to a person; the second sums up what came meanwhile
OPENS, CLOSES = time(8), time(21)  # nothing is sent before and after, nor on days off
USUAL_MORNING = time(9)  # local, of digests, where the agency chose no other hour

_REST: dict[Kind, Way] = dict.fromkeys(("new", *DATES, "author", "service", "operator"), "digest")
DEFAULTS: Mapping[str, Mapping[Kind, Way]] = {
    Role.AGENT: {**_REST, "assigned": "letter", "remark": "letter"},
    Role.HEAD: {"approval": "letter", "overdue": "digest", "operator": "digest"},
    # who may be the only one to approve
    Role.ADMIN: {"approval": "letter", "assigned": "letter", "overdue": "digest", "operator": "digest"},
}


def is_for(kind: str, role: str) -> bool:
    """Whether notices of a kind are for people of this role."""
    return kind not in ROLES or role in ROLES[kind]


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What a person wants to be told and how; `ways` has the kinds that their role may choose."""

    ways: Mapping[Kind, Way]
    days: int = DEFAULT_DAYS

    @classmethod
    def read(cls, role: str, saved: str | None) -> Choices:
        stored, defaults = orjson.loads(saved or "{}"), DEFAULTS.get(role, {})
        kinds = [kind for kind in KINDS if is_for(kind, role)]
        ways: dict[Kind, Way] = {kind: stored.get(kind) or defaults.get(kind, "off") for kind in kinds}
        return cls(ways=ways, days=stored.get("days", DEFAULT_DAYS))


@dataclass(frozen=True, kw_only=True)
class Person:
    """A user of an agency, as far as notices need to know."""

    id: str
    email: str
    role: str
    language: str
    agency_id: str
    agency_name: str
    calendar: Calendar
    morning: time  # of the digest
    enabled: bool
    away_until: str | None
    stand_in: str | None
    choices: Choices = field(repr=False)

    @classmethod
    def of(cls, row: Row) -> Person:
        names = ("id", "email", "role", "language", "agency_id", "agency_name", "away_until", "stand_in")
        values = {name: row[name] for name in names}
        return cls(
            **values,
            calendar=Calendar.load(row["time_zone"] or "UTC", row["calendar"] or "{}"),
            morning=time(row["digest_hour"]) if row["digest_hour"] else USUAL_MORNING,
            enabled=row["disabled_at"] is None,
            choices=Choices.read(row["role"], row["notices"]),
        )

    def is_away(self, now: int) -> bool:
        return (self.away_until or "") >= self.calendar.local_date(now).isoformat()


def is_quiet(at: int, calendar: Calendar, opens: time = OPENS) -> bool:
    """Whether it is night or a day off at a site, when nobody is written to; a digest may come before it `opens`."""
    local = datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(calendar.time_zone))
    return not (min(opens, OPENS) <= local.time() < CLOSES and calendar.is_working_day(local.date()))


def find_reader(person: Person, people: Mapping[str, Person], now: int) -> Person | None:
    """Who reads what concerns a person: they, while they are away who stands in; None: nobody."""
    passed = set[str]()
    reader: Person | None = person
    while reader is not None and reader.enabled and reader.is_away(now) and reader.id not in passed:
        passed.add(reader.id)
        reader = people.get(reader.stand_in or "")
    return reader if reader is not None and reader.enabled and reader.id not in passed else None


def find_recipients(
    kind: Kind, people: Sequence[Person], now: int, *, by: str | None = None, assigned: str | None = None
) -> Iterator[tuple[Person, Person]]:
    """The people whom a report concerns, each with who reads it. `by` acted, and is told nothing.

    A report that somebody looks after (`assigned`) concerns no other agent.
    """
    by_id = {person.id: person for person in people}
    minder = by_id.get(assigned or "")
    for person in people:
        if not person.enabled or person.id == by or person.choices.ways.get(kind, "off") == "off":
            continue
        if minder is not None and minder.enabled and person.role == Role.AGENT and person is not minder:
            continue
        reader = find_reader(person, by_id, now)
        if reader is not None and reader.id != by:
            yield person, reader


async def notify(
    tx: Transaction,
    kind: Kind,
    event: Event,
    *,
    now: int,
    agency_id: str | None = None,
    only: str | None = None,
    assigned: str | None = None,
    cause: str | None = None,
    accepted: bool = True,
) -> None:
    """Notice an event for the people of an agency, by default of all that answer, or for one of them alone (`only`).

    Called in the event's transaction; a person is told once of a `cause`, by default the event. What was not `accepted`
    is for agencies that check themselves.
    """
    site = await history.find_site(tx, event.site_id)
    if kind_of(site["slug"]) == "test":  # nobody is called to it
        return
    if not accepted and site["moderator"] != "agent" and site["moderation"] != "after":
        return
    agencies = [agency_id or site["agency_id"]]
    # Services are the responsible agency's own.
    if agency_id is None and kind_of(site["slug"]) == "collection" and kind != "service":
        agencies += [row["agency_id"] for row in await list_moderators(tx, event.site_id)]
    people = [Person.of(row) for one in agencies for row in await store.list_people(tx, one)]
    for person, reader in find_recipients(kind, people, now, by=event.user_id, assigned=assigned):
        if only is None or person.id == only:
            await _add(tx, kind, event, reader, person.choices.ways[kind], cause or event.id, now)


async def _add(tx: Transaction, kind: Kind, event: Event, reader: Person, way: Way, cause: str, now: int) -> None:
    """Add a notice, and the letter that tells it at once, unless one is planned that will tell it as well."""
    if await store.has_cause(tx, reader.id, cause):
        return
    await store.lock(tx, reader.id)
    planned = way != "letter" or await store.is_letter_planned(tx, reader.id, kind)
    await store.add(tx, reader.id, event.problem_id, kind=kind, cause=cause, way=way, created_at=now)
    last = await store.find_last_sent(tx, reader.id, kind, now - LETTER_INTERVAL)
    leaves_at = now if last is None else max(now, min(last, now) + LETTER_INTERVAL)
    if planned or is_quiet(now, reader.calendar) or is_quiet(leaves_at, reader.calendar):
        return
    event = replace(event, position=(await advance(tx, event.site_id)).position)
    await enqueue.enqueue_event(tx, event, f"{USER}{reader.id}:{kind}:{cause}", now, leaves_at=leaves_at)


async def notify_new(tx: Transaction, event: Event, now: int, *, accepted: bool = False) -> None:
    """Notice a report that its agency can take up: received, confirmed or, if the operator checks first, accepted."""
    await notify(tx, "new", event, now=now, cause=f"new:{event.problem_id}", accepted=accepted)


async def notify_event(tx: Transaction, event: Event, problem: Row, now: int) -> None:
    """Notice an event of a problem, whose row is as before the event."""
    if problem["mirror_of"] is not None or problem["spam"]:
        return
    assigned, by_author = problem["assigned_user"], event.actor == "resident"
    if event.kind == "confirmed_email" and problem["status"] == "moderation":
        await notify_new(tx, event, now)
    elif event.data.get("in_place"):
        await notify(tx, "operator", event, now=now)
    elif event.status == "accepted" and problem["status"] == "moderation" and event.actor in ("operator", "platform"):
        await notify_new(tx, event, now, accepted=True)
    elif event.kind == "clarified" or (event.status == "reopened" and by_author):
        await notify(tx, "author", event, now=now, assigned=assigned)
        if event.status == "reopened":  # also whoever answered, and the service that did the work
            if answered_by := await history.find_user(tx, event.site_id, problem["status_event"]):
                await notify(tx, "author", event, now=now, only=answered_by)
            if problem["assigned_agency"]:
                await notify(tx, "author", event, now=now, agency_id=problem["assigned_agency"])
    elif event.kind in ("work_reported", "assignment_returned"):
        await notify(tx, "service", event, now=now, assigned=assigned)
    elif event.kind == "assigned" and event.data.get("user"):
        await notify(tx, "assigned", event, now=now, only=event.data["user"])
    elif event.kind == "approval_requested":
        await notify(tx, "approval", event, now=now, agency_id=event.data["agency"])
    elif event.kind == "approval_returned":
        await notify(tx, "remark", event, now=now, agency_id=event.data["agency"], only=event.data["user"])


async def notice_dates(tx: Transaction, people: Sequence[Person], now: int, created_at: int) -> None:
    """Notice the due dates of an agency's reports that come or have passed, once a date and person."""
    calendar = people[0].calendar
    today = calendar.local_date(now)
    days = max((person.choices.days for person in people if person.choices.ways["due"] != "off"), default=0)
    first, last = today - timedelta(days=LATE_DAYS), calendar.add_working_days(today, days)
    for row in await store.list_dates(tx, people[0].agency_id, first.isoformat(), last.isoformat()):
        kind: Kind = "overdue" if row["due"] < today.isoformat() else "due"
        assigned = row["assigned_user"] if row["ours"] else None
        for person, reader in find_recipients(kind, people, now, assigned=assigned):
            if kind == "due" and row["due"] > calendar.add_working_days(today, person.choices.days).isoformat():
                continue
            cause = f"{kind}:{row['id']}:{row['due']}"
            await store.add(tx, reader.id, row["id"], kind=kind, cause=cause, way="digest", created_at=created_at)
