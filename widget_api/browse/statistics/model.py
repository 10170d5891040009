"""The figures of a city: what each of them counts, and how they follow from the counts that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from widget_api.problems.model import OPEN

RESOLVED = frozenset({"resolved", "confirmed"})
MONTHS = 12


@dataclass(frozen=True)
class Kind:
    """The published problems of one category."""

    code: str
    total: int
    open: int
    resolved: int


@dataclass(frozen=True)
class Month:
    """A month in UTC, «2026-11»: how many problems came in, how many got their first answer."""

    month: str
    received: int
    answered: int


@dataclass(frozen=True, kw_only=True)
class Statistics:
    """Of the published problems of a site."""

    by_status: Mapping[str, int]
    by_category: Sequence[Kind]  # the largest first; none that is empty
    by_month: Sequence[Month]  # twelve, the oldest first
    overdue: int
    median_days: float | None  # from receipt to the first official answer; None = no answer yet

    @property
    def total(self) -> int:
        return sum(self.by_status.values())

    @property
    def open(self) -> int:
        return sum(many for status, many in self.by_status.items() if status in OPEN)

    @property
    def resolved(self) -> int:
        return sum(many for status, many in self.by_status.items() if status in RESOLVED)

    @property
    def share_resolved(self) -> float | None:
        """Of all that was published, from 0 to 1."""
        return round(self.resolved / self.total, 4) if self.total else None


def kinds(counts: Mapping[tuple[str, str], int]) -> tuple[Kind, ...]:
    """From counts by (category, status)."""
    found = dict[str, list[int]]()
    for (code, status), many in counts.items():
        sums = found.setdefault(code, [0, 0, 0])
        sums[0] += many
        sums[1] += many if status in OPEN else 0
        sums[2] += many if status in RESOLVED else 0
    made = (Kind(code, *sums) for code, sums in found.items() if sums[0])
    return tuple(sorted(made, key=lambda one: (-one.total, one.code)))


def months(today: date) -> tuple[str, ...]:
    """The twelve that end with this one, the oldest first."""
    last = today.year * 12 + today.month - 1
    return tuple(f"{at // 12:04}-{at % 12 + 1:02}" for at in range(last - MONTHS + 1, last + 1))


def median(histogram: Mapping[int, int]) -> float | None:
    """The exact median of whole numbers from how often each occurs: of an even count, half between the middle two."""
    many = sum(histogram.values())
    if not many:
        return None
    lower, upper = _at(histogram, (many - 1) // 2), _at(histogram, many // 2)
    return lower if lower == upper else (lower + upper) / 2


def _at(histogram: Mapping[int, int], place: int) -> int:
    """The value at a place of the sorted sequence, counted from 0."""
    passed = 0
    for value, many in sorted(histogram.items()):
        passed += many
        if place < passed:
            return value
    raise IndexError(place)
