"""Add invented published problems without deliveries, for tests with large databases.

They are not routed to platforms yet: a later change by an agency sends one there like any other report.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from itertools import groupby
from typing import Any, NamedTuple

import orjson

from widget_api import clock
from widget_api.clock import rfc3339
from widget_api.database import Database
from widget_api.database.bulk import CHUNK, Bulk, open_writer
from widget_api.database.schema import events, problems, texts
from widget_api.geo.address import find_street
from widget_api.geo.cells import cell_at
from widget_api.geo.model import UNIT, Area, rectangle
from widget_api.problems.deadline import AnswerPeriod, all_in_time
from widget_api.problems.model import ANSWERS, MARKS, join_entry
from widget_api.problems.projections import rebuild
from widget_api.sites.deadlines import NO_DUE_DATE, Calendar
from widget_api.sites.model import DEFAULT_DEADLINE_DAYS, Question, Site

_ACCEPTED_AFTER = clock.HOUR
_SETTLED_AFTER = 25 * clock.DAY
# Weights of the way to the final status: new problems are mostly in progress, old ones mostly answered.
_FRESH = {
    "accepted": 26,
    "forwarded": 14,
    "in_progress": 20,
    "planned": 10,
    "resolved": 18,
    "answered": 6,
    "redirected": 4,
    "rejected": 2,
}
_SETTLED = {
    "resolved": 620,
    "confirmed": 130,
    "answered": 110,
    "redirected": 50,
    "rejected": 30,
    "duplicate": 30,
    "planned": 12,
    "returned": 30,
    "reopened": 8,
    "in_progress": 6,
    "accepted": 4,
}
# Steps of each way, with ranges of days since the previous step; the last one is the final status.
_WAY: Mapping[str, Sequence[tuple[str, int, int]]] = {
    "accepted": (),
    "forwarded": (("forwarded", 0, 3),),
    "in_progress": (("forwarded", 0, 2), ("in_progress", 1, 4)),
    "planned": (("in_progress", 1, 4), ("planned", 1, 3)),
    "resolved": (("in_progress", 0, 4), ("resolved", 1, 15)),
    "confirmed": (("in_progress", 0, 4), ("resolved", 1, 8), ("confirmed", 1, 6)),
    "returned": (("in_progress", 0, 4), ("resolved", 1, 8), ("reopened", 1, 6), ("resolved", 1, 6)),
    "answered": (("answered", 1, 9),),
    "redirected": (("redirected", 0, 4),),
    "rejected": (("rejected", 0, 4),),
    "duplicate": (("duplicate", 0, 2),),
    "reopened": (("resolved", 2, 8), ("reopened", 1, 9)),
}
STATUSES_WITH_TEXT = frozenset({"resolved", "answered", "rejected", "reopened"})
STATUSES_WITH_RECIPIENT = frozenset({"forwarded", "redirected"})
_RATED = frozenset({"resolved", "answered", "confirmed"})
_BY_SERVICES = _RATED | {"in_progress", "planned", "reopened"}
_BY_RESIDENT = frozenset({"received", "confirmed", "reopened"})


class House(NamedTuple):
    """An address, and its latitude and longitude where they are known."""

    address: str
    place: tuple[float, float] | None


class Service(NamedTuple):
    """A subordinate agency."""

    id: str
    name: str
    days: int | None = None  # working days that the rule gives it


@dataclass(frozen=True, kw_only=True)
class Step:
    """An event of a history."""

    kind: str
    status: str
    at: int
    expected_on: str | None = None
    duplicate_of: int | None = None
    text: str | None = None  # None: one is chosen where the status needs it
    service: Service | None = None  # which a rule of the site forwarded the report to

    @property
    def actor(self) -> str:
        if self.service is not None:
            return "system"
        return "resident" if self.status in _BY_RESIDENT or self.kind == "received" else "agent"


def make_history(chance: random.Random, received: int, now: int, number: int) -> list[Step]:
    """The history of the problem with this number, without steps in the future."""
    ends = _SETTLED if received < now - _SETTLED_AFTER else _FRESH
    (end,) = chance.choices(list(ends), list(ends.values()))
    if end == "duplicate" and number < 3:
        end = "answered"
    at = received + _ACCEPTED_AFTER
    steps = [Step(kind="received", status="moderation", at=received), Step(kind="status", status="accepted", at=at)]
    for status, least, most in _WAY[end]:
        at += chance.randrange(least * clock.DAY, most * clock.DAY) + 1
        if at > now:
            break
        steps.append(
            Step(
                kind="status",
                status=status,
                at=at,
                expected_on=rfc3339(max(at, now) + chance.randrange(5, 30) * clock.DAY)[:10]
                if status == "planned"
                else None,
                duplicate_of=chance.randrange(max(1, number - 40), number) if status == "duplicate" else None,
            )
        )
    return steps


def answered_at(steps: Sequence[Step]) -> int | None:
    return next((step.at for step in steps if step.status in ANSWERS), None)


DEFAULT_AREA = (38.5, 54.9, 39.1, 55.3)  # of sites without a territory: west, south, east, north
MAX_AGE = 365 * clock.DAY  # seconds
# fmt: off
_PROBLEM = (
    "id", "site_id", "number", "category", "description", "address", "lat", "lng", "answers", "status", "status_at",
    "status_event", "published", "spam", "created_at", "updated_at", "answer_due", "first_due", "has_answer",
    "supporters", "photos", "source", "language", "cell", "answered_at", "answered_in_time", "expected_on",
    "responsible", "duplicate_of", "rating", "rated_at", "assigned_agency", "assigned_due", "counted", "reacted_at",
    "returns", "street", "district", "participants", "decidable_at",
)
_EVENT = (
    "site_id", "id", "position", "problem_id", "kind", "status", "at", "actor", "text_id", "data",
)
_TEXT = (
    "id", "site_id", "problem_id", "body",
)
# fmt: on


@dataclass(frozen=True, kw_only=True)
class Invented:
    """A problem that is about to be written; `description` is as it is stored."""

    category: str
    description: str
    address: str
    place: tuple[float, float] | None  # latitude, longitude
    steps: Sequence[Step]
    answers: Mapping[str, str | list[str]] = field(default_factory=dict)
    supporters: int = 0
    participants: int = 0
    rated: tuple[int, int] | None = None  # the author's mark, and when it was given
    service: Service | None = None  # which has it


@dataclass
class Batch:
    """Rows in the order of the columns above."""

    problems: list[tuple[Any, ...]] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    texts: list[tuple[Any, ...]] = field(default_factory=list)


async def add_problems(database_url: str, site: Site, wanted: int) -> tuple[int, int]:
    """Add problems until the site has `wanted` published ones. Returns how many were added and are there now."""
    added, chance = 0, random.Random(wanted)  # noqa: S311 - the same trial again gives the same texts
    houses = list[House]()
    while True:
        async with open_writer(database_url) as bulk:
            present, number, position = await _state(bulk, site.id)
            missing = min(CHUNK, wanted - present)
            if missing <= 0:
                if added:
                    await rebuild.rebuild_site(bulk, site.id)
                return added, present
            services = await _find_services(bulk, site)
            houses = houses or await read_houses(bulk, site)
            span = _received_at(present, wanted), _received_at(present + missing, wanted)
            batch = make_batch(site, chance, missing, number, position, span, services, houses)
            await insert_batch(bulk, site, batch)
        added += missing


async def insert_batch(bulk: Bulk, site: Site, batch: Batch) -> None:
    """Write a batch, and advance the site's counters by it. The derived tables are to be rebuilt afterwards."""
    await bulk.insert(problems, _PROBLEM, batch.problems)
    await bulk.insert(texts, _TEXT, batch.texts)
    await bulk.insert(events, _EVENT, batch.events)
    await bulk.run(
        "UPDATE site_counters SET number = number + :problems, position = position + :events, version = version + 1"
        " WHERE site_id = :site_id",
        problems=len(batch.problems),
        events=len(batch.events),
        site_id=site.id,
    )


