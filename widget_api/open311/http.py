"""Read the forms of GeoReport clients, with pictures as files or in base64, and send responses in their format."""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import re
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from widget_api import errors, i18n, web
from widget_api.attachments.photos import model
from widget_api.attachments.photos import service as photos
from widget_api.errors import FieldError, Invalid
from widget_api.open311 import georeport
from widget_api.open311.georeport import CONTENT_TYPE, Document, Format
from widget_api.open311.parameters import MAX_PARAMETERS, Parameters
from widget_api.open311.render import Chunks
from widget_api.problems.model import Photo
from widget_api.sites.model import Site

MAX_FORM_SIZE = 262_144  # bytes; 4,000 Cyrillic letters are 24,000 in a urlencoded form
MAX_MULTIPART_SIZE = 32 * 1024 * 1024
MAX_FILES, MAX_FIELDS, MAX_FIELD_SIZE = 20, 200, 32_768  # of a multipart form, which is read before its key is checked
_PICTURE = re.compile(r"(media|media_url|file|photo[0-9]{0,2})(\[[0-9]*\])?")
Refuse = Callable[[errors.DomainError], Response]
_PICTURE_FIELD = re.compile(r"media(\[[0-9]*\])?")
_DATA_URL_PREFIX = re.compile(r"data:[\w.+/;=-]*,", re.ASCII)
_LINE_BREAKS = re.compile(r"[\r\n\t]+")
MIN_PICTURE_SIZE = 64  # bytes; no picture is smaller, and short words often are valid base64


# --- forms: urlencoded fields, or multipart with pictures under various names -------------------------------------


@dataclass(frozen=True)
class Pictures:
    """The pictures of a form by field name. The files are open within `read_form`."""

    request: Request
    files: Sequence[tuple[str, web.UploadedFile]] = ()

    def __len__(self) -> int:
        return len(self.files)

    async def digest(self) -> str:
        """Return a digest that is equal for equal files."""
        return "".join([name + await asyncio.to_thread(_file_digest, upload.file) for name, upload in self.files])

    async def store_photos(self, site: Site) -> tuple[Photo, ...]:
        """Decode, re-encode and store as many pictures as a report may have, without attaching them to a problem yet.

        Raises Unavailable, and Invalid with each file that is not a picture.
        """
        context, stored, wrong = web.context(self.request), list[Photo](), list[FieldError]()
        for name, upload in self.files[: site.photos]:
            try:
                if upload.size > model.MAX_FILE_SIZE:
                    raise errors.TooLarge("photo_too_large")
                receiving = photos.receive(context, site.id, upload.file, sender=web.client_address(self.request))
                received = await web.cancel_on_disconnect(self.request, receiving)
            except (errors.WrongType, errors.TooLarge, errors.Invalid) as error:
                wrong.append(FieldError(name, error.code))
            else:
                stored.append(Photo(received.id))
        if wrong:
            raise Invalid(tuple(wrong))
        return tuple(stored)


@contextlib.asynccontextmanager
async def read_form(request: Request) -> AsyncIterator[tuple[Parameters, Pictures]]:
    """Read the form of a request, together with the query, where some clients put fields.

    Raises TooLarge, WrongType and Malformed.
    """
    media_type = web.media_type(request)
    query = request.query_params.multi_items()
    if media_type == "multipart/form-data":
        texts, files = await web.read_multipart(
            request, MAX_MULTIPART_SIZE, files=MAX_FILES, fields=MAX_FIELDS, part=MAX_FIELD_SIZE
        )
        with web.closing_files(file for _, file in files):
            # Browsers send an empty file for a field without one.
            pictures = [(name, upload) for name, upload in files if _PICTURE.fullmatch(name) and upload.size]
            yield Parameters([*texts, *query]), Pictures(request, pictures)
        return
    if media_type not in ("application/x-www-form-urlencoded", ""):
        raise errors.WrongType
    try:
        body = await web.read_body(request, MAX_FORM_SIZE)
    except errors.TooLarge:
        raise errors.TooLarge("form_too_large") from None
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise errors.Malformed from None
    pictures = decode_pictures(pairs, MAX_FILES)
    with web.closing_files(file for _, file in pictures):
        yield Parameters([*pairs, *query]), Pictures(request, pictures)


