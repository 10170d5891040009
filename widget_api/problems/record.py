"""Writes one event of a problem: the log, the state it gives, the deliveries it causes. Every change ends here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from widget_api import clock, events
from widget_api.attachments.documents import service
from widget_api.database import Row, Transaction
from widget_api.deliveries import enqueue
from widget_api.errors import Conflict, NotFound, Refused
from widget_api.problems import deadline, merges, pictures, remote, routing
from widget_api.problems.deadline import AnswerPeriod
from widget_api.problems.model import OPEN, Actor, Photo, is_official, is_published_after, next_to_act
from widget_api.problems.routing import Situation
from widget_api.problems.store import circumstances, followers, history, records
from widget_api.sites.deadlines import answer_due, local_date
from widget_api.sites.model import DEFAULT_DEADLINE_DAYS


async def find_existing(tx: Transaction, site_id: str, problem_id: str) -> Row:
    """A problem that something is to happen to. Raises NotFound, or Conflict where it is erased."""
    problem = await records.full(tx, site_id, problem_id)
    if problem is None:
        raise NotFound("problem_not_found")
    if problem["erased_at"] is not None:
        raise Conflict("problem_erased")
    return problem


def check_own(problem: Row) -> None:
    """Raises Refused for a platform's own problem: it is shown here, and decided there."""
    if problem["mirror_of"] is not None:
        raise Refused("mirrored")


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
    photos: Sequence[Photo] = (),
    addresses: Sequence[str] = (),
) -> events.Event:
    """Append an event and what follows from it. `problem` is a row of records.full, read in this transaction.

    `born` is (id, time) of an event that happened elsewhere; one that happens here is later than all that is known of
    the problem's status, so that the greatest by (time, id) is the newest decision. `photos` and `addresses` (of
    pictures to be fetched) are what an event from elsewhere brings to be seen.
    """
    site_id, problem_id = problem["site_id"], problem["id"]
    data = dict(data or {})
    event_id, at = born or _next(problem, now)
    text_id = await history.add_text(tx, site_id, problem_id, text) if text else None
    if status == "reopened" and problem["mirror_of"] is None:  # what the resident is told from now on
        data["due"] = await _first_due(tx, problem, at)
    if responsible:
        data["responsible"] = await history.add_text(tx, site_id, problem_id, responsible)
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
    if photos:
        await pictures.attach(tx, site_id, problem_id, event_id, pictures.choose_role(kind, actor.kind), photos)
    await remote.owe(tx, event, counters.position, addresses, len(photos), now)
    changes: dict[str, Any] = {"awaits": next_to_act(problem["awaits"], kind)}
    if kind not in events.CONFIDENTIAL:  # the public sees when a problem was last updated
        changes["updated_at"] = now
    if status is not None:
        changes |= await _state(tx, problem)
        if changes["status_event"] == event_id:
            changes["spam"] = False
    if is_official(status, text, data):
        changes["has_answer"] = True
        changes["answered_at"] = min(problem["answered_at"] or at, at)
    await records.update(tx, problem_id, changes)
    if status == "withdrawn":
        await pictures.remove(tx, problem_id, now)
        await service.remove(tx, site_id, problem_id, now)
        await remote.forget(tx, problem_id, "withdrawn")
    published = bool(changes.get("published", problem["published"]))
    if problem["published"] and (not published or kind == "erased"):
        await followers.end(tx, event, counters.position, now)
        if actor.kind != "system":
            await _part(tx, problem, now)
    if routing.is_follower_news(event, published=published):
        await followers.schedule(tx, event, counters.position, now)
        await merges.enqueue_for_authors(tx, event, problem["number"], counters.position, now)
    for sink in routing.sinks(event, await read_situation(tx, problem, erasing=kind == "erased")):
        await enqueue.enqueue(
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


async def _part(tx: Transaction, problem: Row, now: int) -> None:
    """Open the reports again that were merged into one that was still open and is gone, each with a new deadline.

    Their authors are told, and nobody waits for an answer that will not come. One that the public never saw goes back
    to the moderator.
    """
    if problem["status"] not in OPEN:
        return
    for merged_id in await records.merged_into(tx, problem):
        merged_one = await find_existing(tx, problem["site_id"], merged_id)
        await record(
            tx,
            merged_one,
            Actor(kind="system"),
            kind="status",
            status="accepted" if merged_one["published"] else "moderation",
            data={"apart_from": problem["number"], "due": await _first_due(tx, merged_one, now)},
            now=now,
        )


def _next(problem: Row, now: int) -> tuple[str, int]:
    event_id, at = clock.new_id(), max(now, problem["status_at"])
    if (at, event_id) <= (problem["status_at"], problem["status_event"]):
        at += 1  # an imported event of this very second has a greater id
    return event_id, at


async def _state(tx: Transaction, problem: Row) -> dict[str, Any]:
    """What a problem looks like after all its status events in the order (time, id), however they came in.

    So equal sets of events give equal states, on this instance and on any other (architecture.md).
    """
    told = [row for row in await history.timeline(tx, problem["id"]) if row["status"] is not None]
    published, withdrawn, before, responsible = False, False, "moderation", None
    for row in told:
        published, before = is_published_after(published, before, row["status"]), row["status"]
        withdrawn = withdrawn or before == "withdrawn"  # the author's last word, whatever a platform says after it
        if before in ("forwarded", "redirected"):
            responsible = orjson.loads(row["data"]).get("responsible")
    last = told[-1]
    data = orjson.loads(last["data"])
    state = {
        "status": last["status"],
        "status_at": last["at"],
        "status_event": last["id"],
        "published": published and not withdrawn,
        "expected_on": data.get("expected_on") if last["status"] == "planned" else None,
        "responsible": await history.text(tx, responsible) if responsible else None,
        "duplicate_of": data.get("duplicate_of") if last["status"] == "duplicate" else None,
    }
    rounds, ours = await _rounds(tx, problem, told), problem["mirror_of"] is None
    first_due = rounds[-1].first_due if ours else problem["first_due"]
    return state | {
        "first_due": first_due,
        "answer_due": rounds[-1].planned or first_due,
        "answered_in_time": deadline.all_in_time(rounds) if ours else None,
    }


async def _rounds(tx: Transaction, problem: Row, told: Sequence[Row]) -> list[AnswerPeriod]:
    """The rounds of a report, from its status events in their order."""
    zone = await circumstances.time_zone(tx, problem["site_id"])
    undated = [row["id"] for row in told if _begins(row) and "due" not in orjson.loads(row["data"])]
    rounds: list[AnswerPeriod] = []
    for row in sorted(
        told, key=lambda row: row["kind"] != "received"
    ):  # what came from elsewhere may claim to be older
        data = orjson.loads(row["data"])
        if _begins(row):
            first_due = data.get("due")
            if first_due is None:  # written before events told it: of the newest round it is known all the same
                newest = row["id"] == undated[-1]
                first_due = problem["first_due"] if newest else await _first_due(tx, problem, row["at"])
            rounds.append(AnswerPeriod(first_due))
        if row["status"] == "planned":
            rounds[-1].planned = data.get("expected_on") or rounds[-1].planned
        if is_official(row["status"], row["text_id"], data):
            rounds[-1].answer(local_date(row["at"], zone))
    return rounds


def _begins(row: Row) -> bool:
    """A reopening, and a report that stands by itself again, begin the deadline anew."""
    return bool(row["kind"] == "received" or row["status"] == "reopened" or "apart_from" in orjson.loads(row["data"]))


async def _first_due(tx: Transaction, problem: Row, at: int) -> str:
    """By when a round that begins at that moment is to be answered."""
    days, zone = await circumstances.working_days(tx, problem["site_id"], problem["category"])
    return answer_due(at, days or DEFAULT_DEADLINE_DAYS, zone)


async def read_situation(tx: Transaction, problem: Row, *, erasing: bool = False) -> Situation:
    """What the gate needs to know, read in this transaction."""
    return Situation(
        source=problem["source"],
        released=problem["released_at"] is not None,
        spam=bool(problem["spam"]),
        has_email=bool(problem["has_email"]),
        confirmed=problem["confirmed_at"] is not None,
        stopped=problem["stopped_at"] is not None,
        agency_by_mail=await circumstances.agency_by_mail(tx, problem["site_id"]),
        platforms=await circumstances.platforms_of(tx, problem["site_id"]),
        informed=await circumstances.platforms_that_know(tx, problem["id"]) if erasing else (),
        mirrored=problem["mirror_of"] is not None,
    )


async def release(tx: Transaction, site_id: str, problem_id: str, now: int) -> None:
    """Let the report leave for the platforms and the agency's mailbox; releasing twice is releasing once."""
    problem = await records.full(tx, site_id, problem_id)
    if problem is None or problem["released_at"] is not None:
        return
    await records.update(tx, problem_id, {"released_at": now})
    row = await history.received_event(tx, problem_id)
    for sink in routing.on_release(events.from_row(row), await read_situation(tx, problem)):
        await enqueue.enqueue(
            tx,
            site_id=site_id,
            problem_id=problem_id,
            event_id=row["id"],
            position=row["position"],
            sink=sink,
            opens=True,
            now=now,
        )
