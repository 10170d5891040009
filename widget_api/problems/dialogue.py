"""What an agency and a report's author say to each other beside decisions: a question, what is added, a mark.

None of it is public, none leaves for a platform, none moves the day an answer is due.
"""

from __future__ import annotations

from widget_api import clock, events
from widget_api.database import Database, Row, Transaction
from widget_api.errors import Conflict, FieldError, Invalid, NotFound, Refused
from widget_api.problems import store
from widget_api.problems.intake import clean
from widget_api.problems.model import MARKS, OPEN, RATEABLE, Actor, has_author_here
from widget_api.problems.recording import record

LONGEST_QUESTION = 2000  # characters
LONGEST_CLARIFICATION = 4000
LONGEST_OPINION = 1000
A_DAY = 10  # of a kind, a problem: a conversation, not a chat
AUTHOR = Actor(kind="resident")


async def ask(database: Database, actor: Actor, site_id: str, problem_id: str, text: str) -> str | None:
    """The agency asks the author; returns the event's id, None where this question stands already.

    Raises Invalid («question»), Refused (closed, marked as spam, its author is elsewhere, too many today), NotFound,
    Conflict (erased).
    """
    text, now = _written("question", text, LONGEST_QUESTION, required=True), clock.now()

    async def work(tx: Transaction) -> str | None:
        problem = await _open(tx, site_id, problem_id)
        if problem["spam"] or not has_author_here(problem["source"]):
            raise Refused("nobody_to_ask")
        if problem["awaits"] == "author" and await store.said_last(tx, problem_id, "asked") == text:
            return None
        await _bounded(tx, problem_id, "asked", now)
        return (await record(tx, problem, actor, kind="asked", text=text, now=now)).id

    return await database.write(work, site_id)


async def clarify(database: Database, site_id: str, problem_id: str, text: str) -> str | None:
    """The author answers or adds something; returns the event's id, None where the same was said just before.

    Raises Invalid («words»), Refused (closed, too many today), NotFound, Conflict (erased).
    """
    text, now = _written("words", text, LONGEST_CLARIFICATION, required=True), clock.now()

    async def work(tx: Transaction) -> str | None:
        problem = await _open(tx, site_id, problem_id)
        if problem["awaits"] == "agency" and await store.said_last(tx, problem_id, "clarified") == text:
            return None
        await _bounded(tx, problem_id, "clarified", now)
        return (await record(tx, problem, AUTHOR, kind="clarified", text=text, now=now)).id

    return await database.write(work, site_id)


async def rate(database: Database, site_id: str, problem_id: str, mark: int, text: str = "") -> bool:
    """The author says what the answer is worth, as often as they change their mind; False where nothing changed.

    Raises Invalid («mark», «opinion»), Refused (nothing to rate yet, too often today), NotFound, Conflict (erased).
    """
    if mark not in MARKS:
        raise Invalid((FieldError("mark", "required"),))
    text, now = _written("opinion", text, LONGEST_OPINION, required=False), clock.now()

    async def work(tx: Transaction) -> bool:
        problem = await _problem(tx, site_id, problem_id)
        if problem["status"] not in RATEABLE:
            raise Refused("nothing_to_rate")
        if problem["rating"] == mark and (await store.said_last(tx, problem_id, "rated") or "") == text:
            return False
        await _bounded(tx, problem_id, "rated", now)
        await record(tx, problem, AUTHOR, kind="rated", text=text, data={"mark": mark}, now=now)
        await store.update(tx, problem_id, {"rating": mark})
        return True

    return await database.write(work, site_id)


async def read(database: Database, site_id: str, problem_id: str) -> None:
    """The agency has read what the author added and has nothing to say to it."""

    async def work(tx: Transaction) -> None:
        problem = await _problem(tx, site_id, problem_id)
        if problem["awaits"] == "agency":
            await store.update(tx, problem_id, {"awaits": None})
            await events.advance(tx, site_id)  # lists that are open elsewhere look again

    await database.write(work, site_id)


def _written(field: str, text: str, longest: int, *, required: bool) -> str:
    text = clean(text)
    if required and not text:
        raise Invalid((FieldError(field, "required"),))
    if len(text) > longest:
        raise Invalid((FieldError(field, "too_long", (("max", longest),)),))
    return text


async def _problem(tx: Transaction, site_id: str, problem_id: str) -> Row:
    problem = await store.full(tx, site_id, problem_id)
    if problem is None:
        raise NotFound("problem_not_found")
    if problem["erased_at"] is not None:
        raise Conflict("problem_erased")
    return problem


async def _open(tx: Transaction, site_id: str, problem_id: str) -> Row:
    problem = await _problem(tx, site_id, problem_id)
    if problem["status"] not in OPEN:
        raise Refused("problem_closed")
    return problem


async def _bounded(tx: Transaction, problem_id: str, kind: str, now: int) -> None:
    if await store.count_since(tx, problem_id, kind, now - 86_400) >= A_DAY:
        raise Refused("enough_for_today", most=A_DAY)
