"""Receive the documents of an official answer, attach them to its event, and delete them with the problem."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from widget_api import clock
from widget_api.attachments import links
from widget_api.attachments import storage as file_storage
from widget_api.attachments.documents import model, store
from widget_api.attachments.storage import Storage
from widget_api.database import Database, Row, Transaction
from widget_api.errors import FieldError, Invalid, TooLarge, Unavailable, WrongType

if TYPE_CHECKING:
    from widget_api.context import Context


async def receive(
    context: Context, site_id: str, problem_id: str, name: str, content: bytes, *, office: bool = False
) -> str:
    """Store a document until an answer attaches it, for a day at most. Returns its identifier.

    PDF files are accepted, with `office` office files too. The row is written first, so that no stored file is without
    one. Raises TooLarge, WrongType, Unavailable.
    """
    if len(content) > model.MAX_FILE_SIZE:
        raise TooLarge("document_too_large")
    found = await detect_type(content, office=office)
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
            name=model.sanitize_name(name, extension),
            media_type=media_type,
            size=len(content),
            now=now,
        )

    await context.database.write(work)
    try:
        await context.storage.put_document(document_id, content)
    except Unavailable:

        async def undo(tx: Transaction) -> None:
            await store.remove_one_unattached(tx, document_id, now)

        await context.database.write(undo)
        raise
    return document_id


async def detect_type(content: bytes, *, office: bool = False) -> model.FileType | None:
    """Media type and extension of an acceptable document, by its content; None for anything else."""
    if model.is_pdf(content[:64], content[-model.TAIL_SIZE :]):
        return model.PDF_TYPE
    return await asyncio.to_thread(model.detect_type, content) if office else None


async def attach(
    tx: Transaction,
    site_id: str,
    problem_id: str,
    event_id: str,
    document_ids: Sequence[str],
    *,
    internal: bool = False,
) -> None:
    """Attach received documents to an event of their problem; `internal` ones are for the agency alone.

    Raises Invalid («documents») if one is gone or used.
    """
    since = clock.now() - model.UNATTACHED_LIFETIME
    for document_id in document_ids:
        if not await store.attach(
            tx,
            document_id=document_id,
            site_id=site_id,
            problem_id=problem_id,
            event_id=event_id,
            since=since,
            internal=internal,
        ):
            raise Invalid((FieldError("documents", "documents_again"),))


async def list_attached(
    reader: Database | Transaction, site_id: str, problem_id: str, *, internal: bool = False
) -> list[Row]:
    """The documents of a problem's answers: id, event_id, name, media_type, bytes. `internal` adds the agency's own."""
    return [row for row in await store.list_of_problem(reader, site_id, problem_id) if internal or not row["internal"]]


def public_documents(public_url: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Documents of a published problem as answers of the API: `name`, `url`, `bytes`, `type`."""
    return [_document_view(row, public_url + model.document_path(row["id"], row["name"])) for row in rows]


def signed_documents(context: Context, rows: Sequence[Row], until: int | None = None) -> list[dict[str, Any]]:
    """The same with signed links, for problems that are not published. They end at `until`, by default in an hour."""
    return [
        {
            **_document_view(row, links.sign_document_url(context, row["id"], row["name"], until=until)),
            "event_id": row["event_id"],
            "internal": bool(row["internal"]),
        }
        for row in rows
    ]


def _document_view(row: Row, url: str) -> dict[str, Any]:
    return {"name": row["name"], "url": url, "bytes": row["bytes"], "type": row["media_type"]}


async def remove(tx: Transaction, site_id: str, problem_id: str, now: int) -> None:
    """Mark a problem's documents as removed: they are not served from now on, `sweep` deletes their files."""
    await store.remove_of_problem(tx, site_id, problem_id, now)


async def purge(database: Database, storage: Storage) -> int:
    """Remove documents that no answer used within a day, and sweep. Returns the number of deleted documents."""
    now = clock.now()
    if await store.has_unattached_before(database, now - model.UNATTACHED_LIFETIME):

        async def work(tx: Transaction) -> int:
            return await store.remove_unattached(tx, now - model.UNATTACHED_LIFETIME, now)

        await database.write(work)
    return await sweep(database, storage)


async def sweep(database: Database, storage: Storage) -> int:
    """Delete the files of removed documents, then their rows."""
    return await file_storage.sweep_removed(database, store.list_removed, storage.delete_document, store.delete_removed)


async def reconcile(database: Database, storage: Storage) -> None:
    """After a restore, sweep and delete the files that the restored database does not know."""
    await sweep(database, storage)
    async for identifiers in storage.documents():
        for document_id in identifiers:
            if not await store.exists(database, document_id):
                await storage.delete_document(document_id)
