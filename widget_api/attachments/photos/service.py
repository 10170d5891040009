"""Receive photos and delete them. The row is authoritative, the storage follows it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from widget_api import clock
from widget_api.attachments import links
from widget_api.attachments import storage as file_storage
from widget_api.attachments.photos import store
from widget_api.attachments.photos.intake import Area
from widget_api.attachments.photos.model import BYTES_PER_PIXEL, SIZES, UNATTACHED_LIFETIME, Received
from widget_api.attachments.storage import Storage
from widget_api.database import Database, Transaction
from widget_api.errors import Unavailable

if TYPE_CHECKING:
    from widget_api.context import Context

log = logging.getLogger(__name__)


async def receive(
    context: Context,
    site_id: str,
    file: BinaryIO | bytes,
    *,
    sender: str = "service",
    cover: Sequence[Area] = (),
) -> Received:
    """Convert and store a photo until its token attaches it, for a day at most. Areas of it may be covered.

    The row is written first, so that no stored picture is without one. Raises WrongType, Invalid, Unavailable
    («photos_paused» where the disk is nearly full).
    """
    if not await context.storage.has_space(context.settings.min_free_space):
        raise Unavailable("photos_paused")
    picture = await context.intake.convert(file, sender, cover=cover)
    photo_id = clock.new_id()

    async def work(tx: Transaction) -> None:
        await store.add(
            tx, photo_id=photo_id, site_id=site_id, width=picture.width, height=picture.height, now=clock.now()
        )

    await context.database.write(work)
    try:
        for size, content in zip(SIZES, (picture.picture, picture.thumbnail, picture.small), strict=True):
            await context.storage.put(photo_id, size, content)
    except Unavailable as error:
        log.warning("a photo cannot be stored: %s", error.__cause__)
        await discard_unattached(context.database, photo_id)
        raise
    return Received(
        id=photo_id,
        token=links.make_photo_token(context.signer, site_id, photo_id),
        width=picture.width,
        height=picture.height,
        location=picture.location,
    )


async def are_paused(context: Context, site_id: str) -> bool:
    """Whether no photos of residents are accepted now, so that reports have to do without.

    The disk is nearly full, or photos without a report, counted as large as they can be, fill the site's quota: anybody
    may upload some, and a full disk would stop the reports of every site.
    """
    settings = context.settings
    if not await context.storage.has_space(settings.min_free_space):
        return True
    pixels = await store.count_unattached_pixels(context.database, site_id)
    return pixels * BYTES_PER_PIXEL >= settings.unattached_quota


async def discard_unattached(database: Database, *photo_ids: str) -> None:
    """Mark those of the photos as removed that are not attached."""

    async def work(tx: Transaction) -> None:
        for photo_id in photo_ids:
            await store.remove_one_unattached(tx, photo_id, clock.now())

    if photo_ids:
        await database.write(work)


async def purge(database: Database, storage: Storage) -> int:
    """Remove photos that were not attached within a day, and sweep. Returns the number of deleted photos."""
    now = clock.now()
    if await store.has_unattached_before(database, now - UNATTACHED_LIFETIME):

        async def work(tx: Transaction) -> int:
            return await store.remove_unattached(tx, now - UNATTACHED_LIFETIME, now)

        await database.write(work)
    return await sweep(database, storage)


async def sweep(database: Database, storage: Storage) -> int:
    """Delete the pictures of removed photos, then their rows."""
    return await file_storage.sweep_removed(database, store.list_removed, storage.delete, store.delete_removed)


async def reconcile(database: Database, storage: Storage) -> None:
    """After a restore, sweep and delete the pictures that the restored database does not know."""
    await sweep(database, storage)
    async for names in storage.photos():
        for photo_id in {name.partition(".")[0] for name in names}:
            if not await store.exists(database, photo_id):
                await storage.delete(photo_id)
