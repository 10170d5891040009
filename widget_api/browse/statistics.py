"""Read the statistics of a site from counts that problems/projections updates with every change of a problem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from widget_api.database import Database
from widget_api.problems.model import OPEN
from widget_api.status_table import PUBLIC_STATUSES

RESOLVED = frozenset({"resolved", "confirmed"})
MONTHS = 12


@dataclass(frozen=True)
class CategoryCounts:
    """The published problems of one category."""

    code: str
    total: int
    open: int
    resolved: int


@dataclass(frozen=True)
class Month:
    """Problems received and problems first answered in a month in UTC («2026-11»)."""

    month: str
    received: int
    answered: int


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Statistics of the published problems of a site."""

    by_status: Mapping[str, int]
    by_category: Sequence[CategoryCounts]  # the largest first, without empty ones
    by_month: Sequence[Month]  # twelve, the oldest first
    overdue: int
    median_days: float | None  # from receipt to the first official answer; None = no answer yet

    @property
    def total(self) -> int:
        return sum(self.by_status.values())

    @property
    def open(self) -> int:
        return sum(count for status, count in self.by_status.items() if status in OPEN)

    @property
    def resolved(self) -> int:
        return sum(count for status, count in self.by_status.items() if status in RESOLVED)

    @property
    def share_resolved(self) -> float | None:
        """The share of resolved problems among all published ones, from 0 to 1."""
        return round(self.resolved / self.total, 4) if self.total else None


def count_by_category(counts: Mapping[tuple[str, str], int]) -> tuple[CategoryCounts, ...]:
    """Sum up counts by (category, status)."""
    sums_by_code = dict[str, list[int]]()
    for (code, status), count in counts.items():
        sums = sums_by_code.setdefault(code, [0, 0, 0])
        sums[0] += count
        sums[1] += count if status in OPEN else 0
        sums[2] += count if status in RESOLVED else 0
    categories = (CategoryCounts(code, *sums) for code, sums in sums_by_code.items() if sums[0])
    return tuple(sorted(categories, key=lambda category: (-category.total, category.code)))


def months(today: date) -> tuple[str, ...]:
    """List the twelve months up to that of `today`, the oldest first."""
    last = today.year * 12 + today.month - 1
    return tuple(f"{at // 12:04}-{at % 12 + 1:02}" for at in range(last - MONTHS + 1, last + 1))


def median(histogram: Mapping[int, int]) -> float | None:
    """Return the exact median of whole numbers, given how often each occurs; None if there are none."""
    count = sum(histogram.values())
    if not count:
        return None
    lower, upper = _at(histogram, (count - 1) // 2), _at(histogram, count // 2)
    return lower if lower == upper else (lower + upper) / 2


def _at(histogram: Mapping[int, int], place: int) -> int:
    """Return the value at an index of the sorted sequence. Raises IndexError."""
    passed = 0
    for value, count in sorted(histogram.items()):
        passed += count
        if place < passed:
            return value
    raise IndexError(place)


async def read(database: Database, site_id: str, today: date) -> Statistics:
    """Read the statistics; `today` is the current date at the site.

    The number of rows read grows with the years a site exists, not with its problems.
    """
    by_kind = await database.rows(
        "SELECT category, status, SUM(count) AS total FROM site_figures"
        " WHERE site_id = :site_id AND measure = 'received' GROUP BY category, status",
        site_id=site_id,
    )
    shown = months(today)
    by_month = await database.rows(
        "SELECT measure, period, SUM(count) AS total FROM site_figures"
        " WHERE site_id = :site_id AND measure IN ('received', 'answered') AND period >= :oldest"
        " GROUP BY measure, period",
        site_id=site_id,
        oldest=shown[0],
    )
    days = await database.rows(
        "SELECT period, SUM(count) AS total FROM site_figures WHERE site_id = :site_id AND measure = 'days'"
        " GROUP BY period",
        site_id=site_id,
    )
    overdue = await database.row(
        "SELECT SUM(count) AS total FROM site_figures WHERE site_id = :site_id AND measure = 'due' AND period < :today",
        site_id=site_id,
        today=today.isoformat(),
    )
    counts = {(row["category"], row["status"]): int(row["total"]) for row in by_kind}
    monthly = {(row["measure"], row["period"]): int(row["total"]) for row in by_month}
    return Statistics(
        by_status={
            status: sum(count for (_, counted), count in counts.items() if counted == status)
            for status in PUBLIC_STATUSES
        },
        by_category=count_by_category(counts),
        by_month=[
            Month(month, monthly.get(("received", month), 0), monthly.get(("answered", month), 0)) for month in shown
        ],
        overdue=int(overdue["total"] or 0) if overdue else 0,
        median_days=median({int(row["period"]): int(row["total"]) for row in days}),
    )
