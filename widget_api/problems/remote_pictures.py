"""Enqueue pictures of which another system sends only the URL: in the transaction of the event, to be fetched later.

If they were fetched before the response, a slow server would delay the report, and a dead link would lose it
(docs/decisions/0032-pictures-by-their-address.md).
"""

from __future__ import annotations

from collections.abc import Sequence

from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import enqueue, sinks
from widget_api.deliveries.model import NEWS
from widget_api.events import Event


async def enqueue_pictures(
    tx: Transaction, event: Event, position: int, addresses: Sequence[str], first: int, now: int
) -> None:
    """Enqueue the pictures at `addresses`, in the transaction of the event that came with `first` pictures itself.

    They get the lowest priority, so that servers that never answer delay no letter and no platform.
    """
    if not addresses:
        return
    await _add(tx, event, addresses, first, now)
    await enqueue.enqueue(
        tx,
        site_id=event.site_id,
        problem_id=event.problem_id,
        event_id=event.id,
        position=position,
        sink=sinks.MEDIA,
        opens=False,
        now=now,
        priority=NEWS,
    )


async def forget(tx: Transaction, problem_id: str, reason: str) -> None:
    """Delete the URLs, which may identify a person; a download in progress is then discarded."""
    await tx.run("DELETE FROM media_sources WHERE problem_id = :id", id=problem_id)
    await enqueue.drop_for_problem(tx, problem_id, sinks.MEDIA, reason)


async def _add(tx: Transaction, event: Event, addresses: Sequence[str], first: int, now: int) -> None:
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


async def list_waiting(database: Database, problem_id: str, event_id: str) -> Sequence[Row]:
    """List the pictures still to be fetched, in the sender's order: id, url, place."""
    return await database.rows(
        "SELECT id, url, place FROM media_sources WHERE problem_id = :problem_id AND event_id = :event_id"
        " AND outcome IS NULL ORDER BY place",
        problem_id=problem_id,
        event_id=event_id,
    )


async def is_waiting(database: Database, source_id: str) -> bool:
    """Whether a picture is still to be fetched."""
    row = await database.row("SELECT 1 FROM media_sources WHERE id = :id AND outcome IS NULL", id=source_id)
    return row is not None


async def settle(tx: Transaction, source_id: str, outcome: str) -> bool:
    """Record the outcome of a picture; False if it has one already or was deleted."""
    return bool(
        await tx.run(
            "UPDATE media_sources SET outcome = :outcome WHERE id = :id AND outcome IS NULL",
            id=source_id,
            outcome=outcome,
        )
    )
