"""All SQL of the table `media_sources`."""

from __future__ import annotations

from collections.abc import Sequence

from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction
from widget_api.events import Event


async def add(tx: Transaction, event: Event, addresses: Sequence[str], first: int, now: int) -> None:
    for place, url in enumerate(addresses, first):
        await tx.insert(
            "media_sources",
            id=new_id(),
            site_id=event.site_id,
            problem_id=event.problem_id,
            event_id=event.id,
            place=place,
            url=url,
            created_at=now,
        )


async def waiting(database: Database, problem_id: str, event_id: str) -> Sequence[Row]:
    """id, url and place of what is still to be fetched, in the sender's order."""
    return await database.rows(
        "SELECT id, url, place FROM media_sources WHERE problem_id = :problem_id AND event_id = :event_id"
        " AND outcome IS NULL ORDER BY place",
        problem_id=problem_id,
        event_id=event_id,
    )


async def waits(database: Database, source_id: str) -> bool:
    row = await database.row("SELECT 1 FROM media_sources WHERE id = :id AND outcome IS NULL", id=source_id)
    return row is not None


async def settle(tx: Transaction, source_id: str, outcome: str) -> bool:
    """False where that was settled by somebody else, or forgotten."""
    return bool(
        await tx.run(
            "UPDATE media_sources SET outcome = :outcome WHERE id = :id AND outcome IS NULL",
            id=source_id,
            outcome=outcome,
        )
    )


async def forget(tx: Transaction, problem_id: str) -> None:
    await tx.run("DELETE FROM media_sources WHERE problem_id = :id", id=problem_id)
