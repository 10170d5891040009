"""The operator's side: whether the queue moves, what stands in it, one more try, and none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from widget_api.database import Database, Transaction
from widget_api.deliveries.leasing import FREE
from widget_api.deliveries.model import LANES

STALLED = 60  # seconds without any attempt while work is due; what waits for its own retry is not due


async def overdue(database: Database, now: int) -> int:
    """Seconds the oldest free delivery has been waiting past its time: 0 in a queue that moves."""
    waiting = 0
    for lane in LANES:
        oldest = await database.row(
            f"SELECT d.next_at FROM deliveries d WHERE d.lane = :lane AND {FREE}"
            " ORDER BY d.next_at, d.position LIMIT 1",
            lane=lane,
            now=now,
        )
        waiting = max(waiting, now - oldest["next_at"]) if oldest is not None else waiting
    return waiting


async def stalled(database: Database, now: int) -> int:
    """Seconds for which the queue has stood still: due work waits, and nothing at all was tried. 0 where it moves.

    A queue that is merely long is no standstill: it moves, and `overdue` tells how far behind it is.
    """
    waiting = await overdue(database, now)
    row = await database.row("SELECT at FROM delivery_attempts ORDER BY id DESC LIMIT 1")  # UUIDv7: the newest
    standing = min(waiting, now - row["at"]) if row is not None else waiting
    return standing if standing > STALLED else 0


async def counts(database: Database) -> dict[str, int]:
    """How many deliveries are in each state."""
    rows = await database.rows("SELECT state, COUNT(*) AS many FROM deliveries GROUP BY state")
    return {row["state"]: row["many"] for row in rows}


async def listed(database: Database, states: Sequence[str], limit: int = 200) -> list[Mapping[str, Any]]:
    """Newest first, each with the problem's number and the event it carries; texts and contacts are not among it."""
    names = {f"state{index}": state for index, state in enumerate(states)}
    rows = await database.rows(
        "SELECT d.id, d.site_id, d.problem_id, d.event_id, d.sink, d.state, d.attempts, d.next_at, d.last_error,"
        " d.reason, d.created_at, d.delivered_at, p.number, e.kind, e.status"
        " FROM deliveries d JOIN problems p ON p.id = d.problem_id"
        " JOIN events e ON e.site_id = d.site_id AND e.id = d.event_id"
        f" WHERE d.state IN ({', '.join(f':{name}' for name in names)})"
        " ORDER BY d.created_at DESC, d.id DESC LIMIT :limit",
        **names,
        limit=limit,
    )
    return [dict(row) for row in rows]


async def replay(database: Database, delivery_id: str, now: int) -> bool:
    """Give a delivery that is dead, dropped or waiting for a retry all its tries again, now. False: none such."""

    async def work(tx: Transaction) -> bool:
        return bool(
            await tx.run(
                "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = :now, reason = NULL"
                " WHERE id = :id AND state IN ('dead', 'dropped', 'pending')",
                id=delivery_id,
                now=now,
            )
        )

    return await database.write(work)


async def drop(database: Database, delivery_id: str, reason: str) -> bool:
    """Owe a delivery no longer, and say why. False where there is none to drop."""

    async def work(tx: Transaction) -> bool:
        return bool(
            await tx.run(
                "UPDATE deliveries SET state = 'dropped', reason = :reason"
                " WHERE id = :id AND state IN ('pending', 'dead')",
                id=delivery_id,
                reason=reason,
            )
        )

    return await database.write(work)
