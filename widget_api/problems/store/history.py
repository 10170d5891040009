"""What a problem's events say, with the texts they refer to; events are appended by recording.py."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction

# The name of the platform or the token that an event `e` came from, and the tables it is read from.
SENDER = "COALESCE(f.name, k.name) AS sender"
SENDERS = "LEFT JOIN platforms f ON f.id = e.source LEFT JOIN tokens k ON k.id = e.source"


async def timeline(reader: Database | Transaction, problem_id: str) -> Sequence[Row]:
    """Its events in the order (time, id), each with `text` where it refers to one, and the name of its `sender` where
    another system said it."""
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
    """What the platform or the token is called that an event came from."""
    row = source and await reader.row(
        "SELECT name FROM platforms WHERE id = :id UNION ALL SELECT name FROM tokens WHERE id = :id", id=source
    )
    return row["name"] if row else None


async def received_event(tx: Transaction, problem_id: str) -> Row:
    row = await tx.row("SELECT * FROM events WHERE problem_id = :id AND kind = 'received'", id=problem_id)
    assert row is not None, "a problem without its first event"
    return row


async def said_last(tx: Transaction, problem_id: str, kind: str) -> str | None:
    """The text of the newest event of a kind."""
    row = await tx.row(
        "SELECT t.body FROM events e LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.problem_id = :id AND e.kind = :kind ORDER BY e.at DESC, e.id DESC LIMIT 1",
        id=problem_id,
        kind=kind,
    )
    return None if row is None else row["body"]


async def same_words(reader: Database | Transaction, problem_id: str, event_id: str, text: str, photos: int) -> bool:
    """Whether an event of the problem said these words with so many photos."""
    row = await reader.row(
        "SELECT e.data, t.body FROM events e LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.problem_id = :id AND e.id = :event_id",
        id=problem_id,
        event_id=event_id,
    )
    return row is not None and (row["body"] or "") == text and orjson.loads(row["data"]).get("photos", 0) == photos


async def count_since(reader: Database | Transaction, problem_id: str, kind: str, since: int) -> int:
    """How many events of a kind a problem has had after a moment."""
    row = await reader.row(
        "SELECT COUNT(*) AS many FROM events WHERE problem_id = :id AND kind = :kind AND at > :since",
        id=problem_id,
        kind=kind,
        since=since,
    )
    return int(row["many"]) if row else 0


async def add_text(tx: Transaction, site_id: str, problem_id: str, body: str) -> str:
    """Free text that an event refers to; erasable, since it stands outside the log. Returns its id."""
    text_id = new_id()
    await tx.insert("texts", id=text_id, site_id=site_id, problem_id=problem_id, body=body)
    return text_id


async def text(tx: Transaction, text_id: str) -> str | None:
    """What an event refers to, unless it was forgotten since."""
    row = await tx.row("SELECT body FROM texts WHERE id = :id", id=text_id)
    return (row["body"] or None) if row is not None else None


async def texts_of(reader: Database | Transaction, problem_id: str) -> Sequence[Row]:
    return await reader.rows("SELECT id, body FROM texts WHERE problem_id = :id", id=problem_id)
