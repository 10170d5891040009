"""Letters that wait for a look: accepted as they were read or as somebody put them right, or declined."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from widget_api import clock
from widget_api.attachments.storage import Storage
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.errors import Conflict, FieldError, Invalid
from widget_api.mailbox import attachments, parse, store
from widget_api.problems import change as problems
from widget_api.problems.model import Actor, Change

BATCH_SIZE = 100


async def accept(context: Context, actor: Actor, letter: Row, wish: Change) -> None:
    """Make a decision of a held letter, with what was attached to it. Raises what problems.service.change does,
    Conflict where somebody was faster, Unavailable.
    """
    raw = await context.storage.get_letter(letter["stored"]) if letter["stored"] else None
    taken = attachments.StoredAttachments()
    if raw is not None:
        read = parse.read_letter(raw)
        taken = await attachments.store_attachments(context, letter["site_id"], letter["problem_id"], read.attachments)
    if (taken.photos or taken.documents) and not wish.text:
        raise Invalid((FieldError("text", "text_with_files"),))
    wish = replace(wish, photos=tuple(taken.photos), documents=tuple(taken.documents))

    async def along(tx: Transaction, event_id: str) -> None:
        if not await store.mark_decided(tx, letter["id"], "taken", event_id, actor.user_id or "", clock.now()):
            raise Conflict

    await problems.change(context.database, actor, letter["site_id"], letter["problem_id"], wish, along=along)


async def preview_attachments(context: Context, letter: Row) -> list[attachments.AttachmentPreview]:
    """What a held letter brought along. Raises Unavailable."""
    raw = await context.storage.get_letter(letter["stored"]) if letter["stored"] else None
    if raw is None:
        return []
    read = await asyncio.to_thread(parse.read_letter, raw)
    return await attachments.preview_attachments(read.attachments)


async def decline(database: Database, user_id: str, letter: Row) -> None:
    """Raises Conflict where somebody was faster."""

    async def work(tx: Transaction) -> None:
        if not await store.mark_decided(tx, letter["id"], "refused", None, user_id, clock.now()):
            raise Conflict

    await database.write(work)


async def delete_obsolete(database: Database, storage: Storage) -> int:
    """Delete what is stored of letters nobody has to look at any more, and what was written down of old ones."""
    swept = 0
    while rows := await store.obsolete_stored_letters(database, BATCH_SIZE):
        for row in rows:
            await storage.delete_letter(row["stored"])

            async def forget(tx: Transaction, letter_id: str = row["id"]) -> None:
                await store.clear_stored(tx, letter_id)

            await database.write(forget)
            swept += 1

    await store.delete_old(database, clock.now())
    return swept


async def reconcile_after_restore(database: Database, storage: Storage) -> None:
    """After a restore: sweep, and delete the letters the restored copy knows nothing of."""
    await delete_obsolete(database, storage)
    async for names in storage.letters():
        for name in names:
            if not await store.is_stored(database, name):
                await storage.delete_letter(name)
