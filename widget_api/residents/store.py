"""SQL of the author's changes to the private link, the confirmation letter and subscriptions."""

from __future__ import annotations

from widget_api.database import Database, Row, Transaction


async def requeue_confirmation(tx: Transaction, problem_id: str, now: int) -> bool:
    """Make the delivery of the confirmation letter pending again. False where it is still pending or never existed.

    `created_at` grows with each request, since the letter's Message-ID is made from it.
    """
    return bool(
        await tx.run(
            "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = :now, reason = NULL,"
            " created_at = CASE WHEN created_at < :now THEN :now ELSE created_at + 1 END"
            " WHERE problem_id = :problem_id AND sink = 'resident' AND state IN ('delivered', 'dead')"
            " AND event_id = (SELECT id FROM events WHERE problem_id = :problem_id AND kind = 'received')",
            problem_id=problem_id,
            now=now,
        )
    )


async def change_link(tx: Transaction, problem_id: str, before: str | None, link_id: str) -> bool:
    """Replace the private link. False where it was changed since `before` was read."""
    return bool(
        await tx.run(
            "UPDATE problems SET link_id = :link_id WHERE id = :id AND COALESCE(link_id, '') = :before",
            id=problem_id,
            before=before or "",
            link_id=link_id,
        )
    )


async def stop_letters(tx: Transaction, problem_id: str, now: int) -> bool:
    """Stop letters to the author. False where they are stopped already."""
    return bool(
        await tx.run(
            "UPDATE contacts SET stopped_at = :now WHERE problem_id = :id AND stopped_at IS NULL",
            id=problem_id,
            now=now,
        )
    )


async def start_letters(tx: Transaction, problem_id: str) -> bool:
    """Resume letters to the author. False where they are not stopped."""
    return bool(
        await tx.run(
            "UPDATE contacts SET stopped_at = NULL WHERE problem_id = :id AND stopped_at IS NOT NULL", id=problem_id
        )
    )


async def find_by_code(database: Database, number: int, hashes: dict[str, str]) -> Row | None:
    """The problem with this number and code. `hashes` maps each site's identifier to the hash of the code there."""
    for site_id, code_hash in hashes.items():
        row = await database.row(
            "SELECT id, link_id FROM problems WHERE site_id = :site_id AND number = :number AND code_hash = :hash",
            site_id=site_id,
            number=number,
            hash=code_hash,
        )
        if row is not None:
            return row
    return None
