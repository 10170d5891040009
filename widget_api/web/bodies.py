"""Read request bodies: raw bytes, JSON and multipart forms, each with a size limit checked while reading.

Beside the limit of each form there is one on the disk space of all uploads in progress. Each address may send several
at the same time, so that a few hundred addresses could otherwise fill the disk, which the database often shares.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, TypeVar

import orjson
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from widget_api import errors
from widget_api.web.limits import enclosing_networks
from widget_api.web.requests import client_address, client_network, context

Result = TypeVar("Result")
AdmitFiles = Callable[[Mapping[str, str]], Awaitable[bool]]  # gets the fields before the first file
MAX_FILE_IN_MEMORY = 65_536  # bytes of an uploaded file kept in memory; many clients upload slowly at the same time
JSON_LIMIT = 65_536  # bytes; a description of 4,000 letters, escaped as \uXXXX, is 24,000
MAX_FIELDS_SIZE = 262_144  # bytes of all fields of a form, part names and headers included; kept in memory
MAX_UPLOADS_PER_ADDRESS = 32  # concurrent multipart bodies of one address, each of which takes disk space
UPLOAD_TIMEOUT = 900.0  # seconds
_senders: Counter[str] = Counter()
MAX_SPOOLED = 512 * 1024 * 1024  # bytes of all senders together
MAX_SPOOLED_PER_ADDRESS = 128 * 1024 * 1024  # bytes; a whole form and some photos beside it
RETRY_AFTER = 30  # seconds
_by_address: Counter[str] = Counter()  # bytes by host or household
_by_network: Counter[str] = Counter()  # the same bytes by the networks that contain it


async def read_body(request: Request, limit: int = JSON_LIMIT) -> bytes:
    """Read the whole body; one with too large a Content-Length is not read. Raises TooLarge, Malformed."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise errors.TooLarge
    chunks, size = [], 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise errors.TooLarge
            chunks.append(chunk)
    except ClientDisconnect:
        raise errors.Malformed from None
    return b"".join(chunks)


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _require_utf8(request: Request) -> None:
    """Raise WrongType if a form names another charset: some of Python's codecs take quadratic time (punycode)."""
    _, parameters = parse_options_header(request.headers.get("content-type", ""))
    if parameters.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"utf8"):
        raise errors.WrongType


async def read_json_object(request: Request, limit: int = JSON_LIMIT) -> dict[str, Any]:
    """Read a JSON object in UTF-8. Raises TooLarge, WrongType, Malformed, checked in this order."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise errors.TooLarge
    if media_type(request) != "application/json":
        raise errors.WrongType
    try:
        value = orjson.loads(await read_body(request, limit))
    except orjson.JSONDecodeError:
        raise errors.Malformed from None
    if not isinstance(value, dict):
        raise errors.Malformed
    return value


@dataclass(frozen=True)
class UploadedFile:
    """A file of a form, in a temporary file that is deleted after the request. `head` has its first 64 bytes.

    `size` is in bytes. `name` is the sender's file name, which may be shown to the sender only.
    """

    name: str
    file: BinaryIO
    size: int
    head: bytes
    sender: str | None = field(default=None, repr=False)  # the address whose share of the spool it uses, if any

    def close(self) -> None:
        if self.sender is not None and not self.file.closed:
            release_space(self.sender, self.size)
        self.file.close()


async def read_multipart(
    request: Request, limit: int, *, files: int, fields: int, part: int, admit: AdmitFiles | None = None
) -> tuple[list[tuple[str, str]], list[tuple[str, UploadedFile]]]:
    """Read the fields and files of a form as (name, value) in their order. Files are stored on the disk.

    If `admit` returns False, the rest of the form is read, since its fields may be needed, but the files are discarded:
    they are returned empty.

    Raises TooLarge past `limit` bytes, or MAX_FIELDS_SIZE without the files, `part` where that is more and `admit`
    returned True; WrongType; Malformed if it is not a form, has more than `files` files or `fields` fields, a field
    longer than `part`, takes longer than UPLOAD_TIMEOUT or is aborted; TooMany if its address has
    MAX_UPLOADS_PER_ADDRESS in progress; Busy if the spool is full. Close the files (`closing_files`) when done.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise errors.TooLarge
    if media_type(request) != "multipart/form-data":
        raise errors.WrongType
    _require_utf8(request)
    longest = max(part, MAX_FIELDS_SIZE) if admit else MAX_FIELDS_SIZE
    parser = _Parser(request, limit, longest, admit, max_files=files, max_fields=fields, max_part_size=part)
    try:
        with _limit_concurrent_uploads(request):
            async with asyncio.timeout(UPLOAD_TIMEOUT):
                form = await parser.parse()
        items = form.multi_items()
        texts = [(name, value) for name, value in items if isinstance(value, str)]
        return texts, [
            (name, await _uploaded_file(value, parser.sender)) for name, value in items if not isinstance(value, str)
        ]
    except BaseException as error:
        release_space(parser.sender, parser.spooled)
        if isinstance(error, (MultiPartException, ClientDisconnect, UnicodeError, TimeoutError)):
            raise errors.Malformed from None
        raise


