"""What an event owes, written in the transaction of the event itself; and what is owed no longer."""

from __future__ import annotations

from collections.abc import Sequence

from widget_api import clock
from widget_api.database import Database, Transaction
from widget_api.deliveries.model import HAPPENED

# A report that was sent to a platform and not acknowledged; and one that a platform has, or may have for that reason.
_MAY_KNOW = "sink LIKE 'platform:%' AND opens AND (leases > 0 OR last_error IS NOT NULL)"
KNOWN_THERE = f"(sink LIKE 'platform:%' AND opens AND state IN ('delivered', 'leased') OR {_MAY_KNOW})"


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
        id=clock.new_id(),
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


async def drop_of_problem(
    tx: Transaction, problem_id: str, sink: str, reason: str, *, keep: Sequence[str] = ()
) -> None:
    """Within a transaction: nothing more is owed of a problem to a sink, or to a kind of sinks (`platform:%`).

    `keep` are kinds of sinks that hear of more than this problem. A report that may have reached a platform, though no
    answer came, stays owed, also where it was given up: it is not sent any more, but looked for, so that the platform
    learns what follows (`platform.push`).
    """
    await tx.run(
        "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = :now WHERE problem_id = :id"
        f" AND state = 'dead' AND {_MAY_KNOW} AND sink LIKE :sink",
        id=problem_id,
        sink=sink,
        now=clock.now(),
    )
    kept = {f"keep{place}": f"{kind}%" for place, kind in enumerate(keep)}
    await tx.run(
        "UPDATE deliveries SET state = 'dropped', reason = :reason WHERE problem_id = :problem_id AND sink LIKE :sink"
        f" AND state IN ('pending', 'dead') AND NOT ({_MAY_KNOW})"
        + "".join(f" AND sink NOT LIKE :{name}" for name in kept),
        problem_id=problem_id,
        sink=sink,
        reason=reason,
        **kept,
    )


async def forget_said(tx: Transaction, problem_id: str) -> None:
    """Within a transaction: servers repeat what they were sent, and of this problem nothing is kept any more.

    That they said something stays: what was tried may have arrived.
    """
    await tx.run(
        "UPDATE delivery_attempts SET error = '…' WHERE error IS NOT NULL"
        " AND delivery_id IN (SELECT id FROM deliveries WHERE problem_id = :id)",
        id=problem_id,
    )
    await tx.run(
        "UPDATE deliveries SET last_error = '…' WHERE problem_id = :id AND last_error IS NOT NULL", id=problem_id
    )


async def drop_of_site(tx: Transaction, site_id: str, sink: str, reason: str, *, keep: str) -> None:
    """Within a transaction: a sink gets nothing more of a site, but for events of the kind `keep`."""
    await tx.run(
        "UPDATE deliveries SET state = 'dropped', reason = :reason WHERE site_id = :site_id AND sink = :sink"
        " AND state IN ('pending', 'dead') AND NOT EXISTS (SELECT 1 FROM events e WHERE e.site_id = deliveries.site_id"
        " AND e.id = deliveries.event_id AND e.kind = :keep)",
        site_id=site_id,
        sink=sink,
        reason=reason,
        keep=keep,
    )


async def restore_of_site(tx: Transaction, site_id: str, sink: str, reason: str, now: int) -> None:
    """The reverse: what was dropped for this reason is owed again."""
    await tx.run(
        "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = :now, reason = NULL"
        " WHERE site_id = :site_id AND sink = :sink AND state = 'dropped' AND reason = :reason",
        site_id=site_id,
        sink=sink,
        reason=reason,
        now=now,
    )


async def opening_dropped(database: Database, problem_id: str, sink: str) -> bool:
    """Whether the sink never gets the report itself: it was a person's will."""
    row = await database.row(
        "SELECT 1 FROM deliveries WHERE problem_id = :problem_id AND sink = :sink AND opens AND state = 'dropped'",
        problem_id=problem_id,
        sink=sink,
    )
    return row is not None


async def restore_dropped(tx: Transaction, problem_id: str, reason: str, now: int) -> None:
    """The reverse: what was dropped for this reason is owed again."""
    await tx.run(
        "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = :now, reason = NULL"
        " WHERE problem_id = :problem_id AND state = 'dropped' AND reason = :reason",
        problem_id=problem_id,
        reason=reason,
        now=now,
    )
