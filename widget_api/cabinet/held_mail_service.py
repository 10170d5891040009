"""Which letters a user sees, and what they may make of one: a decision like any other, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from widget_api.context import Context
from widget_api.database import Database, Row
from widget_api.errors import Conflict, NotFound, Refused
from widget_api.mailbox import review
from widget_api.mailbox import store as letters
from widget_api.mailbox.attachments import AttachmentPreview
from widget_api.people import store
from widget_api.people.model import User, VisibleSite, allowed_transitions
from widget_api.problems.model import Change
from widget_api.problems.store import records

PAGE = 100
COUNTED = 100  # beyond it the menu says «99+»


@dataclass(frozen=True)
class Opened:
    """A letter with the report it is about, where that is known, and what this user may decide about it."""

    letter: Row
    site: VisibleSite
    problem: Row | None
    transitions: list[str]


def _may_look(user: User) -> bool:
    """Letters hold names and addresses: they are for those who answer."""
    return user.role != "viewer"


async def waiting(context: Context, user: User) -> int | None:
    """How many letters wait, up to COUNTED; None where none can come, or it is none of the user's business."""
    if not _may_look(user):
        return None
    of = [site.id for site in await store.list_visible_sites(context.database, user)]
    found = await letters.count_held(context.database, of, COUNTED)
    return found if found or context.settings.inbound is not None else None


async def queue(database: Database, user: User) -> Sequence[Row]:
    """Raises Refused."""
    if not _may_look(user):
        raise Refused
    sites = await store.list_visible_sites(database, user)
    return await letters.list_held(database, [site.id for site in sites], PAGE)


async def failing(database: Database, user: User) -> Sequence[Row]:
    """Agencies of the user's sites whose mailbox sends letters back: email, email_failure."""
    return await letters.failing_agencies(
        database, [site.id for site in await store.list_visible_sites(database, user)]
    )


async def opened(database: Database, user: User, letter_id: str) -> Opened:
    """Raises NotFound (another agency's, or decided already), Refused."""
    if not _may_look(user):
        raise Refused
    letter, site = await _letter(database, user, letter_id)
    problem = await records.find(database, letter["problem_id"]) if letter["problem_id"] else None
    may = (
        []
        if problem is None or problem["erased_at"] or problem["spam"]
        else allowed_transitions(user, site, problem["status"])
    )
    return Opened(letter, site, problem, may)


async def _letter(database: Database, user: User, letter_id: str) -> tuple[Row, VisibleSite]:
    letter = await letters.find_letter(database, letter_id)
    sites = await store.list_visible_sites(database, user)
    site = next((one for one in sites if letter is not None and one.id == letter["site_id"]), None)
    if letter is None or site is None or letter["state"] != "held":
        raise NotFound
    return letter, site


async def enclosed(context: Context, user: User, letter_id: str) -> list[AttachmentPreview]:
    """What came with it, for those who decide about it. Raises as `opened` does, and Unavailable."""
    return await review.preview_attachments(context, (await opened(context.database, user, letter_id)).letter)


async def accept(context: Context, user: User, letter_id: str, wish: Change) -> None:
    """Raises what problems.service.change does, and Conflict where somebody was faster."""
    found = await opened(context.database, user, letter_id)
    if found.problem is None or wish.to not in found.transitions:
        raise Conflict
    await review.accept(context, user.actor, found.letter, wish)


async def decline(database: Database, user: User, letter_id: str) -> None:
    found = await opened(database, user, letter_id)
    await review.decline(database, user.id, found.letter)
