"""The documents of an official answer: taken in by the cabinet, attached with it, forgotten with the problem."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from widget_api import clock
from widget_api.attachments.documents import links, model, store
from widget_api.attachments.documents import office as office_files
from widget_api.attachments.photos import cleanup
from widget_api.attachments.photos.storage import Storage
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid, TooLarge, Unavailable, WrongType

if TYPE_CHECKING:
    from widget_api.context import Context


async def receive(
    context: Context, site_id: str, problem_id: str, called: str, content: bytes, *, office: bool = False
) -> str:
    """Take a document in; it waits a day for its answer. Returns its identifier. With `office` not a PDF alone.

    The row is written first, so that a file in the storage is never without one. Raises TooLarge, WrongType,
    Unavailable.
    """
    if len(content) > model.LARGEST:
        raise TooLarge("document_too_large")
    found = await kind(content, office=office)
    if found is None:
        raise WrongType("document_type")
    media_type, extension = found
    document_id, now = clock.new_id(), clock.now()

    async def work(tx: Transaction) -> None:
        await store.add(
            tx,
            document_id=document_id,
            site_id=site_id,
            problem_id=problem_id,
            name=model.name(called, extension),
            media_type=media_type,
            size=len(content),
            now=now,
        )

    await context.database.write(work)
    try:
        await context.storage.put_document(document_id, content)
    except Unavailable:

        async def undo(tx: Transaction) -> None:
            await store.remove_loose_one(tx, document_id, now)

        await context.database.write(undo)
        raise
    return document_id


async def kind(content: bytes, *, office: bool = False) -> office_files.Kind | None:
    """Media type and extension of what an answer may carry, by its content; None for anything else."""
    if model.is_pdf(content[:64], content[-model.TAIL :]):
        return model.PDF_KIND
    return await asyncio.to_thread(office_files.kind, content) if office else None


async def attach(tx: Transaction, site_id: str, problem_id: str, event_id: str, document_ids: Sequence[str]) -> None:
    """Give what was received to an event of its problem. Raises Invalid («documents») where one is gone or taken."""
    since = clock.now() - model.LOOSE_LIFE
    for document_id in document_ids:
        if not await store.attach(
            tx, document_id=document_id, site_id=site_id, problem_id=problem_id, event_id=event_id, since=since
        ):
            raise Invalid((FieldError("documents", "documents_again"),))


async def of(reader: Database | Transaction, site_id: str, problem_id: str) -> list[Row]:
    """id, event_id, name, media_type, bytes of each document of a problem's answers."""
    return list(await store.of_problem(reader, site_id, problem_id))


def public(public_url: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Documents of a published problem: `name`, `url`, `bytes`, `type`."""
    return [_shown(row, public_url + model.address(row["id"], row["name"])) for row in rows]


def signed(context: Context, rows: Sequence[Row], until: int | None = None) -> list[dict[str, Any]]:
    """The same with links that open them before the problem is published, good `until` then or for an hour."""
    return [
        {**_shown(row, links.signed(context, row["id"], row["name"], until=until)), "event_id": row["event_id"]}
        for row in rows
    ]


def _shown(row: Row, url: str) -> dict[str, Any]:
    return {"name": row["name"], "url": url, "bytes": row["bytes"], "type": row["media_type"]}


async def remove(tx: Transaction, site_id: str, problem_id: str, now: int) -> None:
    """Out of reach at once; the storage follows when it is swept."""
    await store.remove_of_problem(tx, site_id, problem_id, now)


async def purge(database: Database, storage: Storage) -> int:
    """Forget what no answer took in a day, and sweep. Returns how many were deleted."""
    now = clock.now()
    if await store.loose_before(database, now - model.LOOSE_LIFE):

        async def work(tx: Transaction) -> int:
            return await store.remove_loose(tx, now - model.LOOSE_LIFE, now)

        await database.write(work)
    return await sweep(database, storage)


async def sweep(database: Database, storage: Storage) -> int:
    """Delete the files of what was removed, then its rows."""
    return await cleanup.sweep(database, store.removed, storage.delete_document, store.forget)


async def settle(database: Database, storage: Storage) -> None:
    """After a restore: sweep, and delete the files the restored copy knows nothing of."""
    await sweep(database, storage)
    async for identifiers in storage.documents():
        for document_id in identifiers:
            if not await store.known(database, document_id):
                await storage.delete_document(document_id)