async def _state(bulk: Bulk, site_id: str) -> tuple[int, int, int]:
    lock = " FOR UPDATE" if bulk.dialect == "postgresql" else ""
    counters = (
        await bulk.rows(f"SELECT number, position FROM site_counters WHERE site_id = :site_id{lock}", site_id=site_id)
    )[0]
    published = await bulk.rows(
        "SELECT COUNT(*) AS many FROM problems WHERE site_id = :site_id AND published", site_id=site_id
    )
    return published[0]["many"], counters["number"], counters["position"]


async def _find_services(bulk: Bulk, site: Site) -> dict[str, Service]:
    """The service of each category: that of the site's rules if it has any, else one after another."""
    rules = await bulk.rows(
        "SELECT r.category, r.days, a.id, a.name FROM routing_rules r JOIN agencies a ON a.id = r.agency_id"
        " WHERE r.site_id = :id",
        id=site.id,
    )
    if rules:
        return {row["category"]: Service(row["id"], row["name"], row["days"]) for row in rules}
    rows = await bulk.rows("SELECT id, name FROM agencies WHERE parent_id = :id ORDER BY id", id=site.agency.id)
    found = [Service(row["id"], row["name"]) for row in rows]
    codes = [category.code for category in site.categories]
    return {code: found[at % len(found)] for at, code in enumerate(codes)} if found else {}


