"""Carry out what the author of a report can do: confirm, judge the solution, withdraw, erase, control letters."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from widget_api import clock, events
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import sinks
from widget_api.errors import Conflict, Invalid, NotFound
from widget_api.mail import links
from widget_api.problems import lifecycle, resident_mail, submit
from widget_api.problems.model import REOPEN_DAYS, Actor, Change, Photo, allowed
from widget_api.problems.store import contacts, records
from widget_api.signing import Purpose
from widget_api.sites import service as sites
from widget_api.sites.model import Site
from widget_api.validation import clean

AUTHOR = Actor(kind="resident")


async def read_link(context: Context, purpose: Purpose, token: str) -> tuple[Site, Row]:
    """The site and the problem of a signed link. Raises NotFound («link_invalid»)."""
    named = links.read_link(context, purpose, token)
    problem = await records.find(context.database, named.identifier) if named else None
    if problem is None:
        raise NotFound("link_invalid")
    return await sites.by_id(context.database, problem["site_id"]), problem


async def read_private_link(context: Context, token: str) -> tuple[Site, Row]:
    """The site and the problem of a private page.

    Raises NotFound («private_link_invalid»), the same for forged, old and replaced links.
    """
    named = links.read_link(context, Purpose.TRACK, token)
    problem = await records.find(context.database, named.identifier) if named else None
    if named is None or problem is None or problem["link_id"] != named.link_id:
        raise NotFound("private_link_invalid")
    return await sites.by_id(context.database, problem["site_id"]), problem


async def change_link(context: Context, problem: Row, link_id: str) -> bool:
    """Replace the private link by `link_id`, and enqueue a letter with it to a confirmed address.

    Returns whether a letter is sent: their number per day is limited. Raises Conflict where another request has changed
    the link meanwhile.
    """
    now = clock.now()

    async def work(tx: Transaction) -> bool:
        if not await records.replace_link(tx, problem["id"], problem["link_id"], link_id):
            raise Conflict
        contact = await contacts.find(tx, problem["id"])
        if contact is None or not contact["email"] or contact["confirmed_at"] is None:
            return False
        return await resident_mail.enqueue_limited_letter(tx, problem["id"], sinks.LINK, contact["email"], now)

    return await context.database.write(work)


async def find_by_code(context: Context, site: Site | None, number: str, code: str) -> Row | None:
    """The problem with this number and code; None where they do not match.

    Without a site, every site is tried, since numbers are counted per site.
    """
    number, code = normalise_number(number), "".join(filter(str.isalnum, code))
    if not (number.isascii() and number.isdigit() and len(number) < 10) or len(code) != submit.CODE_LENGTH:
        return None
    candidates = [site] if site else await sites.list_sites(context.database, disabled=True, collections=True)
    for one in candidates:
        code_hash = submit.hash_code(one.id, int(number), code)
        if (row := await records.by_code(context.database, one.id, int(number), code_hash)) is not None:
            return row
    return None


def normalise_number(number: str) -> str:
    """Reduce «№ 0012» to «12», so that guesses at the same number are counted together."""
    return number.strip().removeprefix("№").strip().lstrip("0")


async def confirmation_state(context: Context, problem: Row) -> Literal["waiting", "confirmed", "gone"]:
    """Whether the address waits for confirmation, is confirmed, or is erased."""
    contact = await contacts.find(context.database, problem["id"])
    if contact is None or not contact["email"]:
        return "gone"
    return "waiting" if contact["confirmed_at"] is None else "confirmed"


async def sends_letters(context: Context, problem: Row) -> bool:
    """Whether the author gets letters about this problem."""
    contact = await contacts.find(context.database, problem["id"])
    return contact is not None and bool(contact["email"]) and contact["stopped_at"] is None


async def hide_name(context: Context, problem: Row) -> None:
    """Withdraw the consent to publish the author's name, which also invalidates cached responses. Idempotent."""
    site_id, now = problem["site_id"], clock.now()

    async def work(tx: Transaction) -> None:
        if await contacts.hide_name(tx, problem["id"], now):
            await events.advance(tx, site_id)

    await context.database.write(work, site_id)


async def resend_confirmation(context: Context, problem_id: str) -> bool:
    """Enqueue the confirmation letter again. False where the address has had its three letters today."""
    now = clock.now()

    async def work(tx: Transaction) -> bool:
        contact = await contacts.find(tx, problem_id)
        if contact is None or not contact["email"] or contact["confirmed_at"] is not None:
            raise Conflict("nothing_to_confirm")
        problem = await records.find(tx, problem_id)
        if problem is None or problem["spam"]:
            return True  # spam causes no mail, which must not be revealed
        email, most = contact["email"], submit.LETTERS_A_DAY
        return await resident_mail.enqueue_limited_letter(tx, problem_id, sinks.RESIDENT, email, now, most=most)

    return await context.database.write(work)


async def stop_letters(database: Database, problem_id: str) -> None:
    """Stop letters about this problem. Idempotent."""
    now = clock.now()
    await database.write(lambda tx: contacts.stop_letters(tx, problem_id, now))


async def judge_solution(
    context: Context,
    site: Site,
    problem: Row,
    *,
    solved: bool,
    reason: str | None = None,
    photos: tuple[Photo, ...] = (),
) -> None:
    """Record whether the author finds the problem solved. Raises Invalid («reason»), Refused (not now, or too late)."""
    unsolved = Change(to="reopened", text=clean(reason or "") or None, photos=photos)
    change = Change(to="confirmed") if solved else unsolved
    try:
        await lifecycle.change(context.database, AUTHOR, site.id, problem["id"], change)
    except Invalid as error:
        raise Invalid(
            tuple(replace(wrong, field="reason") if wrong.field == "text" else wrong for wrong in error.fields)
        ) from None


def possible_statuses(problem: Row, now: int) -> frozenset[str]:
    """The statuses that the author may set now."""
    if problem["erased_at"] is not None:
        return frozenset()
    late = now > problem["status_at"] + REOPEN_DAYS * clock.DAY
    return allowed("resident", problem["status"]) - ({"reopened"} if late else set())
