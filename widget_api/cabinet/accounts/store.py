"""All SQL of what is changed about a user, and of their sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from widget_api.database import Database, Row, Transaction


async def find(tx: Transaction, email: str) -> Row | None:
    return await tx.row("SELECT * FROM users WHERE email = :email", email=email)


async def find_by_id(database: Database, user_id: str) -> Row | None:
    return await database.row("SELECT * FROM users WHERE id = :id", id=user_id)


async def update(tx: Transaction, user_id: str, columns: Mapping[str, Any]) -> None:
    """The names of `columns` are the caller's own, never input."""
    assignments = ", ".join(f"{name} = :{name}" for name in columns)
    await tx.run(f"UPDATE users SET {assignments} WHERE id = :id", id=user_id, **columns)


async def replace_password(tx: Transaction, user_id: str, old_hash: str, new_hash: str) -> bool:
    """False where the password was changed, or the user disabled, since `old_hash` was read."""
    updated = await tx.run(
        "UPDATE users SET password_hash = :new_hash"
        " WHERE id = :id AND password_hash = :old_hash AND disabled_at IS NULL",
        id=user_id,
        old_hash=old_hash,
        new_hash=new_hash,
    )
    return updated == 1


async def end_sessions(tx: Transaction, user_id: str, *, keep: str = "") -> None:
    """End every session of a user but the one whose token hash is `keep`."""
    await tx.run("DELETE FROM sessions WHERE user_id = :user_id AND token_hash <> :keep", user_id=user_id, keep=keep)


async def sessions(database: Database, user_id: str, now: int) -> Sequence[Row]:
    """The sessions that are still good, newest first."""
    return await database.rows(
        """
        SELECT token_hash, created_at, expires_at, ip, user_agent FROM sessions
        WHERE user_id = :user_id AND expires_at > :now
        ORDER BY created_at DESC, token_hash
        """,
        user_id=user_id,
        now=now,
    )
