"""All SQL of what an agency is reminded of: open reports that left for it, by the day their answer is due."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from widget_api.database import Database, Row
from widget_api.problems.deadline import RUNNING, overdue_sql

_OURS = f"{RUNNING} AND p.released_at IS NOT NULL"  # nobody is reminded of what is still held back
_COLUMNS = "id, site_id, number, category, address, status, answer_due, released_at"


def _site_filter(site_ids: Sequence[str]) -> tuple[str, dict[str, Any]]:
    names = {f"site{place}": site_id for place, site_id in enumerate(site_ids)}
    return ", ".join(f":{name}" for name in names) or "NULL", names


async def due_between(database: Database, site_ids: Sequence[str], first: str, last: str) -> Sequence[Row]:
    """Those due between two days, both included, the earliest first."""
    among, names = _site_filter(site_ids)
    return await database.rows(
        f"SELECT {_COLUMNS} FROM problems p WHERE site_id IN ({among}) AND {_OURS}"
        " AND answer_due >= :first AND answer_due <= :last ORDER BY answer_due, site_id, number",
        first=first,
        last=last,
        **names,
    )


async def overdue(database: Database, site_ids: Sequence[str], today: str) -> Sequence[Row]:
    """Those whose day has passed, the earliest first."""
    among, names = _site_filter(site_ids)
    return await database.rows(
        f"SELECT {_COLUMNS} FROM problems p WHERE site_id IN ({among}) AND {overdue_sql()}"
        " AND p.released_at IS NOT NULL ORDER BY answer_due, site_id, number",
        today=today,
        **names,
    )


async def released_between(database: Database, site_ids: Sequence[str], since: int, until: int) -> Sequence[Row]:
    """Those that left for the agency in a span of time, the earliest first."""
    among, names = _site_filter(site_ids)
    return await database.rows(
        f"SELECT {_COLUMNS} FROM problems p WHERE site_id IN ({among}) AND {_OURS}"
        " AND released_at >= :since AND released_at < :until ORDER BY released_at, site_id, number",
        since=since,
        until=until,
        **names,
    )


async def is_enqueued(database: Database, problem_id: str, sink: str) -> bool:
    row = await database.row(
        "SELECT 1 FROM deliveries WHERE problem_id = :problem_id AND sink = :sink LIMIT 1",
        problem_id=problem_id,
        sink=sink,
    )
    return row is not None


async def first_event(database: Database, site_id: str) -> Row | None:
    """The first event of a site: what a letter about all its reports hangs at, the same each time it is looked for."""
    return await database.row(
        "SELECT id, problem_id, position FROM events WHERE site_id = :site_id ORDER BY position LIMIT 1",
        site_id=site_id,
    )


async def count_held_letters(database: Database, site_ids: Sequence[str], until: int) -> int:
    among, names = _site_filter(site_ids)
    row = await database.row(
        f"SELECT COUNT(*) AS many FROM mailbox_messages WHERE state = 'held' AND site_id IN ({among})"
        " AND received_at < :until",
        until=until,
        **names,
    )
    return int(row["many"]) if row else 0


async def digest_subscribers(database: Database) -> Sequence[Row]:
    """Agencies that want a letter each morning: id, created_at."""
    return await database.rows("SELECT id, created_at FROM agencies WHERE digest ORDER BY id")