def _file_digest(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # a temporary file qualifies


# --- responses and errors; a long list is sent while it is read ---------------------------------------------------


@dataclass(frozen=True)
class StreamedList:
    """A list that is read while it is sent. `token` is the id of the reader's token, if any.

    `cost` is that of finding its first rows, in the units of Filters.cost.
    """

    root: str
    item: str
    chunks: Chunks
    token: str | None
    site_id: str
    cost: int


Answer = Callable[[Request, str], Awaitable[Document | StreamedList]]


async def answer_options(request: Request) -> Response:
    """OPTIONS other than a browser's preflight request."""
    return Response(status_code=204, headers={"Allow": "GET, HEAD, POST, OPTIONS"})


async def answer_not_found(request: Request, language: str) -> Document:
    """Return 404 in the requested format for any other address."""
    raise errors.NotFound


def make_endpoint(*, get: Answer, post: Answer | None = None) -> Callable[[Request], Awaitable[Response]]:
    @web.at_once
    async def handle(request: Request) -> Response:
        extension = request.path_params.get("form") or request.url.path.rpartition(".")[2]
        form: Format = "json" if extension == "json" else "xml"
        language = web.negotiate_language(request)
        headers = {"Cache-Control": "no-store", "Content-Language": language}

        def refuse(error: errors.DomainError) -> Response:
            document, status = _error_response(error, language)
            retry_after = (
                {"Retry-After": str(error.retry_after)} if isinstance(error, errors.TooMany | errors.Busy) else {}
            )
            return Response(
                georeport.render_document(document, form), status, {**headers, **retry_after}, CONTENT_TYPE[form]
            )

        try:
            answer = get if request.method != "POST" else post
            assert answer is not None, "a method without its route"
            # Taken here, so that a full queue is refused in the format of GeoReport.
            async with web.turn(request) if request.method != "POST" else contextlib.nullcontext():
                if extension not in CONTENT_TYPE:
                    await answer_not_found(request, language)
                document = await answer(request, language)
                if isinstance(document, StreamedList):
                    return await _list_response(request, document, form, headers, refuse)
                return Response(georeport.render_document(document, form), 200, headers, CONTENT_TYPE[form])
        except errors.DomainError as error:
            return refuse(error)
        except HTTPException:  # a form that Starlette cannot parse
            return refuse(errors.Malformed())

    return handle


async def _list_response(
    request: Request, listing: StreamedList, form: Format, headers: Mapping[str, str], refuse: Refuse
) -> Response:
    """Send a short list as a whole, as most are. A longer one waits for a free reader and is streamed.

    Its beginning is found here, which takes the longer the more rows precede it; what follows is read by position.
    """
    pieces = georeport.render_pieces(listing.root, listing.item, listing.chunks, form)
    limit = None if listing.token else "georeport_reads"
    async with web.expensive_read(request, listing.site_id, listing.cost, limit=limit):
        first, second = await anext(pieces), await anext(pieces, None)
    if second is None:
        return Response(first, 200, headers, CONTENT_TYPE[form])
    return _StreamedResponse(_chain(first, second, pieces), headers, CONTENT_TYPE[form], listing.token, refuse)


async def _chain(first: bytes, second: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    yield second
    async for piece in rest:
        yield piece


class _StreamedResponse(web.StreamedResponse):
    """Streams a list. An error before the first piece is sent as a GeoReport error document."""

    def __init__(
        self,
        pieces: AsyncIterator[bytes],
        headers: Mapping[str, str],
        media_type: str,
        token: str | None,
        refuse: Refuse,
    ) -> None:
        super().__init__(pieces, headers, media_type, token)
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await super().__call__(scope, receive, send_and_note)
        except errors.DomainError as error:
            if started:
                raise
            await self._refuse(error)(scope, receive, send)


def _error_response(error: errors.DomainError, language: str) -> tuple[Document, int]:
    """Return the error document and its status (GeoReport v2, «Errors»): 404 for what does not exist, 403 for a missing
    or bad key or another sender's request, 400 for all other errors of a client."""
    status = 400
    if isinstance(error, errors.NotFound):
        status = 404
    elif isinstance(error, errors.Unauthenticated | errors.Forbidden):
        status = 403
    elif isinstance(error, errors.TooMany):
        status = 429
    elif isinstance(error, errors.Unavailable | errors.Busy):
        status = 503
    if isinstance(error, errors.Invalid) and error.fields:
        texts = [f"{field.field}: {_field_text(language, field)}" for field in error.fields]
    else:
        texts = [_text(language, error)]
    return georeport.errors_document([(status, text) for text in texts]), status


def _field_text(language: str, error: errors.FieldError) -> str:
    key = f"open311.fields.{error.code}"
    if i18n.has(key):
        return i18n.text(language, key, **dict(error.values))
    return i18n.field_error(language, error.field, error.code, error.values) + web.format_allowed_values(
        language, error.allowed
    )


def _text(language: str, error: errors.DomainError) -> str:
    key = f"open311.errors.{error.code}"
    if not i18n.has(key):
        return web.error_detail(language, error)
    return i18n.text(language, key) + web.format_allowed_values(language, error.values.get("allowed"))


def decode_pictures(pairs: Iterable[tuple[str, str]], limit: int) -> list[tuple[str, web.UploadedFile]]:
    """Decode the pictures among form fields into temporary files, by field name. The caller closes them."""
    decoded = ((name, _decode(value)) for name, value in pairs if _PICTURE_FIELD.fullmatch(name))
    pictures = ((name, data) for name, data in decoded if data)
    return [(name, _write_file(data)) for name, data in islice(pictures, limit)]


def _write_file(data: bytes) -> web.UploadedFile:
    file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the request
    file.write(data)
    file.seek(0)
    return web.UploadedFile("", file, len(data), data[:64])


def _decode(text: str) -> bytes | None:
    """Decode a field. Returns None if it is not a picture: such a field is ignored like every unknown one."""
    text = text.strip()
    prefix = _DATA_URL_PREFIX.match(text)
    text = _LINE_BREAKS.sub("", text[prefix.end() :] if prefix else text)
    text = text.replace(" ", "+").rstrip("=")  # a plus that was not percent-encoded arrives as a space
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) >= MIN_PICTURE_SIZE else None
