"""SQL of the yearly question about an entry: when it was asked, repeated, answered, or the entry hidden."""

from __future__ import annotations

from collections.abc import Sequence

from widget_api.database import Database, Row, Transaction
from widget_api.mail import outbox
from widget_api.problems.store import contacts

KIND = "renewal"  # of letters
_WAITS = outbox.waits_sql(KIND, "renewals.problem_id")

_ASKED = "s.preset IN ({presets}) AND s.disabled_at IS NULL AND p.published AND p.status = 'accepted'"


async def list_old(database: Database, presets: Sequence[str], before: int, most: int) -> Sequence[Row]:
    """Entries added, confirmed or shown again before that time, whose authors a letter reaches: id, site_id."""
    names = {f"preset{place}": name for place, name in enumerate(presets)}
    asked = _ASKED.format(presets=", ".join(f":{name}" for name in names))
    return await database.rows(
        "SELECT p.id, p.site_id FROM problems p JOIN sites s ON s.id = p.site_id JOIN contacts c ON c.problem_id = p.id"
        f" LEFT JOIN renewals r ON r.problem_id = p.id WHERE {asked} AND {contacts.REACHED}"
        " AND (r.problem_id IS NULL OR r.asked_at IS NULL OR r.hidden_at IS NOT NULL)"
        " AND COALESCE(r.hidden_at, r.confirmed_at, p.created_at) <= :before ORDER BY p.created_at, p.id LIMIT :most",
        before=before,
        most=most,
        **names,
    )


async def ask(tx: Transaction, problem_id: str, site_id: str, now: int) -> None:
    await tx.run(
        "INSERT INTO renewals (problem_id, site_id, asked_at) VALUES (:id, :site_id, :now)"
        " ON CONFLICT (problem_id) DO UPDATE SET asked_at = :now, reminded_at = NULL, hidden_at = NULL",
        id=problem_id,
        site_id=site_id,
        now=now,
    )
    await outbox.enqueue(tx, KIND, problem_id, letter="ask")


async def remind(tx: Transaction, now: int, before: int) -> int:
    """Enqueue the reminder of what was asked before that time, once."""
    rows = await tx.rows(
        "UPDATE renewals SET reminded_at = :now WHERE asked_at <= :before AND reminded_at IS NULL"
        f" AND NOT {_WAITS} RETURNING problem_id",
        now=now,
        before=before,
    )
    for row in rows:
        await outbox.enqueue(tx, KIND, row["problem_id"], letter="remind")
    return len(rows)


async def list_unanswered(database: Database, before: int) -> Sequence[Row]:
    """What was repeated before that time by a letter that left. Nothing is recorded of an erased entry any more."""
    return await database.rows(
        "SELECT r.problem_id, r.site_id FROM renewals r JOIN problems p ON p.id = r.problem_id"
        " WHERE r.reminded_at <= :before AND r.hidden_at IS NULL AND p.erased_at IS NULL"
        f" AND NOT {outbox.waits_sql(KIND, 'r.problem_id')} ORDER BY r.problem_id",
        before=before,
    )


async def mark_hidden(tx: Transaction, problem_id: str, now: int, *, notify: bool) -> None:
    await tx.run(
        "UPDATE renewals SET hidden_at = :now WHERE problem_id = :id",
        id=problem_id,
        now=now,
    )
    if notify:
        await outbox.enqueue(tx, KIND, problem_id, letter="hidden")


async def confirm(tx: Transaction, problem_id: str, now: int) -> None:
    await tx.run(
        "UPDATE renewals SET confirmed_at = :now, asked_at = NULL, reminded_at = NULL, hidden_at = NULL"
        " WHERE problem_id = :id",
        id=problem_id,
        now=now,
    )
    await outbox.cancel(tx, KIND, problem_id)


async def find(reader: Database | Transaction, problem_id: str) -> Row | None:
    return await reader.row("SELECT * FROM renewals WHERE problem_id = :id", id=problem_id)
