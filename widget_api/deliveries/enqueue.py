"""Enqueue deliveries in the transaction of their event, and drop or restore those that are no longer wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from widget_api import clock
from widget_api.database import Database, Transaction
from widget_api.deliveries.model import HAPPENED, UNPUBLISHED

if TYPE_CHECKING:
    from widget_api.events import Event

# A report that was sent to a platform without an acknowledgement; and one that a platform has, or may have.
_MAY_KNOW = "sink LIKE 'platform:%' AND opens AND (leases > 0 OR last_error IS NOT NULL)"
MAY_BE_KNOWN = f"(sink LIKE 'platform:%' AND opens AND state IN ('delivered', 'leased') OR {_MAY_KNOW})"


async def enqueue(
    tx: Transaction,
    *,
    site_id: str,
    problem_id: str,
    event_id: str,
    position: int,
    sink: str,
    opens: bool = False,
    now: int,
    priority: int = HAPPENED,
    leaves_at: int | None = None,
) -> None:
    """Enqueue one delivery. Idempotent: an event goes to a sink once. `leaves_at` is when it is due, by default now."""
    await tx.insert_unless_there(
        "deliveries",
        id=clock.new_id(),
        site_id=site_id,
        problem_id=problem_id,
        event_id=event_id,
        position=position,
        sink=sink,
        lane=priority,
        opens=opens,
        state="pending",
        next_at=now if leaves_at is None else leaves_at,
        created_at=now,
    )


async def enqueue_event(
    tx: Transaction,
    event: Event,
    sink: str,
    now: int,
    *,
    opens: bool = False,
    priority: int = HAPPENED,
    leaves_at: int | None = None,
) -> None:
    """`enqueue` for an event that was just read or written."""
    await enqueue(
        tx,
        site_id=event.site_id,
        problem_id=event.problem_id,
        event_id=event.id,
        position=event.position,
        sink=sink,
        opens=opens,
        now=now,
        priority=priority,
        leaves_at=leaves_at,
    )


async def waits(tx: Transaction, problem_id: str, sink: str, kind: str) -> bool:
    """Whether an event of this kind waits for a sink. If so, no worker takes it before the transaction ends."""
    return bool(
        await tx.run(
            "UPDATE deliveries SET state = 'pending' WHERE problem_id = :id AND sink = :sink AND state = 'pending'"
            " AND EXISTS (SELECT 1 FROM events e WHERE e.site_id = deliveries.site_id AND e.id = deliveries.event_id"
            " AND e.kind = :kind)",
            id=problem_id,
            sink=sink,
            kind=kind,
        )
    )


async def drop_for_problem(
    tx: Transaction, problem_id: str, sink: str, reason: str, *, keep: Sequence[str] = ()
) -> None:
    """Drop the undelivered deliveries of a problem to sinks that match `sink`, a LIKE pattern (`platform:%`).

    `keep` are prefixes of sinks whose deliveries are not dropped, as they concern more than this problem. A report that
    may have reached a platform although no response came stays in the queue, and a dead one returns to it: it is not
    sent again but looked up, so that the platform gets what follows (`platform.push`).
    """
    await tx.run(
        "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = :now WHERE problem_id = :id"
        f" AND state = 'dead' AND {_MAY_KNOW} AND sink LIKE :sink",
        id=problem_id,
        sink=sink,
        now=clock.now(),
    )
    exceptions = {f"keep{place}": f"{kind}%" for place, kind in enumerate(keep)}
    await tx.run(
        "UPDATE deliveries SET state = 'dropped', reason = :reason WHERE problem_id = :problem_id AND sink LIKE :sink"
        f" AND state IN ('pending', 'dead') AND NOT ({_MAY_KNOW})"
        + "".join(f" AND sink NOT LIKE :{name}" for name in exceptions),
        problem_id=problem_id,
        sink=sink,
        reason=reason,
        **exceptions,
    )


async def redact_errors(tx: Transaction, problem_id: str) -> None:
    """Overwrite the recorded errors of a problem's deliveries, which may quote what was sent.

    That an attempt failed stays recorded, since it may have arrived nevertheless.
    """
    await tx.run(
        "UPDATE delivery_attempts SET error = '…' WHERE error IS NOT NULL"
        " AND delivery_id IN (SELECT id FROM deliveries WHERE problem_id = :id)",
        id=problem_id,
    )
    await tx.run(
        "UPDATE deliveries SET last_error = '…' WHERE problem_id = :id AND last_error IS NOT NULL", id=problem_id
    )


async def drop_for_site(tx: Transaction, site_id: str, sink: str, reason: str, *, keep: str) -> None:
    """Drop the undelivered deliveries of a site to one sink, except those of events of the kind `keep`."""
    await tx.run(
        "UPDATE deliveries SET state = 'dropped', reason = :reason WHERE site_id = :site_id AND sink = :sink"
        " AND (state IN ('pending', 'dead') OR state = 'dropped' AND reason = :withheld) AND NOT EXISTS"
        " (SELECT 1 FROM events e WHERE e.site_id = deliveries.site_id AND e.id = deliveries.event_id"
        " AND e.kind = :keep)",
        site_id=site_id,
        sink=sink,
        reason=reason,
        keep=keep,
        withheld=UNPUBLISHED,
    )


async def restore_for_site(tx: Transaction, site_id: str, sink: str, reason: str, now: int) -> None:
    """Undo `drop_for_site`: enqueue again what was dropped for this reason."""
    await _restore(tx, "site_id = :site_id AND sink = :sink", reason, now, site_id=site_id, sink=sink)


async def restore_for_sink(tx: Transaction, sink: str, reason: str, now: int) -> None:
    """Enqueue again what was withheld from a sink for this reason."""
    await _restore(tx, "sink = :sink", reason, now, sink=sink)


async def is_opening_dropped(database: Database, problem_id: str, sink: str) -> bool:
    """Return whether a person dropped the delivery of the report itself, so that the sink never gets it."""
    row = await database.row(
        "SELECT 1 FROM deliveries WHERE problem_id = :problem_id AND sink = :sink AND opens AND state = 'dropped'",
        problem_id=problem_id,
        sink=sink,
    )
    return row is not None


async def restore_dropped(tx: Transaction, problem_id: str, reason: str, now: int) -> None:
    """Undo `drop_for_problem`: enqueue again what was dropped for this reason."""
    await _restore(tx, "problem_id = :problem_id", reason, now, problem_id=problem_id)


async def _restore(tx: Transaction, where: str, reason: str, now: int, **values: str) -> None:
    await tx.run(
        "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = :now, reason = NULL"
        f" WHERE {where} AND state = 'dropped' AND reason = :reason",
        **values,
        reason=reason,
        now=now,
    )
