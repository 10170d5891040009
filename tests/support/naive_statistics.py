"""Count reports by reading every event, as slowly and plainly as the definitions in docs/figures.md are written.

Imports nothing of `browse/` or `problems/projections/`. What is no event is read from the report itself: its category,
service, district, street and source; and the due date of a round where no event names one.
"""

import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from widget_api.database import Database, Row
from widget_api.sites.deadlines import Calendar

PUBLIC = (
    *("accepted", "forwarded", "in_progress", "planned", "resolved", "answered", "redirected", "duplicate"),
    *("rejected", "confirmed", "reopened"),
)
OPEN = ("accepted", "forwarded", "in_progress", "planned", "reopened")


@dataclass
class Story:
    """What became of one report."""

    row: Row
    received: int
    status: str = "moderation"
    counted: bool = False
    erased: int | None = None
    reacted: int | None = None
    answered: int | None = None
    outside: bool = False
    returns: list[int] = field(default_factory=list)
    rating: tuple[int, int] | None = None  # the mark, and when
    rounds: list[list[Any]] = field(default_factory=list)  # [due date, in time or None]
    decided: int = 0  # when the status was set
    reason: str = "unstated"
    spam: bool = False
    confirmed: int | None = None

    @property
    def mirrored(self) -> bool:
        return self.row["mirror_of"] is not None

    def fits(self, wanted: Mapping[str, str | None]) -> bool:
        columns = {"category": "category", "service": "assigned_agency", "district": "district"}
        return all(value is None or (self.row[columns[name]] or "") == value for name, value in wanted.items())


def tell(row: Row, events: Sequence[Row], zone: str) -> Story:
    received = next(event for event in events if event["kind"] == "received")
    story = Story(row, received["at"])
    published, withdrawn, before = False, False, "moderation"
    for event in sorted(events, key=lambda event: (event["at"], event["id"])):
        data, status = json.loads(event["data"]), event["status"]
        official = not data.get("unofficial")
        if event["kind"] == "erased":
            story.erased = event["at"]
        if event["kind"] == "rated":
            story.rating = data["mark"], event["at"]
        if status is None:
            continue
        if status in ("withdrawn", "moderation") or (status in ("rejected", "duplicate") and before == "moderation"):
            published = False
        elif status not in ("confirmed", "rejected", "duplicate", "reopened"):
            published = True
        withdrawn, before = withdrawn or status == "withdrawn", status
        if status == "reopened":
            story.returns.append(event["at"])
        if event["kind"] == "status" and event["actor"] in ("agent", "operator", "platform") and official:
            story.reacted = event["at"] if story.reacted is None else min(story.reacted, event["at"])
        answers = status in ("resolved", "answered") and event["text_id"] and official
        if answers and story.answered is None:  # events are in their order
            story.answered, story.outside = event["at"], data.get("outside", False)
    story.status, story.counted = before, published and not withdrawn
    story.rounds = _tell_rounds(row, events, zone)
    newest = max((event for event in events if event["status"]), key=lambda event: (event["at"], event["id"]))
    story.decided, story.reason = newest["at"], json.loads(newest["data"]).get("reason", "unstated")
    marks = [event for event in events if event["kind"] in ("spam", "unspam")]
    last = max((*marks, newest), key=lambda event: event["position"])  # a decision takes the mark off
    story.spam = last["kind"] == "spam"
    story.confirmed = next((event["at"] for event in events if event["kind"] == "confirmed_email"), None)
    return story


def _tell_rounds(row: Row, events: Sequence[Row], zone: str) -> list[list[Any]]:
    """Each period from receipt or a reopening to its first official answer. Other systems may date theirs before."""
    rounds = list[list[Any]]()
    for event in sorted(events, key=lambda event: (event["kind"] != "received", event["at"], event["id"])):
        data, status = json.loads(event["data"]), event["status"]
        if event["kind"] == "received" or status == "reopened" or "apart_from" in data:
            rounds.append([data.get("due", row["answer_due"]), None])
        if data.get("unofficial"):
            continue
        if status == "planned" and data.get("expected_on"):
            rounds[-1][0] = data["expected_on"]
        if status in ("resolved", "answered") and event["text_id"] and rounds[-1][1] is None:
            rounds[-1][1] = local_day(event["at"], zone) <= rounds[-1][0]
    return rounds


async def read_stories(database: Database, site_id: str, zone: str) -> list[Story]:
    rows = await database.rows("SELECT * FROM problems WHERE site_id = :site_id", site_id=site_id)
    events = await database.rows("SELECT * FROM events WHERE site_id = :site_id", site_id=site_id)
    by_problem: dict[str, list[Row]] = {}
    for event in events:
        by_problem.setdefault(event["problem_id"], []).append(event)
    return [tell(row, by_problem[row["id"]], zone) for row in rows]


