"""Enqueue letters that a person requested and no event causes: by the problem's first event, each with its own sink."""

from __future__ import annotations

from widget_api.clock import new_id
from widget_api.database import Row, Transaction
from widget_api.deliveries.model import REQUESTED
from widget_api.problems.store import contacts, history
from widget_api.problems.submit import OTHER_LETTERS_A_DAY


async def enqueue_letter(
    tx: Transaction, received: Row, sink: str, now: int, *, priority: int = REQUESTED, leaves_at: int | None = None
) -> None:
    """Enqueue a letter, also one that was sent before; does nothing while the same letter is pending or being sent.

    `received` is the problem's first event: id, site_id, problem_id, position. `created_at` grows with each request,
    since the letter's Message-ID is made from it. `leaves_at` is the earliest time of sending (Unix time).
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
        lane=priority,
        leaves_at=now if leaves_at is None else leaves_at,
        now=now,
    )


async def enqueue_limited_letter(tx: Transaction, problem_id: str, sink: str, email: str, now: int) -> bool:
    """Enqueue a letter that a stranger may have caused. False if the mailbox has reached its daily limit."""
    if await contacts.letters_today(tx, email, now) >= OTHER_LETTERS_A_DAY:
        return False
    await contacts.add_letter(tx, email, now)
    await enqueue_letter(tx, await history.received_event(tx, problem_id), sink, now)
    return True
