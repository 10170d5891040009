"""Pictures in a bucket that speaks S3."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url


class Bucket:
    """Objects under an address like s3://bucket/prefix."""

    def __init__(self, url: str) -> None:
        with _as_os_error():
            self._store = from_url(url)

    async def put(self, name: str, content: bytes) -> None:
        with _as_os_error():
            await obstore.put_async(self._store, name, content)

    async def get(self, name: str) -> bytes | None:
        with _as_os_error():
            try:
                found = await obstore.get_async(self._store, name)
                return bytes(await found.bytes_async())
            except FileNotFoundError:
                return None

    async def delete(self, name: str) -> None:
        with _as_os_error(), contextlib.suppress(FileNotFoundError):
            await obstore.delete_async(self._store, name)

    async def names(self, prefix: str) -> AsyncIterator[list[str]]:
        with _as_os_error():
            async for listed in obstore.list(self._store, prefix=prefix):
                yield [one["path"] for one in listed]


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    try:
        yield
    except BaseError as error:
        raise OSError(str(error)) from error
