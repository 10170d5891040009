"""Operate the queue: measure whether it moves, replay deliveries, drop them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from widget_api.database import Database, Transaction
from widget_api.deliveries import circuit
from widget_api.deliveries.model import PRIORITIES
from widget_api.deliveries.queries import DeliveryFilter, list_ids
from widget_api.deliveries.queue import DUE, find_start

_PART = 500  # deliveries of one write
_TRIED = "(attempts > 0 OR last_error IS NOT NULL)"
STALLED = 60  # seconds without any attempt while deliveries are due; one that waits for its retry is not due


async def measure_delay(database: Database, now: int) -> int:
    """Return the seconds by which the oldest claimable delivery is late; 0 if there is none."""
    waiting, resting = 0, await circuit.list_open(database)
    for priority in PRIORITIES:
        start = await find_start(database, priority, now, resting)
        if start is None:
            continue
        oldest = await database.row(
            f"SELECT d.next_at FROM deliveries d WHERE d.lane = :priority AND {DUE[database.dialect]}{start.condition}"
            " ORDER BY d.next_at, d.position LIMIT 1",
            priority=priority,
            now=now,
            **start.values,
        )
        waiting = max(waiting, now - oldest["next_at"]) if oldest is not None else waiting
    return waiting


async def measure_oldest(database: Database, now: int) -> int:
    """Return for how many seconds the delivery that has waited longest is due; 0 if none waits.

    One that failed waits since it was enqueued, whether its next attempt is due or not; `measure_delay` leaves it out.
    """
    row = await database.row(
        f"SELECT MIN(CASE WHEN {_TRIED} THEN created_at ELSE next_at END) AS since FROM deliveries"
        f" WHERE state IN ('pending', 'leased') AND ({_TRIED} OR next_at <= :now)",
        now=now,
    )
    return now - row["since"] if row is not None and row["since"] is not None else 0


async def measure_standstill(database: Database, now: int) -> int:
    """Return the seconds for which work was due and nothing was attempted; 0 if the queue moves.

    A long queue that moves is not stalled: `measure_delay` says how far behind it is.
    """
    row = await database.row("SELECT at FROM delivery_attempts ORDER BY id DESC LIMIT 1")  # UUIDv7: the newest
    if row is not None and now - row["at"] <= STALLED:
        return 0  # the common case, answered without a scan of the queue
    waiting = await measure_delay(database, now)
    standing = min(waiting, now - row["at"]) if row is not None else waiting
    return standing if standing > STALLED else 0


async def count_by_state(database: Database) -> dict[str, int]:
    """Count deliveries by state."""
    rows = await database.rows("SELECT state, COUNT(*) AS count FROM deliveries GROUP BY state")
    return {row["state"]: row["count"] for row in rows}


async def count_by_state_and_priority(database: Database) -> dict[tuple[str, int], int]:
    """Count unfinished and dead deliveries by state and priority."""
    counts = {(state, priority): 0 for state in ("pending", "leased", "dead") for priority in PRIORITIES}
    for row in await database.rows(
        "SELECT state, lane, COUNT(*) AS count FROM deliveries WHERE state IN ('pending', 'leased', 'dead')"
        " GROUP BY state, lane"
    ):
        counts[row["state"], row["lane"]] = row["count"]
    return counts


async def replay(database: Database, delivery_id: str, now: int, by: str | None = None) -> bool:
    """Make a delivery due now, with all its attempts. Returns False if it is not dead, dropped or pending.

    `by` is the id of the user who asked for it, None for the command line.
    """
    return await _replay(database, [delivery_id], ("dead", "dropped", "pending"), now, by) == 1


async def replay_dead(database: Database, choice: DeliveryFilter, now: int, by: str | None = None) -> list[str]:
    """Replay all dead deliveries of a filter, in batches that leave room for other writes. Returns their ids."""
    done, after = list[str](), ""
    while ids := await list_ids(database, replace(choice, states=("dead",)), after, _PART):
        await _replay(database, ids, ("dead",), now, by)
        after = ids[-1]
        done += ids
    return done


async def _replay(database: Database, ids: Sequence[str], states: Sequence[str], now: int, by: str | None) -> int:
    async def work(tx: Transaction) -> int:
        return await tx.run(
            "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = :now, reason = NULL,"
            f" decided_by = :by, decided_at = :now WHERE {_among(ids, states)}",
            **_values(ids, states),
            now=now,
            by=by,
        )

    return await database.write(work)


async def drop(database: Database, delivery_id: str, reason: str, now: int, by: str | None = None) -> bool:
    """Drop a delivery for a reason. Returns False if there is none to drop."""
    return await _drop(database, [delivery_id], ("pending", "dead"), reason, now, by) == 1


async def drop_dead(
    database: Database, choice: DeliveryFilter, reason: str, now: int, by: str | None = None
) -> list[str]:
    """Drop all dead deliveries of a filter. Returns their ids."""
    done, after = list[str](), ""
    while ids := await list_ids(database, replace(choice, states=("dead",)), after, _PART):
        await _drop(database, ids, ("dead",), reason, now, by)
        after = ids[-1]
        done += ids
    return done


async def _drop(
    database: Database, ids: Sequence[str], states: Sequence[str], reason: str, now: int, by: str | None
) -> int:
    async def work(tx: Transaction) -> int:
        return await tx.run(
            "UPDATE deliveries SET state = 'dropped', reason = :reason, decided_by = :by, decided_at = :now"
            f" WHERE {_among(ids, states)}",
            **_values(ids, states),
            reason=reason,
            now=now,
            by=by,
        )

    return await database.write(work)


def _among(ids: Sequence[str], states: Sequence[str]) -> str:
    named = ", ".join(f":d{index}" for index in range(len(ids)))
    return f"id IN ({named}) AND state IN ({', '.join(f':s{index}' for index in range(len(states)))})"


def _values(ids: Sequence[str], states: Sequence[str]) -> dict[str, str]:
    named_ids = {f"d{index}": delivery_id for index, delivery_id in enumerate(ids)}
    return named_ids | {f"s{index}": state for index, state in enumerate(states)}
