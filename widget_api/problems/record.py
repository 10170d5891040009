"""Write an event of a problem: the log, the resulting state, the deliveries it causes. Every change goes through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson

from widget_api import clock, events
from widget_api.attachments.documents import service
from widget_api.database import Row, Transaction
from widget_api.deliveries import enqueue
from widget_api.deliveries.model import UNPUBLISHED
from widget_api.errors import Conflict, NotFound, Refused
from widget_api.problems import deadline, merges, notices, pictures, remote_pictures, routing
from widget_api.problems.deadline import AnswerPeriod
from widget_api.problems.model import OPEN, Actor, Photo, is_official, is_published_after, next_to_act
from widget_api.problems.routing import Situation
from widget_api.problems.store import followers, history, records
from widget_api.sites.deadlines import NO_DUE_DATE
from widget_api.sites.kinds import kind_of
from widget_api.sites.model import DEFAULT_DEADLINE_DAYS


async def find_existing(tx: Transaction, site_id: str, problem_id: str, *, seen: str | None = None) -> Row:
    """Read a problem that is to be changed. Raises NotFound, Conflict if it is erased.

    `seen` is the status event the actor was looking at. Raises Conflict if the status has changed since.
    """
    problem = await records.full(tx, site_id, problem_id)
    if problem is None:
        raise NotFound("problem_not_found")
    if problem["erased_at"] is not None:
        raise Conflict("problem_erased")
    if seen is not None and problem["status_event"] != seen:
        raise Conflict("problem_changed")
    return problem


def check_own(problem: Row) -> None:
    """Raise Refused for a platform's own problem, which is decided there."""
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
    news: bool = True,
) -> events.Event:
    """Append an event and update state and deliveries. `problem` is a row of records.full, read in this transaction.

    `born` is (id, time) of an event of another system. An event of this one gets a time later than the problem's newest
    status event, so that the greatest by (time, id) is the newest decision. `photos` and `addresses` (URLs of pictures
    to fetch) come with events of other systems. Without `news` neither the author nor followers get a letter, because
    the caller records another event that says more.
    """
    site_id, problem_id = problem["site_id"], problem["id"]
    data = dict(data or {})
    event_id, at = born or _next_event(problem, now)
    text_id = await history.add_text(tx, site_id, problem_id, text) if text else None
    if status == "reopened" and problem["mirror_of"] is None:  # the due date shown from now on
        data["due"] = await _first_due(tx, problem, at)
    if status is not None and not problem["published"] and is_published_after(False, problem["status"], status):
        data["publishes"] = True  # platforms that have the report get it anew, as it is when it is sent
    if responsible:
        data["responsible"] = await history.add_text(tx, site_id, problem_id, responsible)
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
        position=(await events.advance(tx, site_id, events=1)).position,
        data=data,
    )
    await events.append(tx, event)
    if photos:
        await pictures.attach(tx, site_id, problem_id, event_id, pictures.choose_role(kind, actor.kind), photos)
    await remote_pictures.enqueue_pictures(tx, event, addresses, len(photos), now)
    changes: dict[str, Any] = {"awaits": next_to_act(problem["awaits"], kind)}
    if kind not in events.CONFIDENTIAL:  # the public sees when a problem was last updated
        changes["updated_at"] = now
    if status is not None:
        changes |= await _state(tx, problem)
        if changes["status_event"] == event_id:
            changes["spam"] = False
            if status == "reopened":  # a new round begins, for the service as well
                changes["assigned_due"] = None
    elif problem["mirror_of"] is None and (kind in ("asked", "clarified") or _announced_date(kind, status, data)):
        changes["answer_due"] = (await _rounds(tx, problem, await history.timeline(tx, problem["id"])))[-1].due
    if is_official(status, text, data):
        changes["has_answer"] = True
        if problem["answered_at"] is None or at < problem["answered_at"]:
            changes["answered_outside"] = bool(data.get("outside"))
        changes["answered_at"] = min(problem["answered_at"] or at, at)
    await records.update(tx, problem_id, changes)
    if status == "withdrawn":
        await pictures.remove(tx, problem_id, now)
        await service.remove(tx, site_id, problem_id, now)
        await remote_pictures.forget(tx, problem_id, "withdrawn")
    published = bool(changes.get("published", problem["published"]))
    if published and not problem["published"]:
        await enqueue.restore_dropped(tx, problem_id, UNPUBLISHED, now)
    if problem["published"] and (not published or kind == "erased"):
        await followers.end(tx, event, now)
        if actor.kind != "system":
            await _unmerge(tx, problem, now)
    if news and routing.is_follower_news(event, published=published):
        await followers.schedule(tx, event, now)
        await merges.enqueue_for_authors(tx, event, problem["number"], now)
    for sink in routing.sinks(event, await read_situation(tx, problem, kind), news=news):
        await enqueue.enqueue_event(tx, event, sink, now)
    await notices.notify_event(tx, event, problem, now)
    return event


