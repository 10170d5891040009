"""Query a problem's events and the texts they refer to. Events are appended by `problems/record.py`."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction

# The name of the platform or the token that an event `e` came from, and the joins for it.
SENDER = "COALESCE(f.name, k.name) AS sender"
SENDERS = "LEFT JOIN platforms f ON f.id = e.source LEFT JOIN tokens k ON k.id = e.source"


async def timeline(reader: Database | Transaction, problem_id: str) -> Sequence[Row]:
    """List the events of a problem in the order (time, id), each with its `text`, if any, and the name of its `sender`,
    if it came from another system."""
    return await reader.rows(
        f"""
        SELECT e.*, t.body AS text, {SENDER}
        FROM events e
        LEFT JOIN texts t ON t.id = e.text_id
        {SENDERS}
        WHERE e.problem_id = :id ORDER BY e.at, e.id
        """,
        id=problem_id,
    )


async def sender(reader: Database | Transaction, source: str | None) -> str | None:
    """Return the name of the platform or the token that an event came from."""
    row = source and await reader.row(
        "SELECT name FROM platforms WHERE id = :id UNION ALL SELECT name FROM tokens WHERE id = :id", id=source
    )
    return row["name"] if row else None


async def received_event(tx: Transaction, problem_id: str) -> Row:
    row = await tx.row("SELECT * FROM events WHERE problem_id = :id AND kind = 'received'", id=problem_id)
    assert row is not None, "a problem without its first event"
    return row


async def newest_text(tx: Transaction, problem_id: str, kind: str) -> str | None:
    """Return the text of the newest event of a kind."""
    row = await tx.row(
        "SELECT t.body FROM events e LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.problem_id = :id AND e.kind = :kind ORDER BY e.at DESC, e.id DESC LIMIT 1",
        id=problem_id,
        kind=kind,
    )
    return None if row is None else row["body"]


async def has_event(reader: Database | Transaction, problem_id: str, event_id: str, text: str, photos: int) -> bool:
    """Whether the problem has this event, with the same text and number of photos."""
    row = await reader.row(
        "SELECT e.data, t.body FROM events e LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.problem_id = :id AND e.id = :event_id",
        id=problem_id,
        event_id=event_id,
    )
    return row is not None and (row["body"] or "") == text and orjson.loads(row["data"]).get("photos", 0) == photos


async def count_since(reader: Database | Transaction, problem_id: str, kind: str, since: int) -> int:
    """Count a problem's events of a kind after `since` (Unix time)."""
    row = await reader.row(
        "SELECT COUNT(*) AS count FROM events WHERE problem_id = :id AND kind = :kind AND at > :since",
        id=problem_id,
        kind=kind,
        since=since,
    )
    return int(row["count"]) if row else 0


async def add_text(tx: Transaction, site_id: str, problem_id: str, body: str) -> str:
    """Store a text that an event refers to, outside the log so that it can be erased. Returns its id."""
    text_id = new_id()
    await tx.insert("texts", id=text_id, site_id=site_id, problem_id=problem_id, body=body)
    return text_id


async def text(tx: Transaction, text_id: str) -> str | None:
    """Return the text an event refers to, None if it was erased."""
    row = await tx.row("SELECT body FROM texts WHERE id = :id", id=text_id)
    return (row["body"] or None) if row is not None else None


async def texts_of(reader: Database | Transaction, problem_id: str) -> Sequence[Row]:
    return await reader.rows("SELECT id, body FROM texts WHERE problem_id = :id", id=problem_id)
