"""The operator's side: whether the queue moves, one more try, and none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from widget_api.database import Database, Transaction
from widget_api.deliveries import circuit
from widget_api.deliveries.due import DUE, beginning
from widget_api.deliveries.model import LANES
from widget_api.deliveries.queries import Choice, identifiers

_PART = 500  # deliveries of one write
STALLED = 60  # seconds without any attempt while work is due; what waits for its own retry is not due


async def overdue(database: Database, now: int) -> int:
    """Seconds the oldest free delivery has been waiting past its time: 0 in a queue that moves."""
    waiting, resting = 0, await circuit.resting(database)
    for lane in LANES:
        begins = await beginning(database, lane, now, resting)
        if begins is None:
            continue
        oldest = await database.row(
            f"SELECT d.next_at FROM deliveries d WHERE d.lane = :lane AND {DUE[database.dialect]}{begins.condition}"
            " ORDER BY d.next_at, d.position LIMIT 1",
            lane=lane,
            now=now,
            **begins.values,
        )
        waiting = max(waiting, now - oldest["next_at"]) if oldest is not None else waiting
    return waiting


async def stalled(database: Database, now: int) -> int:
    """Seconds for which the queue has stood still: due work waits, and nothing at all was tried. 0 where it moves.

    A queue that is merely long is no standstill: it moves, and `overdue` tells how far behind it is.
    """
    row = await database.row("SELECT at FROM delivery_attempts ORDER BY id DESC LIMIT 1")  # UUIDv7: the newest
    if row is not None and now - row["at"] <= STALLED:
        return 0  # most often: whoever asks every few seconds does not make us look through what waits
    waiting = await overdue(database, now)
    standing = min(waiting, now - row["at"]) if row is not None else waiting
    return standing if standing > STALLED else 0


async def counts(database: Database) -> dict[str, int]:
    """How many deliveries are in each state."""
    rows = await database.rows("SELECT state, COUNT(*) AS many FROM deliveries GROUP BY state")
    return {row["state"]: row["many"] for row in rows}


async def lengths(database: Database) -> dict[tuple[str, int], int]:
    """How many stand in the queue, by state and lane."""
    found = {(state, lane): 0 for state in ("pending", "leased", "dead") for lane in LANES}
    for row in await database.rows(
        "SELECT state, lane, COUNT(*) AS many FROM deliveries WHERE state IN ('pending', 'leased', 'dead')"
        " GROUP BY state, lane"
    ):
        found[row["state"], row["lane"]] = row["many"]
    return found


async def replay(database: Database, delivery_id: str, now: int, by: str | None = None) -> bool:
    """Give a delivery that is dead, dropped or waiting for a retry all its tries again, now. False: none such.

    `by` is the user who wants it; without one it was the command line.
    """
    return await _replay(database, [delivery_id], ("dead", "dropped", "pending"), now, by) == 1


async def replay_dead(database: Database, choice: Choice, now: int, by: str | None = None) -> list[str]:
    """The same for all dead ones of a choice, by parts that keep nobody waiting. Returns which."""
    done, after = list[str](), ""
    while ids := await identifiers(database, replace(choice, states=("dead",)), after, _PART):
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
    """Owe a delivery no longer, and say why. False where there is none to drop."""
    return await _drop(database, [delivery_id], ("pending", "dead"), reason, now, by) == 1


async def drop_dead(database: Database, choice: Choice, reason: str, now: int, by: str | None = None) -> list[str]:
    """The same for all dead ones of a choice. Returns which."""
    done, after = list[str](), ""
    while ids := await identifiers(database, replace(choice, states=("dead",)), after, _PART):
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
    return {f"d{index}": one for index, one in enumerate(ids)} | {f"s{index}": one for index, one in enumerate(states)}
