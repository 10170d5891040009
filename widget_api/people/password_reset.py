"""Reset a forgotten password by a mailed link that is valid once, for half an hour.

The link needs no table: like Django's (django.contrib.auth.tokens), its token is bound to the password's hash and to
the last sign-in, so that setting a password or signing in voids all earlier links. So does any change of the account by
the operator (`users.reset_epoch`). The response and its duration are the same for every address.
"""

from __future__ import annotations

import hashlib
import hmac
import logging

from widget_api import clock, i18n, journal, timing
from widget_api.context import Context
from widget_api.database import Row, Transaction
from widget_api.deliveries.model import GiveUp, Retry
from widget_api.errors import NotFound
from widget_api.mail import messages, sender
from widget_api.mail.messages import Thread
from widget_api.people import accounts_store, passwords
from widget_api.people.accounts import check_password, normalise_email
from widget_api.signing import Purpose

LINK_LIFETIME = Purpose.PASSWORD.value[1]  # seconds; after it a letter that cannot be sent is dropped
MAX_LETTERS_PER_DAY = 5  # to one user
RETRY_DELAY = 60  # seconds
POLL_INTERVAL = 1.0  # seconds between two queries for due letters
_DAY = 86_400
_log = logging.getLogger(__name__)


async def request_reset(context: Context, email: str, ip: str) -> None:
    """Enqueue a letter if this is the address of an enabled user."""
    now = clock.now()

    async def work(tx: Transaction) -> None:
        user = await accounts_store.find_by_email(tx, normalise_email(email))
        if user is None or user["disabled_at"] is not None:
            return
        if await accounts_store.count_letters(tx, user["id"], now - _DAY) < MAX_LETTERS_PER_DAY:
            await accounts_store.enqueue_letter(tx, clock.new_id(), user["id"], now)
            await journal.record(tx, "password_letter_asked", journal.visitor(ip), subject=user["id"])

    async with timing.at_full_steps():
        await context.database.write(work)


def reset_url(context: Context, user: Row) -> str:
    token = context.signer.sign(Purpose.PASSWORD, [user["id"], _fingerprint(user)])
    return f"{context.settings.public_url}/cabinet/reset/{token}"


async def find_user(context: Context, token: str) -> Row:
    """The user whose password a link resets. Raises NotFound («link_invalid») where it is forged, old or used."""
    payload = context.signer.read(Purpose.PASSWORD, token)
    if isinstance(payload, list) and len(payload) == 2 and all(isinstance(part, str) for part in payload):
        user = await accounts_store.find_by_id(context.database, payload[0])
        if user is not None and user["disabled_at"] is None and hmac.compare_digest(_fingerprint(user), payload[1]):
            return user
    raise NotFound("link_invalid")


async def set_password(context: Context, token: str, password: str, ip: str) -> None:
    """Set the password and end all sessions. Raises NotFound («link_invalid»), Invalid («password»)."""
    user = await find_user(context, token)
    check_password("password", password, user["email"])
    hashed = await passwords.hash_password(password)

    async def work(tx: Transaction) -> None:
        if not await accounts_store.replace_password(tx, user, hashed):
            raise NotFound("link_invalid")  # somebody else used it while this password was hashed
        await accounts_store.end_sessions(tx, user["id"])
        await journal.record(tx, "password_reset", journal.visitor(ip), subject=user["id"])

    await context.database.write(work)


def _fingerprint(user: Row) -> str:
    """A hash of everything whose change voids the link. It reveals nothing, since the password's hash is salted."""
    bound = f"{user['password_hash']} {user['signed_in_at']} {user['reset_epoch']}"
    return hashlib.sha256(bound.encode()).hexdigest()


# --- the letter ----------------------------------------------------------------------------------------------------


async def has_due(context: Context) -> bool:
    return await accounts_store.has_due_letter(context.database, clock.now())


async def send_due(context: Context) -> float:
    """Send one due letter, in the worker. Returns the seconds to wait before the next call."""
    if not await has_due(context):
        return POLL_INTERVAL
    now = clock.now()

    async def claim(tx: Transaction) -> Row | None:
        return await accounts_store.claim_letter(tx, now, now + RETRY_DELAY)

    letter = await context.database.write(claim)
    if letter is None:
        return POLL_INTERVAL
    user_id, asked_at = str(letter["user_id"]), int(letter["asked_at"])
    try:
        if asked_at > now - LINK_LIFETIME:
            await _send_letter(context, user_id, asked_at)
        else:
            _log.warning("a letter to reset a password was given up: the mail server did not take it in time")
    except Retry as error:
        _log.warning("a letter to reset a password could not be sent yet: %s", error)
        return 0
    except GiveUp as error:
        _log.warning("a letter to reset a password cannot be sent: %s", error)

    async def end(tx: Transaction) -> None:
        await accounts_store.delete_letter(tx, user_id, asked_at)

    await context.database.write(end)
    return 0


async def _send_letter(context: Context, user_id: str, asked_at: int) -> None:
    user = await accounts_store.find_by_id(context.database, user_id)
    if user is None or user["disabled_at"] is not None:
        return
    agency = await accounts_store.find_agency_name(context.database, user["agency_id"])
    whose = agency or i18n.text(user["language"], "cabinet.operator")
    own = messages.message_id(context.settings.public_url, "password", user_id, asked_at)
    try:
        letter = messages.compose(
            "password_reset",
            user["language"],
            to=user["email"],
            mail_from=context.settings.mail_from,
            sender_name=whose,
            thread=Thread(root=own, own=own),
            values={"agency": whose, "reset_url": reset_url(context, user)},
        )
    except messages.InvalidAddress:
        raise GiveUp("the user's address is none a letter could go to") from None
    await sender.send_message(context.settings, letter)
