"""Per event and sink: claim, acknowledge, retry later, give up; in order per problem, one failing holds up no other."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction

LEASE = 10  # seconds; a killed worker's work is taken over within 15 (contract)
# The field's usual ladder (Standard Webhooks, «Reliability»): at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h.
LADDER = (0, 5, 300, 1800, 7200, 18_000, 36_000, 36_000)
JITTER = 0.2
# What ends its worker is never recorded as tried. After so many leases in a row without an outcome a delivery is leased
# alone among its like, so that it takes no other along; after so many it is dead.
ALONE, LOST = 3, 10
LONGEST_ERROR = 500
# Who waits for what: an answer to what somebody just asked for; what happened; news to everybody who follows a problem.
# Each lane is claimed by itself, and each keeps a little room that no other can take: ten thousand followers, or a
# thousand letters left over from an outage, hold up nobody's confirmation, and none of the three starves.
ASKED, HAPPENED, NEWS = LANES = (0, 1, 2)
KEPT = 2
STALLED = 60  # seconds without any attempt while work is due; what waits for its own retry is not due


class Retry(Exception):
    """The sink did not take it now. `after` is what it asked for, in seconds."""

    def __init__(self, reason: str, after: float | None = None) -> None:
        super().__init__(reason)
        self.after = after


class GiveUp(Exception):
    """The sink will never take it: dead at once, visible, replayable."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A leased delivery, with the event it carries."""

    id: str
    site_id: str
    problem_id: str
    event_id: str
    position: int
    sink: str
    lane: int
    attempts: int  # this one and those whose outcome is known, since it was owed or replayed
    repeated: bool  # an earlier try may have reached the sink, whatever became of its answer
    kind: str
    status: str | None
    at: int
    actor: str
    source: str | None
    text_id: str | None
    data: Mapping[str, Any]


async def schedule(
    tx: Transaction,
    *,
    site_id: str,
    problem_id: str,
    event_id: str,
    position: int,
    sink: str,
    opens: bool,
    now: int,
    lane: int = HAPPENED,
) -> None:
    """Owe an event to a sink; owing it twice is owing it once."""
    await tx.insert_unless_there(
        "deliveries",
        id=new_id(),
        site_id=site_id,
        problem_id=problem_id,
        event_id=event_id,
        position=position,
        sink=sink,
        lane=lane,
        opens=opens,
        state="pending",
        next_at=now,
        created_at=now,
    )


# Due, and nothing of the same problem still under way to the same sink before it. A dead opening letter blocks what
# follows: a platform that never got the request cannot take its updates.
_FREE = """
    (d.state = 'pending' AND d.next_at <= :now OR d.state = 'leased' AND d.lease_until <= :now)
    AND NOT EXISTS (
        SELECT 1 FROM deliveries e WHERE e.problem_id = d.problem_id AND e.sink = d.sink AND e.position < d.position
        AND (e.state IN ('pending', 'leased') OR e.state = 'dead' AND e.opens)
    )"""
_ALONE = f"""
    (d.leases < {ALONE} OR NOT EXISTS (
        SELECT 1 FROM deliveries o WHERE o.state = 'leased' AND o.leases > {ALONE} AND o.lease_until > :now
    ))"""
# SQLite takes the index of what is under way only where its own condition stands beside. PostgreSQL sees by itself that
# it holds; counted twice, it would take the many that wait for few and sort them: of 6,000 in 230 ms instead of 0.2.
_DUE = {"sqlite": f"d.state IN ('pending', 'leased') AND {_FREE} AND {_ALONE}", "postgresql": f"{_FREE} AND {_ALONE}"}
_COLUMNS = "d.id, d.site_id, d.problem_id, d.event_id, d.position, d.sink, d.lane, d.attempts, d.leases, d.last_error"


def room(lane: int, free: int, busy: Mapping[int, int]) -> int:
    """How many of `free` places this lane may take, others keeping theirs; `busy` are those under way, by lane."""
    return max(0, free - sum(max(0, KEPT - busy.get(other, 0)) for other in LANES if other != lane))


async def _due(tx: Transaction, limit: int, now: int, busy: Mapping[int, int] | None) -> list[Row]:
    """Lane by lane, each in the order of its times."""
    skip = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgresql" else ""
    found, taken = list[Row](), Counter(busy or {})
    for lane in LANES:
        free = limit - len(found)
        free = free if busy is None else room(lane, free, taken)
        if free <= 0:
            continue
        rows = await tx.rows(
            f"SELECT {_COLUMNS} FROM deliveries d WHERE d.lane = :lane AND {_DUE[tx.dialect]}"
            f" ORDER BY d.next_at, d.position LIMIT :limit{skip}",
            lane=lane,
            now=now,
            limit=free,
        )
        taken[lane] += len(rows)
        found += rows
    return found


