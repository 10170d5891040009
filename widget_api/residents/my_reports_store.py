"""SQL of a person's reports over all sites of the service: those alone whose address was confirmed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from widget_api.database import Database, Row, Transaction

MOST = 200  # newest reports on one page; nobody has more


async def newest_confirmed(tx: Transaction, email_hash: str) -> Row | None:
    """The report that stands for its author: its first event, as problems.letters takes it."""
    return await tx.row(
        "SELECT c.site_id, c.problem_id, e.id, e.position FROM contacts c"
        " JOIN events e ON e.problem_id = c.problem_id AND e.kind = 'received'"
        " WHERE c.email_hash = :hash AND c.email IS NOT NULL AND c.confirmed_at IS NOT NULL"
        " ORDER BY c.confirmed_at DESC, c.problem_id DESC LIMIT 1",
        hash=email_hash,
    )


async def confirmed_hash(database: Database, problem_id: str) -> str | None:
    """Of the address a report was confirmed with; None where it was not, or is forgotten."""
    row = await database.row(
        "SELECT email_hash FROM contacts WHERE problem_id = :id AND email IS NOT NULL AND confirmed_at IS NOT NULL",
        id=problem_id,
    )
    return None if row is None else row["email_hash"]


async def links_state(database: Database, email_hash: str) -> str | None:
    """A text that is another one whenever a private link of this address is changed; None while none ever was.

    A link to all reports leads to the private page of each, so it must not outlive any of them.
    """
    rows = await database.rows(
        "SELECT p.link_id FROM contacts c JOIN problems p ON p.id = c.problem_id"
        " WHERE c.email_hash = :hash AND p.link_id IS NOT NULL ORDER BY p.link_id",
        hash=email_hash,
    )
    return hashlib.sha256(" ".join(row["link_id"] for row in rows).encode()).hexdigest() if rows else None


async def of_person(database: Database, email_hash: str) -> Sequence[Row]:
    """Problems of an address with the names of their sites, newest first."""
    return await database.rows(
        "SELECT p.id, p.link_id, p.number, p.status, p.awaits, p.duplicate_of, p.description, p.category, p.created_at,"
        " s.name AS site_name, s.time_zone FROM contacts c JOIN problems p ON p.id = c.problem_id"
        " JOIN sites s ON s.id = p.site_id"
        " WHERE c.email_hash = :hash AND c.confirmed_at IS NOT NULL AND p.erased_at IS NULL"
        f" ORDER BY p.created_at DESC, p.id DESC LIMIT {MOST}",
        hash=email_hash,
    )
