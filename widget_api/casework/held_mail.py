"""List waiting letters and decide about them, within a user's permissions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from widget_api.casework import service as casework
from widget_api.context import Context
from widget_api.database import Database, Row
from widget_api.errors import Conflict, FieldError, Invalid, NotFound, Refused
from widget_api.mailbox import review
from widget_api.mailbox import store as letters
from widget_api.mailbox.attachments import AttachmentPreview
from widget_api.people import store
from widget_api.people.model import User, VisibleSite, allowed_transitions
from widget_api.problems.model import Change
from widget_api.problems.store import records

PAGE_SIZE = 100
MAX_COUNT = 100  # beyond it the menu shows «99+»


@dataclass(frozen=True)
class OpenedLetter:
    """A letter with its report, if that is known, and the transitions open to this user."""

    letter: Row
    site: VisibleSite
    problem: Row | None
    transitions: list[str]


async def count_waiting(context: Context, user: User) -> int | None:
    """The number of waiting letters, up to MAX_COUNT; None without a mailbox, permission or reports to read."""
    if not user.may("mail.handle"):
        return None
    of = [site.id for site in await store.list_visible_sites(context.database, user)]
    if user.agency_id is None and not of:
        return None
    found = await letters.count_held(context.database, of, MAX_COUNT)
    return found if found or context.settings.inbound is not None else None


async def read_queue(database: Database, user: User) -> Sequence[Row]:
    """The waiting letters. Raises Refused."""
    if not user.may("mail.handle"):
        raise Refused
    sites = await store.list_visible_sites(database, user)
    return await letters.list_held(database, [site.id for site in sites], PAGE_SIZE)


async def list_failing_agencies(database: Database, user: User) -> Sequence[Row]:
    """Agencies of the user's sites whose mailbox rejects letters: email, email_failure."""
    return await letters.failing_agencies(
        database, [site.id for site in await store.list_visible_sites(database, user)]
    )


async def read_letter(database: Database, user: User, letter_id: str) -> OpenedLetter:
    """A waiting letter. Raises NotFound (also another agency's or decided), Refused."""
    if not user.may("mail.handle"):
        raise Refused
    letter, site = await _find_letter(database, user, letter_id)
    problem = await records.find(database, letter["problem_id"]) if letter["problem_id"] else None
    may = (
        []
        if problem is None or problem["erased_at"] or problem["spam"]
        else allowed_transitions(user, site, problem["status"])
    )
    return OpenedLetter(letter, site, problem, may)


async def _find_letter(database: Database, user: User, letter_id: str) -> tuple[Row, VisibleSite]:
    letter = await letters.find_letter(database, letter_id)
    sites = await store.list_visible_sites(database, user)
    site = next((one for one in sites if letter is not None and one.id == letter["site_id"]), None)
    if letter is None or site is None or letter["state"] != "held":
        raise NotFound
    return letter, site


async def list_attachments(context: Context, user: User, letter_id: str) -> list[AttachmentPreview]:
    """The attachments of a waiting letter. Raises what `read_letter` raises, and Unavailable."""
    return await review.preview_attachments(context, (await read_letter(context.database, user, letter_id)).letter)


async def accept_letter(context: Context, user: User, letter_id: str, wish: Change) -> None:
    """Apply a letter's answer as a decision.

    Raises what `lifecycle.change` raises, Conflict (decided), Invalid («to») for what a head has to approve.
    """
    found = await read_letter(context.database, user, letter_id)
    if found.problem is None or wish.to not in found.transitions:
        raise Conflict
    if await casework.needs_approval(context.database, user, found.problem, wish):
        raise Invalid((FieldError("to", "approval"),))
    await review.accept(context, user.actor, found.letter, wish)


async def decline_letter(database: Database, user: User, letter_id: str) -> None:
    found = await read_letter(database, user, letter_id)
    await review.decline(database, user.id, found.letter)
