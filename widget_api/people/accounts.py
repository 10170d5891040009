"""Create and change user accounts, by the operator's commands, by an agency's administrators or by their owners.

Every change of permissions ends the user's sessions and voids links that reset the password, in the same transaction.
Both are read from the database at every request, so a running service rejects them at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from widget_api import clock, i18n, journal
from widget_api.database import Database, Row, Transaction, Work
from widget_api.errors import Conflict, FieldError, Invalid, NotFound
from widget_api.people import accounts_store, notices, organisation_store, passwords, store
from widget_api.people.model import Session, User
from widget_api.people.store import hash_token
from widget_api.permissions import AGENCY_ROLES, may
from widget_api.sites import routing_rules

MIN_PASSWORD_LENGTH = 12  # characters, of one that somebody chooses


async def update_user(
    database: Database,
    email: str,
    columns: Mapping[str, Any],
    who: journal.Who = journal.COMMAND_LINE,
    proof: Work[None] | None = None,
) -> str:
    """Change role, agency_id, name, post or language of a user. Returns the user's id. Raises NotFound, Invalid.

    `proof` runs first in the transaction, here as in `enable_user`.
    """

    async def change(tx: Transaction, user: Row) -> None:
        if proof is not None:
            await proof(tx)
        if columns.get("role", user["role"]) != user["role"]:
            await _check_removal(tx, user, who, "role")
        role, agency_id = columns.get("role", user["role"]), columns.get("agency_id", user["agency_id"])
        if (role not in AGENCY_ROLES) != (agency_id is None):
            raise Invalid((FieldError("agency", "invalid" if agency_id else "required"),))
        await accounts_store.update_user(tx, user["id"], columns)
        if columns.keys() & {"role", "agency_id"}:
            await withdraw_void_invitations(tx, who)
            for changed in sorted({user["agency_id"], agency_id} - {None}):
                await notices.keep_somebody_told(tx, changed, user["id"])
        details = journal.describe_change(user, columns)
        await journal.record(tx, "user_changed", who, subject=user["id"], details=details)

    return await change_user(database, email, change)


async def disable_user(
    database: Database, email: str, who: journal.Who = journal.COMMAND_LINE, *, heir: str | None = None
) -> str:
    """Disable a user, withdraw the invitations that this voids, and delete the user's saved views.

    `heir` is the colleague who gets the reports that the user looks after, and the routing rules that name the user; «»
    is nobody. Returns the user's id. Raises NotFound, Invalid, also («reports_to») for open reports without an heir.

    A view holds words that were looked for, such as a resident's name, of no use to anybody else and found by no
    erasure. Most disabled users never come back, so views are deleted at once: whoever does saves a few anew.
    """

    async def change(tx: Transaction, user: Row) -> None:
        await _check_removal(tx, user, who, "access")
        reports = 0
        if user["disabled_at"] is None:
            reports = await accounts_store.count_open_reports(tx, user["id"])
            if heir is None and reports:
                raise Invalid((FieldError("reports_to", "required"),))
            if heir and heir not in dict(await list_heirs(tx, user)):
                raise Invalid((FieldError("reports_to", "unknown"),))
            await accounts_store.hand_over(tx, user["id"], heir or None)
            await accounts_store.update_user(tx, user["id"], {"disabled_at": clock.now()})
        await accounts_store.delete_saved_views(tx, user["id"])
        await withdraw_void_invitations(tx, who)
        await notices.keep_somebody_told(tx, user["agency_id"])
        details: dict[str, journal.Detail] = {"reports": reports} if reports else {}
        await journal.record(tx, "user_disabled", who, subject=user["id"], details=details)

    return await change_user(database, email, change)


async def list_heirs(reader: Database | Transaction, user: Row) -> list[tuple[str, str]]:
    """The identifiers and names of the colleagues who can look after a user's reports."""
    colleagues = await routing_rules.list_colleagues(reader, user["agency_id"])
    return [one for one in colleagues if one[0] != user["id"]]


