"""All SQL of the sitemaps: numbers and times of the published problems, by number."""

from __future__ import annotations

from collections.abc import Sequence

from widget_api.database import Database, Row


async def newest(database: Database, site_id: str) -> int:
    """The greatest published number; 0 = none."""
    row = await database.row(
        "SELECT number FROM problems WHERE site_id = :site_id AND published ORDER BY number DESC LIMIT 1",
        site_id=site_id,
    )
    return int(row["number"]) if row else 0


async def last_change(database: Database, site_id: str) -> int | None:
    """When the list of published problems last looked different; None = there are none."""
    row = await database.row(
        "SELECT updated_at FROM problems WHERE site_id = :site_id AND published ORDER BY updated_at DESC LIMIT 1",
        site_id=site_id,
    )
    return int(row["updated_at"]) if row else None


async def between(database: Database, site_id: str, after: int, last: int, most: int) -> Sequence[Row]:
    """`number` and `updated_at` of the first so many numbers after one and up to another."""
    return await database.rows(
        "SELECT number, updated_at FROM problems WHERE site_id = :site_id AND published"
        " AND number > :after AND number <= :last ORDER BY number LIMIT :most",
        site_id=site_id,
        after=after,
        last=last,
        most=most,
    )
