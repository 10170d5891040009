"""One published problem as lists tell it."""

from __future__ import annotations

from datetime import date
from typing import Any

from widget_api.database import Database, Row
from widget_api.problems.deadline import is_overdue
from widget_api.problems.projections import items

COLUMNS = ", ".join(items.COLUMNS)


def item(row: Row, today: date, public_url: str) -> dict[str, Any]:
    """One problem as lists show it. The row begins with COLUMNS."""
    told = items.told(row)
    for photo in told["photos"]:
        photo.update(url=f"{public_url}{photo['url']}", thumb=f"{public_url}{photo['thumb']}")
    return {**told, "overdue": is_overdue(row, today)}


async def published(database: Database, site_id: str, number: int) -> Row | None:
    """One published problem with its `id`; an unpublished number is as unknown as one that never was."""
    if not 0 < number < 2**31:
        return None
    return await database.row(
        f"SELECT {COLUMNS}, id FROM problems WHERE site_id = :site_id AND number = :number AND published",
        site_id=site_id,
        number=number,
    )
