"""Every number of statistics equals a naive reading of the events, after random histories on both databases.

The histories begin in October 2026 in Helsinki, run through the end of summer time and the turn of the year, and have
reopenings, merges, ratings, erasures, withdrawals, mirrored reports, corrections, routing rules, spam marks, confirmed
and unconfirmed addresses, and other borders of districts.
"""

from __future__ import annotations

import asyncio
import random
import statistics as exact
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.factories import AGENT, RESIDENT, add_platform, make_site, submit_report
from tests.support import naive_statistics as naive
from tests.support.exchange import mirror_report, write_nothing
from widget_api import clock
from widget_api.browse import growth, places, received, statistics
from widget_api.browse.statistics import Query
from widget_api.database import Database
from widget_api.database.bulk import open_writer
from widget_api.errors import DomainError
from widget_api.problems import correction, dialogue, lifecycle
from widget_api.problems import districts as assignment
from widget_api.problems.model import NEEDS, REASONS, Actor, Change, Contact, Update
from widget_api.problems.projections import rebuild
from widget_api.sites import districts, routing_rules
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

ZONE = "Europe/Helsinki"
BEGINS = clock.parse_rfc3339("2026-10-20T09:00:00Z")
CATEGORIES = ("roads", "snow", "lighting")
STREETS = ("ул. Мира, 5", "улица Мира, 7", "Лесная, 3", None)
# What happens, how often.
STEPS = {"submit": 8, "agent": 12, "author": 5, "rate": 3, "elsewhere": 6} | dict.fromkeys(
    ("erase", "mirror", "correct", "borders", "burst"), 1
)
STEPS |= {"spam": 3, "confirm": 2}
STATUSES: dict[str, list[Any]] = {
    "agent": [
        *("accepted", "accepted", "forwarded", "in_progress", "planned", "resolved", "resolved", "answered"),
        *("redirected", "duplicate", "rejected"),
    ],
    "author": ["confirmed", *["reopened"] * 6, "withdrawn"],
}
HISTORIES = st.lists(st.integers(0, 2**32), min_size=160, max_size=200)  # seeds of steps


def square(west: float, south: float, size: float) -> str:
    ring = [[west, south], [west + size, south], [west + size, south + size], [west, south + size], [west, south]]
    return f'{{"type": "Polygon", "coordinates": [{ring}]}}'


