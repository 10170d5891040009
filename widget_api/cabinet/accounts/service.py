"""What is done about an account: by the operator's commands, or by its owner.

Whatever changes who may do what ends the sessions of that user in the same transaction. Sessions are looked up in the
database at every request, so a service that is running refuses them from then on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from widget_api import clock
from widget_api.cabinet import passwords
from widget_api.cabinet.accounts import store
from widget_api.cabinet.accounts.model import Session
from widget_api.cabinet.service import normalised_email
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid, NotFound


async def update(database: Database, email: str, columns: Mapping[str, Any]) -> str:
    """Change role, agency_id, name, post or language of a user. Returns the user's id. Raises NotFound, Invalid."""

    async def change(tx: Transaction, user: Row) -> None:
        role, agency_id = columns.get("role", user["role"]), columns.get("agency_id", user["agency_id"])
        if (role == "operator") != (agency_id is None):
            raise Invalid((FieldError("agency", "invalid" if agency_id else "required"),))
        await store.update(tx, user["id"], columns)

    return await _change(database, email, change)


async def disable(database: Database, email: str) -> str:
    """Let a user in no longer. Returns the user's id. Raises NotFound."""

    async def change(tx: Transaction, user: Row) -> None:
        if user["disabled_at"] is None:
            await store.update(tx, user["id"], {"disabled_at": clock.now()})

    return await _change(database, email, change)


async def enable(database: Database, email: str) -> str:
    """Let a user in again. Returns the user's id. Raises NotFound."""

    async def change(tx: Transaction, user: Row) -> None:
        await store.update(tx, user["id"], {"disabled_at": None})

    return await _change(database, email, change)


async def reset_password(database: Database, email: str) -> tuple[str, str]:
    """Give a user a new password. Returns the user's id and the password, which is not stored. Raises NotFound."""
    password = passwords.new_password()
    hashed = await passwords.hash_password(password)

    async def change(tx: Transaction, user: Row) -> None:
        await store.update(tx, user["id"], {"password_hash": hashed})

    return await _change(database, email, change), password


async def _change(database: Database, email: str, change: Callable[[Transaction, Row], Awaitable[None]]) -> str:
    """Run `change` and end the user's sessions, in one transaction. Raises NotFound."""

    async def work(tx: Transaction) -> str:
        user = await store.find(tx, normalised_email(email))
        if user is None:
            raise NotFound("user_not_found")
        await change(tx, user)
        await store.end_sessions(tx, user["id"])
        return str(user["id"])

    return await database.write(work)


async def sessions_of(database: Database, email: str) -> list[Session]:
    """Where a user is signed in, newest first. Raises NotFound."""
    row = await database.row("SELECT id FROM users WHERE email = :email", email=normalised_email(email))
    if row is None:
        raise NotFound("user_not_found")
    return await list_sessions(database, row["id"])


async def list_sessions(database: Database, user_id: str, *, current: str = "") -> list[Session]:
    """A user's sessions, newest first; `current` is the token hash of the one that asks."""
    return [
        Session(
            created_at=row["created_at"],
            expires_at=row["expires_at"],
            ip=row["ip"],
            user_agent=row["user_agent"],
            current=row["token_hash"] == current,
        )
        for row in await store.sessions(database, user_id, clock.now())
    ]
