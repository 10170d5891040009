"""Keep the second factor of users: a code of their device that changes every 30 seconds (RFC 6238), and recovery codes.

The secret that user and service share is encrypted (`encryption`). A code is good once: the time step of the last one
is stored, and only later ones are accepted (RFC 6238, section 5.2). A recovery code is deleted when it is used. The
database has only hashes of them: with 74 random bits they need no slow hash.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from widget_api import clock, encryption, journal
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction, Work
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.mail import outbox
from widget_api.people import accounts, accounts_store, letters, passwords
from widget_api.people.model import User
from widget_api.people.store import hash_token
from widget_api.signing import Purpose

STEP = 30  # seconds
WINDOW = 1  # steps by which the clock of a device may differ
RECOVERY_CODES = 10
SETUP_LIFETIME = Purpose.FACTOR_SETUP.value[1]  # seconds from the password to the first code


async def begin(context: Context, user: User, password: str) -> str:
    """Check the password. Returns the state of the set-up, with a new secret. Raises Invalid («password»)."""
    row = await _find_user(context.database, user.id)
    await _check_password(row, password)
    if row["factor_secret"] is not None:
        raise Invalid((FieldError("password", "factor_set"),))
    secret = base32_secret()
    return context.signer.sign(Purpose.FACTOR_SETUP, [user.id, accounts.fingerprint(row), secret])


def base32_secret() -> str:
    """A random secret of 160 bits, as RFC 4226 recommends (section 4)."""
    import pyotp

    return str(pyotp.random_base32())


async def read_setup(context: Context, user: User, state: str) -> str | None:
    """The secret of a set-up; None if it is too old, another user's, or the account has changed since."""
    payload = context.signer.read(Purpose.FACTOR_SETUP, state)
    if not isinstance(payload, list) or len(payload) != 3 or payload[0] != user.id:
        return None
    row = await _find_user(context.database, user.id)
    same = hmac.compare_digest(str(payload[1]), accounts.fingerprint(row))
    return str(payload[2]) if same and row["factor_secret"] is None else None


def setup_uri(context: Context, user: User, secret: str) -> str:
    """The address that the QR code contains, for apps (Google Authenticator, «Key Uri Format»)."""
    import pyotp

    issuer = urlsplit(context.settings.public_url).hostname  # short: each letter makes the drawing finer
    return str(pyotp.TOTP(secret).provisioning_uri(name=user.email, issuer_name=issuer))


async def confirm(context: Context, user: User, state: str, code: str, *, token: str, who: journal.Who) -> list[str]:
    """Set the factor, by the first code of the device, and end all sessions but that of `token`.

    Returns the recovery codes. Raises Invalid («code»), NotFound (the set-up has to begin again).
    """
    secret = await read_setup(context, user, state)
    if secret is None:
        raise NotFound
    step = _find_step(secret, normalise_code(code))
    if step is None:
        raise Invalid((FieldError("code", "code_wrong" if code else "required"),))
    stored = encryption.encrypt(context.settings.secret_keys, _about(user.id), secret)

    async def work(tx: Transaction) -> list[str]:
        if not await accounts_store.set_factor(tx, user.id, stored, step):
            raise NotFound  # another window was faster
        await accounts_store.end_sessions(tx, user.id, keep=hash_token(token))
        await journal.record(tx, "factor_set", who, subject=user.id)
        return await _make_recovery_codes(tx, user.id)

    return await context.database.write(work)


async def renew_recovery_codes(context: Context, user: User, password: str, code: str, who: journal.Who) -> list[str]:
    """Replace the recovery codes. Raises Invalid («password», «code»)."""
    row = await _check_both(context, user, password)

    async def work(tx: Transaction) -> list[str]:
        await _require_code(tx, context, row, code, who)
        await journal.record(tx, "recovery_codes_made", who, subject=user.id)
        return await _make_recovery_codes(tx, user.id)

    return await context.database.write(work)


async def plan_proof(context: Context, user: User, password: str, code: str, who: journal.Who) -> Work[None]:
    """Check the password again, before a change that gives power over accounts. Raises Invalid («password»).

    Returns the work that uses up a code of users who have a factor, for the change's transaction. It raises Invalid.
    """
    row = await _check_both(context, user, password)

    async def work(tx: Transaction) -> None:
        if row["factor_secret"] is not None:
            await _require_code(tx, context, row, code, who)

    return work


async def switch_off(context: Context, user: User, password: str, code: str, *, token: str, who: journal.Who) -> None:
    """Remove the factor; a letter tells the user. All sessions but that of `token` end. Raises Invalid."""
    row = await _check_both(context, user, password)

    async def work(tx: Transaction) -> None:
        await _require_code(tx, context, row, code, who)
        await remove(tx, user.id)
        await accounts_store.end_sessions(tx, user.id, keep=hash_token(token))
        await journal.record(tx, "factor_removed", who, subject=user.id)

    await context.database.write(work)


