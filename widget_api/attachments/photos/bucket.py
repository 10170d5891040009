"""Pictures in a bucket that speaks S3."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError, UnknownConfigurationKeyError
from obstore.store import S3Store

if TYPE_CHECKING:
    from obstore.store import S3Config

Result = TypeVar("Result")
AT_ONCE = 16  # calls under way
# Somebody waits for each picture: what does not answer by then is away. By itself the library would try for minutes.
_CONNECT, _WHOLE, _TRIES = timedelta(seconds=5), timedelta(seconds=15), 2
_CODE = re.compile(r"<Code>(\w+)</Code>")  # of S3's own answer, which the library quotes for a screen
_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


class Misconfigured(OSError):
    """The other side answered and refused: another try brings nothing, another setting does."""


class Bucket:
    """Objects under an address like s3://bucket/prefix; how to get there is said by AWS_… variables.

    Credentials are given apart where the service has read them and taken them out of its environment.
    """

    def __init__(self, url: str, credentials: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(url)
        if not parts.netloc or parts.query or parts.username is not None:
            raise Misconfigured("the address of a bucket is s3://bucket or s3://bucket/prefix, the rest is in AWS_…")
        self._name = parts.netloc
        self._threads = ThreadPoolExecutor(AT_ONCE, "bucket")
        endpoint = _endpoint()
        given = credentials or {}
        known = {**os.environ, **given}
        if endpoint and not any(known.get(name) for name in _CREDENTIALS):  # only Amazon's own machines know more
            raise Misconfigured("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
        plain = endpoint.startswith("http://")  # whoever names such an address means it: a server beside the service
        with self._as_os_error():
            self._store = S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                config=cast("S3Config", {name.lower(): value for name, value in given.items()}),
                client_options={"connect_timeout": _CONNECT, "timeout": _WHOLE, "allow_http": plain},
                retry_config={"max_retries": _TRIES, "retry_timeout": _WHOLE},
            )

    async def put(self, name: str, content: bytes) -> None:
        await self._done(lambda: obstore.put(self._store, name, content))

    async def get(self, name: str) -> bytes | None:
        def work() -> bytes | None:
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

        return await self._done(work)

    async def delete(self, name: str) -> None:
        def work() -> None:
            with contextlib.suppress(FileNotFoundError):
                obstore.delete(self._store, name)

        await self._done(work)

    async def names(self, prefix: str) -> AsyncIterator[list[str]]:
        listed = iter(obstore.list(self._store, prefix=prefix))
        while part := await self._done(lambda: next(listed, None)):
            yield [one["path"] for one in part]

    async def _done(self, work: Callable[[], Result]) -> Result:
        """The library's own coroutines let go of Python's objects after they have answered: a command that ends at once
        would sometimes be aborted. In threads of ours nothing is left over, and they hold up nobody else's.
        """
        with self._as_os_error():
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @contextlib.contextmanager
    def _as_os_error(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, FileNotFoundError, ValueError) as error:
            raise self._told(error) from error

    def _told(self, error: Exception) -> OSError:
        text = str(error)
        code = _CODE.search(text)
        said = code[1] if code else text.strip().partition("\n")[0][:300]
        if isinstance(error, (UnknownConfigurationKeyError, ValueError)):
            return Misconfigured(f"the AWS_… variables cannot be used: {said}")
        if isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or _status(text, 403):
            return Misconfigured(f"the bucket {self._name} refuses the keys of AWS_ACCESS_KEY_ID: {said}")
        if isinstance(error, FileNotFoundError) or _status(text, 404):
            return Misconfigured(f"there is no bucket {self._name}: {said}")
        return OSError(said)


def _status(text: str, status: int) -> bool:
    """A refused listing is an error like any other to the library; only its text tells which."""
    return f"non-2xx status code: {status} " in text


def _endpoint() -> str:
    """What the library would take unseen, and panic over at the first call."""
    name = next((name for name in _ENDPOINTS if os.environ.get(name)), None)
    if name is None:
        return ""
    parts = urlsplit(os.environ[name])
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Misconfigured(f"{name} is no address that begins with https:// or http://")
    return os.environ[name]
