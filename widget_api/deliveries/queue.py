"""Claim due deliveries for the worker, renew their leases, record their outcomes.

Deliveries that wait for a platform whose circuit is open are skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import orjson

from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import circuit
from widget_api.deliveries.model import (
    ALONE,
    LEASE,
    LONGEST_ERROR,
    LOST,
    PRIORITIES,
    SPAM,
    UNPUBLISHED,
    Delivery,
    GiveUp,
    Retry,
    Withheld,
    free_slots,
    retry_delay,
)
from widget_api.redaction import excerpt

# Due, and no earlier delivery of the same problem to the same sink unfinished. A dead opening delivery blocks what
# follows: a platform that never got the request cannot take its updates.
_FREE = """
    (d.state = 'pending' AND d.next_at <= :now OR d.state = 'leased' AND d.lease_until <= :now)
    AND {sinks} AND NOT EXISTS (
        SELECT 1 FROM deliveries e WHERE e.problem_id = d.problem_id AND e.sink = d.sink AND e.position < d.position
        AND (e.state IN ('pending', 'leased') OR e.state = 'dead' AND e.opens)
    )"""
_ANY_SINK = _FREE.format(sinks=f"d.sink NOT IN {circuit.RESTING}")
PROBE = _FREE.format(sinks="d.sink = :sink")
# SQLite uses the partial index of unfinished deliveries only when its condition is repeated. PostgreSQL infers it;
# if it is repeated, the planner misjudges the selectivity and sorts all pending rows: 230 ms instead of 0.2 at 6,000.
DUE = {"sqlite": f"d.state IN ('pending', 'leased') AND {_ANY_SINK}", "postgresql": _ANY_SINK}


@dataclass(frozen=True)
class QueueStart:
    """The first delivery of a priority that no open circuit blocks, as an SQL condition and its values."""

    condition: str = ""
    values: Mapping[str, int] = field(default_factory=dict)


async def find_start(
    reader: Database | Transaction, priority: int, now: int, resting: Sequence[str]
) -> QueueStart | None:
    """Find where the claim has to start within a priority; None if nothing is due except for `resting` sinks.

    A hundred thousand deliveries may wait for days at the head of the queue for a platform that is unavailable.
    Comparing their sink skips each cheaply; the full condition takes several look-ups a row.
    """
    if not resting:
        return QueueStart()
    sinks = {f"rests_{index}": sink for index, sink in enumerate(resting)}
    row = await reader.row(
        "SELECT d.next_at, d.position FROM deliveries d WHERE d.lane = :priority AND d.state IN ('pending', 'leased')"
        " AND (d.next_at <= :now OR d.state = 'leased')"  # a lease may be older than a clock that went back
        f" AND d.sink NOT IN ({', '.join(f':{name}' for name in sinks)})"
        " ORDER BY d.next_at, d.position LIMIT 1",
        priority=priority,
        now=now,
        **sinks,
    )
    if row is None:
        return None
    values = {"from_time": row["next_at"], "from_position": row["position"]}
    return QueueStart(" AND (d.next_at, d.position) >= (:from_time, :from_position)", values)


_ALONE = f"""
    (d.leases < {ALONE} OR NOT EXISTS (
        SELECT 1 FROM deliveries o WHERE o.state = 'leased' AND o.leases > {ALONE} AND o.lease_until > :now
    ))"""
_COLUMNS = "d.id, d.site_id, d.problem_id, d.event_id, d.position, d.sink, d.lane, d.attempts, d.leases, d.last_error"


async def _is_due(database: Database, now: int, resting: Sequence[str]) -> bool:
    """Return whether anything can be claimed, without writing: an idle worker must not make the writer commit."""
    if not resting:
        due = (
            f"SELECT 1 FROM deliveries d WHERE d.lane IN {PRIORITIES} AND {DUE[database.dialect]} AND {_ALONE} LIMIT 1"
        )
        return await database.row(due, now=now) is not None
    for priority in PRIORITIES:
        start = await find_start(database, priority, now, resting)
        if start is not None and await database.row(
            f"SELECT 1 FROM deliveries d WHERE d.lane = :priority AND {DUE[database.dialect]} AND {_ALONE}"
            f"{start.condition} ORDER BY d.next_at, d.position LIMIT 1",
            priority=priority,
            now=now,
            **start.values,
        ):
            return True
    probe = "SELECT 1 FROM platforms f JOIN deliveries d ON d.sink = 'platform:' || f.id"
    due = "d.state IN ('pending', 'leased') AND d.next_at <= :now"
    row = await database.row(
        f"{probe} WHERE f.paused_until <= :now AND d.lane IN {PRIORITIES} AND {due} LIMIT 1", now=now
    )
    return row is not None


async def _due(
    tx: Transaction, limit: int, now: int, busy: Mapping[int, int] | None, sink: str | None, resting: Sequence[str]
) -> list[Row]:
    """List due deliveries by priority, each in the order of due times."""
    values = {} if sink is None else {"sink": sink}
    only = "" if sink is None else " AND d.sink = :sink"
    skip = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgresql" else ""
    due, used = list[Row](), Counter(busy or {})
    for priority in PRIORITIES:
        free = limit - len(due)
        free = free if busy is None else free_slots(priority, free, used)
        start = await find_start(tx, priority, now, resting) if free > 0 else None
        if start is None:
            continue
        rows = await tx.rows(
            f"SELECT {_COLUMNS} FROM deliveries d WHERE d.lane = :priority{only} AND {DUE[tx.dialect]} AND {_ALONE}"
            f"{start.condition} ORDER BY d.next_at, d.position LIMIT :limit{skip}",
            **values,
            **start.values,
            priority=priority,
            now=now,
            limit=free,
        )
        used[priority] += len(rows)
        due += rows
    return due


async def _probes(tx: Transaction, now: int) -> list[Row]:
    """Return one delivery for each platform whose pause is over: the oldest, so that none blocks it for good."""
    skip = " FOR UPDATE SKIP LOCKED" if tx.dialect == "postgresql" else ""
    probes = list[Row]()
    for sink in await circuit.list_ready_to_probe(tx, now):
        rows = await tx.rows(
            f"SELECT {_COLUMNS} FROM deliveries d WHERE d.lane IN {PRIORITIES} AND d.state IN ('pending', 'leased')"
            f" AND {PROBE} ORDER BY d.next_at, d.position LIMIT 1{skip}",
            sink=sink,
            now=now,
        )
        if rows and await circuit.claim_probe(tx, sink, now):
            probes += rows
    return probes


async def claim(
    database: Database,
    holder: str,
    limit: int,
    now: int,
    busy: Mapping[int, int] | None = None,
    *,
    sink: str | None = None,
) -> list[Delivery]:
    """Lease up to `limit` due deliveries for LEASE seconds. Two workers never get the same one.

    A lease does not consume a retry attempt, so nothing is lost when a worker is killed. `busy` counts the deliveries
    this worker has in progress, by priority; without it no priority has reserved slots. `sink` restricts the claim to
    one sink.
    """

    async def work(tx: Transaction) -> list[Delivery]:
        claimed = list[Delivery]()
        alone = False
        probes = await _probes(tx, now) if sink is None else []
        probing = {row["id"] for row in probes}
        for row in (*probes, *await _due(tx, limit, now, busy, sink, resting)):
            if row["leases"] >= LOST:
                await _give_up(tx, row, now)
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
            claimed.append(_delivery(row, event, row["id"] in probing))
        return claimed

    resting = await circuit.list_open(database)
    return await database.write(work) if await _is_due(database, now, resting) else []


def _delivery(row: Row, event: Row, probe: bool) -> Delivery:
    values = {name: row[name] for name in ("id", "site_id", "problem_id", "event_id", "position", "sink")}
    of_event = {name: event[name] for name in ("kind", "status", "at", "actor", "source", "text_id")}
    return Delivery(
        **values,
        **of_event,
        priority=row["lane"],
        attempts=row["attempts"] + 1,
        probe=probe,
        repeated=bool(row["attempts"] or row["leases"] or row["last_error"]),
        data=orjson.loads(event["data"]),
    )


async def _give_up(tx: Transaction, row: Row, now: int) -> None:
    """Mark a delivery dead that ended its worker each time it was leased. It can be replayed like any other."""
    error = f"the worker ended {row['leases']} times while it was under way"
    await tx.run(
        "UPDATE deliveries SET state = 'dead', leases = 0, lease_until = NULL, lease_holder = NULL,"
        " last_error = :error WHERE id = :id",
        id=row["id"],
        error=error,
    )
    await tx.insert("delivery_attempts", id=new_id(), delivery_id=row["id"], at=now, outcome="dead", error=error)


async def renew(database: Database, holder: str, ids: Sequence[str], now: int) -> None:
    """Extend the leases of deliveries that take long. A handler that hangs is ended by the worker's timeout."""

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


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a leased delivery ended: delivered, retried after `retry_in` seconds, dead, or dropped (`withheld`)."""

    error: str | None = None
    retry_in: int | None = None
    counted: bool = True  # False: no retry attempt is consumed
    withheld: str | None = None  # why it was dropped

    @property
    def name(self) -> str:
        if self.withheld is not None:
            return "dropped"
        return "delivered" if self.error is None else "dead" if self.retry_in is None else "retry"

    @property
    def state(self) -> str:
        return "pending" if self.name == "retry" else self.name

    @classmethod
    def of(cls, delivery: Delivery, reason: Exception | None) -> Outcome:
        """Map the error of a handler to an outcome. Unexpected errors are retried."""
        if reason is None:
            return cls()
        if isinstance(reason, Withheld):
            return cls(withheld=str(reason))
        if isinstance(reason, GiveUp):
            return cls(error=str(reason) or "refused")
        if isinstance(reason, Retry):
            wait = reason.wait(delivery.attempts)
            return cls(error=str(reason) or "not now", retry_in=wait, counted=reason.counted)
        return cls(error=f"{type(reason).__name__}: {reason}", retry_in=retry_delay(delivery.attempts, None))


async def finish(
    database: Database,
    holder: str,
    delivery: Delivery,
    now: int,
    error: str | None = None,
    retry_in: int | None = None,
) -> None:
    """`finish_all` for one delivery."""
    await finish_all(database, holder, [(delivery, Outcome(error=error, retry_in=retry_in))], now)


async def finish_all(database: Database, holder: str, ended: Sequence[tuple[Delivery, Outcome]], now: int) -> None:
    """Record how leased deliveries ended, all in one transaction. A lost lease changes nothing."""

    async def work(tx: Transaction) -> None:
        for delivery, outcome in ended:
            if outcome.withheld is None:
                await _finish(tx, holder, delivery, outcome, now)

    await database.write(work)
    for delivery, outcome in ended:
        if outcome.withheld is not None:
            await database.write(partial(_withhold, holder, delivery, outcome, now), delivery.site_id)


async def _withhold(holder: str, delivery: Delivery, outcome: Outcome, now: int, tx: Transaction) -> None:
    """Drop a delivery, unless its reason ended since the handler looked: nothing would enqueue it again then.

    The site is locked, so that a decision about the report commits before or after.
    """
    problem = await tx.row("SELECT published, spam FROM problems WHERE id = :id", id=delivery.problem_id)
    assert problem is not None, "problems are never deleted"
    ended = {SPAM: not problem["spam"], UNPUBLISHED: bool(problem["published"])}
    if ended.get(outcome.withheld or ""):
        outcome = Outcome(error="decided meanwhile", retry_in=0, counted=False)
    await _finish(tx, holder, delivery, outcome, now)


async def _finish(tx: Transaction, holder: str, delivery: Delivery, outcome: Outcome, now: int) -> None:
    error = excerpt(outcome.error, LONGEST_ERROR) if outcome.error else None
    changed = await tx.run(
        "UPDATE deliveries SET state = :state, attempts = attempts + :tried, leases = 0, next_at = :next_at,"
        " lease_until = NULL, lease_holder = NULL, last_error = :error, delivered_at = :delivered_at,"
        " reason = CASE WHEN :done THEN NULL ELSE reason END WHERE id = :id AND lease_holder = :holder",
        id=delivery.id,
        holder=holder,
        tried=int(outcome.counted),
        state=outcome.state,
        next_at=now + (outcome.retry_in or 0),
        error=error,
        delivered_at=now if outcome.state == "delivered" else None,
        done=outcome.state == "delivered",
    )
    if changed and outcome.withheld is not None:
        await tx.run("UPDATE deliveries SET reason = :reason WHERE id = :id", id=delivery.id, reason=outcome.withheld)
    if changed:
        await tx.insert(
            "delivery_attempts", id=new_id(), delivery_id=delivery.id, at=now, outcome=outcome.name, error=error
        )
