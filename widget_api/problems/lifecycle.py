"""A problem's life after its submission: confirm, accept, change, mark as spam, erase.

Each is one transaction: problem, event, deliveries.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date, timedelta

from widget_api import clock, events
from widget_api.attachments.documents import service as documents
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import enqueue, sinks
from widget_api.deliveries.model import NEWS, SPAM
from widget_api.errors import Conflict, FieldError, Invalid, NotFound, Refused
from widget_api.problems import assignment, content, merges, pictures, traces
from widget_api.problems.deadline import MAX_YEARS
from widget_api.problems.model import MAY_SEND, NEEDS, REOPEN_DAYS, TAKEN_UP, Actor, Change, Update, allowed
from widget_api.problems.record import check_own, find_existing, record, release
from widget_api.problems.store import contacts, followers, history, records
from widget_api.problems.support import copy_to
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date

Along = Callable[[Transaction, str], Awaitable[None]]  # called with the event's id in the event's transaction
LONGEST_TEXT = 10_000  # characters
CLOCK_DRIFT = clock.DAY  # seconds; an event dated later counts as new, or it would outrank every decision made here


async def confirm(database: Database, site_id: str, problem_id: str) -> bool:
    """Record that the author confirmed the address, and release the report. False if it was confirmed before."""
    now = clock.now()

    async def work(tx: Transaction) -> bool:
        problem = await find_existing(tx, site_id, problem_id)
        if not await contacts.confirm(tx, problem_id, now):
            return False
        await contacts.count_author(tx, problem_id)
        await records.update(tx, problem_id, {"decidable_at": now})
        await record(tx, problem, Actor(kind="resident"), kind="confirmed_email", now=now)
        await _release(tx, site_id, problem_id, now)
        return True

    return await database.write(work, site_id)


async def _release(tx: Transaction, site_id: str, problem_id: str, now: int) -> None:
    """Release a confirmed report and, if the site moderates afterwards, publish it. Spam is not released."""
    problem = await find_existing(tx, site_id, problem_id)
    if problem["spam"] or problem["status"] != "moderation":
        return
    if (await history.find_site(tx, site_id))["moderation"] == "after":
        await accept(tx, assignment.SYSTEM, site_id, problem_id, now)
    else:
        await release(tx, site_id, problem_id, now)


async def accept(tx: Transaction, actor: Actor, site_id: str, problem_id: str, now: int) -> None:
    """Release a report in moderation and publish it, forwarded where a rule says so."""
    await release(tx, site_id, problem_id, now)
    problem = await find_existing(tx, site_id, problem_id)
    rule = await assignment.find_rule(tx, problem)
    await record(tx, problem, actor, kind="status", status="accepted", now=now, news=rule is None)
    if rule is not None:
        await assignment.apply_rule(tx, site_id, problem_id, rule, now)


async def mark_spam(database: Database, actor: Actor, site_id: str, problem_id: str, spam: bool) -> None:
    """Mark a report in moderation as spam, or remove the mark.

    A marked report causes neither mail nor deliveries; platforms that have it are informed. Raises Refused if the
    report is past moderation, Conflict if it is erased, NotFound.
    """
    now = clock.now()

    async def work(tx: Transaction) -> None:
        problem = await find_existing(tx, site_id, problem_id)
        check_own(problem)
        if problem["status"] != "moderation":
            raise Refused("spam_only_in_moderation")
        if bool(problem["spam"]) == spam:
            return
        await records.update(tx, problem_id, {"spam": spam})
        if spam:
            await enqueue.drop_for_problem(tx, problem_id, "%", SPAM, keep=sinks.WIDER)
        else:
            await enqueue.restore_dropped(tx, problem_id, SPAM, now)
        problem = await find_existing(tx, site_id, problem_id)
        await record(tx, problem, actor, kind="spam" if spam else "unspam", now=now)
        if not spam and problem["confirmed_at"] is not None:
            await _release(tx, site_id, problem_id, now)

    await database.write(work, site_id)


async def change(
    database: Database,
    actor: Actor,
    site_id: str,
    problem_id: str,
    wish: Change,
    *,
    seen: str | None = None,
    along: Along | None = None,
) -> str:
    """Move a problem to another status; return the event's id. `along` is called in the same transaction.

    `seen` is the status event the actor was looking at. Raises Refused if the transition table does not allow it,
    Invalid if something the status needs is missing, Conflict if the status has changed since `seen` or the problem is
    erased, NotFound.
    """
    now = clock.now()

    async def work(tx: Transaction) -> str:
        problem = await find_existing(tx, site_id, problem_id, seen=seen)
        check_own(problem)
        await _check(tx, actor, problem, wish, now)
        in_place = problem["status"] == "moderation" and await _is_in_place(tx, actor, site_id)
        if in_place and problem["spam"]:  # which is the agency's decision
            raise Conflict("problem_changed")
        if actor.kind != "resident":  # a moderator's decision removes a spam mark and releases the report
            if problem["spam"]:
                await records.update(tx, problem_id, {"spam": False})
                await enqueue.restore_dropped(tx, problem_id, SPAM, now)
            await release(tx, site_id, problem_id, now)
            problem = await find_existing(tx, site_id, problem_id)
        data = {
            "expected_on": wish.expected_on,
            "duplicate_of": wish.duplicate_of,
            "reason": wish.reason,
            "photos": len(wish.photos) + (await pictures.count_work(tx, problem_id) if wish.work_photos else 0) or None,
            "documents": len(wish.documents) or None,
            "service": wish.service,
            "outside": wish.outside or None,
            "in_place": in_place or None,
        }
        service = await assignment.find_service(tx, site_id, wish.service) if wish.service else None
        rule = await assignment.find_rule(tx, problem) if wish.to in TAKEN_UP else None
        takes = wish.to == "in_progress" or (wish.to == "planned" and problem["status"] == "moderation")
        taker = await assignment.find_taker(tx, problem, actor) if takes else None
        if rule is not None and taker is not None:
            rule = replace(rule, user_id=None)
        if rule is not None and wish.to == "planned":  # first, since the report stays planned, with its date
            # The date announced is the service's as well: the rule's days would have it overdue long before.
            await assignment.apply_rule(tx, site_id, problem_id, replace(rule, days=None), now, news=False)
            problem, rule = await find_existing(tx, site_id, problem_id), None
        event = await record(
            tx,
            problem,
            actor,
            kind="status",
            status=wish.to,
            text=wish.text,
            responsible=service.name if service else wish.responsible,
            data={name: value for name, value in data.items() if value is not None},
            now=now,
            news=rule is None or in_place,  # the author is told who decided
        )
        await pictures.attach(
            tx, site_id, problem_id, event.id, pictures.choose_role("status", actor.kind), wish.photos
        )
        await documents.attach(tx, site_id, problem_id, event.id, wish.documents)
        await documents.attach(tx, site_id, problem_id, event.id, wish.internal_documents, internal=True)
        if wish.work_photos:
            await pictures.publish_work(tx, problem_id, event.id)
        if actor.kind != "resident":
            elsewhere = {"assigned_agency": None, "assigned_due": None} if wish.to == "forwarded" else {}
            await records.update(tx, problem_id, {"service_outcome": None} | elsewhere)
        if service is not None:
            await assignment.assign_service(tx, event, service, due=wish.service_due, now=now)
        if taker is not None:
            await records.update(tx, problem_id, {"assigned_user": taker})
        if rule is not None:
            await assignment.apply_rule(tx, site_id, problem_id, rule, now)
        if wish.duplicate_of is not None and wish.to == "duplicate":
            target = await merges.find_target(tx, site_id, wish.duplicate_of)
            await copy_to(tx, problem, target)
            await followers.copy_to(tx, problem["id"], target["id"], clock.now())
        if along is not None:
            await along(tx, event.id)
        return event.id

    return await database.write(work, site_id)


async def _is_in_place(tx: Transaction, actor: Actor, site_id: str) -> bool:
    """Whether an actor decides in the place of the agency: an operator about a site that its agency moderates."""
    return actor.kind == "operator" and (await history.find_site(tx, site_id))["moderator"] != "operator"


async def check_change(database: Database, actor: Actor, site_id: str, problem_id: str, wish: Change) -> None:
    """Raise what `change` would raise now, apart from a conflict. Nothing is changed."""

    async def work(tx: Transaction) -> None:
        await _check(tx, actor, await find_existing(tx, site_id, problem_id), wish, clock.now())

    await database.write(work, site_id)


async def _check(tx: Transaction, actor: Actor, problem: Row, wish: Change, now: int) -> None:
    if wish.to not in allowed(actor.kind, problem["status"]):
        raise Refused("transition_not_allowed", status=problem["status"], to=wish.to)
    if wish.to == "reopened" and now > problem["status_at"] + REOPEN_DAYS * clock.DAY:
        raise Refused("reopening_too_late", days=REOPEN_DAYS)
    needs = [name for name in NEEDS.get(wish.to, ()) if not (name == "responsible" and wish.service)]
    wrong = [FieldError(name, "required") for name in needs if not getattr(wish, name)]
    if (wish.photos or wish.documents) and not wish.text and not any(error.field == "text" for error in wrong):
        wrong.append(FieldError("text", "text_with_files"))
    if wish.text and len(wish.text) > LONGEST_TEXT:
        wrong.append(FieldError("text", "too_long", (("max", LONGEST_TEXT),)))
    bare = wish.to == "resolved" and not wish.photos
    if bare and wish.work_photos:
        bare = not await pictures.count_work(tx, problem["id"])
    category = await history.find_category(tx, problem["site_id"], problem["category"]) if bare else None
    if category is not None and category["photo_after"]:
        wrong.append(FieldError("photos", "photo_after"))
    for name in ("expected_on", "service_due"):
        if day := getattr(wish, name):
            wrong += _wrong_date(name, day, (await history.find_site(tx, problem["site_id"]))["time_zone"], now)
    if wish.duplicate_of:
        other = await records.by_number(tx, problem["site_id"], wish.duplicate_of)
        if other is None or other["id"] == problem["id"] or not other["published"]:
            wrong.append(FieldError("duplicate_of", "unknown_number"))
        elif (await merges.find_target(tx, problem["site_id"], wish.duplicate_of))["id"] == problem["id"]:
            wrong.append(FieldError("duplicate_of", "merged_here"))
    if wrong:
        raise Invalid(tuple(wrong))


def _wrong_date(name: str, text: str, zone: str, now: int) -> list[FieldError]:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return [FieldError(name, "date")]
    today = local_date(now, zone)
    if day > today + timedelta(days=MAX_YEARS * 365):
        return [FieldError(name, "date")]
    return [FieldError(name, "date_past")] if day < today else []


async def import_update(database: Database, actor: Actor, site_id: str, problem_id: str, update: Update) -> bool:
    """Import an event that happened in another system; False if it is known already, so repeats are harmless.

    `actor.kind` is the sender's role (platform or source), `actor.source` its id. An event from a sender that does not
    speak for the site's agency is marked as unofficial and shown under the sender's name, even if it names another
    actor. Raises Refused if the sender may not set that status, NotFound, Conflict if the problem is erased.
    """
    now = clock.now()
    site = await sites.by_id(database, site_id) if update.content is not None else None
    if update.status is not None and update.status not in MAY_SEND[actor.kind]:
        raise Refused("status_not_yours", status=update.status)

    async def work(tx: Transaction) -> bool:
        if await events.exists(tx, site_id, update.id):
            return False
        problem = await find_existing(tx, site_id, problem_id)
        at = update.at if update.at <= now + CLOCK_DRIFT else now
        if update.here:  # make it the newest event, like a decision made here
            at = max(now, problem["status_at"])
            at += (at, update.id) <= (problem["status_at"], problem["status_event"])
        born = (update.id, at)
        speaks = actor.source is not None and await history.speaks_for_agency(tx, site_id, actor.source)
        official = speaks and not update.unofficial
        believed = update.actor if speaks or update.actor == "resident" else None
        acted = Actor(kind=believed or actor.kind, source=actor.source)
        if update.erased:
            await _erase(tx, problem, acted, now, born)
            return True
        # A report withdrawn before its release is never released, whatever other systems report about it.
        if update.status not in (None, "moderation", "withdrawn") and problem["status"] != "withdrawn":
            await release(tx, site_id, problem_id, now)
            problem = await find_existing(tx, site_id, problem_id)
        corrected = list[str]()
        # Only the system that the author reported to says what the report is.
        if site is not None and update.content is not None and actor.kind == "source":
            corrected = await content.apply(tx, site, problem, update.content, now)
            problem = await find_existing(tx, site_id, problem_id)
        kind = "status" if update.status else "note" if update.text or update.photos or update.media else "corrected"
        if kind == "corrected" and not corrected:
            return False
        rule = await assignment.find_rule(tx, problem) if update.status == "accepted" else None
        event = await record(
            tx,
            problem,
            acted,
            kind=kind,
            status=update.status,
            text=update.text,
            responsible=update.responsible,
            data={
                **({"expected_on": update.expected_on} if update.expected_on else {}),
                **({"reason": update.reason} if update.reason else {}),
                **({} if official or kind == "corrected" else {"unofficial": True}),
                **({"field": corrected[-1], "also": corrected[:-1]} if kind == "corrected" else {}),
            },
            photos=update.photos,
            addresses=update.media,
            born=born,
            now=now,
            news=rule is None and kind != "corrected",
        )
        if "photos" in corrected:
            await enqueue.enqueue_event(tx, event, sinks.MEDIA, now, priority=NEWS)
        if rule is not None:
            await assignment.apply_rule(tx, site_id, problem_id, rule, now)
        return True

    return await database.write(work, site_id)


async def erase(database: Database, actor: Actor, site_id: str, problem_id: str) -> None:
    """Erase the person and all texts (152-FZ, article 21), and inform every platform. Idempotent. Raises NotFound."""
    now = clock.now()

    async def work(tx: Transaction) -> None:
        problem = await records.full(tx, site_id, problem_id)
        if problem is None:
            raise NotFound("problem_not_found")
        if problem["erased_at"] is None:
            await _erase(tx, problem, actor, now, None)

    await database.write(work, site_id)


async def _erase(tx: Transaction, problem: Row, actor: Actor, now: int, born: tuple[str, int] | None) -> None:
    site_id, problem_id = problem["site_id"], problem["id"]
    # Followers of a withdrawn report still get the letter about the withdrawal.
    keep = sinks.WIDER if problem["published"] else (*sinks.WIDER, sinks.FOLLOWER)
    await enqueue.drop_for_problem(tx, problem_id, "%", "erased", keep=keep)
    await enqueue.redact_errors(tx, problem_id)
    await traces.record_trace(tx, problem_id, problem["description"])
    event = await record(tx, problem, actor, kind="erased", born=born, now=now)
    await pictures.remove_drafted(tx, problem_id, now)
    await records.blank(tx, problem_id)
    await pictures.remove(tx, problem_id, now)
    await records.remove_comments(tx, problem_id)
    await documents.remove(tx, site_id, problem_id, now)
    await records.update(tx, problem_id, {"erased_at": now})
    if actor.kind != "system":  # the system erases at the end of retention, which withdraws no consent
        await contacts.withdraw_consents(tx, problem_id, now)
    await tx.insert_unless_there("erasures", problem_id=problem_id, site_id=site_id, event_id=event.id, at=now)