class History:
    """A site and what happens to its reports."""

    def __init__(self, database: Database, site: Site, services: Sequence[str], traveller: Any) -> None:
        self.database, self.site, self.services, self.traveller = database, site, services, traveller
        self.reports, self.asked = list[str](), set[str]()  # asked: to confirm the address

    async def step(self, seed: int) -> None:
        chance = random.Random(seed)
        (name,) = chance.choices(list(STEPS), list(STEPS.values()))
        self.traveller.shift(timedelta(seconds=chance.choice((60, 3600, 20 * 3600, 30 * 3600, 2 * 86_400))))
        self.site = await sites.by_id(self.database, self.site.id)
        if name in ("submit", "mirror") or not self.reports:
            await self.submit(chance, mirrored=name == "mirror")
        elif name == "burst":
            for _ in range(8):
                await self.submit(chance, mirrored=False, category="lighting")
                await self.change(chance, self.reports[-1], "agent", "accepted")
            weeks = naive.count_weeks(await naive.read_stories(self.database, self.site.id, ZONE), ZONE)
            await check_growth(self.database, self.site, local_date(clock.now(), ZONE), weeks)
        elif name == "borders":
            await self.move_borders(chance)
        else:
            for problem_id in chance.sample(self.reports, min(5, len(self.reports))):
                with suppress(DomainError):  # not allowed in that state
                    await getattr(self, name, self.change)(chance, problem_id, name)
                    break

    async def submit(self, chance: random.Random, *, mirrored: bool, category: str | None = None) -> None:
        report: dict[str, Any] = {
            "category": category or chance.choice(CATEGORIES),
            "address": chance.choice(STREETS),
            "lat": 55 + chance.random() / 10,
            "lng": 38 + chance.random() / 10,
            "contact": Contact(),
        }
        if mirrored:
            received = clock.now() - chance.randrange(10 * 86_400)
            problem_id = await mirror_report(self.database, self.site, **report, received_at=received)
        else:
            report |= {"channel": chance.choice((None, None, "phone"))}
            if chance.random() < 0.4:
                report["contact"] = Contact(email="anna@example.org")
            problem_id = (await submit_report(self.database, self.site, **report)).problem_id
            self.asked |= {problem_id} if report["contact"].email else set()
        self.reports.append(problem_id)

    async def change(self, chance: random.Random, problem_id: str, name: str, to: Any = None) -> None:
        to = to or chance.choice(STATUSES[name])
        numbers = await self.database.rows("SELECT number FROM problems WHERE published")
        needed: dict[str, Any] = {
            "text": "Сделали",
            "expected_on": (local_date(clock.now(), ZONE) + timedelta(days=chance.randrange(20))).isoformat(),
            "responsible": "Водоканал",
            "duplicate_of": chance.choice(numbers)["number"] if numbers else None,
        }
        wish: dict[str, Any] = {name: needed[name] for name in NEEDS.get(to, ())}
        if to in ("resolved", "answered"):
            wish["outside"] = chance.random() < 0.3
        if to == "forwarded" and chance.random() < 0.7:
            wish["service"] = chance.choice(self.services)
        if to == "rejected":
            wish["reason"] = chance.choice((None, *REASONS))
        actor = AGENT if name == "agent" else RESIDENT
        await lifecycle.change(self.database, actor, self.site.id, problem_id, Change(to=to, **wish))

    async def elsewhere(self, chance: random.Random, problem_id: str, _: str) -> None:
        """Import an event of a platform that speaks for the agency, or of one that does not."""
        source = chance.choice(("default", "another"))
        actor = Actor(kind=chance.choice(("platform", "source")), source=source)
        at, to = clock.now() - chance.randrange(5 * 86_400), chance.choice((*STATUSES["agent"], *STATUSES["author"]))
        day = (local_date(clock.now(), ZONE) + timedelta(days=3)).isoformat()
        update = Update(id=clock.new_id(), at=at, status=to, text="Сделано", responsible="Центр", expected_on=day)
        await lifecycle.import_update(self.database, actor, self.site.id, problem_id, update)

    async def spam(self, chance: random.Random, problem_id: str, _: str) -> None:
        await lifecycle.mark_spam(self.database, AGENT, self.site.id, problem_id, chance.random() < 0.7)

    async def confirm(self, chance: random.Random, problem_id: str, _: str) -> None:
        await lifecycle.confirm(self.database, self.site.id, problem_id)

    async def rate(self, chance: random.Random, problem_id: str, _: str) -> None:
        await dialogue.rate(self.database, self.site.id, problem_id, chance.randrange(1, 6))

    async def erase(self, chance: random.Random, problem_id: str, _: str) -> None:
        before, number = await self.numbers(), "(SELECT number FROM problems WHERE id = :id)"
        merged = await self.database.row(f"SELECT 1 FROM problems WHERE duplicate_of = {number}", id=problem_id)
        await lifecycle.erase(self.database, chance.choice((AGENT, RESIDENT)), self.site.id, problem_id)
        self.reports.remove(problem_id)
        # Reports that were merged into an open one go back to work, which is news of theirs.
        after = await self.numbers() | {"overdue": before["overdue"]}  # nobody waits for an answer any more
        assert merged or after == before, "erasing a person changes no figure"

    async def correct(self, chance: random.Random, problem_id: str, _: str) -> None:
        wish = correction.Correction(
            category=chance.choice(CATEGORIES),
            description="Яма у школы",
            address=chance.choice(STREETS) or "",
            lat=55 + chance.random() / 10,
            lng=38 + chance.random() / 10,
        )
        await correction.correct_report(self.database, AGENT, self.site, problem_id, wish, along=write_nothing)

    async def move_borders(self, chance: random.Random) -> None:
        known = chance.choice((None, *self.site.districts))
        area = square(38 + chance.random() / 10, 55 + chance.random() / 10, 0.03 + chance.random() / 15)
        if known is None:
            with suppress(DomainError):
                await districts.add_district(self.database, self.site, f"Район {chance.randrange(4)}", area)
        elif chance.random() < 0.3:
            await districts.delete_district(self.database, self.site.id, known.id)
        else:
            await districts.change_district(self.database, self.site, known.id, known.name, area)
        with time_machine.travel(clock.now() + districts.SETTLING, tick=False):
            await assignment.assign_if_due(self.database)

    async def numbers(self) -> dict[str, Any]:
        return numbers(await statistics.read(self.database, Query(sites=(self.site,)), clock.now()))


