"""Reset a forgotten password by a mailed link that is valid once, for half an hour.

The link needs no table: like Django's (django.contrib.auth.tokens), its token is bound to the password's hash and to
the last sign-in, so that setting a password or signing in voids all earlier links. So does any change of the account by
the operator (`users.reset_epoch`). The response and its duration are the same for every address.
"""

from __future__ import annotations

import hmac

from widget_api import clock, journal
from widget_api.context import Context
from widget_api.database import Row, Transaction
from widget_api.errors import NotFound
from widget_api.mail import outbox
from widget_api.mail.outbox import MAX_LETTERS_PER_DAY
from widget_api.people import accounts_store, letters, passwords
from widget_api.people.accounts import check_password, fingerprint, normalise_email
from widget_api.signing import Purpose
from widget_api.web import brute_force

LINK_LIFETIME = Purpose.PASSWORD.value[1]  # seconds; after it a letter that cannot be sent is dropped


async def request_reset(context: Context, email: str, ip: str) -> None:
    """Enqueue a letter if this is the address of a user who may sign in."""
    now = clock.now()

    async def work(tx: Transaction) -> None:
        user = await accounts_store.find_by_email(tx, normalise_email(email))
        if user is None or not await accounts_store.may_sign_in(tx, user["id"]):
            return
        counter = f"password:{user['id']}"
        if await accounts_store.count_letters(tx, counter, now - clock.DAY) < MAX_LETTERS_PER_DAY:
            await accounts_store.count_letter(tx, counter, now)
            await outbox.enqueue(tx, LETTERS.kind, user["id"])
            await journal.record(tx, "password_letter_asked", journal.visitor(ip), subject=user["id"])

    async with brute_force.at_full_steps():
        await context.database.write(work)


def reset_url(context: Context, user: Row) -> str:
    token = context.signer.sign(Purpose.PASSWORD, [user["id"], fingerprint(user)])
    return f"{context.settings.public_url}/cabinet/reset/{token}"


async def find_user(context: Context, token: str) -> Row:
    """The user whose password a link resets. Raises NotFound («link_invalid») where it is forged, old or used."""
    payload = context.signer.read(Purpose.PASSWORD, token)
    if isinstance(payload, list) and len(payload) == 2 and all(isinstance(part, str) for part in payload):
        user = await accounts_store.find_by_id(context.database, payload[0])
        known = user is not None and hmac.compare_digest(fingerprint(user), payload[1])
        if user is not None and known and await accounts_store.may_sign_in(context.database, user["id"]):
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


LETTERS = letters.to_users("password_reset", reset_url, LINK_LIFETIME)
