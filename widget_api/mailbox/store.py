"""SQL of incoming letters, of addresses whose mail bounces, and of the reports in reminders and digests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import orjson

from widget_api import clock
from widget_api.clock import first_id, new_id
from widget_api.database import Database, Row, Transaction, batched_delete
from widget_api.mailbox.model import Verdict
from widget_api.problems.deadline import RUNNING, overdue_sql, soon_sql
from widget_api.sites.kinds import IS_SITE

YEAR = 365 * clock.DAY
KNOWN_DAYS = 7  # of digests
# Without reports that are withheld from the agency's mailbox until they are confirmed or decided about.
_KNOWN = "(p.released_at IS NOT NULL OR p.published)"
_PENDING = f"{RUNNING} AND p.released_at IS NOT NULL"
_REPORT_COLUMNS = "id, site_id, number, category, address, status, answer_due, released_at"


async def is_known(reader: Database | Transaction, key: str) -> bool:
    return await reader.row("SELECT 1 FROM mailbox_messages WHERE message_id = :key", key=key) is not None


async def insert_letter(tx: Transaction, key: str, verdict: Verdict, now: int) -> str | None:
    """Record the outcome of a letter. Returns its id, or None if it was recorded before."""
    letter_id = new_id()
    values = asdict(verdict) | {"details": orjson.dumps(dict(verdict.details)).decode()}
    added = await tx.insert_first(
        "mailbox_messages", "message_id", id=letter_id, message_id=key, received_at=now, **values
    )
    return letter_id if added else None


async def find_letter(database: Database, letter_id: str) -> Row | None:
    return await database.row("SELECT * FROM mailbox_messages WHERE id = :id", id=letter_id)


async def count_held_of_problem(database: Database, problem_id: str) -> int:
    row = await database.row(
        "SELECT COUNT(*) AS count FROM mailbox_messages WHERE problem_id = :id AND state = 'held'", id=problem_id
    )
    return int(row["count"]) if row else 0


def _site_filter(site_ids: Sequence[str]) -> tuple[str, dict[str, Any]]:
    names = {f"site{index}": site_id for index, site_id in enumerate(site_ids)}
    return ", ".join(f":{name}" for name in names) or "NULL", names


async def list_held(database: Database, site_ids: Sequence[str], limit: int) -> Sequence[Row]:
    """List the held letters of these sites, oldest first, each with its problem's number and status."""
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
        "SELECT COUNT(*) AS count FROM (SELECT 1 FROM mailbox_messages"
        f" WHERE state = 'held' AND site_id IN ({among}) LIMIT :limit) AS waiting",
        limit=limit,
        **values,
    )
    return int(row["count"]) if row else 0


async def mark_decided(
    tx: Transaction, letter_id: str, state: str, event_id: str | None, user_id: str, now: int
) -> bool:
    """Record a decision about a held letter. Returns False if it was decided before."""
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


# --- deletion ------------------------------------------------------------------------------------------------------


async def obsolete_stored_letters(database: Database, limit: int) -> Sequence[Row]:
    """List letters in the storage that are no longer held for review."""
    return await database.rows(
        "SELECT id, stored FROM mailbox_messages WHERE stored IS NOT NULL AND state <> 'held' LIMIT :limit", limit=limit
    )


async def is_stored(database: Database, name: str) -> bool:
    return await database.row("SELECT 1 FROM mailbox_messages WHERE stored = :name", name=name) is not None


async def clear_stored(tx: Transaction, letter_id: str) -> None:
    await tx.run("UPDATE mailbox_messages SET stored = NULL WHERE id = :id", id=letter_id)


async def delete_old(database: Database, now: int) -> int:
    """Delete records older than a year, selected by their time-ordered ids, since the time has no index."""
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
    """Clear the failure of an agency's mailbox, after it answered by mail."""
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
    """List the agencies with the addresses that may answer for them, and the oldest of their sites."""
    return await database.rows(
        f"SELECT a.id, a.email, a.senders, (SELECT s.id FROM sites s WHERE s.agency_id = a.id AND {IS_SITE}"
        " ORDER BY s.created_at, s.id LIMIT 1) AS site_id FROM agencies a ORDER BY a.id"
    )


