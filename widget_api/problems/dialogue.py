"""What an agency and a report's author say to each other beside decisions: a question, what is added, a mark.

None of it is public, none leaves for a platform, none moves the day an answer is due.
"""

from __future__ import annotations

from dataclasses import dataclass

from widget_api import clock, events
from widget_api.database import Database, Row, Transaction
from widget_api.errors import Conflict, FieldError, Invalid, Refused
from widget_api.problems import pictures
from widget_api.problems.model import MARKS, OPEN, RATEABLE, Actor, Photo, has_author_here
from widget_api.problems.record import find_existing, record
from widget_api.problems.store import history, records
from widget_api.sites.model import Site
from widget_api.validation import clean

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
        if problem["awaits"] == "author" and await history.said_last(tx, problem_id, "asked") == text:
            return None
        await _bounded(tx, problem_id, "asked", now)
        return (await record(tx, problem, actor, kind="asked", text=text, now=now)).id

    return await database.write(work, site_id)


@dataclass(frozen=True, kw_only=True)
class Clarification:
    """What the author adds. `id` is the form's own and becomes the event's, so that a form sent twice says it once."""

    id: str
    text: str
    photos: tuple[Photo, ...] = ()


async def check_can_clarify(database: Database, problem: Row) -> None:
    """Before photos are worked on: raises Refused and Conflict as `clarify` would for this report now."""
    _check_open(problem)
    await _bounded(database, problem["id"], "clarified", clock.now())


async def clarify(database: Database, site: Site, problem_id: str, said: Clarification) -> bool:
    """The author answers or adds something: a text, photos or both. False where it was said already.

    Raises Invalid («words», «photos.0»), Refused (closed, too many today), NotFound, Conflict (erased).
    """
    text = _written("words", said.text, LONGEST_CLARIFICATION, required=not said.photos)
    now = clock.now()

    async def work(tx: Transaction) -> bool:
        problem = await _open(tx, site.id, problem_id)
        if await _known(tx, problem, said, text):
            return False
        await _bounded(tx, problem_id, "clarified", now)
        event_id = clock.new_id() if await events.exists(tx, site.id, said.id) else said.id
        born = (event_id, max(now, problem["status_at"]))
        data = {"photos": len(said.photos)} if said.photos else {}
        await record(tx, problem, AUTHOR, kind="clarified", text=text, data=data, born=born, now=now)
        await pictures.attach(tx, site.id, problem_id, event_id, "clarification", said.photos)
        return True

    return await database.write(work, site.id)


async def is_duplicate(database: Database, problem: Row, form_id: str, text: str, photos: int) -> bool:
    """Whether this very form was taken in already, before its photos are looked at again."""
    return await history.same_words(database, problem["id"], form_id, clean(text), photos)


async def _known(tx: Transaction, problem: Row, said: Clarification, text: str) -> bool:
    if await history.same_words(tx, problem["id"], said.id, text, len(said.photos)):
        return True
    if said.photos or problem["awaits"] != "agency":
        return False
    return await history.said_last(tx, problem["id"], "clarified") == text


async def rate(database: Database, site_id: str, problem_id: str, mark: int, text: str = "") -> bool:
    """The author says what the answer is worth, as often as they change their mind; False where nothing changed.

    Raises Invalid («mark», «opinion»), Refused (nothing to rate yet, too often today), NotFound, Conflict (erased).
    """
    if mark not in MARKS:
        raise Invalid((FieldError("mark", "required"),))
    text, now = _written("opinion", text, LONGEST_OPINION, required=False), clock.now()

    async def work(tx: Transaction) -> bool:
        problem = await find_existing(tx, site_id, problem_id)
        if problem["status"] not in RATEABLE:
            raise Refused("nothing_to_rate")
        if problem["rating"] == mark and (await history.said_last(tx, problem_id, "rated") or "") == text:
            return False
        await _bounded(tx, problem_id, "rated", now)
        await record(tx, problem, AUTHOR, kind="rated", text=text, data={"mark": mark}, now=now)
        await records.update(tx, problem_id, {"rating": mark})
        return True

    return await database.write(work, site_id)


async def mark_read(database: Database, site_id: str, problem_id: str) -> None:
    """The agency has read what the author added and has nothing to say to it."""

    async def work(tx: Transaction) -> None:
        problem = await find_existing(tx, site_id, problem_id)
        if problem["awaits"] == "agency":
            await records.update(tx, problem_id, {"awaits": None})
            await events.advance(tx, site_id)  # lists that are open elsewhere look again

    await database.write(work, site_id)


def _written(field: str, text: str, longest: int, *, required: bool) -> str:
    text = clean(text)
    if required and not text:
        raise Invalid((FieldError(field, "required"),))
    if len(text) > longest:
        raise Invalid((FieldError(field, "too_long", (("max", longest),)),))
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


async def _bounded(reader: Database | Transaction, problem_id: str, kind: str, now: int) -> None:
    if await history.count_since(reader, problem_id, kind, now - 86_400) >= A_DAY:
        raise Refused("enough_for_today", most=A_DAY)
