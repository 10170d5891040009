"""One published problem as lists tell it."""

from __future__ import annotations

from datetime import date
from typing import Any

import orjson

from widget_api import clock
from widget_api.database import Database, Row
from widget_api.problems.model import CLOSED

# Named one by one: what a public answer may hold is decided here and nowhere else.
COLUMNS = (
    "number, category, description, address, lat, lng, status, created_at, updated_at, answer_due, photos, supporters,"
    " has_answer, source, answered_at, comments"
)


def item(row: Row, today: date, public_url: str) -> dict[str, Any]:
    """One problem as lists show it. The row begins with COLUMNS: by place a value is found faster than by name."""
    (number, category, description, address, lat, lng, status, created_at, updated_at, answer_due, photos) = row[:11]
    return {
        "number": number,
        "category": category,
        "description": description,
        "address": address,
        "location": {"lat": lat, "lng": lng} if lat is not None else None,
        "status": status,
        "created_at": clock.rfc3339(created_at),
        "updated_at": clock.rfc3339(updated_at),
        "answer_due": answer_due,
        "overdue": status not in CLOSED and answer_due < today.isoformat(),
        "photos": _photos(photos, public_url) if photos != "[]" else [],
        "supporters": row[11],
        "has_answer": bool(row[12]),
        "source": row[13],
        "answered_at": None if row[14] is None else clock.rfc3339(row[14]),
        "comments": row[15],
    }


def _photos(text: str, public_url: str) -> list[dict[str, Any]]:
    """Kept with addresses below the public URL, which may change; told with whole ones."""
    return [
        {name: f"{public_url}{value}" if name in ("url", "thumb") else value for name, value in one.items()}
        for one in orjson.loads(text)
    ]


def overdue(row: Row, today: date) -> bool:
    """Computed, never stored: still open on the day after the answer was due."""
    return row["status"] not in CLOSED and row["answer_due"] < today.isoformat()


async def published(database: Database, site_id: str, number: int) -> Row | None:
    """One published problem with its `id`; an unpublished number is as unknown as one that never was."""
    if not 0 < number < 2**31:
        return None
    return await database.row(
        f"SELECT {COLUMNS}, id FROM problems WHERE site_id = :site_id AND number = :number AND published",
        site_id=site_id,
        number=number,
    )
