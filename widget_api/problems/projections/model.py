"""Define what a published problem contributes to map cells and the text index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from widget_api.problems.projections import figures

LEVELS = (8, 10, 12, 14, 16)
# The columns of a problem that the derived tables depend on.
CONTENT = tuple(
    dict.fromkeys(("site_id", "number", "published", "description", "address", "lat", "lng", *figures.COLUMNS))
)


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
        )

    @property
    def place(self) -> tuple[Any, ...]:
        """The cells that count the problem, and its position in them."""
        return self.category, self.cell, self.lat, self.lng
