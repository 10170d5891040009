"""Sign users in and out, and find the user of a session.

The database stores only hashes of session tokens, so its contents allow nobody to sign in.
"""

from __future__ import annotations

import secrets

from widget_api import clock, journal
from widget_api.database import Database, Transaction
from widget_api.people import passwords, store
from widget_api.people.accounts import normalise_email
from widget_api.people.model import User
from widget_api.web import brute_force

SESSION_LIFETIME = 12 * 3600  # seconds; a working day
_MAX_TOKEN_LENGTH = 128  # characters
_MAX_USER_AGENT_LENGTH = 300
_WRITE_TIME = 0.05  # seconds: longer than a row takes to be written


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
    """Start a session. Returns its token, or None where the password is wrong or the address unknown, after equal time.

    `language`, chosen before signing in, becomes the user's own.
    """
    found = await store.find_enabled_user(database, normalise_email(email))
    if not await passwords.verify_password(found[1] if found else None, password) or found is None:
        about = found[0].id if found else None  # the typed address may be a password, so it is not recorded
        async with brute_force.at_full_steps(_WRITE_TIME):  # recording takes longer for known users
            await _note_failure(database, failures, about, ip)
        return None
    token, (user, password_hash) = secrets.token_urlsafe(32), found

    async def work(tx: Transaction) -> bool:
        if not await store.record_sign_in(tx, user.id, password_hash, clock.now()):
            return False
        if language is not None:
            await store.set_language(tx, user.id, language)
        who = journal.Who(role=user.role, user_id=user.id, agency_id=user.agency_id, ip=ip)
        await start_session(tx, token, who, user_agent)
        return True

    if await database.write(work):
        return token
    await _note_failure(database, failures, user.id, ip)
    return None


async def start_session(tx: Transaction, token: str, who: journal.Who, user_agent: str) -> None:
    """Start a session of the user `who`; its token goes into a cookie."""
    assert who.user_id is not None
    now, agent = clock.now(), user_agent[:_MAX_USER_AGENT_LENGTH]
    token_hash = store.hash_token(token)
    await store.insert_session(tx, token_hash, who.user_id, now, now + SESSION_LIFETIME, ip=who.ip, user_agent=agent)
    await journal.record(tx, "signed_in", who, subject=who.user_id)


async def _note_failure(database: Database, failures: journal.Repeats, about: str | None, ip: str | None) -> None:
    times = failures.count(about)
    if times is not None:
        who, details = journal.visitor(ip), {"times": times}
        await journal.note(database, "sign_in_failed", who, subject=about, details=details)


async def find_session_user(database: Database, token: str | None, *, before_0007: bool = False) -> User | None:
    """The enabled user of a session's token; None where the session has expired.

    With `before_0007` only a session that was begun before that migration counts.
    """
    if not token or len(token) > _MAX_TOKEN_LENGTH:
        return None
    return await store.find_session_user(database, store.hash_token(token), clock.now(), before_0007=before_0007)


async def sign_out(database: Database, token: str, who: journal.Who) -> None:
    async def work(tx: Transaction) -> None:
        await store.delete_session(tx, store.hash_token(token))
        await journal.record(tx, "signed_out", who, subject=who.user_id)

    await database.write(work)


async def set_language(database: Database, user: User, language: str) -> None:
    async def work(tx: Transaction) -> None:
        await store.set_language(tx, user.id, language)

    await database.write(work)
