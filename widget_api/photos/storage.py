"""Where the pictures lie: a folder or a bucket, both through one library, which is loaded when it is first needed."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from widget_api.errors import Unavailable
from widget_api.photos.model import SIZES, Size

FOLDER = "photos"
_PROBE = f"{FOLDER}/.probe"


class Storage:
    """The storage of WIDGET_MEDIA_URL. A bucket's credentials and endpoint come from AWS_… variables."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.url = url
        self.folder = Path(unquote(parts.path)) if parts.scheme == "file" else None
        self._opened: Any = None

    async def put(self, photo_id: str, size: Size, content: bytes) -> None:
        """Returns when it is kept, on a disk of ours beyond a power cut. Raises Unavailable."""
        await self._put(path(photo_id, size), content)

    async def get(self, photo_id: str, size: Size) -> bytes | None:
        """None where there is none. Raises Unavailable."""
        return await self._get(path(photo_id, size))

    async def delete(self, photo_id: str) -> None:
        """Both sizes; what is gone already is no error. Raises Unavailable."""
        for size in SIZES:
            await self._delete(path(photo_id, size))

    async def photos(self) -> AsyncIterator[list[str]]:
        """The identifiers of all that is kept, by parts."""
        import obstore

        store = await self._store()
        async for listed in obstore.list(store, prefix=FOLDER):
            yield [Path(one["path"]).name.removesuffix(".jpg") for one in listed if one["path"].endswith(".jpg")]

    async def examine(self) -> None:
        """Write, read and delete something. Raises Unavailable with the reason as its cause."""
        await self._put(_PROBE, b"probe")
        if await self._get(_PROBE) != b"probe":
            raise Unavailable from OSError("what was written cannot be read back")
        await self._delete(_PROBE)

    async def _store(self) -> Any:
        if self._opened is None:
            self._opened = await asyncio.to_thread(_open, self.url, self.folder)
        return self._opened

    async def _put(self, name: str, content: bytes) -> None:
        import obstore

        with _unavailable():
            await obstore.put_async(await self._store(), name, content)
            if self.folder is not None:
                await asyncio.to_thread(_to_disk, self.folder / name)

    async def _get(self, name: str) -> bytes | None:
        import obstore

        with _unavailable():
            try:
                found = await obstore.get_async(await self._store(), name)
                return bytes(await found.bytes_async())
            except FileNotFoundError:
                return None

    async def _delete(self, name: str) -> None:
        import obstore

        with _unavailable(), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(await self._store(), name)


def path(photo_id: str, size: Size) -> str:
    """Spread over 256 folders by the end of the identifier, which is chance; its beginning is the time."""
    return f"{FOLDER}/{photo_id[-2:]}/{photo_id}{size}.jpg"


def _open(url: str, folder: Path | None) -> Any:
    from obstore.store import LocalStore, from_url

    if folder is None:
        return from_url(url)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FOLDER).mkdir(mode=0o700, exist_ok=True)  # nobody else on the machine needs to look
    return LocalStore(prefix=folder)


def _to_disk(file: Path) -> None:
    for name in (file, file.parent):
        descriptor = os.open(name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _unavailable() -> Any:
    from obstore.exceptions import BaseError

    try:
        yield
    except (BaseError, OSError) as error:
        raise Unavailable from error
