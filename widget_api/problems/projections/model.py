"""Define what a published problem contributes to map cells and statistics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from widget_api.problems import deadline

LEVELS = (8, 10, 12, 14, 16)
MOST_DAYS = 9999
# The columns of a problem that the derived tables depend on.
CONTENT = (
    "site_id",
    "number",
    "category",
    "status",
    "published",
    "description",
    "address",
    "lat",
    "lng",
    "cell",
    "created_at",
    "answered_at",
    "answer_due",
    "mirror_of",
    "spam",
    "erased_at",
)
Figure = tuple[str, str, str, str]  # measure, period, category, status


@dataclass(frozen=True, kw_only=True)
class PublishedState:
    """The fields of a published problem that the derived tables depend on."""

    site_id: str
    number: int
    category: str
    status: str
    text: str
    lat: float | None
    lng: float | None
    cell: int | None
    created_at: int
    answered_at: int | None
    due: str | None  # the last day in time, if an answer is outstanding

    @classmethod
    def of(cls, row: Mapping[str, Any] | Any) -> PublishedState:
        return cls(
            site_id=row["site_id"],
            number=row["number"],
            category=row["category"],
            status=row["status"],
            text=f"{row['description']} {row['address'] or ''}".strip(),
            lat=row["lat"],
            lng=row["lng"],
            cell=row["cell"],
            created_at=row["created_at"],
            answered_at=row["answered_at"],
            due=deadline.find_due_date(row),
        )

    @property
    def place(self) -> tuple[Any, ...]:
        """The cells that count the problem, and its position in them."""
        return self.category, self.cell, self.lat, self.lng


def figures(problem: PublishedState) -> list[Figure]:
    """List the statistics a problem is counted in. Months are in UTC, so that they do not depend on the site's zone."""
    counted = [("received", month(problem.created_at), problem.category, problem.status)]
    if problem.answered_at is not None:
        counted.append(("answered", month(problem.answered_at), problem.category, ""))
        counted.append(("days", f"{days(problem.created_at, problem.answered_at):04d}", "", ""))
    if problem.due is not None:
        counted.append(("due", problem.due, problem.category, ""))
    return counted


def month(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m")


def days(created_at: int, answered_at: int) -> int:
    """Return whole days from receipt to answer, at most MOST_DAYS."""
    return max(0, min(MOST_DAYS, (answered_at - created_at) // 86_400))
