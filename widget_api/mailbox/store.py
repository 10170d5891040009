"""All SQL of letters that came in, and of the addresses that sent ours back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson

from widget_api.clock import first_id, new_id
from widget_api.database import Database, Row, Transaction, batched_delete
from widget_api.mailbox.model import Verdict

YEAR = 365 * 86_400


async def is_known(reader: Database | Transaction, key: str) -> bool:
    return await reader.row("SELECT 1 FROM mailbox_messages WHERE message_id = :key", key=key) is not None


async def insert_letter(tx: Transaction, key: str, verdict: Verdict, now: int) -> str | None:
    """Write down what became of a letter; its identifier, or None where it was here before."""
    letter_id = new_id()
    values = asdict(verdict) | {"details": orjson.dumps(dict(verdict.details)).decode()}
    added = await tx.insert_first(
        "mailbox_messages", "message_id", id=letter_id, message_id=key, received_at=now, **values
    )
    return letter_id if added else None


async def find_letter(database: Database, letter_id: str) -> Row | None:
    return await database.row("SELECT * FROM mailbox_messages WHERE id = :id", id=letter_id)


async def held_of_problem(database: Database, problem_id: str) -> int:
    row = await database.row(
        "SELECT COUNT(*) AS many FROM mailbox_messages WHERE problem_id = :id AND state = 'held'", id=problem_id
    )
    return int(row["many"]) if row else 0


def _site_filter(site_ids: Sequence[str]) -> tuple[str, dict[str, Any]]:
    names = {f"site{place}": site_id for place, site_id in enumerate(site_ids)}
    return ", ".join(f":{name}" for name in names) or "NULL", names


async def held_letters(database: Database, site_ids: Sequence[str], limit: int) -> Sequence[Row]:
    """Letters of these sites that wait for a look, the oldest first, each with its problem's number and status."""
    among, values = _site_filter(site_ids)
    return await database.rows(
        "SELECT m.*, p.number, p.status AS problem_status, s.name AS site_name, s.time_zone, s.language"
        " FROM mailbox_messages m JOIN sites s ON s.id = m.site_id LEFT JOIN problems p ON p.id = m.problem_id"
        f" WHERE m.state = 'held' AND m.site_id IN ({among}) ORDER BY m.received_at, m.id LIMIT :limit",
        limit=limit,
        **values,
    )


async def count_held(database: Database, site_ids: Sequence[str], limit: int) -> int:
    among, values = _site_filter(site_ids)
    row = await database.row(
        "SELECT COUNT(*) AS many FROM (SELECT 1 AS one FROM mailbox_messages"
        f" WHERE state = 'held' AND site_id IN ({among}) LIMIT :limit) AS waiting",
        limit=limit,
        **values,
    )
    return int(row["many"]) if row else 0


async def mark_decided(
    tx: Transaction, letter_id: str, state: str, event_id: str | None, user_id: str, now: int
) -> bool:
    """False where somebody was faster."""
    return bool(
        await tx.run(
            "UPDATE mailbox_messages SET state = :state, event_id = :event_id, user_id = :user_id, decided_at = :now"
            " WHERE id = :id AND state = 'held'",
            id=letter_id,
            state=state,
            event_id=event_id,
            user_id=user_id,
            now=now,
        )
    )


# --- what is kept no longer ----------------------------------------------------------------------------------------


async def obsolete_stored_letters(database: Database, limit: int) -> Sequence[Row]:
    """Letters in the storage nobody has to look at any more."""
    return await database.rows(
        "SELECT id, stored FROM mailbox_messages WHERE stored IS NOT NULL AND state <> 'held' LIMIT :limit", limit=limit
    )


async def is_stored(database: Database, name: str) -> bool:
    return await database.row("SELECT 1 FROM mailbox_messages WHERE stored = :name", name=name) is not None


async def clear_stored(tx: Transaction, letter_id: str) -> None:
    await tx.run("UPDATE mailbox_messages SET stored = NULL WHERE id = :id", id=letter_id)


async def delete_old(database: Database, now: int) -> int:
    """By their identifiers, which are as old as they: there is no index of times, and many are kept for a year."""
    return await batched_delete.delete_in_batches(
        database,
        "mailbox_messages",
        "id < :oldest AND state <> 'held' AND stored IS NULL",
        oldest=first_id(now - YEAR),
    )


# --- addresses -----------------------------------------------------------------------------------------------------


async def record_agency_failure(tx: Transaction, agency_id: str, failure: str, now: int) -> None:
    await tx.run(
        "UPDATE agencies SET email_failed_at = :now, email_failure = :failure WHERE id = :id",
        id=agency_id,
        failure=failure,
        now=now,
    )


async def clear_agency_failure(tx: Transaction, agency_id: str) -> None:
    """Whoever answers by mail gets it."""
    await tx.run(
        "UPDATE agencies SET email_failed_at = NULL, email_failure = NULL"
        " WHERE id = :id AND email_failed_at IS NOT NULL",
        id=agency_id,
    )


async def record_contact_failure(tx: Transaction, problem_id: str, failure: str, now: int) -> None:
    await tx.run(
        "UPDATE contacts SET failed_at = :now, failure = :failure WHERE problem_id = :id",
        id=problem_id,
        failure=failure,
        now=now,
    )


async def list_agencies(database: Database) -> Sequence[Row]:
    """Of each agency what decides who may answer by mail, with the oldest of its sites."""
    return await database.rows(
        "SELECT a.id, a.email, a.senders, (SELECT s.id FROM sites s WHERE s.agency_id = a.id"
        " ORDER BY s.created_at, s.id LIMIT 1) AS site_id FROM agencies a ORDER BY a.id"
    )


async def failing_agencies(database: Database, site_ids: Sequence[str]) -> Sequence[Row]:
    """Agencies of these sites whose mailbox sent letters back: email, email_failure, email_failed_at."""
    among, values = _site_filter(site_ids)
    return await database.rows(
        "SELECT DISTINCT a.email, a.email_failure, a.email_failed_at FROM agencies a JOIN sites s ON s.agency_id = a.id"
        f" WHERE a.email_failed_at IS NOT NULL AND s.id IN ({among}) ORDER BY a.email",
        **values,
    )