async def _unmerge(tx: Transaction, problem: Row, now: int) -> None:
    """Reopen the reports that were merged into an open problem which is now gone, each with a new deadline.

    Their authors get a letter, since nobody will answer the problem they were merged into. Reports that were never
    published go back to moderation.
    """
    if problem["status"] not in OPEN:
        return
    for merged_id in await records.list_merged(tx, problem):
        merged = await find_existing(tx, problem["site_id"], merged_id)
        await record(
            tx,
            merged,
            Actor(kind="system"),
            kind="status",
            status="accepted" if merged["published"] else "moderation",
            data={"apart_from": problem["number"], "due": await _first_due(tx, merged, now)},
            now=now,
        )


def _next_event(problem: Row, now: int) -> tuple[str, int]:
    """Return id and time of an event that sorts after the problem's newest status event."""
    event_id, at = clock.new_id(), max(now, problem["status_at"])
    if (at, event_id) <= (problem["status_at"], problem["status_event"]):
        at += 1  # an imported event of the same second has a greater id
    return event_id, at


async def _state(tx: Transaction, problem: Row) -> dict[str, Any]:
    """Compute the state of a problem from its status events in the order (time, id), whenever they arrived.

    Equal sets of events therefore give equal states, on this instance and on any other (architecture.md).
    """
    rows = await history.timeline(tx, problem["id"])
    decisions = [row for row in rows if row["status"] is not None]
    published, withdrawn, before, responsible = False, False, "moderation", None
    reactions = [row["at"] for row in decisions if _is_reaction(row)]
    for row in decisions:
        published, before = is_published_after(published, before, row["status"]), row["status"]
        withdrawn = withdrawn or before == "withdrawn"  # final, even if a platform reports another status later
        if before in ("forwarded", "redirected"):
            responsible = orjson.loads(row["data"]).get("responsible")
    last = decisions[-1]
    data = orjson.loads(last["data"])
    state = {
        "status": last["status"],
        "status_at": last["at"],
        "status_event": last["id"],
        "published": published and not withdrawn,
        "counted": published and not withdrawn,
        "reacted_at": min(reactions, default=None),
        "returns": orjson.dumps([row["at"] for row in decisions if row["status"] == "reopened"]).decode(),
        "expected_on": data.get("expected_on") if last["status"] == "planned" else None,
        "responsible": await history.text(tx, responsible) if responsible else None,
        "duplicate_of": data.get("duplicate_of") if last["status"] == "duplicate" else None,
        "rejection": data.get("reason") if last["status"] == "rejected" else None,
    }
    rounds, ours = await _rounds(tx, problem, rows), problem["mirror_of"] is None
    return state | {
        "first_due": rounds[-1].first_due if ours else problem["first_due"],
        "answer_due": rounds[-1].due,
        "answered_in_time": deadline.all_in_time(rounds) if ours else None,
    }


