"""What the log of events knows already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from widget_api.database import Database, Row, Transaction

BATCH_SIZE = 1000  # identifiers in one statement: PostgreSQL takes 32,767, and a platform tells as many as it likes


def chunks(identifiers: Sequence[str]) -> Iterator[Sequence[str]]:
    for first in range(0, len(identifiers), BATCH_SIZE):
        yield identifiers[first : first + BATCH_SIZE]


async def known_events(database: Database, site_id: str, event_ids: Sequence[str]) -> frozenset[str]:
    """Those of these birth ids that the log has already."""
    found: set[str] = set()
    for part in chunks(event_ids):
        names = {f"id_{index}": event_id for index, event_id in enumerate(part)}
        rows = await database.rows(
            f"SELECT id FROM events WHERE site_id = :site_id AND id IN ({', '.join(f':{name}' for name in names)})",
            site_id=site_id,
            **names,
        )
        found |= {row["id"] for row in rows}
    return frozenset(found)


async def events_of_second(database: Database, problem_id: str, at: int) -> Sequence[Row]:
    """What happened to a problem in that second: status, source and text."""
    return await database.rows(
        "SELECT e.kind, e.status, e.source, t.body AS text FROM events e LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.problem_id = :problem_id AND e.at = :at AND e.kind IN ('status', 'note', 'spam', 'unspam', 'erased')",
        problem_id=problem_id,
        at=at,
    )


async def read_text(database: Database, text_id: str | None) -> str | None:
    """What an event refers to, unless it was forgotten since."""
    if text_id is None:
        return None
    row = await database.row_at_once("SELECT body FROM texts WHERE id = :id", id=text_id)
    return (row["body"] or None) if row is not None else None


async def is_message_received(database: Database, message: str) -> bool:
    return await database.row("SELECT 1 FROM spent WHERE id = :id", id=_spent_id(message)) is not None


async def record_message(database: Database, message: str, expires_at: int) -> None:
    """A signed message was taken in; `message` tells it from every other."""

    async def work(tx: Transaction) -> None:
        await tx.insert_first("spent", "id", id=_spent_id(message), expires_at=expires_at)

    await database.write(work)


def _spent_id(message: str) -> str:
    return f"w:{hashlib.sha256(message.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"
