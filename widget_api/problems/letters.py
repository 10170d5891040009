"""Letters that a person asks for and no event causes: owed by the problem's first event, to a sink of their own."""

from __future__ import annotations

from widget_api.clock import new_id
from widget_api.database import Row, Transaction
from widget_api.deliveries.model import REQUESTED
from widget_api.problems.store import contacts, history
from widget_api.problems.submit import OTHER_LETTERS_A_DAY


async def enqueue_letter(
    tx: Transaction, received: Row, sink: str, now: int, *, lane: int = REQUESTED, leaves_at: int | None = None
) -> None:
    """Owe a letter once, or once more; while one is under way, asking again is asking once.

    `received` is the problem's first event: id, site_id, problem_id, position. The time grows with each asking, since
    the letter's Message-ID is made from it. `leaves_at` is where it has to wait.
    """
    await tx.run(
        "INSERT INTO deliveries"
        " (id, site_id, problem_id, event_id, position, sink, lane, opens, state, next_at, created_at)"
        " VALUES (:id, :site_id, :problem_id, :event_id, :position, :sink, :lane, FALSE, 'pending', :leaves_at, :now)"
        " ON CONFLICT (site_id, event_id, sink) DO UPDATE SET state = 'pending', attempts = 0, next_at = :leaves_at,"
        " reason = NULL,"
        " created_at = CASE WHEN deliveries.created_at < :now THEN :now ELSE deliveries.created_at + 1 END"
        " WHERE deliveries.state NOT IN ('pending', 'leased')",
        id=new_id(),
        site_id=received["site_id"],
        problem_id=received["problem_id"],
        event_id=received["id"],
        position=received["position"],
        sink=sink,
        lane=lane,
        leaves_at=now if leaves_at is None else leaves_at,
        now=now,
    )


async def ask_to_confirm(tx: Transaction, problem_id: str, sink: str, email: str, now: int) -> bool:
    """Owe a letter that is no news of a report, while the mailbox may have one today. False = none."""
    if await contacts.letters_today(tx, email, now) >= OTHER_LETTERS_A_DAY:
        return False
    await contacts.add_letter(tx, email, now)
    await enqueue_letter(tx, await history.received_event(tx, problem_id), sink, now)
    return True
