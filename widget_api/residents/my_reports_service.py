"""Asking for the link to all one's reports, and reading them: whoever asks learns nothing but what the letter says."""

from __future__ import annotations

from collections.abc import Sequence

from widget_api import clock, timing
from widget_api.context import Context
from widget_api.database import Row, Transaction
from widget_api.deliveries import sinks
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.mail import links
from widget_api.problems import letters
from widget_api.problems.intake import is_email
from widget_api.problems.store import contacts, followers
from widget_api.problems.submit import OTHER_LETTERS_A_DAY
from widget_api.residents import my_reports_store
from widget_api.signing import Purpose
from widget_api.validation import clean


async def ask(context: Context, email: str) -> None:
    """Owe the letter where this address has a confirmed report. Raises Invalid («email») where it is no address.

    Whether it has one shows neither in the answer nor in the time it takes, nor in how many letters are left: each
    asking counts, and answers come at full steps of a clock.
    """
    email = " ".join(clean(email).split())
    if not is_email(email):
        raise Invalid((FieldError("email", "email" if email else "required"),))
    async with timing.at_full_steps():
        await _owe(context, email)


async def ask_from(context: Context, problem_id: str) -> None:
    """The same from a private page, whose holder need not know the address."""
    contact = await contacts.find(context.database, problem_id)
    if contact is not None and contact["email"] and contact["confirmed_at"] is not None:
        await _owe(context, contact["email"])


async def _owe(context: Context, email: str) -> None:
    now = clock.now()

    async def work(tx: Transaction) -> None:
        if await contacts.letters_today(tx, email, now) >= OTHER_LETTERS_A_DAY:
            return
        await contacts.add_letter(tx, email, now)
        report = await my_reports_store.newest_confirmed(tx, contacts.email_hash(email))
        if report is not None:
            await letters.enqueue_letter(tx, report, sinks.REPORTS, now)

    await context.database.write(work)


async def by_token(context: Context, token: str) -> tuple[Sequence[Row], Sequence[Row]]:
    """All reports of the person the link was mailed to, and what they follow.

    Raises NotFound («link_invalid») where it is old or forged, or a private link was changed since.
    """
    named = links.read_link(context, Purpose.REPORTS, token)
    of = await my_reports_store.confirmed_hash(context.database, named.identifier) if named else None
    if named is None or of is None or await my_reports_store.links_state(context.database, of) != named.link_id:
        raise NotFound("link_invalid")
    return await my_reports_store.of_person(context.database, of), await followers.of_person(context.database, of)
