"""Where pictures and documents lie: a folder of ours, or a bucket."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from widget_api.attachments.photos.model import SIZES, Size
from widget_api.errors import Unavailable

FOLDER, DOCUMENTS, LETTERS, UNSENT = "photos", "documents", "letters", "unsent"
_PROBE = f"{FOLDER}/.probe"


class Place(Protocol):
    """What a kind of storage can do. Each raises OSError where it cannot."""

    async def put(self, name: str, content: bytes) -> None:
        """Returns when it is kept, on a disk beyond a power cut."""

    async def get(self, name: str) -> bytes | None: ...

    async def delete(self, name: str) -> None:
        """What is gone already is no error."""

    def names(self, prefix: str) -> AsyncIterator[list[str]]:
        """Of all that is kept under a prefix, by parts."""


class Storage:
    """The storage of WIDGET_MEDIA_URL. A bucket's endpoint and, unless given, credentials come from AWS_… variables."""

    def __init__(self, url: str, credentials: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(url)
        self._credentials = credentials
        self.url = url
        self.folder = Path(unquote(parts.path)) if parts.scheme == "file" else None
        self._opened: Place | None = None

    async def put(self, photo_id: str, size: Size, content: bytes) -> None:
        """Returns when it is kept. Raises Unavailable."""
        with _unavailable():
            await self._place().put(path(photo_id, size), content)

    async def get(self, photo_id: str, size: Size) -> bytes | None:
        """None where there is none. Raises Unavailable."""
        with _unavailable():
            return await self._place().get(path(photo_id, size))

    async def delete(self, photo_id: str) -> None:
        """All sizes; what is gone already is no error. Raises Unavailable."""
        with _unavailable():
            for size in SIZES:
                await self._place().delete(path(photo_id, size))

    async def photos(self) -> AsyncIterator[list[str]]:
        """The identifiers of all that is kept, by parts. Raises Unavailable."""
        with _unavailable():
            async for names in self._place().names(FOLDER):
                yield [Path(name).name.removesuffix(".jpg") for name in names if name.endswith(".jpg")]

    async def put_document(self, document_id: str, content: bytes) -> None:
        """Returns when it is kept. Raises Unavailable."""
        with _unavailable():
            await self._place().put(document_path(document_id), content)

    async def get_document(self, document_id: str) -> bytes | None:
        """None where there is none. Raises Unavailable."""
        with _unavailable():
            return await self._place().get(document_path(document_id))

    async def delete_document(self, document_id: str) -> None:
        """What is gone already is no error. Raises Unavailable."""
        with _unavailable():
            await self._place().delete(document_path(document_id))

    async def put_letter(self, name: str, content: bytes) -> None:
        """A letter somebody has to look at, as it came. Raises Unavailable."""
        with _unavailable():
            await self._place().put(f"{LETTERS}/{name}.eml", content)

    async def get_letter(self, name: str) -> bytes | None:
        """None where there is none. Raises Unavailable."""
        with _unavailable():
            return await self._place().get(f"{LETTERS}/{name}.eml")

    async def delete_letter(self, name: str) -> None:
        """What is gone already is no error. Raises Unavailable."""
        with _unavailable():
            await self._place().delete(f"{LETTERS}/{name}.eml")

    async def letters(self) -> AsyncIterator[list[str]]:
        """The names of all letters, by parts."""
        async for names in self._place().names(LETTERS):
            yield [Path(name).name.removesuffix(".eml") for name in names if name.endswith(".eml")]

    async def documents(self) -> AsyncIterator[list[str]]:
        """The identifiers of all documents that are kept, by parts. Raises Unavailable."""
        with _unavailable():
            async for names in self._place().names(DOCUMENTS):
                yield [Path(name).name.removesuffix(".pdf") for name in names if name.endswith(".pdf")]

    async def put_unsent(self, form_id: str, place: int, content: bytes) -> None:
        """A file of a form of the cabinet that waits for its writer. Raises Unavailable."""
        with _unavailable():
            await self._place().put(unsent_path(form_id, place), content)

    async def get_unsent(self, form_id: str, place: int) -> bytes | None:
        """None where there is none. Raises Unavailable."""
        with _unavailable():
            return await self._place().get(unsent_path(form_id, place))

    async def delete_unsent(self, form_id: str, place: int) -> None:
        """What is gone already is no error. Raises Unavailable."""
        with _unavailable():
            await self._place().delete(unsent_path(form_id, place))

    async def unsent(self) -> AsyncIterator[list[tuple[str, int]]]:
        """Form and place of every file that waits, by parts. Raises Unavailable."""
        with _unavailable():
            async for names in self._place().names(UNSENT):
                found = [Path(name) for name in names if name.endswith(".bin")]
                yield [(one.parent.name, int(one.stem)) for one in found]

    async def examine(self) -> None:
        """Write, read and delete something. Raises Unavailable with the reason as its cause."""
        with _unavailable():
            place = self._place()
            await place.put(_PROBE, b"probe")
            if await place.get(_PROBE) != b"probe":
                raise OSError("what was written cannot be read back")
            await place.delete(_PROBE)

    def _place(self) -> Place:
        if self._opened is None:
            if self.folder is not None:
                from widget_api.attachments.photos.folder import Folder

                self._opened = Folder(self.folder)
            else:
                from widget_api.attachments.photos.bucket import (
                    Bucket,  # its library is 12 MB that a folder does not need
                )

                self._opened = Bucket(self.url, self._credentials)
        return self._opened


def path(photo_id: str, size: Size) -> str:
    """Spread over 256 folders by the end of the identifier, which is chance; its beginning is the time."""
    return f"{FOLDER}/{photo_id[-2:]}/{photo_id}{size}.jpg"


def document_path(document_id: str) -> str:
    return f"{DOCUMENTS}/{document_id[-2:]}/{document_id}.pdf"


def unsent_path(form_id: str, place: int) -> str:
    return f"{UNSENT}/{form_id}/{place}.bin"


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unavailable from error
