"""Receive a photo, and forget one: the row says what is true, the storage follows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, BinaryIO

from widget_api import clock
from widget_api.attachments.photos import cleanup, links, store
from widget_api.attachments.photos.model import LOOSE_LIFE, SIZES, Received
from widget_api.attachments.photos.storage import Storage
from widget_api.database import Database, Transaction
from widget_api.errors import Refused, Unavailable

if TYPE_CHECKING:
    from widget_api.context import Context

log = logging.getLogger(__name__)
TICKET_LIFE = 2 * 3600  # seconds; as sites.tickets has it


async def receive(
    context: Context,
    site_id: str,
    file: BinaryIO | bytes,
    *,
    ticket: str | None = None,
    most: int = 0,
    sender: str | None = None,
) -> Received:
    """Take a photo in: it waits a day for its token to attach it. A ticket brings at most `most` that wait.

    The row is written first, so that a picture in the storage is never without one. Raises WrongType, Invalid, Refused
    («ticket_photos»), Unavailable.
    """
    since = clock.now() - TICKET_LIFE
    if ticket is not None and await store.of_ticket(context.database, ticket, since) >= most:
        raise Refused("ticket_photos")
    picture = await context.intake.convert(file, sender)
    photo_id = clock.new_id()

    async def work(tx: Transaction) -> None:
        if ticket is not None and await store.of_ticket(tx, ticket, since) >= most:
            raise Refused("ticket_photos")
        await store.add(
            tx,
            photo_id=photo_id,
            site_id=site_id,
            width=picture.width,
            height=picture.height,
            ticket=ticket,
            now=clock.now(),
        )

    await context.database.write(work)
    try:
        for size, content in zip(SIZES, (picture.picture, picture.thumbnail, picture.small), strict=True):
            await context.storage.put(photo_id, size, content)
    except Unavailable as error:
        log.warning("a photo cannot be stored: %s", error.__cause__)
        await discard(context.database, photo_id)
        raise
    return Received(
        id=photo_id,
        token=links.token(context.signer, site_id, photo_id),
        width=picture.width,
        height=picture.height,
        location=picture.location,
    )


async def discard(database: Database, *photo_ids: str) -> None:
    """Let go of those of the photos that were not attached."""

    async def work(tx: Transaction) -> None:
        for photo_id in photo_ids:
            await store.remove(tx, photo_id, clock.now())

    if photo_ids:
        await database.write(work)


async def purge(database: Database, storage: Storage) -> int:
    """Forget photos nobody attached in a day, and sweep. Returns how many were deleted."""
    now = clock.now()
    if await store.loose_before(database, now - LOOSE_LIFE):

        async def work(tx: Transaction) -> int:
            return await store.remove_loose(tx, now - LOOSE_LIFE, now)

        await database.write(work)
    return await sweep(database, storage)


async def sweep(database: Database, storage: Storage) -> int:
    """Delete the pictures of what was removed, then its rows."""
    return await cleanup.sweep(database, store.removed, storage.delete, store.forget)


async def settle(database: Database, storage: Storage) -> None:
    """After a restore: sweep, and delete the pictures the restored copy knows nothing of."""
    await sweep(database, storage)
    async for names in storage.photos():
        for photo_id in {name.partition(".")[0] for name in names}:
            if not await store.known(database, photo_id):
                await storage.delete(photo_id)
