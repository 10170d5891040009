"""The story of a site as a platform is told it: the events of released reports that are ours."""

from __future__ import annotations

from widget_api.database import Database, Row, Transaction

_TOLD = """
    SELECT e.id, e.problem_id, e.kind, e.source, e.position FROM events e JOIN problems p ON p.id = e.problem_id
    WHERE e.site_id = :site_id AND p.released_at IS NOT NULL AND p.mirror_of IS NULL AND p.erased_at IS NULL
    AND (e.kind IN ('received', 'status', 'note') OR e.kind IN ('spam', 'unspam') AND e.at >= p.released_at)"""


async def site_events(reader: Database | Transaction, site_id: str, after: int, limit: int | None) -> list[Row]:
    """Past a position, in commit order."""
    rows = await reader.rows(
        f"{_TOLD} AND e.position > :after ORDER BY e.position{'' if limit is None else ' LIMIT :limit'}",
        site_id=site_id,
        after=after,
        **({} if limit is None else {"limit": limit}),
    )
    return list(rows)


async def events_of_released(reader: Database | Transaction, site_id: str, since: int) -> list[Row]:
    """All events of the reports that were released since a moment."""
    rows = await reader.rows(f"{_TOLD} AND p.released_at >= :since ORDER BY e.position", site_id=site_id, since=since)
    return list(rows)


async def count_waiting(database: Database, site_id: str, sink: str) -> int:
    """How many events of a site are still owed to a sink."""
    row = await database.row(
        "SELECT COUNT(*) AS many FROM deliveries"
        " WHERE site_id = :site_id AND sink = :sink AND state IN ('pending', 'leased')",
        site_id=site_id,
        sink=sink,
    )
    return int(row["many"]) if row is not None else 0
