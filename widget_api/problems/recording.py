"""Writes one event of a problem: the log, the state it gives, the deliveries it causes. Every change ends here."""

from __future__ import annotations

from typing import Any

from widget_api import clock, deliveries, events
from widget_api.database import Row, Transaction
from widget_api.problems import gate, store
from widget_api.problems.gate import Situation
from widget_api.problems.model import ANSWERS, Actor, published_after


async def record(
    tx: Transaction,
    problem: Row,
    actor: Actor,
    *,
    kind: str,
    now: int,
    status: str | None = None,
    text: str | None = None,
    responsible: str | None = None,
    data: dict[str, Any] | None = None,
    born: tuple[str, int] | None = None,
) -> events.Event:
    """Append an event and what follows from it. `problem` is a row of store.full, read in this transaction.

    `born` is (id, time) of an event that happened elsewhere; one that happens here is later than all that is known of
    the problem's status, so that the greatest by (time, id) is the newest decision.
    """
    site_id, problem_id = problem["site_id"], problem["id"]
    data = dict(data or {})
    event_id, at = born or _next(problem, now)
    text_id = await store.add_text(tx, site_id, problem_id, text) if text else None
    if responsible:
        data["responsible"] = await store.add_text(tx, site_id, problem_id, responsible)
    counters = await events.advance(tx, site_id, events=1)
    event = events.Event(
        id=event_id,
        site_id=site_id,
        problem_id=problem_id,
        kind=kind,
        at=at,
        actor=actor.kind,
        status=status,
        user_id=actor.user_id,
        source=actor.source,
        text_id=text_id,
        data=data,
    )
    await events.append(tx, event, counters.position)
    changes: dict[str, Any] = {"updated_at": now}
    if status is not None and (at, event_id) > (problem["status_at"], problem["status_event"]):
        changes |= _state(problem, event, responsible)
    if text and status in ANSWERS:
        changes["has_answer"] = True
    await store.update(tx, problem_id, changes)
    for sink in gate.sinks(event, await situation_of(tx, problem)):
        await deliveries.schedule(
            tx,
            site_id=site_id,
            problem_id=problem_id,
            event_id=event_id,
            position=counters.position,
            sink=sink,
            opens=False,
            now=now,
        )
    return event


def _next(problem: Row, now: int) -> tuple[str, int]:
    event_id, at = clock.new_id(), max(now, problem["status_at"])
    if (at, event_id) <= (problem["status_at"], problem["status_event"]):
        at += 1  # an imported event of this very second has a greater id
    return event_id, at


def _state(problem: Row, event: events.Event, responsible: str | None) -> dict[str, Any]:
    """What the problem looks like when this is its newest status event."""
    status = event.status
    assert status is not None
    return {
        "status": status,
        "status_at": event.at,
        "status_event": event.id,
        "published": published_after(bool(problem["published"]), problem["status"], status),
        "expected_on": event.data.get("expected_on") if status == "planned" else None,
        "responsible": responsible if status in ("forwarded", "redirected") else problem["responsible"],
        "duplicate_of": event.data.get("duplicate_of") if status == "duplicate" else None,
        "spam": False,
    }


async def situation_of(tx: Transaction, problem: Row) -> Situation:
    """What the gate needs to know, read in this transaction."""
    return Situation(
        source=problem["source"],
        released=problem["released_at"] is not None,
        spam=bool(problem["spam"]),
        has_email=bool(problem["has_email"]),
        confirmed=problem["confirmed_at"] is not None,
        stopped=problem["stopped_at"] is not None,
        agency_by_mail=await store.agency_by_mail(tx, problem["site_id"]),
        platforms=await store.platforms_of(tx, problem["site_id"]),
    )


async def release(tx: Transaction, site_id: str, problem_id: str, now: int) -> None:
    """Let the report leave for the platforms and the agency's mailbox; releasing twice is releasing once."""
    problem = await store.full(tx, site_id, problem_id)
    if problem is None or problem["released_at"] is not None:
        return
    await store.update(tx, problem_id, {"released_at": now})
    row = await store.received_event(tx, problem_id)
    for sink in gate.on_release(events.from_row(row), await situation_of(tx, problem)):
        await deliveries.schedule(
            tx,
            site_id=site_id,
            problem_id=problem_id,
            event_id=row["id"],
            position=row["position"],
            sink=sink,
            opens=True,
            now=now,
        )
