"""Store forms of the cabinet whose session has ended, until their user has signed in again.

A session ends after twelve hours, and signing in again in another tab invalidates the forms of the first one. Fields
and files are stored for a day, for the same user in the same browser, and shown again in their form. They are never
sent by themselves, since a user must see a decision before sending it.

Only forms with a validly signed token are stored, so strangers can store nothing.
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

FORM_LIFETIME = clock.DAY  # seconds: until the next morning
MAX_FORMS = 5  # per user; the oldest is deleted
MAX_FILES_SIZE = 128 * 1024 * 1024  # bytes of files per user
MAX_FIELDS_SIZE = 262_144  # bytes of the fields of one form
TECHNICAL_FIELDS = frozenset({"form_token", "next", "seen", "unsent", "unsent_leave"})  # not typed by the user
_MEMORY_LIMIT = 65_536  # bytes

Pairs = list[tuple[str, str]]
Files = list[tuple[str, UploadedFile]]


@dataclass(frozen=True, kw_only=True)
class UnsentForm:
    """A stored form: its fields in order, and the field, name and size of its files."""

    id: str
    page: str  # the path of its page
    action: str
    fields: Pairs
    files: list[dict[str, Any]]
    reason: str  # session: it had ended; beside: another form of the same page was sent


def generate_browser() -> str:
    """A random value for the cookie that identifies a browser."""
    return secrets.token_urlsafe(32)


def is_worth_keeping(fields: Pairs, files: Files) -> bool:
    return any(one.size for _, one in files) or any(
        value.strip() for name, value in _without_secrets(fields) if name not in TECHNICAL_FIELDS
    )


def _without_secrets(fields: Pairs) -> Pairs:
    """The fields without passwords, and the code that is asked for beside one."""
    codes = {"code"} if any(name == "password" for name, _ in fields) else set()
    return [(name, value) for name, value in fields if "password" not in name and name not in codes]


async def store_form(
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
    """Store a form without passwords, codes and unacceptable files.

    Returns its identifier, or None where the user is disabled or the form is too large.
    """
    kept = [(name, value) for name, value in _without_secrets(fields) if name != "form_token"]
    stored = orjson.dumps(kept).decode()
    good = [(name, one) for name, one in files if 0 < one.size <= MAX_FILE_SIZE]
    size = sum(one.size for _, one in good)
    if len(stored.encode()) > MAX_FIELDS_SIZE or size > MAX_FILES_SIZE:
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
    for place, (_, one) in enumerate(good):  # after the row, so that no file lacks one
        one.file.seek(0)
        await context.storage.put_unsent(form_id, place, one.file.read())
    await _delete_oldest(context, user_id)
    return form_id


async def _delete_oldest(context: Context, user_id: str) -> None:
    """Delete the oldest forms of a user beyond MAX_FORMS and MAX_FILES_SIZE."""
    rows = await context.database.rows(
        "SELECT * FROM unsent_forms WHERE user_id = :user_id ORDER BY created_at DESC, id DESC", user_id=user_id
    )
    total = 0
    for index, row in enumerate(rows):
        total += row["bytes"]
        if index >= MAX_FORMS or total > MAX_FILES_SIZE:
            await _delete_forms(context.database, context.storage, row)


async def find_form(context: Context, user_id: str, browser: str, form_id: str) -> UnsentForm | None:
    """A stored form of this user and browser."""
    row = await _find_row(context.database, user_id, browser, form_id)
    return None if row is None else _to_form(row)


async def find_newest_unseen(context: Context, user_id: str, browser: str) -> UnsentForm | None:
    """The newest stored form of this user and browser that has not been shown again."""
    row = await context.database.row(
        """
        SELECT * FROM unsent_forms
        WHERE user_id = :user_id AND browser_hash = :browser AND created_at > :since AND shown_at IS NULL
        ORDER BY created_at DESC, id DESC LIMIT 1
        """,
        user_id=user_id,
        browser=_hash(browser),
        since=clock.now() - FORM_LIFETIME,
    )
    return None if row is None else _to_form(row)


async def mark_shown(database: Database, form_id: str) -> None:
    async def work(tx: Transaction) -> None:
        await tx.run("UPDATE unsent_forms SET shown_at = :now WHERE id = :id", now=clock.now(), id=form_id)

    await database.write(work)


async def read_files(context: Context, user_id: str, browser: str, form_id: str, left_out: Sequence[str]) -> Files:
    """The files of a stored form as uploaded ones; `left_out` are the indexes that the user removed."""
    row = await _find_row(context.database, user_id, browser, form_id)
    found: Files = []
    for place, saved in enumerate(_to_form(row).files if row is not None else ()):
        content = None if str(place) in left_out else await context.storage.get_unsent(form_id, place)
        if content is None:
            continue
        file = cast(BinaryIO, tempfile.SpooledTemporaryFile(max_size=_MEMORY_LIMIT))  # noqa: SIM115 - the caller closes it
        file.write(content)
        file.seek(0)
        found.append((saved["field"], UploadedFile(saved["name"], file, len(content), content[:64])))
    return found


async def delete_form(context: Context, user_id: str, browser: str, form_id: str) -> None:
    """Delete a form, after it was sent."""
    row = await _find_row(context.database, user_id, browser, form_id)
    if row is not None:
        await _delete_forms(context.database, context.storage, row)


async def purge_expired(database: Database, storage: Storage) -> int:
    """Delete expired forms, and files without a form. Returns the number of forms."""
    gone = 0
    while rows := await database.rows(
        "SELECT * FROM unsent_forms WHERE created_at <= :before LIMIT :part",
        before=clock.now() - FORM_LIFETIME,
        part=batched_delete.BATCH_SIZE,
    ):
        for row in rows:
            await _delete_forms(database, storage, row)
        gone += len(rows)
    async for names in storage.unsent():
        for form_id, place in names:
            if await database.row("SELECT 1 FROM unsent_forms WHERE id = :id", id=form_id) is None:
                await storage.delete_unsent(form_id, place)
    return gone


async def _delete_forms(database: Database, storage: Storage, row: Row) -> None:
    """Delete forms, files first, so that an interruption leaves no file without a row."""
    for place in range(len(orjson.loads(row["files"]))):
        await storage.delete_unsent(row["id"], place)

    async def work(tx: Transaction) -> None:
        await tx.run("DELETE FROM unsent_forms WHERE id = :id", id=row["id"])
        tx.mark_erasure()

    await database.write(work)


async def _find_row(database: Database, user_id: str, browser: str, form_id: str) -> Row | None:
    return await database.row(
        """
        SELECT * FROM unsent_forms
        WHERE id = :id AND user_id = :user_id AND browser_hash = :browser AND created_at > :since
        """,
        id=form_id.replace("\0", ""),
        user_id=user_id,
        browser=_hash(browser),
        since=clock.now() - FORM_LIFETIME,
    )


def _to_form(row: Row) -> UnsentForm:
    return UnsentForm(
        id=row["id"],
        page=row["page"],
        action=row["action"],
        fields=[(name, value) for name, value in orjson.loads(row["fields"])],
        files=orjson.loads(row["files"]),
        reason=row["reason"],
    )


def _hash(browser: str) -> str:
    """The hash of a cookie's value: the stored value must not work as a cookie."""
    return hashlib.sha256(browser.encode("utf-8", "replace")).hexdigest()