def numbers(found: statistics.Statistics) -> dict[str, Any]:
    """The numbers under the names of the naive reading."""
    return {
        "by_status": dict(found.by_status),
        "by_source": {name: count for name, count in found.by_source.items() if count},
        "overdue": found.overdue,
        "in_time": found.in_time,
        "late": found.late,
        "undecided": found.undecided,
        "outside": found.outside,
        "returned": found.returned,
        "ratings": dict(found.ratings),
        "median_hours": found.median_hours,
        "p90_hours": statistics.percentile(found.answer_hours, 90),
        "median_days": found.median_days,
        "median_reaction": statistics.median(found.reaction_hours),
        "share_resolved": found.share_resolved,
        "share_in_time": found.share_in_time,
        "rating": found.rating,
    }


async def check(database: Database, history: History, services: Sequence[str], chance: random.Random) -> None:
    """Compare every number of some periods, dimensions and filters."""
    site = history.site
    now, today = clock.now(), local_date(clock.now(), ZONE)
    stories = await naive.read_stories(database, site.id, ZONE)
    check_districts(site, stories)
    whole = Query(sites=(site,))
    begins = local_date(BEGINS, ZONE)
    spans: list[tuple[date | None, date | None]] = [(None, None), (None, today), (begins, None)]
    spans += [(date(2026, 10, 1), date(2026, 12, 31)), (date(2026, 10, 25), date(2026, 10, 25))]
    spans += [tuple(sorted(begins + timedelta(days=chance.randrange(-5, 120)) for _ in range(2))) for _ in range(4)]  # type: ignore[misc]
    days = [date.fromisoformat(naive.local_day(story.received, ZONE)) for story in stories if story.counted]
    spans += [(day, day) for day in chance.sample(days, min(4, len(days)))]
    for due in sorted({story.rounds[-1][0] for story in stories if story.counted})[:6]:
        for at in (clock.parse_rfc3339(f"{due}T10:00:00Z") + late for late in (0, 86_400) if due < "9999"):
            assert (await statistics.read(database, whole, at)).overdue == naive.count(stories, ZONE, at)["overdue"]
    filters: list[dict[str, str]] = [
        {},
        {"category": "snow"},
        {"service": services[0]},
        {"service": ""},
        {"district": ""},
    ]
    filters += [{"district": district.id, "category": "roads"} for district in site.districts[:1]]
    for first, last in spans:
        for wanted in filters:
            query = Query(sites=(site,), first=first, last=last, **wanted)
            expected = naive.count(stories, ZONE, now, first or date.min, last or date.max, **wanted)
            assert numbers(await statistics.read(database, query, now)) == expected, (first, last, wanted)
            outcomes = naive.count_outcomes(
                stories, history.asked, site.calendar, now, first or date.min, last or date.max, **wanted
            )
            everything = (await received.read(database, query, now)).to_json()
            assert everything["received"] == sum(everything[name] for name in received.PARTS)
            assert {name: everything[name] for name in outcomes} == outcomes, (first, last, wanted)
        query = Query(sites=(site,), first=first, last=last)
        for dimension in statistics.DIMENSIONS:
            groups = await statistics.read_by(database, query, dimension, now)
            for key, found in groups.items():
                expected = naive.count(stories, ZONE, now, first or date.min, last or date.max, **{dimension: key})
                assert numbers(found) == expected, (dimension, key)
            assert numbers(statistics.combine(groups.values())) == numbers(await statistics.read(database, query, now))
    shown = statistics.months(today)
    months = await statistics.read_months(database, whole, today)
    assert [(one.month, one.received, one.answered) for one in months] == naive.count_months(stories, ZONE, shown)
    for month in shown:
        day = date.fromisoformat(f"{month}-15")
        streets = await places.list_streets(database, Query(sites=(site,), first=day, last=day))
        by_category = [Query(sites=(site,), first=day, last=day, category=category) for category in CATEGORIES]
        parts = [await places.list_streets(database, query) for query in by_category]
        assert sum(one.total for part in parts for one in part) == sum(one.total for one in streets)
        assert {(one.site_id, one.name): one.total for one in streets} == naive.count_streets(stories, ZONE, month)
        for one in streets:
            houses = await places.list_houses(database, Query(sites=(site,), first=day, last=day), one.name)
            assert sum(house.total for house in houses) == one.total
    placed = sum(story.counted and story.row["cell"] is not None for story in stories)
    coarse, fine = [await places.count_cells(database, whole, level) for level in (14, 16)]
    assert (sum(coarse.values()), sum(fine.values())) == (placed, placed)
    cells = [await places.count_cells(database, Query(sites=(site,), category=one), 14) for one in CATEGORIES]
    assert sum(cells, Counter()) == coarse
    for cell, count in coarse.items():
        assert sum(many for one, many in fine.items() if one >> 4 == cell) == count
    assert list((await places.count_months(database, whole)).items()) == naive.count_received(stories, ZONE)
    await check_growth(database, site, today, naive.count_weeks(stories, ZONE))


