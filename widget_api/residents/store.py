"""SQL of what residents may do to their own contact and letters."""

from __future__ import annotations

from widget_api.database import Database, Row, Transaction


async def ask_again(tx: Transaction, problem_id: str, now: int) -> bool:
    """Owe the confirmation letter once more. False where it is still under way, or never was.

    The time grows with each asking, since the letter's Message-ID is made from it.
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
    """False where the link is no longer the one it was."""
    return bool(
        await tx.run(
            "UPDATE problems SET link_id = :link_id WHERE id = :id AND COALESCE(link_id, '') = :before",
            id=problem_id,
            before=before or "",
            link_id=link_id,
        )
    )


async def stop_letters(tx: Transaction, problem_id: str, now: int) -> bool:
    """False where there is nothing to stop."""
    return bool(
        await tx.run(
            "UPDATE contacts SET stopped_at = :now WHERE problem_id = :id AND stopped_at IS NULL",
            id=problem_id,
            now=now,
        )
    )


async def start_letters(tx: Transaction, problem_id: str) -> bool:
    """False where they were never stopped."""
    return bool(
        await tx.run(
            "UPDATE contacts SET stopped_at = NULL WHERE problem_id = :id AND stopped_at IS NOT NULL", id=problem_id
        )
    )


async def by_code(database: Database, number: int, hashes: dict[str, str]) -> Row | None:
    """The problem of this number on one of the sites (hashes: site id → hash of the code there)."""
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
