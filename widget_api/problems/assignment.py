"""Assign reports to subordinate services and to people, and record what a service does with them.

The public sees one agency, its date, and the name of the service that works (the event `forwarded`). What passes
between agency and service is recorded as internal events (`events.INTERNAL`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from widget_api import clock, events
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import enqueue, sinks
from widget_api.errors import Conflict, FieldError, Invalid, Refused
from widget_api.problems import notices, pictures
from widget_api.problems.model import OPEN, Actor, Photo
from widget_api.problems.record import find_existing, record
from widget_api.problems.store import history, records
from widget_api.sites import routing_rules
from widget_api.sites.kinds import kind_of
from widget_api.sites.routing_rules import Rule, Service
from widget_api.validation import check_length

LONGEST_TEXT = 4000  # characters of a service's report or reason
SYSTEM = Actor(kind="system")


async def find_service(tx: Transaction, site_id: str, agency_id: str) -> Service:
    """Find the service a report is forwarded to. Raises Invalid («service») if it is not below the site's agency."""
    service = await routing_rules.find_service(tx, site_id, agency_id)
    if service is None:
        raise Invalid((FieldError("service", "unknown"),))
    return service


async def find_rule(tx: Transaction, problem: Row) -> Rule | None:
    """The rule that applies when this report is taken up; None also for a platform's own and for an earlier one."""
    if problem["mirror_of"] is not None or problem["status"] != "moderation":
        return None
    return await routing_rules.find_rule(tx, problem["site_id"], problem["category"], problem["lat"], problem["lng"])


async def find_taker(tx: Transaction, problem: Row, actor: Actor) -> str | None:
    """The person who takes this report into work and so looks after it; None where somebody does already.

    The people of the service that works on it, and the operator, look after nothing of the agency's.
    """
    if actor.kind != "agent" or actor.user_id is None or problem["assigned_user"] is not None:
        return None
    user = await tx.row("SELECT agency_id FROM users WHERE id = :id", id=actor.user_id)
    return actor.user_id if user is not None and user["agency_id"] != problem["assigned_agency"] else None


async def apply_rule(
    tx: Transaction, site_id: str, problem_id: str, rule: Rule, now: int, *, news: bool = True
) -> None:
    """Forward a report that is taken up, in the same transaction. Without `news` its author gets no letter of it."""
    problem = await find_existing(tx, site_id, problem_id)
    event = await record(
        tx,
        problem,
        SYSTEM,
        kind="status",
        status="forwarded",
        responsible=rule.service.name,
        data={"service": rule.service.id},
        now=now,
        news=news,
    )
    due = None
    if rule.days is not None:
        due = (await history.calendar(tx, site_id)).answer_due(now, rule.days)
    await assign_service(tx, event, rule.service, due=due, user_id=rule.user_id, now=now)


async def assign_service(
    tx: Transaction,
    event: events.Event,
    service: Service,
    *,
    now: int,
    due: str | None = None,
    user_id: str | None = None,
) -> None:
    """Assign a report to a service by the event that forwarded it; enqueue the service's letter, tell the people.

    A report of a test has the service's name alone: the service would take it for a real one.
    """
    if kind_of((await history.find_site(tx, event.site_id))["slug"]) == "test":
        return
    columns = {"assigned_agency": service.id, "assigned_due": due, "service_outcome": None}
    await records.update(tx, event.problem_id, columns | ({"assigned_user": user_id} if user_id else {}))
    event = replace(event, position=(await events.advance(tx, event.site_id)).position)
    await enqueue.enqueue_event(tx, event, sinks.SERVICE + service.id, now)
    await notices.notify(tx, "assigned", event, now=now, agency_id=service.id)
    if user_id:
        await notices.notify(tx, "assigned", event, now=now, only=user_id)


async def assign_user(database: Database, actor: Actor, site_id: str, problem_id: str, user_id: str | None) -> None:
    """Record who looks after a report; None: nobody. The caller checks the user. Raises NotFound, Conflict."""

    async def work(tx: Transaction) -> None:
        problem = await find_existing(tx, site_id, problem_id)
        if problem["assigned_user"] == user_id:
            return
        await records.update(tx, problem_id, {"assigned_user": user_id})
        await record(tx, problem, actor, kind="assigned", data={"user": user_id}, now=clock.now())

    await database.write(work, site_id)


async def report_work(
    database: Database,
    actor: Actor,
    site_id: str,
    problem_id: str,
    service_id: str,
    text: str,
    photos: Sequence[Photo] = (),
) -> None:
    """Record that the service has done the work, with the draft of the answer and photos.

    Raises Invalid («text»), Conflict (assigned elsewhere meanwhile, or erased), Refused (closed), NotFound.
    """
    await _record_outcome(database, actor, site_id, problem_id, service_id, "reported", text, photos)


async def return_report(
    database: Database, actor: Actor, site_id: str, problem_id: str, service_id: str, reason: str
) -> None:
    """Return a report to the agency with a reason, after which the service no longer sees it.

    Raises Invalid («return_reason»), else as `report_work`.
    """
    await _record_outcome(database, actor, site_id, problem_id, service_id, "returned", reason)


async def _record_outcome(
    database: Database,
    actor: Actor,
    site_id: str,
    problem_id: str,
    service_id: str,
    outcome: str,
    text: str,
    photos: Sequence[Photo] = (),
) -> None:
    name, text = ("work_text" if outcome == "reported" else "return_reason"), text.strip()
    check_length(name, text, LONGEST_TEXT)
    kind, now = ("work_reported" if outcome == "reported" else "assignment_returned"), clock.now()

    async def work(tx: Transaction) -> None:
        problem = await find_existing(tx, site_id, problem_id)
        if problem["assigned_agency"] != service_id:
            raise Conflict("problem_changed")
        if problem["status"] not in OPEN:
            raise Refused("transition_not_allowed", status=problem["status"], to=problem["status"])
        data = {"service": service_id} | ({"photos": len(photos)} if photos else {})
        event = await record(tx, problem, actor, kind=kind, text=text, data=data, now=now)
        await pictures.attach(tx, site_id, problem_id, event.id, "work", photos)
        ended = {"assigned_agency": None, "assigned_due": None} if outcome == "returned" else {}
        await records.update(tx, problem_id, {"service_outcome": outcome} | ended)

    await database.write(work, site_id)
