"""SQL of changes to users, of their sessions, and of letters that reset passwords."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction
from widget_api.mail import outbox
from widget_api.permissions import sql_roles
from widget_api.problems.model import OPEN

# The index of who looks after reports begins with the site; without one every report would be read.
LOOKED_AFTER = "site_id IN (SELECT id FROM sites) AND assigned_user = :id"
_OPEN = ", ".join(f"'{status}'" for status in sorted(OPEN))


async def find_by_email(reader: Database | Transaction, email: str) -> Row | None:
    return await reader.row("SELECT * FROM users WHERE email = :email", email=email)


async def find_by_id(database: Database, user_id: str) -> Row | None:
    return await database.row("SELECT * FROM users WHERE id = :id", id=user_id)


async def may_sign_in(reader: Database | Transaction, user_id: str) -> bool:
    """Whether a user is enabled, and so is the agency. Those above it do not count."""
    sql = (
        "SELECT 1 FROM users u LEFT JOIN agencies a ON a.id = u.agency_id"
        " WHERE u.id = :id AND u.disabled_at IS NULL AND a.disabled_at IS NULL"
    )
    return await reader.row(sql, id=user_id) is not None


async def find_agency_name(database: Database, agency_id: str | None) -> str | None:
    row = await database.row("SELECT name FROM agencies WHERE id = :id", id=agency_id)
    return None if row is None else str(row["name"])


async def find_in_agency(tx: Transaction, agency_id: str, column: str, value: str) -> Row | None:
    """An agency's user by a unique column, whose name is the caller's own, never input."""
    return await tx.row(
        f"SELECT * FROM users WHERE agency_id = :agency_id AND {column} = :value", agency_id=agency_id, value=value
    )


async def update_user(tx: Transaction, user_id: str, columns: Mapping[str, Any]) -> None:
    """Set columns of a user. Their names are the caller's own, never input."""
    assignments = ", ".join(f"{name} = :{name}" for name in columns)
    await tx.run(f"UPDATE users SET {assignments} WHERE id = :id", id=user_id, **columns)


async def delete_saved_views(tx: Transaction, user_id: str) -> None:
    await tx.run("DELETE FROM saved_views WHERE user_id = :id", id=user_id)


async def count_open_reports(reader: Database | Transaction, user_id: str) -> int:
    """How many reports somebody looks after that are not closed yet."""
    row = await reader.row(
        f"SELECT COUNT(*) AS many FROM problems WHERE {LOOKED_AFTER} AND status IN ({_OPEN})", id=user_id
    )
    assert row is not None, "an aggregate without its row"
    return int(row["many"])


async def hand_over(tx: Transaction, user_id: str, heir: str | None) -> None:
    """Give all reports that somebody looks after to a colleague, or to nobody; routing rules only to a colleague."""
    rows = await tx.rows(f"SELECT DISTINCT site_id FROM problems WHERE {LOOKED_AFTER} ORDER BY 1", id=user_id)
    for row in rows:
        await tx.advance(row["site_id"], 0, 0)  # open lists reload
    await tx.run(f"UPDATE problems SET assigned_user = :heir WHERE {LOOKED_AFTER}", id=user_id, heir=heir)
    if heir:
        await tx.run("UPDATE routing_rules SET user_id = :heir WHERE user_id = :id", id=user_id, heir=heir)


async def lock_enabled_admins(tx: Transaction, agency_id: str) -> list[str]:
    """The enabled administrators of an agency, locked for the transaction, so that two cannot remove each other."""
    lock = " FOR UPDATE" if tx.dialect == "postgresql" else ""
    rows = await tx.rows(
        f"SELECT id FROM users WHERE agency_id = :agency_id AND role IN ({sql_roles('organisation.manage')})"
        f" AND disabled_at IS NULL ORDER BY id{lock}",
        agency_id=agency_id,
    )
    return [row["id"] for row in rows]


async def replace_password(tx: Transaction, user: Row, new_hash: str) -> bool:
    """Set a new password. False where the password or the account was changed since `user` was read."""
    updated = await tx.run(
        "UPDATE users SET password_hash = :new_hash"
        " WHERE id = :id AND password_hash = :old_hash AND reset_epoch = :epoch AND disabled_at IS NULL",
        id=user["id"],
        old_hash=user["password_hash"],
        epoch=user["reset_epoch"],
        new_hash=new_hash,
    )
    return updated == 1