async def enable_user(
    database: Database, email: str, who: journal.Who = journal.COMMAND_LINE, proof: Work[None] | None = None
) -> str:
    """Enable a disabled user. Returns the user's id. Raises NotFound, Invalid.

    An agency enables whom it, or an agency below it, disabled; by the journal, which nobody can edit.
    """

    async def change(tx: Transaction, user: Row) -> None:
        if proof is not None:
            await proof(tx)
        since = user["disabled_at"]
        above = who.agency_id is not None and since is not None
        if above and await organisation_store.was_disabled_above(tx, str(who.agency_id), user["id"], since):
            raise Invalid((FieldError("access", "disabled_above"),))
        await accounts_store.update_user(tx, user["id"], {"disabled_at": None})
        await notices.keep_somebody_told(tx, user["agency_id"], user["id"])
        await journal.record(tx, "user_enabled", who, subject=user["id"])

    return await change_user(database, email, change)


async def withdraw_void_invitations(tx: Transaction, who: journal.Who) -> None:
    """Withdraw the invitations whose sender has just lost the right to send them.

    An administrator could otherwise invite oneself, and come back as one after losing the role.
    """
    for invitation_id in sorted(await organisation_store.list_void_invitations(tx, clock.now())):
        await organisation_store.delete_invitation(tx, invitation_id)
        await journal.record(tx, "invitation_withdrawn", who, subject=invitation_id)


async def reset_password(database: Database, email: str) -> tuple[str, str]:
    """Give a user a new password. Returns the user's id and the password, which is not stored. Raises NotFound."""
    password = passwords.generate_password()
    hashed = await passwords.hash_password(password)

    async def change(tx: Transaction, user: Row) -> None:
        await accounts_store.update_user(tx, user["id"], {"password_hash": hashed})
        await journal.record(tx, "password_reset", journal.COMMAND_LINE, subject=user["id"])

    return await change_user(database, email, change), password


async def _check_removal(tx: Transaction, user: Row, who: journal.Who, field: str) -> None:
    """Check that `who` may take a role or access away. Raises Invalid.

    Users cannot lock themselves or their agency out. The command line can, to close an account that was taken over.
    """
    if who.user_id is None:
        return
    if user["id"] == who.user_id:
        raise Invalid((FieldError(field, "own_account"),))
    if may(user["role"], "organisation.manage") and user["disabled_at"] is None:
        admins = await accounts_store.lock_enabled_admins(tx, user["agency_id"])
        if admins == [user["id"]]:
            raise Invalid((FieldError(field, "last_admin"),))


async def set_absence(
    database: Database, user_id: str, until: str | None, stand_in: str | None, who: journal.Who
) -> None:
    """Record until which day a user is away and who stands in; None ends the absence. Sessions go on."""
    columns = {"away_until": until, "stand_in": stand_in}

    async def work(tx: Transaction) -> None:
        former = await tx.row("SELECT * FROM users WHERE id = :id", id=user_id)
        await accounts_store.update_user(tx, user_id, columns)
        details = journal.describe_change(former, columns)
        await journal.record(tx, "user_changed", who, subject=user_id, details=details)

    await database.write(work)


async def change_user(database: Database, email: str, change: Callable[[Transaction, Row], Awaitable[None]]) -> str:
    """Run `change`, end the user's sessions and void links that reset the password, in one transaction.

    Raises NotFound.
    """

    async def work(tx: Transaction) -> str:
        user = await accounts_store.find_by_email(tx, normalise_email(email))
        if user is None:
            raise NotFound("user_not_found")
        await change(tx, user)
        await accounts_store.end_sessions(tx, user["id"])
        await accounts_store.void_reset_links(tx, user["id"])
        return str(user["id"])

    return await database.write(work)


def fingerprint(user: Row) -> str:
    """A hash of everything whose change voids a link or an unfinished sign-in.

    It reveals nothing, since the password's hash is salted.
    """
    bound = f"{user['password_hash']} {user['signed_in_at']} {user['reset_epoch']}"
    return hashlib.sha256(bound.encode()).hexdigest()


async def list_sessions_of(database: Database, email: str) -> list[Session]:
    """A user's sessions, newest first. Raises NotFound."""
    row = await database.row("SELECT id FROM users WHERE email = :email", email=normalise_email(email))
    if row is None:
        raise NotFound("user_not_found")
    return await _list_sessions(database, row["id"])


async def _list_sessions(database: Database, user_id: str, *, current: str = "") -> list[Session]:
    """A user's sessions, newest first; `current` is the token hash of the one to mark."""
    return [
        Session(
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            ip=row["ip"],
            user_agent=row["user_agent"],
            current=row["token_hash"] == current,
        )
        for row in await accounts_store.list_sessions(database, user_id, clock.now())
    ]


