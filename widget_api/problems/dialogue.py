"""Exchange messages between an agency and a report's author beside decisions: questions, additions, ratings.

They are not public and are not sent to platforms. A question that reaches its author moves the due date
(problems.deadline).
"""

from __future__ import annotations

from dataclasses import dataclass

from widget_api import clock, events
from widget_api.database import Database, Row, Transaction
from widget_api.errors import Conflict, FieldError, Invalid, Refused
from widget_api.problems import pictures
from widget_api.problems.model import MARKS, OPEN, RATEABLE, Actor, Photo, has_author_here
from widget_api.problems.record import find_existing, read_situation, record
from widget_api.problems.routing import writes_to_resident
from widget_api.problems.store import history, records
from widget_api.sites.model import Site
from widget_api.validation import check_length, clean

LONGEST_QUESTION = 2000  # characters
LONGEST_CLARIFICATION = 4000
LONGEST_OPINION = 1000
A_DAY = 10  # messages of each kind a problem may get in 24 hours
AUTHOR = Actor(kind="resident")


async def ask(database: Database, actor: Actor, site_id: str, problem_id: str, text: str) -> str | None:
    """Ask the author a question on behalf of the agency; return the event's id, None if it repeats the last question.

    Raises Invalid («question»), Refused (closed, spam, reported through another system, too many today), NotFound,
    Conflict (erased).
    """
    text, now = _checked_text("question", text, LONGEST_QUESTION, required=True), clock.now()

    async def work(tx: Transaction) -> str | None:
        problem = await _open(tx, site_id, problem_id)
        if problem["spam"] or not has_author_here(problem["source"]):
            raise Refused("nobody_to_ask")
        if problem["awaits"] == "author" and await history.newest_text(tx, problem_id, "asked") == text:
            return None
        await _check_daily_limit(tx, problem_id, "asked", now)
        situation = await read_situation(tx, problem)
        data = {"pauses": True} if situation.confirmed and writes_to_resident(situation) else {}
        return (await record(tx, problem, actor, kind="asked", text=text, data=data, now=now)).id

    return await database.write(work, site_id)


@dataclass(frozen=True, kw_only=True)
class Clarification:
    """An addition by the author. `id` is made by the form and becomes the event's: a form sent twice counts once."""

    id: str
    text: str
    photos: tuple[Photo, ...] = ()


async def check_can_clarify(database: Database, problem: Row) -> None:
    """Raise Refused or Conflict as `clarify` would now. Called before photos are decoded, which is expensive."""
    _check_open(problem)
    await _check_daily_limit(database, problem["id"], "clarified", clock.now())


async def clarify(database: Database, site: Site, problem_id: str, addition: Clarification) -> bool:
    """Record the author's answer or addition: a text, photos or both. False if it repeats an earlier one.

    Raises Invalid («words», «photos.0»), Refused (closed, too many today), NotFound, Conflict (erased).
    """
    text = _checked_text("words", addition.text, LONGEST_CLARIFICATION, required=not addition.photos)
    now = clock.now()

    async def work(tx: Transaction) -> bool:
        problem = await _open(tx, site.id, problem_id)
        if await _known(tx, problem, addition, text):
            return False
        await _check_daily_limit(tx, problem_id, "clarified", now)
        event_id = clock.new_id() if await events.exists(tx, site.id, addition.id) else addition.id
        born = (event_id, max(now, problem["status_at"]))
        data = {"photos": len(addition.photos)} if addition.photos else {}
        await record(tx, problem, AUTHOR, kind="clarified", text=text, data=data, born=born, now=now)
        await pictures.attach(tx, site.id, problem_id, event_id, "clarification", addition.photos)
        return True

    return await database.write(work, site.id)


async def is_duplicate(database: Database, problem: Row, form_id: str, text: str, photos: int) -> bool:
    """Whether this form was recorded already. Called before its photos are decoded again."""
    return await history.has_event(database, problem["id"], form_id, clean(text), photos)


async def _known(tx: Transaction, problem: Row, addition: Clarification, text: str) -> bool:
    if await history.has_event(tx, problem["id"], addition.id, text, len(addition.photos)):
        return True
    if addition.photos or problem["awaits"] != "agency":
        return False
    return await history.newest_text(tx, problem["id"], "clarified") == text


async def rate(database: Database, site_id: str, problem_id: str, mark: int, text: str = "") -> bool:
    """Record the author's rating of the answer, which may be changed later; False if nothing changed.

    Raises Invalid («mark», «opinion»), Refused (nothing to rate yet, too often today), NotFound, Conflict (erased).
    """
    if mark not in MARKS:
        raise Invalid((FieldError("mark", "required"),))
    text, now = _checked_text("opinion", text, LONGEST_OPINION, required=False), clock.now()

    async def work(tx: Transaction) -> bool:
        problem = await find_existing(tx, site_id, problem_id)
        if problem["status"] not in RATEABLE:
            raise Refused("nothing_to_rate")
        if problem["rating"] == mark and (await history.newest_text(tx, problem_id, "rated") or "") == text:
            return False
        await _check_daily_limit(tx, problem_id, "rated", now)
        await record(tx, problem, AUTHOR, kind="rated", text=text, data={"mark": mark}, now=now)
        await records.update(tx, problem_id, {"rating": mark, "rated_at": now})
        return True

    return await database.write(work, site_id)


async def mark_read(database: Database, site_id: str, problem_id: str) -> None:
    """Record that the agency has read the author's addition and does not answer it."""

    async def work(tx: Transaction) -> None:
        problem = await find_existing(tx, site_id, problem_id)
        if problem["awaits"] == "agency":
            await records.update(tx, problem_id, {"awaits": None})
            await events.advance(tx, site_id)  # lists open in other browsers reload

    await database.write(work, site_id)


def _checked_text(field: str, text: str, longest: int, *, required: bool) -> str:
    text = clean(text)
    check_length(field, text, longest, shortest=int(required))
    return text


async def _open(tx: Transaction, site_id: str, problem_id: str) -> Row:
    problem = await find_existing(tx, site_id, problem_id)
    _check_open(problem)
    return problem


def _check_open(problem: Row) -> None:
    if problem["erased_at"] is not None:
        raise Conflict("problem_erased")
    if problem["status"] not in OPEN:
        raise Refused("report_closed")


async def _check_daily_limit(reader: Database | Transaction, problem_id: str, kind: str, now: int) -> None:
    if await history.count_since(reader, problem_id, kind, now - clock.DAY) >= A_DAY:
        raise Refused("enough_for_today", most=A_DAY)
