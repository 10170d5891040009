"""Accept held letters, as parsed or with corrections, or decline them, and delete those no longer needed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from widget_api import clock
from widget_api.attachments.storage import Storage
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.errors import Conflict, FieldError, Invalid
from widget_api.mailbox import attachments, parse, store
from widget_api.problems import lifecycle
from widget_api.problems.model import Actor, Change

BATCH_SIZE = 100


async def accept(context: Context, actor: Actor, letter: Row, change: Change) -> None:
    """Publish a held letter as a decision, with its attachments.

    Raises the errors of `lifecycle.change`, Conflict if the letter was decided meanwhile, and Unavailable.
    """
    raw = await context.storage.get_letter(letter["stored"]) if letter["stored"] else None
    stored = attachments.StoredAttachments()
    if raw is not None:
        parsed = parse.read_letter(raw)
        stored = await attachments.store_attachments(
            context, letter["site_id"], letter["problem_id"], parsed.attachments
        )
    if (stored.photos or stored.documents) and not change.text:
        raise Invalid((FieldError("text", "text_with_files"),))
    change = replace(change, photos=tuple(stored.photos), documents=tuple(stored.documents))

    async def along(tx: Transaction, event_id: str) -> None:
        if not await store.mark_decided(tx, letter["id"], "taken", event_id, actor.user_id or "", clock.now()):
            raise Conflict

    await lifecycle.change(context.database, actor, letter["site_id"], letter["problem_id"], change, along=along)


async def preview_attachments(context: Context, letter: Row) -> list[attachments.AttachmentPreview]:
    """Return the attachments of a held letter. Raises Unavailable."""
    raw = await context.storage.get_letter(letter["stored"]) if letter["stored"] else None
    if raw is None:
        return []
    parsed = await asyncio.to_thread(parse.read_letter, raw)
    return await attachments.preview_attachments(parsed.attachments)


async def decline(database: Database, user_id: str, letter: Row) -> None:
    """Decline a held letter. Raises Conflict if it was decided meanwhile."""

    async def work(tx: Transaction) -> None:
        if not await store.mark_decided(tx, letter["id"], "refused", None, user_id, clock.now()):
            raise Conflict

    await database.write(work)


async def delete_obsolete(database: Database, storage: Storage) -> int:
    """Delete the stored content of decided letters, and the records of old ones. Returns the number of the former."""
    deleted = 0
    while rows := await store.obsolete_stored_letters(database, BATCH_SIZE):
        for row in rows:
            await storage.delete_letter(row["stored"])

            async def clear(tx: Transaction, letter_id: str = row["id"]) -> None:
                await store.clear_stored(tx, letter_id)

            await database.write(clear)
            deleted += 1

    await store.delete_old(database, clock.now())
    return deleted


async def reconcile_after_restore(database: Database, storage: Storage) -> None:
    """Delete obsolete letters after a restore, and stored letters that the restored database does not know."""
    await delete_obsolete(database, storage)
    async for names in storage.letters():
        for name in names:
            if not await store.is_stored(database, name):
                await storage.delete_letter(name)