class _Parser(MultiPartParser):
    """A parser that limits a form as a whole: the library limits each field, but neither their sum nor files."""

    spool_max_size = MAX_FILE_IN_MEMORY

    def __init__(self, request: Request, limit: int, longest: int, admit: AdmitFiles | None, **named: Any) -> None:
        super().__init__(request.headers, self._chunks(request, limit), **named)
        self.sender, self.spooled = client_address(request), 0
        self._texts, self._longest = 0, longest
        self._admit, self._admitted = admit, True

    async def _chunks(self, request: Request, limit: int) -> AsyncGenerator[bytes, None]:
        size = 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise errors.TooLarge
            for start in range(0, len(chunk), MAX_FILE_IN_MEMORY):
                yield chunk[start : start + MAX_FILE_IN_MEMORY]
                if self._admit is not None and (self.spooled or self._texts > MAX_FIELDS_SIZE // 2):
                    before = {name: value for name, value in self.items if isinstance(value, str)}
                    self._admitted, self._admit = await self._admit(before), None

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        super().on_header_field(data, start, end)

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._count(end - start)
        super().on_header_value(data, start, end)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._current_part.file is None:
            self._count(end - start)
        elif not self._admitted:
            return
        else:
            reserve_space(self.sender, end - start)
            self.spooled += end - start
        super().on_part_data(data, start, end)

    def _count(self, size: int) -> None:
        self._texts += size
        if self._texts > (self._longest if self._admit is None and self._admitted else MAX_FIELDS_SIZE):
            raise errors.TooLarge


@contextlib.contextmanager
def _limit_concurrent_uploads(request: Request) -> Iterator[None]:
    """Limit concurrent uploads of one network; rate limits count finished ones only."""
    network = client_network(request)
    if _senders[network] >= MAX_UPLOADS_PER_ADDRESS and context(request).settings.rate_limits:
        raise errors.TooMany(5)
    _senders[network] += 1
    try:
        yield
    finally:
        _senders[network] -= 1
        if not _senders[network]:
            del _senders[network]


async def _uploaded_file(upload: UploadFile, sender: str) -> UploadedFile:
    head = await upload.read(64)
    await upload.seek(0)
    return UploadedFile(upload.filename or "", upload.file, upload.size or 0, head, sender)


@contextlib.contextmanager
def closing_files(sent: Iterable[UploadedFile]) -> Iterator[None]:
    """Close the files of a form at the end of the block."""
    try:
        yield
    finally:
        for file in sent:
            file.close()


async def cancel_on_disconnect(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """Return the result of `work`, which is cancelled if the client disconnects. The body must have been read."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_wait_for_disconnect(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise errors.Malformed  # not sent to anybody
        return await working
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _wait_for_disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def reserve_space(address: str, size: int) -> None:
    """Reserve `size` bytes for a sender. Raises Busy if there is no room.

    The addresses that a provider may assign to one customer together get at most half of the space they leave free.
    With a fixed share a few customers, each of which may use theirs for minutes, would leave nothing to the others
    (Choudhury and Hahne, «Dynamic Queue Length Thresholds for Shared-Memory Packet Switches», 1998).
    """
    own, *wider = enclosing_networks(address)
    left = MAX_SPOOLED - _by_address.total() - size
    full = left < 0 or _by_address[own] + size > MAX_SPOOLED_PER_ADDRESS
    if full or any(_by_network[network] + size > left // 2 for network in wider):
        raise errors.Busy(RETRY_AFTER)
    _by_address[own] += size
    for network in wider:
        _by_network[network] += size


def release_space(address: str, size: int) -> None:
    own, *wider = enclosing_networks(address)
    for counter, names in ((_by_address, [own]), (_by_network, wider)):
        for name in names:
            counter[name] -= size
            if not counter[name]:
                del counter[name]