def check_districts(site: Site, stories: Sequence[naive.Story]) -> None:
    """Each report is in the first district, by name, whose square has it; an erased one stays where it was."""
    for row in (story.row for story in stories if story.erased is None):
        boxes = [(one.id, one.area.box) for one in site.districts]
        fitting = [
            key
            for key, (west, south, east, north) in boxes
            if west <= row["lng"] <= east and south <= row["lat"] <= north
        ]
        assert row["district"] == (fitting[0] if fitting else None)


async def check_growth(database: Database, site: Site, today: date, weeks: Any) -> None:
    found = await growth.find_growing(database, Query(sites=(site,)), today)
    monday = today - timedelta(days=today.weekday())
    first = min((date.fromisoformat(week) for _, week in weeks), default=monday)
    expected = set()
    for category in CATEGORIES:
        for week in (monday, monday - timedelta(weeks=1)):
            number = min(52, (week - first).days // 7)
            before = [
                weeks.get((category, (week - timedelta(weeks=back)).isoformat()), 0) for back in range(1, number + 1)
            ]
            count = weeks.get((category, week.isoformat()), 0)
            if len(before) >= growth.MIN_WEEKS and count >= growth.MIN_REPORTS:
                mean = exact.fmean(before)
                if count > mean + 3 * max(exact.pvariance(before), mean) ** 0.5:
                    expected.add(category)
    assert {topic.name for topic in found if topic.kind == "category"} == expected


async def test_every_number_equals_a_naive_reading(database: Database) -> None:
    collected = list[list[int]]()

    @settings(max_examples=5, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(HISTORIES)
    def collect(steps: list[int]) -> None:
        collected.append(steps)

    collect()
    await add_platform(database)
    for steps in collected:
        chance = random.Random(len(steps))
        with time_machine.travel(BEGINS, tick=False) as traveller:
            site = await make_site(database, time_zone=ZONE, moderation=chance.choice(("before", "after")))
            services = [
                await sites.add_agency(database, name=name, email="s@gorod.test", parent_id=site.agency.id)
                for name in ("Водоканал", "Горсвет")
            ]
            await routing_rules.add_rule(database, site.id, {"service": services[0], "category": "snow"})
            history = History(database, site, services, traveller)
            for step in steps:
                await history.step(step)
            await check(database, history, services, chance)
            async with open_writer(database.url) as bulk:
                await rebuild.rebuild_site(bulk, site.id)
            await check(database, history, services, chance)
        await asyncio.sleep(0)
