"""Store files in a bucket with an S3 interface."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError, UnknownConfigurationKeyError
from obstore.store import S3Store

if TYPE_CHECKING:
    from obstore.store import S3Config

Result = TypeVar("Result")
MAX_CONCURRENT = 16  # calls
# Somebody waits for each picture; by default the library retries for minutes.
_CONNECT_TIMEOUT, _TIMEOUT, _MAX_RETRIES = timedelta(seconds=5), timedelta(seconds=15), 2
_CODE = re.compile(r"<Code>(\w+)</Code>")  # of S3's response, which the library quotes in its message
_CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")


class Misconfigured(OSError):
    """The bucket refused the call: retrying does not help, changing the settings does."""


class Bucket:
    """Objects under an address like s3://bucket/prefix; endpoint and region come from AWS_… variables.

    `credentials` holds those that the service has read and removed from its environment.
    """

    def __init__(self, url: str, credentials: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(url)
        if not parts.netloc or parts.query or parts.username is not None:
            raise Misconfigured("the address of a bucket is s3://bucket or s3://bucket/prefix, the rest is in AWS_…")
        self._name = parts.netloc
        self._threads = ThreadPoolExecutor(MAX_CONCURRENT, "bucket")
        endpoint = _read_endpoint()
        given = credentials or {}
        known = {**os.environ, **given}
        if endpoint and not any(known.get(name) for name in _CREDENTIALS):  # only Amazon's own machines have others
            raise Misconfigured("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set")
        plain = endpoint.startswith("http://")  # set on purpose, for a server beside the service
        with self._as_os_error():
            self._store = S3Store(
                parts.netloc,
                prefix=parts.path.strip("/") or None,
                config=cast("S3Config", {name.lower(): value for name, value in given.items()}),
                client_options={"connect_timeout": _CONNECT_TIMEOUT, "timeout": _TIMEOUT, "allow_http": plain},
                retry_config={"max_retries": _MAX_RETRIES, "retry_timeout": _TIMEOUT},
            )

    async def put(self, name: str, content: bytes) -> None:
        await self._run_in_thread(lambda: obstore.put(self._store, name, content))

    async def upload(self, name: str, path: Path) -> None:
        """Store a large file in parts, one at a time: each has to pass within the timeout of a call."""
        await self._run_in_thread(lambda: obstore.put(self._store, name, path, max_concurrency=1))

    async def get(self, name: str) -> bytes | None:
        def work() -> bytes | None:
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError as error:
                if "NoSuchBucket" in str(error):
                    raise
                return None

        return await self._run_in_thread(work)

    async def delete(self, name: str) -> None:
        def work() -> None:
            with contextlib.suppress(FileNotFoundError):
                obstore.delete(self._store, name)

        await self._run_in_thread(work)

    async def names(self, prefix: str) -> AsyncIterator[list[str]]:
        listed = iter(obstore.list(self._store, prefix=prefix))
        while part := await self._run_in_thread(lambda: next(listed, None)):
            yield [one["path"] for one in part]

    async def _run_in_thread(self, work: Callable[[], Result]) -> Result:
        """Run a blocking call in this bucket's own threads.

        The library's coroutines release Python objects after they have returned, which sometimes aborts a command that
        exits at once.
        """
        with self._as_os_error():
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    @contextlib.contextmanager
    def _as_os_error(self) -> Iterator[None]:
        try:
            yield
        except (BaseError, FileNotFoundError, ValueError) as error:
            raise self._translate(error) from error

    def _translate(self, error: Exception) -> OSError:
        text = str(error)
        code = _CODE.search(text)
        reason = code[1] if code else text.strip().partition("\n")[0][:300]
        if isinstance(error, (UnknownConfigurationKeyError, ValueError)):
            return Misconfigured(f"the AWS_… variables cannot be used: {reason}")
        if isinstance(error, (PermissionDeniedError, UnauthenticatedError)) or _has_status(text, 403):
            return Misconfigured(f"the bucket {self._name} refuses the keys of AWS_ACCESS_KEY_ID: {reason}")
        if isinstance(error, FileNotFoundError) or _has_status(text, 404):
            return Misconfigured(f"there is no bucket {self._name}: {reason}")
        return OSError(reason)


def _has_status(text: str, status: int) -> bool:
    """Whether a failed call got this status: for listings the library says so in its message alone."""
    return f"non-2xx status code: {status} " in text


def _read_endpoint() -> str:
    """The endpoint of the environment, checked: the library panics over a malformed one at its first call."""
    name = next((name for name in _ENDPOINTS if os.environ.get(name)), None)
    if name is None:
        return ""
    parts = urlsplit(os.environ[name])
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Misconfigured(f"{name} is no address that begins with https:// or http://")
    return os.environ[name]
