"""Correct a report: its category, place, public text or photos, or an answer that was given.

Everybody sees in the timeline what was corrected (`corrected`, an event for each value, with the former text, which the
agency and the author alone read). The author gets one letter for a correction, and none for a new category alone: every
letter names the category. Platforms that have the report get it as it is then. A corrected answer is a note that takes
the place of the answer; both stand in the public timeline, and author, followers and platforms get it like any note.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid, Refused
from widget_api.problems import content, intake
from widget_api.problems.lifecycle import LONGEST_TEXT
from widget_api.problems.model import ANSWERS, Actor
from widget_api.problems.record import check_own, find_existing, record
from widget_api.problems.store import records
from widget_api.sites.model import Site
from widget_api.validation import check_length

Along = Callable[[Transaction], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Correction:
    """What a report is to say. Without coordinates it keeps those it has, if it has an address."""

    category: str
    description: str
    address: str
    lat: float | None
    lng: float | None


async def correct_report(
    database: Database, actor: Actor, site: Site, problem_id: str, wish: Correction, *, along: Along
) -> bool:
    """Correct a report; each changed value is an event, the last one the letter's. False if nothing changes.

    `along` is called once in the same transaction.
    Raises Invalid (with every wrong field), Refused for a platform's own report, Conflict if it is erased, NotFound.
    """

    async def work(tx: Transaction) -> bool:
        problem, now = await find_existing(tx, site.id, problem_id), clock.now()
        check_own(problem)
        _check(site, problem, wish)
        given = {name: getattr(wish, name) for name in ("category", "description", "lat", "lng")}
        changed = content.find_changes(site, problem, given | {"address": wish.address or None})
        if not changed:
            return False
        named = [field for column, field in content.FIELDS.items() if column in changed]
        for name in named:
            former = problem["category"] if name == "category" else None
            text = {"description": problem["description"], "address": problem["address"]}.get(name)
            notifies = name == named[-1] and named != ["category"]
            data = {"field": name, "from": former, "also": named[:-1] if notifies else None}
            data = {key: value for key, value in data.items() if value}
            await record(tx, problem, actor, kind="corrected", text=text, data=data, now=now, news=notifies)
        await content.write_changes(tx, problem, changed, now)
        await along(tx)
        return True

    return await database.write(work, site.id)


async def record_photos(tx: Transaction, actor: Actor, problem: Row) -> None:
    """Record that a photo was hidden, covered or shown again, in the transaction of it. The author gets no letter."""
    now = clock.now()
    await record(tx, problem, actor, kind="corrected", data={"field": "photos"}, now=now, news=False)
    await records.update(tx, problem["id"], {"updated_at": now})


def _check(site: Site, problem: Row, wish: Correction) -> None:
    wrong = []
    if wish.category != problem["category"] and site.category(wish.category) is None:
        wrong.append(FieldError("category", "unknown"))
    shortest, longest = intake.DESCRIPTION
    if not shortest <= len(wish.description) <= longest:
        code = "too_long" if len(wish.description) > longest else "required"
        wrong.append(FieldError("description", code, (("max", longest),)))
    if len(wish.address) > intake.ADDRESS:
        wrong.append(FieldError("address", "too_long", (("max", intake.ADDRESS),)))
    if wish.lat is None and wish.lng is None:
        if not wish.address:
            wrong.append(FieldError("address", "required"))
    elif wish.lat is None or wish.lng is None or not (-90 <= wish.lat <= 90 and -180 <= wish.lng <= 180):
        wrong.append(FieldError("place", "coordinates"))
    elif not site.covers(wish.lat, wish.lng):
        wrong.append(FieldError("place", "outside", (("site", site.name),)))
    if wrong:
        raise Invalid(tuple(wrong))


async def correct_answer(
    database: Database, actor: Actor, site_id: str, problem_id: str, text: str, *, seen: str, along: Along
) -> None:
    """Replace the official answer of an answered report.

    `seen` is the status event the actor was looking at; `along` is called in the same transaction. Raises Invalid
    («answer»), Refused where there is no answer, Conflict, NotFound.
    """
    text = text.strip()
    check_length("answer", text, LONGEST_TEXT)

    async def work(tx: Transaction) -> None:
        problem = await find_existing(tx, site_id, problem_id, seen=seen)
        check_own(problem)
        if problem["status"] not in ANSWERS:
            raise Refused("transition")
        data = {"corrects": problem["status_event"]}
        await record(tx, problem, actor, kind="note", text=text, data=data, now=clock.now())
        await along(tx)

    await database.write(work, site_id)


def is_correctable(problem: Row) -> bool:
    """Whether the report may be corrected, its answer too if it has one."""
    return problem["mirror_of"] is None and problem["erased_at"] is None and problem["status"] != "withdrawn"