# --- by the owner --------------------------------------------------------------------------------------------------


def check_password(field: str, password: str, email: str) -> None:
    """Raises Invalid where a chosen password is too short, too long or the address itself (NIST SP 800-63B, 5.1.1)."""
    if len(password) < MIN_PASSWORD_LENGTH:
        raise Invalid((FieldError(field, "password_short", (("min", MIN_PASSWORD_LENGTH),)),))
    if len(password.encode("utf-8", "replace")) > passwords.MAX_LENGTH:
        raise Invalid((FieldError(field, "password_long"),))
    if password.casefold() == email.casefold():
        raise Invalid((FieldError(field, "password_email"),))


async def change_password(database: Database, user: User, old: str, new: str, *, token: str, who: journal.Who) -> None:
    """Change one's own password and end all sessions but that of `token`.

    Raises Invalid («old_password», «new_password»). These fields contain «password» in their names, by which stored
    forms omit them (`people.unsent_forms`).
    """
    row = await accounts_store.find_by_id(database, user.id)
    assert row is not None, "users are disabled, never deleted"
    if not await passwords.verify_password(row["password_hash"], old):
        raise Invalid((FieldError("old_password", "password_wrong" if old else "required"),))
    check_password("new_password", new, user.email)
    hashed = await passwords.hash_password(new)

    async def work(tx: Transaction) -> None:
        if not await accounts_store.replace_password(tx, row, hashed):
            raise Invalid((FieldError("old_password", "password_wrong"),))  # it was changed elsewhere meanwhile
        await accounts_store.end_sessions(tx, user.id, keep=hash_token(token))
        await journal.record(tx, "password_changed", who, subject=user.id)

    await database.write(work)


async def end_sessions(database: Database, user: User, who: journal.Who) -> None:
    """End all sessions of a user, the current one included."""

    async def work(tx: Transaction) -> None:
        await accounts_store.end_sessions(tx, user.id)
        await journal.record(tx, "signed_out_everywhere", who, subject=user.id)

    await database.write(work)


async def list_own_sessions(database: Database, user: User, token: str) -> list[Session]:
    """A user's sessions, newest first, the one of `token` marked."""
    return await _list_sessions(database, user.id, current=hash_token(token))


async def find_time_zone(database: Database, user: User) -> str:
    """The time zone of the first site that the user sees, for the people of a service without one where it works."""
    sites = await store.list_managed_sites(database, user) or await store.list_report_sites(database, user)
    return sites[0].time_zone if sites else "UTC"


def normalise_email(text: str) -> str:
    """An e-mail address in lower case, without NUL, which PostgreSQL does not store."""
    return text.replace("\0", "").strip().lower()


async def add_user(
    database: Database,
    *,
    email: str,
    role: str,
    agency_id: str | None,
    language: str = i18n.DEFAULT_LANGUAGE,
    password: str | None = None,
    name: str | None = None,
    post: str | None = None,
) -> tuple[str, str]:
    """Add a user. Returns the identifier and the password, which is not stored and cannot be shown again.

    Raises Invalid (the address), NotFound (the agency), Conflict (somebody has this address).
    """
    email = normalise_email(email)
    if not 3 <= len(email) <= 254 or email.count("@") != 1 or any(character.isspace() for character in email):
        raise Invalid((FieldError("email", "email"),))
    if (role not in AGENCY_ROLES) != (agency_id is None):
        raise Invalid((FieldError("agency", "invalid"),))
    password = password or passwords.generate_password()
    hashed = await passwords.hash_password(password)
    user_id, now = clock.new_id(), clock.now()

    async def work(tx: Transaction) -> None:
        if agency_id is not None and await tx.row("SELECT id FROM agencies WHERE id = :id", id=agency_id) is None:
            raise NotFound("agency_not_found")
        inserted = await store.insert_user(
            tx,
            user_id=user_id,
            email=email,
            agency_id=agency_id,
            role=role,
            password_hash=hashed,
            language=language,
            name=name,
            post=post,
            now=now,
        )
        if not inserted:
            raise Conflict("user_exists", email=email)
        await notices.keep_somebody_told(tx, agency_id, user_id)
        await journal.record(tx, "user_added", journal.COMMAND_LINE, subject=user_id, details={"role": role})

    await database.write(work)
    return user_id, password
