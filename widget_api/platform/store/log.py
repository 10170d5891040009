"""Store what is exchanged with platforms: events to send, messages received, the position up to which each was read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import orjson

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.platform.model import Cursor

BATCH_SIZE = 1000  # identifiers in one statement: PostgreSQL allows 32,767, and a platform's list has no limit

_SENT_TO_PLATFORMS = """
    SELECT e.id, e.problem_id, e.kind, e.source, e.position FROM events e JOIN problems p ON p.id = e.problem_id
    WHERE e.site_id = :site_id AND p.released_at IS NOT NULL AND p.mirror_of IS NULL AND p.erased_at IS NULL
    AND (e.kind IN ('received', 'status', 'note') OR e.kind IN ('spam', 'unspam') AND e.at >= p.released_at)"""


def chunks(identifiers: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(identifiers), BATCH_SIZE):
        yield identifiers[first : first + BATCH_SIZE]


async def known_events(database: Database, site_id: str, event_ids: Sequence[str]) -> frozenset[str]:
    """Return those of these event ids that the log has already."""
    known: set[str] = set()
    for part in chunks(event_ids):
        names = {f"id_{index}": event_id for index, event_id in enumerate(part)}
        rows = await database.rows(
            f"SELECT id FROM events WHERE site_id = :site_id AND id IN ({', '.join(f':{name}' for name in names)})",
            site_id=site_id,
            **names,
        )
        known |= {row["id"] for row in rows}
    return frozenset(known)


async def find_entry(database: Database, site_id: str, birth_id: str) -> Row | None:
    """Return the problem whose event `received` has this id: problem_id, source (who sent it), released_at."""
    return await database.row(
        "SELECT e.problem_id, e.source, p.released_at FROM events e JOIN problems p ON p.id = e.problem_id"
        " WHERE e.site_id = :site_id AND e.id = :id AND e.kind = 'received'",
        site_id=site_id,
        id=birth_id,
    )


async def find_birth_id(database: Database, problem_id: str) -> str:
    """Return the id of a problem's event `received`, which is the same on every instance."""
    row = await database.row_at_once(
        "SELECT id FROM events WHERE problem_id = :id AND kind = 'received'", id=problem_id
    )
    assert row is not None, "a problem without its first event"
    return str(row["id"])


async def events_of_second(database: Database, problem_id: str, at: int) -> Sequence[Row]:
    """Return kind, status, source and text of the events of a problem in one second."""
    return await database.rows(
        "SELECT e.kind, e.status, e.source, t.body AS text FROM events e LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.problem_id = :problem_id AND e.at = :at AND e.kind IN ('status', 'note', 'spam', 'unspam', 'erased')",
        problem_id=problem_id,
        at=at,
    )


async def read_text(database: Database, text_id: str | None) -> str | None:
    """Return the text of an event, or None if there is none or it was erased."""
    if text_id is None:
        return None
    row = await database.row_at_once("SELECT body FROM texts WHERE id = :id", id=text_id)
    return (row["body"] or None) if row is not None else None


async def site_events(reader: Database | Transaction, site_id: str, after: int, limit: int | None) -> list[Row]:
    """Return the events of released reports after a position, in commit order, as they are sent to a platform."""
    rows = await reader.rows(
        f"{_SENT_TO_PLATFORMS} AND e.position > :after ORDER BY e.position{'' if limit is None else ' LIMIT :limit'}",
        site_id=site_id,
        after=after,
        **({} if limit is None else {"limit": limit}),
    )
    return list(rows)


async def events_of_released(reader: Database | Transaction, site_id: str, since: int) -> list[Row]:
    """Return all events of the reports that were released since a moment."""
    rows = await reader.rows(
        f"{_SENT_TO_PLATFORMS} AND p.released_at >= :since ORDER BY e.position", site_id=site_id, since=since
    )
    return list(rows)


async def count_waiting(database: Database, site_id: str, sink: str) -> int:
    """Count the events of a site that are still to be delivered to a sink."""
    row = await database.row(
        "SELECT COUNT(*) AS waiting FROM deliveries"
        " WHERE site_id = :site_id AND sink = :sink AND state IN ('pending', 'leased')",
        site_id=site_id,
        sink=sink,
    )
    return int(row["waiting"]) if row is not None else 0


async def is_message_received(database: Database, message: str) -> bool:
    return await database.row("SELECT 1 FROM spent WHERE id = :id", id=_spent_id(message)) is not None


async def record_message(database: Database, message: str, expires_at: int) -> None:
    """Record that a signed message was received. `message` identifies it."""

    async def work(tx: Transaction) -> None:
        await tx.insert_first("spent", "id", id=_spent_id(message), expires_at=expires_at)

    await database.write(work)


def _spent_id(message: str) -> str:
    return f"w:{hashlib.sha256(message.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


async def cursor(database: Database, platform_id: str, site_id: str) -> Cursor | None:
    row = await database.row(
        "SELECT cursor FROM platform_cursors WHERE platform_id = :platform_id AND site_id = :site_id",
        platform_id=platform_id,
        site_id=site_id,
    )
    if row is None or not row["cursor"]:
        return None
    return Cursor(**orjson.loads(row["cursor"]))


async def write_cursor(
    database: Database, platform_id: str, site_id: str, cursor: Cursor | None, error: str | None
) -> None:
    """Record the cursor and the time of a poll or, with `error`, why it failed; None keeps the cursor."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "INSERT INTO platform_cursors (platform_id, site_id, cursor, polled_at, last_error)"
            " VALUES (:platform_id, :site_id, :cursor, :now, :error) ON CONFLICT (platform_id, site_id) DO UPDATE SET"
            " cursor = COALESCE(:cursor, platform_cursors.cursor), last_error = :error,"
            " polled_at = COALESCE(:now, platform_cursors.polled_at)",
            platform_id=platform_id,
            site_id=site_id,
            cursor=None if cursor is None else orjson.dumps(cursor).decode(),
            now=clock.now() if error is None else None,
            error=error,
        )

    await database.write(work)
