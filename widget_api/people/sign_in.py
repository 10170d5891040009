"""Sign in, sign out, and find whose session a request belongs to.

The database holds hashes of session tokens alone: whoever reads it cannot sign in with what stands there.
"""

from __future__ import annotations

import secrets

from widget_api import clock, journal, timing
from widget_api.database import Database, Transaction
from widget_api.people import passwords, store
from widget_api.people.accounts import normalised_email
from widget_api.people.model import User

SESSION_SECONDS = 12 * 3600  # a working day; then one signs in again


_LONGEST_TOKEN = 128


_LONGEST_USER_AGENT = 300


_STEP = 0.05  # seconds: longer than a row takes to be written


async def sign_in(
    database: Database,
    email: str,
    password: str,
    failures: journal.Repeats,
    language: str | None = None,
    *,
    ip: str | None = None,
    user_agent: str = "",
) -> str | None:
    """A new session's token, or None. An unknown address takes as long and says as little as a wrong password.

    `language` is what was chosen before signing in; it becomes the user's own.
    """
    found = await store.find_user(database, normalised_email(email))
    if not await passwords.verify_password(found[1] if found else None, password) or found is None:
        about = found[0].id if found else None  # what was typed may be a password
        async with timing.at_full_steps(_STEP):  # whether it is written down differs between users and strangers
            await _note_failure(database, failures, about, ip)
        return None
    token, now = secrets.token_urlsafe(32), clock.now()
    user, password_hash = found

    async def work(tx: Transaction) -> bool:
        if not await store.note_sign_in(tx, user.id, password_hash, now):
            return False
        end, agent = now + SESSION_SECONDS, user_agent[:_LONGEST_USER_AGENT]
        await store.insert_session(tx, store.hash_token(token), user.id, now, end, ip=ip, user_agent=agent)
        if language is not None:
            await store.set_language(tx, user.id, language)
        who = journal.Who(role=user.role, user_id=user.id, agency_id=user.agency_id, ip=ip)
        await journal.record(tx, "signed_in", who, subject=user.id)
        return True

    if await database.write(work):
        return token
    await _note_failure(database, failures, user.id, ip)
    return None


async def _note_failure(database: Database, failures: journal.Repeats, about: str | None, ip: str | None) -> None:
    times = failures.count(about)
    if times is not None:
        who, details = journal.visitor(ip), {"times": times}
        await journal.note(database, "sign_in_failed", who, subject=about, details=details)


async def session_user(database: Database, token: str | None) -> User | None:
    """Who this session's token belongs to, while both are good."""
    if not token or len(token) > _LONGEST_TOKEN:
        return None
    return await store.session_user(database, store.hash_token(token), clock.now())


async def sign_out(database: Database, token: str, who: journal.Who) -> None:
    async def work(tx: Transaction) -> None:
        await store.delete_session(tx, store.hash_token(token))
        await journal.record(tx, "signed_out", who, subject=who.user_id)

    await database.write(work)


async def set_language(database: Database, user: User, language: str) -> None:
    async def work(tx: Transaction) -> None:
        await store.set_language(tx, user.id, language)

    await database.write(work)
