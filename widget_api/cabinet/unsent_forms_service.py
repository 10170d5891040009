"""Keep a form of the cabinet that could not be taken, until its writer has signed in again.

A session ends after twelve hours, and a person who signs in anew in another tab makes the forms of the first one old.
What was written there is worth more than the session: fields and files wait here for a day, for the same user in the
same browser, and are shown again in their form. They are never acted upon by themselves, since only whoever sees a
decision may send it.

Only a form with our signature on its token is kept, so a stranger can store nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

import orjson

from widget_api import clock
from widget_api.attachments.photos.model import MAX_FILE_SIZE
from widget_api.attachments.storage import Storage
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction, batched_delete
from widget_api.web import UploadedFile

LIFE = 86_400  # seconds; who leaves work with a form half sent finds it the next morning
MOST = 5  # forms of one user; the oldest goes
MOST_BYTES = 128 * 1024 * 1024  # of the files of one user's forms
LONGEST = 262_144  # bytes of the fields of one form
MACHINERY = frozenset({"form_token", "next", "seen", "unsent", "unsent_leave"})  # what nobody typed
_IN_MEMORY = 65_536  # bytes

Pairs = list[tuple[str, str]]
Files = list[tuple[str, UploadedFile]]


@dataclass(frozen=True, kw_only=True)
class Unsent:
    """A form that waits: its fields in their order, and of its files the field, name and size."""

    id: str
    page: str  # the path of the page it stood on
    action: str
    fields: Pairs
    files: list[dict[str, Any]]
    reason: str  # session: it was too old; beside: another form of the same page was sent


def new_browser() -> str:
    """A value for the cookie that says which browser a form came from."""
    return secrets.token_urlsafe(32)


def worth_keeping(fields: Pairs, files: Files) -> bool:
    return any(one.size for _, one in files) or any(
        value.strip() for name, value in fields if name not in MACHINERY and not _is_secret(name)
    )


def _is_secret(name: str) -> bool:
    return "password" in name


async def keep(
    context: Context,
    *,
    user_id: str,
    browser: str,
    page: str,
    action: str,
    fields: Pairs,
    files: Files,
    reason: str = "session",
) -> str | None:
    """Store a form; returns its identifier, or None where the user may not come in or there is too much of it.

    Passwords are left out, and so is a file that no form of ours would take.
    """
    kept = [(name, value) for name, value in fields if name != "form_token" and not _is_secret(name)]
    stored = orjson.dumps(kept).decode()
    good = [(name, one) for name, one in files if 0 < one.size <= MAX_FILE_SIZE]
    size = sum(one.size for _, one in good)
    if len(stored.encode()) > LONGEST or size > MOST_BYTES:
        return None
    form_id, now = clock.new_id(), clock.now()

    async def work(tx: Transaction) -> bool:
        if await tx.row("SELECT 1 FROM users WHERE id = :id AND disabled_at IS NULL", id=user_id) is None:
            return False
        await tx.insert(
            "unsent_forms",
            id=form_id,
            user_id=user_id,
            browser_hash=_hash(browser),
            page=page,
            action=action,
            fields=stored,
            files=orjson.dumps([{"field": name, "name": one.name, "bytes": one.size} for name, one in good]).decode(),
            bytes=size,
            reason=reason,
            created_at=now,
        )
        return True

    if not await context.database.write(work):
        return None
    for place, (_, one) in enumerate(good):  # after the row, so that no file is without one
        one.file.seek(0)
        await context.storage.put_unsent(form_id, place, one.file.read())
    await _bound(context, user_id)
    return form_id


async def _bound(context: Context, user_id: str) -> None:
    """Forget the oldest forms of a user beyond MOST and MOST_BYTES."""
    rows = await context.database.rows(
        "SELECT * FROM unsent_forms WHERE user_id = :user_id ORDER BY created_at DESC, id DESC", user_id=user_id
    )
    total = 0
    for index, row in enumerate(rows):
        total += row["bytes"]
        if index >= MOST or total > MOST_BYTES:
            await _forget(context.database, context.storage, row)


async def find(context: Context, user_id: str, browser: str, form_id: str) -> Unsent | None:
    """A form of this user from this browser."""
    row = await _row(context.database, user_id, browser, form_id)
    return None if row is None else _read(row)


async def newest_unseen(context: Context, user_id: str, browser: str) -> Unsent | None:
    """The last form that was kept for this user in this browser and not shown since."""
    row = await context.database.row(
        """
        SELECT * FROM unsent_forms
        WHERE user_id = :user_id AND browser_hash = :browser AND created_at > :since AND shown_at IS NULL
        ORDER BY created_at DESC, id DESC LIMIT 1
        """,
        user_id=user_id,
        browser=_hash(browser),
        since=clock.now() - LIFE,
    )
    return None if row is None else _read(row)


async def mark_shown(database: Database, form_id: str) -> None:
    async def work(tx: Transaction) -> None:
        await tx.run("UPDATE unsent_forms SET shown_at = :now WHERE id = :id", now=clock.now(), id=form_id)

    await database.write(work)


async def files_of(context: Context, user_id: str, browser: str, form_id: str, left_out: Sequence[str]) -> Files:
    """The files of a kept form as if they had just been sent; `left_out` names places that the user unticked."""
    row = await _row(context.database, user_id, browser, form_id)
    found: Files = []
    for place, told in enumerate(_read(row).files if row is not None else ()):
        content = None if str(place) in left_out else await context.storage.get_unsent(form_id, place)
        if content is None:
            continue
        file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY))  # noqa: SIM115 - the caller closes it
        file.write(content)
        file.seek(0)
        found.append((told["field"], UploadedFile(told["name"], file, len(content), content[:64])))
    return found


async def discard(context: Context, user_id: str, browser: str, form_id: str) -> None:
    """Forget a form that was sent at last."""
    row = await _row(context.database, user_id, browser, form_id)
    if row is not None:
        await _forget(context.database, context.storage, row)


async def purge(database: Database, storage: Storage) -> int:
    """Forget forms past their time, and files without a form. Returns how many forms went."""
    gone = 0
    while rows := await database.rows(
        "SELECT * FROM unsent_forms WHERE created_at <= :before LIMIT :part",
        before=clock.now() - LIFE,
        part=batched_delete.BATCH_SIZE,
    ):
        for row in rows:
            await _forget(database, storage, row)
        gone += len(rows)
    async for names in storage.unsent():
        for form_id, place in names:
            if await database.row("SELECT 1 FROM unsent_forms WHERE id = :id", id=form_id) is None:
                await storage.delete_unsent(form_id, place)
    return gone


async def _forget(database: Database, storage: Storage, row: Row) -> None:
    """Files first: stopped in between, the row still names them."""
    for place in range(len(orjson.loads(row["files"]))):
        await storage.delete_unsent(row["id"], place)

    async def work(tx: Transaction) -> None:
        await tx.run("DELETE FROM unsent_forms WHERE id = :id", id=row["id"])
        tx.mark_erasure()

    await database.write(work)


async def _row(database: Database, user_id: str, browser: str, form_id: str) -> Row | None:
    return await database.row(
        """
        SELECT * FROM unsent_forms
        WHERE id = :id AND user_id = :user_id AND browser_hash = :browser AND created_at > :since
        """,
        id=form_id.replace("\0", ""),
        user_id=user_id,
        browser=_hash(browser),
        since=clock.now() - LIFE,
    )


def _read(row: Row) -> Unsent:
    return Unsent(
        id=row["id"],
        page=row["page"],
        action=row["action"],
        fields=[(name, value) for name, value in orjson.loads(row["fields"])],
        files=orjson.loads(row["files"]),
        reason=row["reason"],
    )


def _hash(browser: str) -> str:
    """What stands in the database must not do as a cookie."""
    return hashlib.sha256(browser.encode("utf-8", "replace")).hexdigest()
