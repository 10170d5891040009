"""Invite colleagues by a mailed link that is valid once, for seven days: with it they set a password and sign in.

The database has only a hash of the link, which is made when its letter leaves; sending it again voids the earlier link.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, replace
from email.message import EmailMessage
from functools import partial
from typing import Literal

from widget_api import clock, i18n, journal
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction, Work
from widget_api.deliveries.model import GiveUp
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.mail import outbox
from widget_api.mail.outbox import MAX_LETTERS_PER_DAY, Letter, Outcome
from widget_api.people import accounts_store, notices, organisation_store, passwords, sign_in, store
from widget_api.people.accounts import check_password, normalise_email
from widget_api.people.store import hash_token
from widget_api.permissions import AGENCY_ROLES
from widget_api.problems.store.contacts import mailbox_hash
from widget_api.sites import store as site_store
from widget_api.validation import is_email

LIFETIME_DAYS = organisation_store.LIFETIME // clock.DAY
KEPT_DAYS = 90  # after it expired: until then its page says what became of it
MAX_NAME_LENGTH = 200  # characters of a name or a post


@dataclass(frozen=True, kw_only=True)
class Invitee:
    email: str
    role: str
    agency_id: str
    language: str
    name: str = ""
    post: str = ""


async def invite(database: Database, invitee: Invitee, who: journal.Who, proof: Work[None] | None = None) -> str:
    """Enqueue a letter with an invitation. Returns its id. `proof` runs first in the transaction. Raises Invalid."""
    invitation_id, work = plan_invitation(invitee, who, proof)
    await database.write(work)
    return invitation_id


def plan_invitation(invitee: Invitee, who: journal.Who, proof: Work[None] | None = None) -> tuple[str, Work[None]]:
    """The identifier of a new invitation, and the work that enqueues its letter. Both raise Invalid."""
    invitee, now, invitation_id = replace(invitee, email=normalise_email(invitee.email)), clock.now(), clock.new_id()
    wrong = check_person(invitee.name, invitee.post, invitee.role)
    if not is_email(invitee.email):
        wrong = (FieldError("email", "email"), *wrong)
    if wrong:
        raise Invalid(wrong)
    columns = asdict(invitee) | {"name": invitee.name or None, "post": invitee.post or None}
    columns |= {"id": invitation_id, "expires_at": now + organisation_store.LIFETIME}

    async def work(tx: Transaction) -> None:
        if proof is not None:
            await proof(tx)
        if await accounts_store.find_by_email(tx, invitee.email) is not None:
            raise Invalid((FieldError("email", "has_account"),))
        if await site_store.is_agency_disabled(tx, invitee.agency_id):
            raise Invalid((FieldError("email", "agency_disabled"),))
        if not await organisation_store.insert_invitation(tx, now, columns):
            raise Invalid((FieldError("email", "invited"),))
        await _enqueue_letter(tx, invitation_id, invitee.email, now)
        await journal.record(tx, "invited", who, subject=invitation_id, details={"role": invitee.role})

    return invitation_id, work


def check_person(name: str, post: str, role: str) -> tuple[FieldError, ...]:
    """The errors of what a form says of a person."""
    wrong = [
        FieldError(field, "too_long", (("max", MAX_NAME_LENGTH),))
        for field, text in (("name", name), ("post", post))
        if len(text) > MAX_NAME_LENGTH
    ]
    return (*wrong, *(() if role in AGENCY_ROLES else (FieldError("role", "unknown"),)))


async def send_again(database: Database, agency_id: str, invitation_id: str, who: journal.Who) -> str:
    """Enqueue another letter, valid anew, for an invitation into an agency or those below it. Returns the address.

    Raises NotFound, Invalid.
    """

    async def work(tx: Transaction) -> str:
        row, now = await _find_open(tx, agency_id, invitation_id), clock.now()
        await organisation_store.renew_invitation(tx, invitation_id, now + organisation_store.LIFETIME)
        await _enqueue_letter(tx, invitation_id, row["email"], now)
        await journal.record(tx, "invitation_sent_again", who, subject=invitation_id)
        return str(row["email"])

    return await database.write(work)


async def withdraw(database: Database, agency_id: str, invitation_id: str, who: journal.Who) -> None:
    """Withdraw an invitation: its link is void, and its row deleted. Raises NotFound."""

    async def work(tx: Transaction) -> None:
        await _find_open(tx, agency_id, invitation_id)
        await organisation_store.delete_invitation(tx, invitation_id)
        await journal.record(tx, "invitation_withdrawn", who, subject=invitation_id)

    await database.write(work)


async def _find_open(tx: Transaction, agency_id: str, invitation_id: str) -> Row:
    row = await organisation_store.find_invitation(tx, agency_id, invitation_id)
    if row is None:
        raise NotFound
    return row


async def _enqueue_letter(tx: Transaction, invitation_id: str, email: str, now: int) -> None:
    """Raises Invalid where the address got enough of them today."""
    counter = f"invitation:{mailbox_hash(email)}"
    if await accounts_store.count_letters(tx, counter, now - clock.DAY) >= MAX_LETTERS_PER_DAY:
        raise Invalid((FieldError("email", "enough_letters", (("max", MAX_LETTERS_PER_DAY),)),))
    await accounts_store.count_letter(tx, counter, now)
    await outbox.enqueue(tx, LETTERS.kind, invitation_id)


# --- the link ------------------------------------------------------------------------------------------------------

State = Literal["open", "accepted", "expired", "gone"]


async def find(context: Context, token: str) -> tuple[State, Row | None]:
    """An invitation by the token of its link, and whether it can be accepted.

    «gone» where no letter has this link, or who sent it could not send it any more.
    """
    row = await organisation_store.find_by_token(context.database, hash_token(token))
    if row is None:
        return "gone", None
    if row["accepted_at"] is not None:
        return "accepted", row
    if row["id"] in await organisation_store.list_void_invitations(context.database, clock.now()):
        return "gone", None
    return ("open" if row["expires_at"] > clock.now() else "expired"), row


async def accept(context: Context, token: str, password: str, ip: str, user_agent: str) -> tuple[str, str] | None:
    """Create the account and start a session. Returns its address and the session's token; None if it is not open.

    Raises Invalid («password», or «email» where somebody has this address meanwhile).
    """
    state, row = await find(context, token)
    if row is None or state != "open":
        return None
    check_password("password", password, row["email"])
    hashed = await passwords.hash_password(password)
    user_id, session = clock.new_id(), secrets.token_urlsafe(32)
    who = journal.Who(role=row["role"], user_id=user_id, agency_id=row["agency_id"], ip=ip)

    async def work(tx: Transaction) -> bool:
        now = clock.now()
        if row["id"] in await organisation_store.list_void_invitations(tx, now):
            return False  # since it was read, or its sender lost the right while the letter was being asked for
        if not await organisation_store.accept_invitation(tx, hash_token(token), now):
            return False
        columns = {name: row[name] for name in ("email", "agency_id", "role", "language", "name", "post")}
        if not await store.insert_user(tx, user_id=user_id, password_hash=hashed, now=now, **columns):
            raise Invalid((FieldError("email", "has_account"),))
        await notices.keep_somebody_told(tx, row["agency_id"], user_id)
        await journal.record(tx, "invitation_accepted", who, subject=user_id, details={"role": row["role"]})
        await store.record_sign_in(tx, user_id, hashed, now)
        await sign_in.start_session(tx, session, who, user_agent)
        return True

    return (row["email"], session) if await context.database.write(work) else None


# --- the letter ----------------------------------------------------------------------------------------------------


async def _write(context: Context, letter: Letter) -> EmailMessage | None:
    """With a link of its own each time: only its hash is stored."""
    token = secrets.token_urlsafe(32)
    linking = partial(organisation_store.set_link, invitation_id=letter.subject, token_hash=hash_token(token))
    row = await context.database.write(linking)
    if row is None:
        return None
    if row["expires_at"] <= clock.now():
        raise GiveUp("the mail server did not take it in time")
    agency = await accounts_store.find_agency_name(context.database, row["agency_id"])
    language = row["language"]
    return outbox.compose(
        context,
        "invitation",
        language,
        row["email"],
        str(agency),
        (letter.kind, letter.id),
        role=i18n.text(language, f"cabinet.role.{row['role']}"),
        days=LIFETIME_DAYS,
        invitation_url=f"{context.settings.public_url}/cabinet/invitation/{token}",
    )


async def _record(tx: Transaction, letter: Letter, outcome: Outcome) -> None:
    if outcome == "refused" and not await outbox.is_waiting(tx, letter.kind, letter.subject):
        await organisation_store.mark_failed(tx, letter.subject, clock.now())


LETTERS = outbox.Handler("invitation", _write, _record)