async def _rounds(tx: Transaction, problem: Row, rows: Sequence[Row]) -> list[AnswerPeriod]:
    """Compute the rounds of a report from its events in their order."""
    calendar = await history.calendar(tx, problem["site_id"])
    undated = [row["id"] for row in rows if _begins_round(row) and "due" not in orjson.loads(row["data"])]
    rounds: list[AnswerPeriod] = []
    # `received` first: events of other systems may be dated before it.
    for row in sorted(rows, key=lambda row: row["kind"] != "received"):
        data, day = orjson.loads(row["data"]), calendar.local_date(row["at"])
        if _begins_round(row):
            first_due = data.get("due")
            if first_due is None:  # events of earlier versions have no `due`; that of the newest round is in the row
                newest = row["id"] == undated[-1]
                first_due = problem["first_due"] if newest else await _first_due(tx, problem, row["at"])
            rounds.append(AnswerPeriod(first_due))
        if data.get("pauses"):  # a question that reached its author
            rounds[-1].pause(day, calendar)
        elif row["kind"] == "clarified" or row["status"] is not None:
            rounds[-1].resume(day, calendar)
        promised = _announced_date(row["kind"], row["status"], data)
        if promised and promised <= (day + timedelta(days=deadline.MAX_YEARS * 366)).isoformat():
            rounds[-1].promise(promised)
        if is_official(row["status"], row["text_id"], data):
            rounds[-1].answer(day)
    return rounds


def _announced_date(kind: str, status: str | None, data: Mapping[str, Any]) -> str | None:
    """The date by which the agency promises the answer: of planned work, or of an extension (a note with a date)."""
    announces = (status == "planned" or kind == "note") and not data.get("unofficial")
    return data.get("expected_on") if announces else None


def _is_reaction(row: Row) -> bool:
    """Whether an event is a decision of the agency, by whomever it was made."""
    by_agency = row["kind"] == "status" and row["actor"] in ("agent", "operator", "platform")
    return by_agency and not orjson.loads(row["data"]).get("unofficial")


def _begins_round(row: Row) -> bool:
    """Whether a new deadline begins with an event: receipt, a reopening, or the end of a merge."""
    return bool(row["kind"] == "received" or row["status"] == "reopened" or "apart_from" in orjson.loads(row["data"]))


async def _first_due(tx: Transaction, problem: Row, at: int) -> str:
    """Return the due date of a round that begins at `at`; none where none was promised before."""
    if problem["first_due"] == NO_DUE_DATE and problem["mirror_of"] is None:
        return NO_DUE_DATE
    category = await history.find_category(tx, problem["site_id"], problem["category"])
    days = category["deadline_days"] if category is not None else None
    return (await history.calendar(tx, problem["site_id"])).answer_due(at, days or DEFAULT_DEADLINE_DAYS)


async def read_situation(tx: Transaction, problem: Row, kind: str = "") -> Situation:
    """Read the state that routing of an event of this kind depends on."""
    site = await history.find_site(tx, problem["site_id"])
    return Situation(
        source=problem["source"],
        released=problem["released_at"] is not None,
        spam=bool(problem["spam"]),
        has_email=bool(problem["has_email"]),
        confirmed=problem["confirmed_at"] is not None,
        stopped=problem["stopped_at"] is not None,
        agency_by_mail=site["mode"] == "email" and kind_of(site["slug"]) != "test",
        platforms=await history.list_platforms(tx, problem["site_id"]),
        informed=await history.list_informed_platforms(tx, problem["id"]) if kind in routing.INFORMED else (),
        service=problem["assigned_agency"],
        mirrored=problem["mirror_of"] is not None,
    )


async def release(tx: Transaction, site_id: str, problem_id: str, now: int) -> None:
    """Send the report to the platforms and the agency's mailbox. Idempotent."""
    problem = await records.full(tx, site_id, problem_id)
    if problem is None or problem["released_at"] is not None:
        return
    await records.update(tx, problem_id, {"released_at": now})
    received = await history.find_received(tx, problem_id)
    for sink in routing.on_release(received, await read_situation(tx, problem)):
        await enqueue.enqueue_event(tx, received, sink, now, opens=True)