async def claim(
    database: Database, holder: str, limit: int, now: int, busy: Mapping[int, int] | None = None
) -> list[Delivery]:
    """Lease up to `limit` due deliveries for LEASE seconds; two workers never get the same one.

    A lease is no attempt: what a killed worker had in hand loses no rung of the ladder. `busy` are those the worker has
    in hand, by lane; without it no lane keeps room.
    """

    async def work(tx: Transaction) -> list[Delivery]:
        claimed = list[Delivery]()
        alone = False
        for row in await _due(tx, limit, now, busy):
            if row["leases"] >= LOST:
                await _lost(tx, row, now)
                continue
            if row["leases"] >= ALONE:
                if alone:
                    continue
                alone = True
            await tx.run(
                "UPDATE deliveries SET state = 'leased', leases = leases + 1, lease_until = :until,"
                " lease_holder = :holder WHERE id = :id",
                id=row["id"],
                until=now + LEASE,
                holder=holder,
            )
            event = await tx.row(
                "SELECT kind, status, at, actor, source, text_id, data FROM events"
                " WHERE site_id = :site_id AND id = :id",
                site_id=row["site_id"],
                id=row["event_id"],
            )
            assert event is not None, "a delivery without its event"
            claimed.append(_delivery(row, event))
        return claimed

    if not await database.row(
        f"SELECT 1 FROM deliveries d WHERE d.lane IN {LANES} AND {_DUE[database.dialect]} LIMIT 1", now=now
    ):
        return []  # an idle worker does not make the writer commit
    return await database.write(work)


def _delivery(row: Row, event: Row) -> Delivery:
    values = {name: row[name] for name in ("id", "site_id", "problem_id", "event_id", "position", "sink", "lane")}
    of_event = {name: event[name] for name in ("kind", "status", "at", "actor", "source", "text_id")}
    return Delivery(
        **values,
        **of_event,
        attempts=row["attempts"] + 1,
        repeated=bool(row["attempts"] or row["leases"] or row["last_error"]),
        data=orjson.loads(event["data"]),
    )


async def _lost(tx: Transaction, row: Row, now: int) -> None:
    """Dead: as often as it was taken up, whoever took it ended in the middle. It can be replayed like any other."""
    error = f"the worker ended {row['leases']} times while it was under way"
    await tx.run(
        "UPDATE deliveries SET state = 'dead', leases = 0, lease_until = NULL, lease_holder = NULL,"
        " last_error = :error WHERE id = :id",
        id=row["id"],
        error=error,
    )
    await tx.insert("delivery_attempts", id=new_id(), delivery_id=row["id"], at=now, outcome="dead", error=error)


async def renew(database: Database, holder: str, ids: Sequence[str], now: int) -> None:
    """Keep the leases of deliveries that take long; a handler that hangs is ended by the worker's own timeout."""

    async def work(tx: Transaction) -> None:
        for delivery_id in ids:
            await tx.run(
                "UPDATE deliveries SET lease_until = :until"
                " WHERE id = :id AND lease_holder = :holder AND state = 'leased'",
                id=delivery_id,
                until=now + LEASE,
                holder=holder,
            )

    await database.write(work)


def delay(attempts: int, asked: float | None) -> int | None:
    """Seconds to the next try after `attempts` failed ones, with jitter; None after the last."""
    if attempts >= len(LADDER):
        return None
    spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, hides nothing
    seconds = max(1.0, LADDER[attempts] * spread)
    return round(max(seconds, min(asked or 0, 86_400)))


async def finish(
    database: Database, holder: str, delivery: Delivery, now: int, error: str | None = None, retry_in: int | None = None
) -> None:
    """Record how a leased delivery ended: delivered, to be tried again, or dead. A lost lease changes nothing."""
    outcome = "delivered" if error is None else "dead" if retry_in is None else "retry"
    state = {"delivered": "delivered", "dead": "dead", "retry": "pending"}[outcome]

    async def work(tx: Transaction) -> None:
        changed = await tx.run(
            "UPDATE deliveries SET state = :state, attempts = attempts + 1, leases = 0, next_at = :next_at,"
            " lease_until = NULL, lease_holder = NULL, last_error = :error, delivered_at = :delivered_at"
            " WHERE id = :id AND lease_holder = :holder",
            id=delivery.id,
            holder=holder,
            state=state,
            next_at=now + (retry_in or 0),
            error=error[:LONGEST_ERROR] if error else None,
            delivered_at=now if error is None else None,
        )
        if changed:
            await tx.insert(
                "delivery_attempts",
                id=new_id(),
                delivery_id=delivery.id,
                at=now,
                outcome=outcome,
                error=error[:LONGEST_ERROR] if error else None,
            )

    await database.write(work)


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


async def drop_of_problem(tx: Transaction, problem_id: str, sink: str, reason: str, *, keep: str = "") -> None:
    """Within a transaction: nothing more is owed of a problem to a sink, or to a kind of sinks (`platform:%`).

    `keep` is a kind of sinks that hear of more than this problem.
    """
    await tx.run(
        "UPDATE deliveries SET state = 'dropped', reason = :reason WHERE problem_id = :problem_id AND sink LIKE :sink"
        " AND sink NOT LIKE :keep AND state IN ('pending', 'dead')",
        problem_id=problem_id,
        sink=sink,
        keep=keep,
        reason=reason,
    )


async def restore_dropped(tx: Transaction, problem_id: str, reason: str, now: int) -> None:
    """The reverse: what was dropped for this reason is owed again."""
    await tx.run(
        "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = :now, reason = NULL"
        " WHERE problem_id = :problem_id AND state = 'dropped' AND reason = :reason",
        problem_id=problem_id,
        reason=reason,
        now=now,
    )


async def overdue(database: Database, now: int) -> int:
    """Seconds the oldest free delivery has been waiting past its time: 0 in a queue that moves."""
    waiting = 0
    for lane in LANES:
        oldest = await database.row(
            f"SELECT d.next_at FROM deliveries d WHERE d.lane = :lane AND {_FREE}"
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