async def end_sessions(tx: Transaction, user_id: str, *, keep: str = "") -> None:
    """End every session of a user but the one whose token hash is `keep`."""
    await tx.run("DELETE FROM sessions WHERE user_id = :user_id AND token_hash <> :keep", user_id=user_id, keep=keep)


async def list_sessions(database: Database, user_id: str, now: int) -> Sequence[Row]:
    """The sessions that have not expired, newest first."""
    return await database.rows(
        """
        SELECT token_hash, created_at, expires_at, ip, user_agent FROM sessions
        WHERE user_id = :user_id AND expires_at > :now
        ORDER BY created_at DESC, token_hash
        """,
        user_id=user_id,
        now=now,
    )


# --- the second factor ---------------------------------------------------------------------------------------------


async def set_factor(tx: Transaction, user_id: str, secret: str, step: int) -> bool:
    """Set the encrypted secret. False where the user has one already.

    The link to a provider's person ends: it was made without a code, which only the next one needs.
    """
    updated = await tx.run(
        "UPDATE users SET factor_secret = :secret, factor_step = :step, provider_subject = NULL"
        " WHERE id = :id AND factor_secret IS NULL",
        id=user_id,
        secret=secret,
        step=step,
    )
    await outbox.cancel(tx, "factor_removed", user_id)
    return updated == 1


async def use_factor_step(tx: Transaction, user_id: str, secret: str, step: int) -> bool:
    """False where a code of this time step or of a later one was used before, or the secret has changed."""
    updated = await tx.run(
        "UPDATE users SET factor_step = :step WHERE id = :id AND factor_secret = :secret AND factor_step < :step",
        id=user_id,
        secret=secret,
        step=step,
    )
    return updated == 1


async def replace_factor_secret(tx: Transaction, user_id: str, earlier: str, secret: str) -> int:
    return await tx.run(
        "UPDATE users SET factor_secret = :secret WHERE id = :id AND factor_secret = :earlier",
        id=user_id,
        earlier=earlier,
        secret=secret,
    )


async def replace_recovery_codes(tx: Transaction, user_id: str, hashes: Sequence[str]) -> None:
    await tx.run("DELETE FROM recovery_codes WHERE user_id = :user_id", user_id=user_id)
    for code_hash in hashes:
        await tx.insert("recovery_codes", user_id=user_id, code_hash=code_hash)


async def use_recovery_code(tx: Transaction, user_id: str, code_hash: str) -> bool:
    deleted = await tx.run(
        "DELETE FROM recovery_codes WHERE user_id = :user_id AND code_hash = :code_hash",
        user_id=user_id,
        code_hash=code_hash,
    )
    return deleted == 1


async def count_recovery_codes(database: Database | Transaction, user_id: str) -> int:
    row = await database.row("SELECT COUNT(*) FROM recovery_codes WHERE user_id = :user_id", user_id=user_id)
    assert row is not None, "an aggregate without its row"
    return int(row[0])


# --- letters of which a user has one of a kind at most; a column says when it is due ---------------------------------


async def list_admins(tx: Transaction, agency_id: str) -> Sequence[Row]:
    """The enabled administrators of an agency: id."""
    return await tx.rows(
        "SELECT id FROM users WHERE agency_id = :agency_id AND disabled_at IS NULL"
        f" AND role IN ({sql_roles('organisation.manage')}) ORDER BY id",
        agency_id=agency_id,
    )


# --- letters that reset passwords ----------------------------------------------------------------------------------


async def count_letters(tx: Transaction, counter: str, since: int) -> int:
    """The number of letters of one counter since then, by `confirmation_letters`, which counts all letters."""
    asked = await tx.matching("confirmation_letters", email_hash=counter)
    return sum(letter["at"] > since for letter in asked)


async def count_letter(tx: Transaction, counter: str, now: int) -> None:
    await tx.insert("confirmation_letters", id=new_id(), email_hash=counter, at=now)


async def void_reset_links(tx: Transaction, user_id: str) -> None:
    """Void the links that were sent, and delete a letter that has not left yet."""
    await tx.run("UPDATE users SET reset_epoch = reset_epoch + 1 WHERE id = :id", id=user_id)
    await outbox.cancel(tx, "password_reset", user_id)