async def read_houses(source: Bulk | Database, site: Site) -> list[House]:
    """The houses in its territory whose addresses the site has, or the site of a collection."""
    rows = await source.rows(
        "SELECT s.name || ', ' || h.text AS address, h.lat, h.lng FROM address_houses h"
        " JOIN address_streets s ON s.site_id = h.site_id AND s.street = h.street"
        " WHERE h.site_id = :site_id ORDER BY h.street, h.number, h.house",
        site_id=site.parent_id or site.id,
    )
    territory = site.territory or rectangle(DEFAULT_AREA)
    return [House(row["address"], (row["lat"], row["lng"])) for row in rows if territory.covers(row["lat"], row["lng"])]


def _received_at(index: int, of: int) -> int:
    """When a problem was received, by its index: spread evenly, the last one an hour ago."""
    return clock.now() - clock.HOUR - MAX_AGE * (of - index) // max(of, 1)


def make_batch(
    site: Site,
    chance: random.Random,
    count: int,
    number: int,
    position: int,
    span: tuple[int, int],
    services: Mapping[str, Service],
    houses: Sequence[House] = (),
) -> Batch:
    """Make `count` problems numbered after `number`, received within `span`.

    What is worked on or answered was forwarded to the service of its category, if `services` has one. They lie at some
    of the `houses`, without any at invented addresses.
    """
    begins, ends = span
    batch = Batch()
    territory, now = site.territory or rectangle(DEFAULT_AREA), clock.now()
    written = _descriptions(chance, site, houses)
    for index in range(count):
        code, description, house, answers = next(written)
        received = begins + (ends - begins) * index // count
        number += 1
        steps = make_history(chance, received, now, number)
        if not site.is_answered:
            steps = steps[:2]  # received and accepted: entries of a directory are checked alone
        rated = _rate(chance, steps, now)
        last = steps[-1]
        service = services.get(code) if last.status in _BY_SERVICES else None
        if service is not None:
            steps = _forward(steps, service)
        supporters = int(chance.paretovariate(1.2)) - 1 if last.status != "duplicate" else 0
        position = write_problem(
            batch,
            chance,
            site,
            Invented(
                category=code,
                description=description,
                address=house.address,
                place=house.place or random_location(chance, territory),
                steps=steps,
                answers=answers,
                supporters=min(supporters, 60),
                rated=rated,
                service=service,
            ),
            number,
            position,
        )
    return batch


def _forward(steps: Sequence[Step], service: Service) -> list[Step]:
    """The history of a report that a rule forwarded to a service when it was accepted."""
    received, accepted, *later = steps
    forwarded = Step(kind="status", status="forwarded", at=accepted.at, service=service)
    return [received, accepted, forwarded, *(step for step in later if step.status != "forwarded")]


def write_problem(batch: Batch, chance: random.Random, site: Site, one: Invented, number: int, position: int) -> int:
    """Add the rows of a problem with this number; its events follow `position`. Returns that of the last event."""
    problem_id, event_id, responsible = clock.new_id(), "", None
    for step in one.steps:
        position += 1
        event_id = _write_event(batch, chance, site, problem_id, step, position)
        if step.status in STATUSES_WITH_RECIPIENT:
            responsible = batch.texts[-1][3]
    if one.rated is not None:
        position += 1
        _write_rating(batch, site, problem_id, *one.rated, position)
    first, last = one.steps[0], one.steps[-1]
    returns = [step.at for step in one.steps if step.status == "reopened"]
    category = site.category(one.category)
    days = category.working_days if category else DEFAULT_DEADLINE_DAYS
    due = site.calendar.answer_due(max([first.at, *returns]), days) if site.is_due else NO_DUE_DATE
    answered = answered_at(one.steps)
    lat, lng = one.place or (None, None)
    published = last.status != "moderation"
    # fmt: off
    batch.problems.append((
        problem_id, site.id, number, one.category, one.description, one.address, lat, lng,
        orjson.dumps(one.answers).decode(), last.status, last.at, event_id, published, False, first.at, last.at,
        last.expected_on or due, due, answered is not None, one.supporters, "[]", "widget", site.language,
        cell_at(lat, lng) if lat is not None and lng is not None else None, answered,
        _in_time(one.steps, first.at, days, site.calendar), last.expected_on, responsible, last.duplicate_of,
        *(one.rated or (None, None)), one.service.id if one.service else None, _service_due(site, one), published,
        one.steps[1].at if published else None,
        orjson.dumps(returns).decode(), find_street(one.address), site.find_district(lat, lng),
        one.participants, first.at,
    ))
    # fmt: on
    return position


def _service_due(site: Site, one: Invented) -> str | None:
    """The date that the service was given, unless the author was promised a later one or a new round began."""
    moved = any(step.status == "reopened" or step.expected_on for step in one.steps)
    if one.service is None or one.service.days is None or moved:
        return None
    return site.calendar.answer_due(one.steps[1].at, one.service.days)


