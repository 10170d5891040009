"""Read how many reports sites received and what became of each, whether the public sees it or not.

The figures of statistics.py count what was published. These count the rest as well, so that nobody makes a share of
resolved reports by rejecting, merging or leaving undecided what is inconvenient: the parts add up to what was received.
Definitions are in docs/figures.md; what a report counts as is decided in problems/projections/outcomes.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from widget_api.browse import statistics
from widget_api.browse.statistics import RESOLVED, Query
from widget_api.database import Database, Row
from widget_api.problems.deadline import find_decision_cutoff, find_decision_day
from widget_api.problems.model import REASONS, UNSTATED
from widget_api.problems.projections.outcomes import find_outcome
from widget_api.sites.deadlines import Calendar
from widget_api.sites.kinds import IS_SITE

PARTS = ("published", "rejected", "merged", "withdrawn", "erased", "waiting")  # of what was received
_COUNTED = ("received", *PARTS, "waiting_long", "unconfirmed")
# Of a table by month.
COLUMNS = (
    *(f"outcome_{name}" for name in _COUNTED),
    *(f"rejected_{reason}" for reason in (*REASONS, UNSTATED)),
)


@dataclass(frozen=True, kw_only=True)
class Received:
    """Reports received in a period by what has become of them until now.

    Apart from the others stand the `unconfirmed`, whose authors were asked to confirm their addresses and have not.
    """

    published: int = 0  # and not erased since
    by_reason: Mapping[str, int] = field(default_factory=dict)  # rejected before they were published
    merged: int = 0  # before they were published
    withdrawn: int = 0
    erased: int = 0  # published or undecided ones
    waiting: int = 0
    waiting_long: int = 0  # of `waiting`: more than DECISION_DAYS
    unconfirmed: int = 0
    resolved: int = 0  # of `published`, or erased since

    @property
    def rejected(self) -> int:
        return sum(self.by_reason.values())

    @property
    def total(self) -> int:
        return sum(getattr(self, name) for name in PARTS)

    def to_json(self) -> dict[str, Any]:
        """The values of `outcomes` in the answers of the API."""
        return {
            "received": self.total,
            **{name: getattr(self, name) for name in PARTS},
            "rejected_by_reason": {reason: self.by_reason.get(reason, 0) for reason in (*REASONS, UNSTATED)},
            "waiting_long": self.waiting_long,
            "unconfirmed": self.unconfirmed,
            "share_resolved": round(self.resolved / self.total, 4) if self.total else None,
        }

    def to_row(self) -> tuple[int, ...]:
        """The values of COLUMNS."""
        said = self.to_json()
        return (*(said[name] for name in _COUNTED), *said["rejected_by_reason"].values())


async def read(database: Database, query: Query, now: int) -> Received:
    """Read what became of the reports of a period, a category, a service or a district of one or several sites."""
    calendars = {site.id: site.calendar for site in query.sites}
    rows = await statistics.sum_counts(database, query, ("received", "outcome"), ("site_id",))
    return _assemble(((_label(row), row["total"], calendars[row["site_id"]]) for row in rows), now)


async def read_by_month(database: Database, query: Query, now: int) -> dict[str, Received]:
    """`read` for each month («2026-11») in which any was received; only its days within the period."""
    calendars = {site.id: site.calendar for site in query.sites}
    months = defaultdict[str, list[tuple[str, int, Calendar]]](list)
    for row in await statistics.sum_counts(database, query, ("received", "outcome"), ("site_id", "period")):
        months[row["period"][:7]].append((_label(row), row["total"], calendars[row["site_id"]]))
    return {month: _assemble(counts, now) for month, counts in months.items()}


async def read_all_sites(database: Database, now: int) -> Received:
    """Read what became of all reports of all enabled sites."""
    rows = await database.rows(
        "SELECT f.measure, f.value, s.time_zone, s.calendar, SUM(f.count) AS total"
        " FROM sites s JOIN site_figures f ON f.site_id = s.id"
        f" WHERE s.disabled_at IS NULL AND {IS_SITE} AND f.grain = 'a'"
        " AND f.measure IN ('status', 'outcome') GROUP BY f.measure, f.value, s.time_zone, s.calendar"
    )
    calendars = (Calendar.load(row["time_zone"], row["calendar"]) for row in rows)
    return _assemble(zip(map(_label, rows), (row["total"] for row in rows), calendars, strict=True), now)


def _label(row: Row) -> str:
    """The value of an outcome; of a published report, its status."""
    return row["value"] if row["measure"] == "outcome" else f"{row['value'].split(' ')[0]} status"


def _assemble(counts: Iterable[tuple[str, int, Calendar]], now: int) -> Received:
    """Add up counts: of a state with a reason, a day or «counted» (outcomes.py), or of a «status» of published ones."""
    found, reasons, late, resolved = Counter[str](), Counter[str](), 0, 0
    for value, total, calendar in counts:
        state, _, detail = value.partition(" ")
        count = int(total)
        if detail == "status":
            found["published"] += count
            resolved += count if state in RESOLVED else 0
            continue
        found[state] += count
        if detail == "counted":  # among the published by status, since no figure there changes with an erasure
            found["published"] -= count
        elif state == "rejected":
            reasons[detail] += count
        elif state == "waiting" and date.fromisoformat(detail) < find_decision_day(calendar, now):
            late += count
    return Received(
        by_reason=dict(reasons),
        waiting_long=late,
        resolved=resolved,
        **{name: found[name] for name in (*PARTS, "unconfirmed") if name != "rejected"},
    )


def waits_long(problem: Row, calendar: Calendar, now: int) -> bool:
    """Whether a report counts as one that waits longer than DECISION_DAYS."""
    outcome = find_outcome(problem)
    return outcome is not None and outcome.since is not None and outcome.since < find_decision_cutoff(calendar, now)
