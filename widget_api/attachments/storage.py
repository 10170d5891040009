"""Store photos, documents, letters and unsent files in a folder of this machine or in an S3 bucket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from widget_api.attachments.photos.model import SIZES, Size
from widget_api.database import Database, Row, Transaction
from widget_api.errors import Unavailable
from widget_api.files import write_whole

PHOTOS, DOCUMENTS, LETTERS, UNSENT = "photos", "documents", "letters", "unsent"
_PROBE = f"{PHOTOS}/.probe"
_SWEEP_BATCH = 200  # rows
_LIST_BATCH = 1000  # names
_FOLDER_MODE = 0o700  # nobody else on the machine needs to look


class StorageBackend(Protocol):
    """What each kind of storage implements. Every method raises OSError where it fails."""

    async def put(self, name: str, content: bytes) -> None:
        """Store a file durably: it survives a power cut once this returns."""

    async def get(self, name: str) -> bytes | None: ...

    async def delete(self, name: str) -> None:
        """Delete a file. A missing one is no error."""

    def names(self, prefix: str) -> AsyncIterator[list[str]]:
        """The names of all files under a prefix, in batches."""


class Storage:
    """The storage of WIDGET_MEDIA_URL. A bucket's endpoint and, unless given, credentials come from AWS_… variables."""

    def __init__(self, url: str, credentials: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(url)
        self._credentials = credentials
        self.url = url
        self.folder = Path(unquote(parts.path)) if parts.scheme == "file" else None
        self._opened: StorageBackend | None = None

    async def put(self, photo_id: str, size: Size, content: bytes) -> None:
        """Store a file durably. Raises Unavailable."""
        with _raise_unavailable():
            await self._place().put(photo_file_name(photo_id, size), content)

    async def get(self, photo_id: str, size: Size) -> bytes | None:
        """None where there is none. Raises Unavailable."""
        with _raise_unavailable():
            return await self._place().get(photo_file_name(photo_id, size))

    async def delete(self, photo_id: str) -> None:
        """Delete all sizes; a missing one is no error. Raises Unavailable."""
        with _raise_unavailable():
            for size in SIZES:
                await self._place().delete(photo_file_name(photo_id, size))

    async def photos(self) -> AsyncIterator[list[str]]:
        """Stored names of photos, `{id}` with its size, in batches. Raises Unavailable."""
        with _raise_unavailable():
            async for names in self._place().names(PHOTOS):
                yield [Path(name).name.removesuffix(".jpg") for name in names if name.endswith(".jpg")]

    async def put_document(self, document_id: str, content: bytes) -> None:
        """Store a file durably. Raises Unavailable."""
        with _raise_unavailable():
            await self._place().put(document_file_name(document_id), content)

    async def get_document(self, document_id: str) -> bytes | None:
        """None where there is none. Raises Unavailable."""
        with _raise_unavailable():
            return await self._place().get(document_file_name(document_id))

    async def delete_document(self, document_id: str) -> None:
        """Delete a file; a missing one is no error. Raises Unavailable."""
        with _raise_unavailable():
            await self._place().delete(document_file_name(document_id))

    async def put_letter(self, name: str, content: bytes) -> None:
        """Store the source of a letter that waits for review. Raises Unavailable."""
        with _raise_unavailable():
            await self._place().put(f"{LETTERS}/{name}.eml", content)

    async def get_letter(self, name: str) -> bytes | None:
        """None where there is none. Raises Unavailable."""
        with _raise_unavailable():
            return await self._place().get(f"{LETTERS}/{name}.eml")

    async def delete_letter(self, name: str) -> None:
        """Delete a file; a missing one is no error. Raises Unavailable."""
        with _raise_unavailable():
            await self._place().delete(f"{LETTERS}/{name}.eml")

    async def letters(self) -> AsyncIterator[list[str]]:
        """The names of all letters, in batches."""
        async for names in self._place().names(LETTERS):
            yield [Path(name).name.removesuffix(".eml") for name in names if name.endswith(".eml")]

    async def documents(self) -> AsyncIterator[list[str]]:
        """The identifiers of all stored documents, in batches. Raises Unavailable."""
        with _raise_unavailable():
            async for names in self._place().names(DOCUMENTS):
                yield [Path(name).name.removesuffix(".pdf") for name in names if name.endswith(".pdf")]

    async def put_unsent(self, form_id: str, place: int, content: bytes) -> None:
        """Store a file of a cabinet form that its sender has not completed yet. Raises Unavailable."""
        with _raise_unavailable():
            await self._place().put(unsent_file_name(form_id, place), content)

    async def get_unsent(self, form_id: str, place: int) -> bytes | None:
        """None where there is none. Raises Unavailable."""
        with _raise_unavailable():
            return await self._place().get(unsent_file_name(form_id, place))

    async def delete_unsent(self, form_id: str, place: int) -> None:
        """Delete a file; a missing one is no error. Raises Unavailable."""
        with _raise_unavailable():
            await self._place().delete(unsent_file_name(form_id, place))

    async def unsent(self) -> AsyncIterator[list[tuple[str, int]]]:
        """Form and index of every file of unsent forms, in batches. Raises Unavailable."""
        with _raise_unavailable():
            async for names in self._place().names(UNSENT):
                found = [Path(name) for name in names if name.endswith(".bin")]
                yield [(one.parent.name, int(one.stem)) for one in found]

    async def has_space(self, minimum: int) -> bool:
        """Whether a folder's disk has `minimum` bytes free. A bucket has no such limit."""
        return self.folder is None or await asyncio.to_thread(_free_space, self.folder) >= minimum

    async def examine(self) -> None:
        """Check access by writing, reading and deleting a file. Raises Unavailable with the reason as its cause."""
        with _raise_unavailable():
            place = self._place()
            await place.put(_PROBE, b"probe")
            if await place.get(_PROBE) != b"probe":
                raise OSError("what was written cannot be read back")
            await place.delete(_PROBE)

    def _place(self) -> StorageBackend:
        if self._opened is None:
            if self.folder is not None:
                self._opened = Folder(self.folder)
            else:
                from widget_api.attachments.bucket import Bucket

                self._opened = Bucket(self.url, self._credentials)
        return self._opened


def photo_file_name(photo_id: str, size: Size) -> str:
    """The stored name of a photo, in one of 256 folders by the random end of its identifier."""
    return f"{PHOTOS}/{photo_id[-2:]}/{photo_id}{size}.jpg"


def document_file_name(document_id: str) -> str:
    return f"{DOCUMENTS}/{document_id[-2:]}/{document_id}.pdf"


def unsent_file_name(form_id: str, place: int) -> str:
    return f"{UNSENT}/{form_id}/{place}.bin"


@contextlib.contextmanager
def _raise_unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable from error


async def sweep_removed(
    database: Database,
    list_removed: Callable[[Database, int], Awaitable[Sequence[Row]]],
    delete: Callable[[str], Awaitable[None]],
    delete_row: Callable[[Transaction, str], Awaitable[None]],
) -> int:
    """Delete the files of rows marked as removed, then the rows. Returns the number of rows.

    The row goes last: a sweep that was interrupted is completed by the next one.
    """
    swept = 0
    while rows := await list_removed(database, _SWEEP_BATCH):
        for row in rows:
            await delete(row["id"])

        async def work(tx: Transaction, ids: tuple[str, ...] = tuple(row["id"] for row in rows)) -> None:
            for one in ids:
                await delete_row(tx, one)

        await database.write(work)
        swept += len(rows)
    return swept


class Folder:
    """A folder of this machine as a storage backend. Every call runs in a thread, since a disk may be slow."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, name: str, content: bytes) -> None:
        await asyncio.to_thread(_write_atomically, self._root, name, content)

    async def get(self, name: str) -> bytes | None:
        try:
            return await asyncio.to_thread((self._root / name).read_bytes)
        except FileNotFoundError:
            return None

    async def delete(self, name: str) -> None:
        await asyncio.to_thread((self._root / name).unlink, missing_ok=True)

    async def names(self, prefix: str) -> AsyncIterator[list[str]]:
        found = (self._root / prefix).rglob("*.*")
        while part := await asyncio.to_thread(lambda: [str(one) for one in islice(found, _LIST_BATCH)]):
            yield part


def _free_space(folder: Path) -> int:
    """Bytes that are free where a folder is, or will be."""
    return shutil.disk_usage(next(one for one in (folder, *folder.parents) if one.exists())).free


def _write_atomically(root: Path, name: str, content: bytes) -> None:
    """Write a file and the name of it to the disk."""
    file = root / name
    (root / name.split("/")[0]).mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    file.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    with write_whole(file) as out:
        out.write(content)
    descriptor = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
