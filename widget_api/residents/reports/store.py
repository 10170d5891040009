"""SQL of a person's reports over all sites of the service: those alone whose address was confirmed."""

from __future__ import annotations

from collections.abc import Sequence

from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction
from widget_api.problems import gate

MOST = 200  # newest reports on one page; nobody has more


async def newest_confirmed(tx: Transaction, email_hash: str) -> Row | None:
    """The report that stands for its author: site_id, problem_id, and its first event with the position."""
    return await tx.row(
        "SELECT c.site_id, c.problem_id, e.id AS event_id, e.position FROM contacts c"
        " JOIN events e ON e.problem_id = c.problem_id AND e.kind = 'received'"
        " WHERE c.email_hash = :hash AND c.email IS NOT NULL AND c.confirmed_at IS NOT NULL"
        " ORDER BY c.confirmed_at DESC, c.problem_id DESC LIMIT 1",
        hash=email_hash,
    )


async def owe(tx: Transaction, report: Row, now: int) -> None:
    """Owe the letter once, or once more; while one is under way, asking again is asking once.

    The time grows with each asking, since the letter's Message-ID is made from it.
    """
    await tx.run(
        "INSERT INTO deliveries (id, site_id, problem_id, event_id, position, sink, opens, state, next_at, created_at)"
        " VALUES (:id, :site_id, :problem_id, :event_id, :position, :sink, FALSE, 'pending', :now, :now)"
        " ON CONFLICT (site_id, event_id, sink) DO UPDATE SET state = 'pending', attempts = 0, next_at = :now,"
        " reason = NULL,"
        " created_at = CASE WHEN deliveries.created_at < :now THEN :now ELSE deliveries.created_at + 1 END"
        " WHERE deliveries.state NOT IN ('pending', 'leased')",
        id=new_id(),
        site_id=report["site_id"],
        problem_id=report["problem_id"],
        event_id=report["event_id"],
        position=report["position"],
        sink=gate.REPORTS,
        now=now,
    )


async def confirmed_hash(database: Database, problem_id: str) -> str | None:
    """Of the address a report was confirmed with; None where it was not, or is forgotten."""
    row = await database.row(
        "SELECT email_hash FROM contacts WHERE problem_id = :id AND email IS NOT NULL AND confirmed_at IS NOT NULL",
        id=problem_id,
    )
    return None if row is None else row["email_hash"]


async def of_person(database: Database, email_hash: str) -> Sequence[Row]:
    """Problems of an address with the names of their sites, newest first."""
    return await database.rows(
        "SELECT p.id, p.number, p.status, p.awaits, p.duplicate_of, p.description, p.category, p.created_at,"
        " s.name AS site_name, s.time_zone FROM contacts c JOIN problems p ON p.id = c.problem_id"
        " JOIN sites s ON s.id = p.site_id"
        " WHERE c.email_hash = :hash AND c.confirmed_at IS NOT NULL AND p.erased_at IS NULL"
        f" ORDER BY p.created_at DESC, p.id DESC LIMIT {MOST}",
        hash=email_hash,
    )
