"""Extend the date by which a resident gets an answer: told to author and followers with the reason, and public.

An extension is a note with a date (`expected_on`), so that platforms and other instances take it like any note. It may
lie up to MAX_EXTENSION days after the round's first due date, as far as an official body may extend the answer to an
appeal (59-FZ, article 12, part 2).
"""

from __future__ import annotations

from datetime import date, timedelta

from widget_api import clock
from widget_api.attachments.documents import service as documents
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid, Refused
from widget_api.problems import pictures
from widget_api.problems.lifecycle import LONGEST_TEXT, Along
from widget_api.problems.model import OPEN, Actor, Extension
from widget_api.problems.record import check_own, find_existing, record
from widget_api.sites.deadlines import NO_DUE_DATE

MAX_EXTENSION = 30  # calendar days


def is_extendable(problem: Row) -> bool:
    """Whether a later date may be given: of own open reports that are published and not planned (which has a date)."""
    return (
        problem["status"] in OPEN - {"moderation", "planned"}
        and problem["mirror_of"] is None
        and problem["erased_at"] is None
        and problem["answer_due"] < last_date(problem)
    )


def last_date(problem: Row) -> str:
    """The latest date an answer may be put off to without anybody's consent."""
    due = problem["first_due"]
    return due if due == NO_DUE_DATE else (date.fromisoformat(due) + timedelta(days=MAX_EXTENSION)).isoformat()


async def extend(
    database: Database,
    actor: Actor,
    site_id: str,
    problem_id: str,
    wish: Extension,
    *,
    seen: str | None = None,
    along: Along | None = None,
) -> str:
    """Extend the due date; return the event's id. `along` is called in the same transaction.

    Raises Invalid («extended_to», «text»), Refused where the report's date cannot be extended, Conflict if the status
    has changed since `seen` or the report is erased, NotFound.
    """

    async def work(tx: Transaction) -> str:
        problem = await find_existing(tx, site_id, problem_id, seen=seen)
        check_own(problem)
        check(problem, wish)
        data = {"expected_on": wish.day, "photos": len(wish.photos), "documents": len(wish.documents)}
        event = await record(
            tx,
            problem,
            actor,
            kind="note",
            text=wish.text,
            data={name: value for name, value in data.items() if value},
            now=clock.now(),
        )
        await pictures.attach(tx, site_id, problem_id, event.id, "answer", wish.photos)
        await documents.attach(tx, site_id, problem_id, event.id, wish.documents)
        if along is not None:
            await along(tx, event.id)
        return event.id

    return await database.write(work, site_id)


def check(problem: Row, wish: Extension) -> None:
    """Raise Refused where the report's date cannot be extended, Invalid («extended_to», «text») for a wrong wish."""
    if not is_extendable(problem):
        raise Refused("transition")
    wrong = []
    if not wish.text:
        wrong.append(FieldError("text", "required"))
    elif len(wish.text) > LONGEST_TEXT:
        wrong.append(FieldError("text", "too_long", (("max", LONGEST_TEXT),)))
    if wish.day <= problem["answer_due"]:
        wrong.append(FieldError("extended_to", "not_later"))
    elif wish.day > last_date(problem):
        wrong.append(FieldError("extended_to", "extension_too_long", (("days", MAX_EXTENSION),)))
    if wrong:
        raise Invalid(tuple(wrong))