def _rate(chance: random.Random, steps: Sequence[Step], now: int) -> tuple[int, int] | None:
    """The author's mark and when it was given, for two answers of five."""
    if steps[-1].status not in _RATED or chance.random() > 0.4:
        return None
    at = steps[-1].at + chance.randrange(clock.HOUR, 3 * clock.DAY)
    return (chance.choices(MARKS, (46, 24, 12, 8, 10))[0], at) if at < now else None


def _write_rating(batch: Batch, site: Site, problem_id: str, mark: int, at: int, position: int) -> None:
    data = orjson.dumps({"mark": mark}).decode()
    batch.events.append((site.id, clock.new_id(), position, problem_id, "rated", None, at, "resident", None, data))


def _in_time(steps: Sequence[Step], received: int, working_days: int, calendar: Calendar) -> bool | None:
    """Whether answers came in time, as `problems/record.py` computes it from the events."""
    rounds = [AnswerPeriod(calendar.answer_due(received, working_days))]
    for step in steps:
        if step.status == "reopened":
            rounds.append(AnswerPeriod(calendar.answer_due(step.at, working_days)))
        if step.status == "planned" and step.expected_on:
            rounds[-1].promise(step.expected_on)
        if step.status in ANSWERS:
            rounds[-1].answer(calendar.local_date(step.at))
    return all_in_time(rounds)


def _write_event(batch: Batch, chance: random.Random, site: Site, problem_id: str, step: Step, position: int) -> str:
    """Add an event and its texts. Returns its id."""
    words, event_id, text_id = _dictionary(), clock.new_id(), None
    data: dict[str, Any] = {}
    if step.text or step.status in STATUSES_WITH_TEXT or step.status in STATUSES_WITH_RECIPIENT:
        text_id = clock.new_id()
        body = step.service.name if step.service else step.text or chance.choice(words["said"][step.status])
        batch.texts.append((text_id, site.id, problem_id, body))
    if step.status in STATUSES_WITH_RECIPIENT:
        data["responsible"], text_id = text_id, None
    if step.service:
        data["service"] = step.service.id
    if step.expected_on:
        data["expected_on"] = step.expected_on
    if step.duplicate_of:
        data["duplicate_of"] = step.duplicate_of
    # fmt: off
    batch.events.append((
        site.id, event_id, position, problem_id, step.kind, step.status, step.at, step.actor, text_id,
        orjson.dumps(data).decode(),
    ))
    # fmt: on
    return event_id


def random_location(chance: random.Random, territory: Area) -> tuple[float, float]:
    """A random point inside the area, or on its border where the area is too thin."""
    west, south, east, north = territory.box
    for _ in range(1000):
        lat, lng = round(chance.uniform(south, north), 6), round(chance.uniform(west, east), 6)
        if territory.covers(lat, lng):
            return lat, lng
    x, y = chance.choice(territory.main.rings[0])
    return y / UNIT, x / UNIT


def _descriptions(
    chance: random.Random, site: Site, houses: Sequence[House]
) -> Iterator[tuple[str, str, House, dict[str, str | list[str]]]]:
    """Yield category, text, house and answers, endlessly; without `houses` an invented address.

    Each street has as many as the next: by houses most would lie among small ones at the edge of the town.
    """
    words = _dictionary()
    streets = [list(group) for _, group in groupby(houses, key=lambda house: house.address.rpartition(", ")[0])]
    codes = [category.code for category in site.categories] or ["other"]
    while True:
        code = chance.choice(codes)
        text = chance.choice(words["texts"].get(code, words["texts"]["other"]))
        house = (
            chance.choice(chance.choice(streets))
            if streets
            else House(f"{chance.choice(words['streets'])}, {chance.randrange(1, 320)}", None)
        )
        address = house.address
        detail = chance.choice(words["details"])
        if site.collection is None:
            yield code, f"{text}, {address}. {detail}".strip(), house, {}
        else:
            answers = {one.code: _invent_answer(chance, one, detail or text) for one in site.fields}
            yield code, join_entry(f"{text}, {address}", detail or text), house, answers


def _invent_answer(chance: random.Random, question: Question, text: str) -> str | list[str]:
    keys = [key for key, _ in question.values]
    if keys:
        return [chance.choice(keys)] if question.datatype == "multivaluelist" else chance.choice(keys)
    if question.datatype == "datetime":
        return rfc3339(clock.now() + chance.randrange(-60, 60) * clock.DAY)
    return str(chance.randrange(1, 500) * 1000) if question.datatype == "number" else text


@cache
def _dictionary() -> dict[str, Any]:
    loaded: dict[str, Any] = orjson.loads((resources.files(__package__) / "sample_reports.json").read_bytes())
    return loaded
