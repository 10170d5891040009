"""Find what grows: a category or a street whose week stands out against its own year.

A week stands out if it has at least MIN_REPORTS reports, and more than the mean of the weeks before by three standard
deviations. The deviation is that of those weeks, but at least that of a Poisson process, whose variance is its mean:
rare reports come in clusters by chance alone. Up to 52 weeks are compared, at least MIN_WEEKS since the first report.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import sqrt
from typing import Literal

from widget_api.browse.statistics import Part, Query, sum_parts
from widget_api.database import Database
from widget_api.problems.projections.figures import week_of

MIN_REPORTS = 5
MIN_WEEKS = 8
YEAR = 52  # weeks
DEVIATIONS = 3
MAX_TOPICS = 5


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A category or street that grows."""

    kind: Literal["category", "street"]
    name: str  # the code of the category, or the street
    monday: date  # of the week
    count: int
    usual: float  # reports in a week, the mean
    site_id: str = ""  # of a street: towns have streets of the same name

    @property
    def excess(self) -> float:
        """By how many deviations of a Poisson process the week is above the mean."""
        return (self.count - self.usual) / sqrt(max(self.usual, 1 / YEAR))


async def find_growing(database: Database, query: Query, today: date) -> list[Topic]:
    """Find what grows this week or grew in the one before, the most unusual first.

    `today` is local. Of the query its sites and its category count. With a service or a district nothing is found:
    their weeks are not counted.
    """
    if query.service is not None or query.district is not None:
        return []
    mondays = _mondays(today)
    weeks = [week_of(day) for day in mondays]
    periods = [Part("w", weeks[-1], weeks[0])]
    by_name = defaultdict[tuple[Literal["category", "street"], str, str], Counter[str]](Counter)
    for row in await sum_parts(database, query, ("received",), ("category", "period"), periods):
        by_name["category", row["category"], ""][row["period"]] += int(row["total"])
    if query.category is None:
        newest = [Part("w", weeks[1], weeks[0])]
        rows = await sum_parts(database, query, ("street_total",), ("site_id", "period"), newest)
        busy = {row["value"] for row in rows if int(row["total"]) >= MIN_REPORTS}  # of a region's streets hardly any
        for row in await sum_parts(database, query, ("street_total",), ("site_id", "period"), periods, values=busy):
            by_name["street", row["value"], row["site_id"]][row["period"]] += int(row["total"])
    first = min((week for counts in by_name.values() for week in counts), default=weeks[0])
    since = weeks.index(first)  # the oldest week with reports
    found = list[Topic]()
    for (kind, name, site_id), counts in by_name.items():
        series = [counts[week] for week in weeks[: since + 1]]
        topics = (find_topic(kind, name, mondays, series, at) for at in (0, 1))
        if fitting := [replace(one, site_id=site_id) for one in topics if one]:
            found.append(max(fitting, key=lambda one: one.excess))
    return sorted(found, key=lambda one: (-one.excess, one.kind, one.name, one.site_id))[:MAX_TOPICS]


def find_topic(
    kind: Literal["category", "street"], name: str, mondays: Sequence[date], series: Sequence[int], at: int
) -> Topic | None:
    """The topic if the week `at` stands out, None otherwise. `series`: the reports of each week, the newest first."""
    before = series[at + 1 : at + 1 + YEAR]
    if len(before) < MIN_WEEKS:
        return None
    count, mean = series[at], sum(before) / len(before)
    variance = sum((one - mean) ** 2 for one in before) / len(before)
    if count < MIN_REPORTS or count <= mean + DEVIATIONS * sqrt(max(variance, mean)):
        return None
    return Topic(kind=kind, name=name, monday=mondays[at], count=count, usual=mean)


def _mondays(today: date) -> list[date]:
    """The Mondays of this week, of the one before, and of the year before that, the newest first."""
    monday = today - timedelta(days=today.weekday())
    return [monday - timedelta(weeks=back) for back in range(YEAR + 2)]
