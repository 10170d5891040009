"""Sign users in and out, and find the user of a session.

The database stores only hashes of session tokens, so its contents allow nobody to sign in.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass

from widget_api import clock, journal
from widget_api.context import Context
from widget_api.database import Database, Transaction
from widget_api.people import accounts, accounts_store, passwords, second_factor, store
from widget_api.people.accounts import normalise_email
from widget_api.people.model import User
from widget_api.signing import Purpose, Signer
from widget_api.web import brute_force

SESSION_LIFETIME = 12 * clock.HOUR  # seconds; a working day
_MAX_TOKEN_LENGTH = 128  # characters
_MAX_USER_AGENT_LENGTH = 300
_WRITE_TIME = 0.05  # seconds: longer than a row takes to be written


@dataclass(frozen=True, kw_only=True)
class PendingSignIn:
    """A sign-in that still needs a code of the second factor. `fingerprint` voids it once the account changes.

    `subject` is the person at the agency's provider to whom the code will link the account.
    """

    user_id: str
    fingerprint: str
    subject: str | None = None


async def sign_in(
    database: Database,
    email: str,
    password: str,
    failures: journal.Repeats,
    language: str | None = None,
    *,
    ip: str | None = None,
    user_agent: str = "",
) -> str | PendingSignIn | None:
    """Start a session. Returns its token, or None where the password is wrong or the address unknown, after equal time.

    For users with a second factor no session starts before `enter_code`.

    `language`, chosen before signing in, becomes the user's own.
    """
    found = await store.find_enabled_user(database, normalise_email(email))
    password_hash = found[1]["password_hash"] if found else None
    if not await passwords.verify_password(password_hash, password) or found is None:
        async with brute_force.at_full_steps(_WRITE_TIME):  # recording takes longer for known users
            row = await accounts_store.find_by_email(database, normalise_email(email))
            about = row["id"] if row else None  # the typed address may be a password, so it is not recorded
            await _note_failure(database, failures, about, ip, disabled=row is not None and found is None)
        return None
    token, (user, row) = secrets.token_urlsafe(32), found
    if user.has_factor:
        return PendingSignIn(user_id=user.id, fingerprint=accounts.fingerprint(row))

    async def work(tx: Transaction) -> bool:
        return await finish(tx, user, row["password_hash"], token, language, _who(user, ip), user_agent)

    if await database.write(work):
        return token
    await _note_failure(database, failures, user.id, ip)
    return None


async def finish(
    tx: Transaction,
    user: User,
    password_hash: str,
    token: str,
    language: str | None,
    who: journal.Who,
    agent: str,
    *,
    by_provider: bool = False,
) -> bool:
    """Start the session. False where the account changed since the password was verified."""
    if not await store.record_sign_in(tx, user.id, password_hash, clock.now()):
        return False
    if language is not None:
        await store.set_language(tx, user.id, language)
    await start_session(tx, token, who, agent, by_provider=by_provider)
    return True


def _who(user: User, ip: str | None) -> journal.Who:
    return journal.Who(role=user.role, user_id=user.id, agency_id=user.agency_id, ip=ip)


def make_state(signer: Signer, pending: PendingSignIn) -> str:
    """The state of an unfinished sign-in, which the browser keeps in a cookie."""
    return signer.sign(Purpose.SECOND_STEP, [pending.user_id, pending.fingerprint, pending.subject])


async def find_pending(context: Context, state: str | None) -> tuple[User, PendingSignIn] | None:
    """The user of an unfinished sign-in; None where it is forged, too old, finished, or the account has changed."""
    payload = context.signer.read(Purpose.SECOND_STEP, state or "")
    if not isinstance(payload, list) or len(payload) != 3:
        return None
    user = await store.find_user(context.database, str(payload[0]))
    row = await accounts_store.find_by_id(context.database, str(payload[0]))
    if user is None or row is None or not hmac.compare_digest(accounts.fingerprint(row), str(payload[1])):
        return None
    return user, PendingSignIn(user_id=user.id, fingerprint=str(payload[1]), subject=payload[2])


async def enter_code(
    context: Context,
    user: User,
    pending: PendingSignIn,
    code: str,
    language: str | None = None,
    *,
    ip: str | None = None,
    user_agent: str = "",
) -> str | None:
    """Start the session of an unfinished sign-in. Returns its token, or None where the code is wrong or was used."""
    token, who = secrets.token_urlsafe(32), _who(user, ip)

    async def work(tx: Transaction) -> bool:
        row = await tx.row("SELECT * FROM users WHERE id = :id", id=user.id)
        if row is None or not hmac.compare_digest(accounts.fingerprint(row), pending.fingerprint):
            return False
        if not await second_factor.use_code(tx, context, row, code, who):
            return False
        if pending.subject is not None and not await link(tx, user, pending.subject, who):
            return False
        return await finish(tx, user, row["password_hash"], token, language, who, user_agent)

    if await context.database.write(work):
        return token
    await _note_failure(context.database, context.failures, user.id, ip)
    return None


async def link(tx: Transaction, user: User, subject: str, who: journal.Who) -> bool:
    """Link an account to a person at its agency's provider. False where that is another one or the person linked."""
    assert user.agency_id is not None
    row = await tx.row("SELECT issuer FROM identity_providers WHERE agency_id = :id", id=user.agency_id)
    if row is None or not subject.startswith(f"{row['issuer']} "):
        return False
    if await accounts_store.find_in_agency(tx, user.agency_id, "provider_subject", subject) is not None:
        return False
    await accounts_store.update_user(tx, user.id, {"provider_subject": subject})
    await journal.record(tx, "account_linked", who, subject=user.id)
    return True


async def start_session(
    tx: Transaction, token: str, who: journal.Who, user_agent: str, *, by_provider: bool = False
) -> None:
    """Start a session of the user `who`; its token goes into a cookie.

    With `by_provider` a provider that replaces the second factor has let the user in.
    """
    assert who.user_id is not None
    now, agent = clock.now(), user_agent[:_MAX_USER_AGENT_LENGTH]
    token_hash = store.hash_token(token)
    expires_at = now + SESSION_LIFETIME
    await store.insert_session(
        tx, token_hash, who.user_id, now, expires_at, ip=who.ip, user_agent=agent, by_provider=by_provider
    )
    await journal.record(tx, "signed_in", who, subject=who.user_id)


async def _note_failure(
    database: Database, failures: journal.Repeats, about: str | None, ip: str | None, *, disabled: bool = False
) -> None:
    """Record a failure; `disabled` is that of an account, or of its agency, that may not sign in whatever was typed."""
    times = failures.count(about)
    if times is not None:
        who, details = journal.visitor(ip), dict[str, journal.Detail](times=times)
        if disabled:
            details["reason"] = "disabled"
        await journal.note(database, "sign_in_failed", who, subject=about, details=details)


async def note_refusal(
    database: Database, failures: journal.Repeats, agency_id: str, reason: str, about: str | None, ip: str | None
) -> None:
    """Record that a sign-in by an agency's provider was refused; its administrators read why."""
    times = failures.count(about or agency_id)
    if times is not None:
        who = journal.Who(role="visitor", agency_id=agency_id, ip=ip)
        details: dict[str, journal.Detail] = {"times": times, "reason": f"provider_{reason}"}
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