async def reset(
    database: Database, email: str, who: journal.Who = journal.COMMAND_LINE, proof: Work[None] | None = None
) -> str:
    """Take the factor from a user who lost the device; a letter tells the user, whose sessions end.

    `proof` runs first in the transaction.

    Returns the user's id. Raises NotFound, Invalid («factor»). Nobody but the command line takes one's own factor.
    """

    async def change(tx: Transaction, user: Row) -> None:
        if proof is not None:
            await proof(tx)
        if user["id"] == who.user_id:
            raise Invalid((FieldError("factor", "own_account"),))
        if user["factor_secret"] is None:
            raise Invalid((FieldError("factor", "factor_none"),))
        await remove(tx, user["id"])
        await journal.record(tx, "factor_reset", who, subject=user["id"])

    return await accounts.change_user(database, email, change)


async def remove(tx: Transaction, user_id: str) -> None:
    """Delete the factor with its recovery codes, and enqueue the letter about it."""
    await accounts_store.replace_recovery_codes(tx, user_id, ())
    await accounts_store.update_user(tx, user_id, {"factor_secret": None})
    await outbox.enqueue(tx, LETTERS.kind, user_id)


async def use_code(tx: Transaction, context: Context, user: Row, code: str, who: journal.Who) -> bool:
    """Use up a code of the user's device or a recovery code. False if it is wrong or was used before."""
    code, stored = normalise_code(code), user["factor_secret"]
    if stored is None:
        return False
    secret = encryption.decrypt(context.settings.secret_keys, _about(user["id"]), stored)
    step = None if secret is None else _find_step(secret, code, user["factor_step"])
    if step is not None:
        return await accounts_store.use_factor_step(tx, user["id"], stored, step)
    if not await accounts_store.use_recovery_code(tx, user["id"], _hash_code(user["id"], code)):
        return False
    left = await accounts_store.count_recovery_codes(tx, user["id"])
    await journal.record(tx, "recovery_code_used", who, subject=user["id"], details={"codes_left": left})
    return True


async def device_account(database: Database, user: User) -> str:
    """The account under which a device is known that has had a code of the factor which the user has now.

    The password alone makes no device known here: whoever has it could prepare many, each with guesses of its own.
    """
    row = await _find_user(database, user.id)
    return f"{row['email']} {hash_token(row['factor_secret'] or '')}"


def normalise_code(code: str) -> str:
    """A code without the spaces and hyphens by which it was written down."""
    return "".join(code.split()).replace("-", "").lower()[:100]


def _find_step(secret: str, code: str, last: int = 0) -> int | None:
    """The time step, after the `last` one, whose code this is; None if it is wrong."""
    import pyotp

    totp, now = pyotp.TOTP(secret), clock.now() // STEP
    for step in range(max(now - WINDOW, last + 1), now + WINDOW + 1):
        if hmac.compare_digest(str(totp.generate_otp(step)).encode(), code.encode("utf-8", "replace")):
            return step
    return None


async def _make_recovery_codes(tx: Transaction, user_id: str) -> list[str]:
    codes = [passwords.generate_password(groups=3) for _ in range(RECOVERY_CODES)]
    await accounts_store.replace_recovery_codes(
        tx, user_id, [_hash_code(user_id, normalise_code(code)) for code in codes]
    )
    return codes


def _hash_code(user_id: str, code: str) -> str:
    return hashlib.sha256(f"{user_id} {code}".encode("utf-8", "replace")).hexdigest()


async def _check_both(context: Context, user: User, password: str) -> Row:
    row = await _find_user(context.database, user.id)
    await _check_password(row, password)
    return row


async def _check_password(row: Row, password: str) -> None:
    if not await passwords.verify_password(row["password_hash"], password):
        raise Invalid((FieldError("password", "password_wrong" if password else "required"),))


async def _require_code(tx: Transaction, context: Context, row: Row, code: str, who: journal.Who) -> None:
    if not await use_code(tx, context, row, code, who):
        raise Invalid((FieldError("code", "code_wrong" if code else "required"),))


async def _find_user(database: Database, user_id: str) -> Row:
    row = await accounts_store.find_by_id(database, user_id)
    assert row is not None, "users are disabled, never deleted"
    return row


def _about(user_id: str) -> str:
    return f"factor/{user_id}"


async def renew_encryption(database: Database, keys: tuple[str, ...]) -> int:
    """Encrypt with the newest key what older ones encrypted. Returns the number of secrets."""
    renewed = 0
    for row in await database.rows("SELECT id, factor_secret FROM users WHERE factor_secret IS NOT NULL"):
        stored = encryption.renew(keys, _about(row["id"]), row["factor_secret"])
        if stored is not None:

            async def work(tx: Transaction, row: Row = row, stored: str = stored) -> int:
                return await accounts_store.replace_factor_secret(tx, row["id"], row["factor_secret"], stored)

            renewed += await database.write(work)
    return renewed


LETTERS = letters.to_users(
    "factor_removed", lambda context, user: f"{context.settings.public_url}/cabinet/account/factor"
)