def count(
    stories: Iterable[Story], zone: str, now: int, first: date = date.min, last: date = date.max, **wanted: str | None
) -> dict[str, Any]:
    """Every number of a period. `wanted` are category, service and district; None = any."""
    chosen = [story for story in stories if story.counted and story.fits(wanted)]

    def within(at: int | None) -> bool:
        return at is not None and first.isoformat() <= local_day(at, zone) <= last.isoformat()

    received = [story for story in chosen if within(story.received)]
    own = [story for story in chosen if not story.mirrored]
    answers = [story for story in own if within(story.answered)]
    verdicts = Counter(_in_time(story) for story in answers)
    ratings = [story.rating[0] for story in own if story.rating and within(story.rating[1])]
    hours = [_hours(story.received, story.answered) for story in answers]
    reactions = [_hours(story.received, story.reacted) for story in own if within(story.reacted)]
    return {
        "by_status": {status: sum(story.status == status for story in received) for status in PUBLIC},
        "by_source": dict(Counter(story.row["channel"] or story.row["source"] for story in received)),
        "overdue": sum(_is_overdue(story, zone, now) for story in received),
        "in_time": verdicts[True],
        "late": verdicts[False],
        "undecided": verdicts[None],
        "outside": sum(story.outside for story in answers),
        "returned": sum(within(at) for story in own for at in story.returns),
        "ratings": dict(Counter(ratings)),
        "median_hours": _median(hours),
        "p90_hours": _percentile(hours, 90),
        "median_days": _median([hour // 24 for hour in hours]),
        "median_reaction": _median(reactions),
        "share_resolved": _share(sum(story.status in ("resolved", "confirmed") for story in received), len(received)),
        "share_in_time": _share(verdicts[True], verdicts[True] + verdicts[False]),
        "rating": round(sum(ratings) / len(ratings), 2) if ratings else None,
    }


def count_outcomes(
    stories: Iterable[Story],
    asked: Collection[str],
    calendar: Calendar,
    now: int,
    first: date,
    last: date,
    **wanted: str | None,
) -> dict[str, Any]:
    """What became of every report that was received, published or not. `asked`: whose authors had to confirm."""
    zone, (since, until) = calendar.time_zone, (first.isoformat(), last.isoformat())
    received = [story for story in stories if since <= local_day(story.received, zone) <= until]
    chosen = [story for story in received if story.fits(wanted)]
    outcomes = Counter(_outcome(story, asked, calendar, now) for story in chosen)
    parts = ("published", "merged", "withdrawn", "erased", "unconfirmed")
    reasons = (*("abuse", "personal_data", "not_a_problem", "no_place", "spam", "other"), "unstated")
    return {
        "received": len(chosen) - outcomes["unconfirmed"],
        "rejected_by_reason": {reason: outcomes[f"rejected {reason}"] for reason in reasons},
        "waiting": outcomes["waiting"] + outcomes["waiting long"],
        "waiting_long": outcomes["waiting long"],
    } | {name: outcomes[name] for name in parts}


def _outcome(story: Story, asked: Collection[str], calendar: Calendar, now: int) -> str:
    if story.counted:
        return "published" if story.erased is None else "erased"
    unconfirmed = story.row["id"] in asked and story.confirmed is None
    if story.status == "moderation" and unconfirmed:
        return "unconfirmed"
    if story.status == "rejected" or story.spam:
        return f"rejected {'spam' if story.spam else story.reason}"
    if story.status in ("duplicate", "withdrawn"):
        return "merged" if story.status == "duplicate" else "withdrawn"
    if story.erased is not None:
        return "erased"
    since = calendar.local_date(max(story.decided, story.confirmed or 0))
    passed = (since + timedelta(days=day) for day in range(1, (calendar.local_date(now) - since).days))
    return "waiting long" if sum(map(calendar.is_working_day, passed)) >= 3 else "waiting"


def count_months(stories: Iterable[Story], zone: str, months: Sequence[str]) -> list[tuple[str, int, int]]:
    counted = [story for story in stories if story.counted]
    received = Counter(local_day(story.received, zone)[:7] for story in counted)
    answered = Counter(
        local_day(story.answered, zone)[:7] for story in counted if story.answered and not story.mirrored
    )
    return [(month, received[month], answered[month]) for month in months]


def count_received(stories: Iterable[Story], zone: str) -> list[tuple[str, int]]:
    return sorted(Counter(local_day(story.received, zone)[:7] for story in stories if story.counted).items())


def count_streets(stories: Iterable[Story], zone: str, month: str) -> dict[tuple[str, str], int]:
    """Reports by site and street."""
    return dict(
        Counter(
            (story.row["site_id"], story.row["street"])
            for story in stories
            if story.counted and story.row["street"] and local_day(story.received, zone)[:7] == month
        )
    )


def count_weeks(stories: Iterable[Story], zone: str) -> Mapping[tuple[str, str], int]:
    """Reports by category and Monday."""
    weeks = Counter[tuple[str, str]]()
    for story in stories:
        if story.counted:
            day = date.fromisoformat(local_day(story.received, zone))
            weeks[story.row["category"], date.fromordinal(day.toordinal() - day.weekday()).isoformat()] += 1
    return weeks


def local_day(at: int, zone: str) -> str:
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).date().isoformat()


def _hours(begun: int, ended: int | None) -> int:
    assert ended is not None
    hours = max(0, ended - begun) // 3600
    return hours if hours < 48 else hours // 24 * 24


def _in_time(story: Story) -> bool | None:
    verdicts = [verdict for _, verdict in story.rounds]
    return False if False in verdicts else verdicts[-1]


def _is_overdue(story: Story, zone: str, now: int) -> bool:
    waits = story.erased is None and not story.mirrored and story.status in OPEN
    return waits and story.rounds[-1][0] < local_day(now, zone)


def _median(numbers: list[int]) -> float | None:
    ordered = sorted(numbers)
    if not ordered:
        return None
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return (lower + upper) / 2


def _percentile(numbers: list[int], percent: int) -> int | None:
    return sorted(numbers)[max(0, math.ceil(len(numbers) * percent / 100) - 1)] if numbers else None


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