async def failing_agencies(database: Database, site_ids: Sequence[str]) -> Sequence[Row]:
    """List the agencies of these sites whose mail bounces: email, email_failure, email_failed_at."""
    among, values = _site_filter(site_ids)
    return await database.rows(
        "SELECT DISTINCT a.email, a.email_failure, a.email_failed_at FROM agencies a JOIN sites s ON s.agency_id = a.id"
        f" WHERE a.email_failed_at IS NOT NULL AND s.id IN ({among}) ORDER BY a.email",
        **values,
    )


# --- reports in reminders and digests ------------------------------------------------------------------------------


async def due_between(database: Database, site_ids: Sequence[str], first: str, last: str) -> Sequence[Row]:
    """List open reports due between two days, both included, the earliest first."""
    among, names = _site_filter(site_ids)
    return await database.rows(
        f"SELECT {_REPORT_COLUMNS} FROM problems p WHERE site_id IN ({among}) AND {_PENDING}"
        " AND answer_due >= :first AND answer_due <= :last ORDER BY answer_due, site_id, number",
        first=first,
        last=last,
        **names,
    )


async def overdue(database: Database, site_ids: Sequence[str], today: str) -> Sequence[Row]:
    """List reports whose day has passed, the earliest first."""
    among, names = _site_filter(site_ids)
    return await database.rows(
        f"SELECT {_REPORT_COLUMNS} FROM problems p WHERE site_id IN ({among}) AND {overdue_sql()} AND {_KNOWN}"
        " ORDER BY answer_due, site_id, number",
        today=today,
        **names,
    )


async def due_soon(database: Database, site_ids: Sequence[str], today: date) -> Sequence[Row]:
    """List reports due within the days that are «soon» everywhere, the earliest first."""
    among, names = _site_filter(site_ids)
    soon, days = soon_sql(today)
    return await database.rows(
        f"SELECT {_REPORT_COLUMNS} FROM problems p WHERE site_id IN ({among}) AND {soon} AND {_KNOWN}"
        " ORDER BY answer_due, site_id, number",
        **days,
        **names,
    )


async def released_between(database: Database, site_ids: Sequence[str], since: int, until: int) -> Sequence[Row]:
    """List open reports released to the agency in a span of time, the earliest first."""
    among, names = _site_filter(site_ids)
    return await database.rows(
        f"SELECT {_REPORT_COLUMNS} FROM problems p WHERE site_id IN ({among}) AND {_PENDING}"
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


async def count_held_before(database: Database, site_ids: Sequence[str], until: int) -> int:
    among, names = _site_filter(site_ids)
    row = await database.row(
        f"SELECT COUNT(*) AS count FROM mailbox_messages WHERE state = 'held' AND site_id IN ({among})"
        " AND received_at < :until",
        until=until,
        **names,
    )
    return int(row["count"]) if row else 0


async def digest_agencies(database: Database) -> Sequence[Row]:
    """List the agencies that receive a daily digest: id, created_at, digested_on."""
    return await database.rows(
        "SELECT id, created_at, digested_on FROM agencies WHERE digest AND disabled_at IS NULL ORDER BY id"
    )


async def begin_digest(tx: Transaction, agency_id: str, day: str) -> bool:
    """Record that an agency's digest of a day was enqueued. False if it was recorded before.

    A clock that jumps and goes back comes to a day again: the last KNOWN_DAYS are kept, the newest first.
    """
    begun = await tx.run(
        "UPDATE agencies SET digested_on = SUBSTR(:day || ' ' || digested_on, 1, :length)"
        " WHERE id = :id AND digested_on NOT LIKE '%' || :day || '%'",
        id=agency_id,
        day=day,
        length=KNOWN_DAYS * len(f"{day} "),
    )
    return begun == 1
