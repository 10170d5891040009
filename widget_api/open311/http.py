"""What GeoReport's clients post, and what they are answered in the format they asked for."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
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
from widget_api.open311 import embedded, georeport
from widget_api.open311.georeport import CONTENT_TYPE, Document, Format
from widget_api.open311.raw_parameters import MAX_PARAMETERS, Parameters
from widget_api.open311.render import Chunks
from widget_api.problems.model import Photo
from widget_api.sites.model import Site

MAX_FORM_SIZE = 262_144  # bytes; 4,000 Cyrillic letters are 24,000 in a urlencoded form
MAX_MULTIPART_SIZE = 32 * 1024 * 1024
FILES, FIELDS, LARGEST_FIELD = 20, 200, 32_768  # of a form in parts, which is read before its key is known
_PICTURE = re.compile(r"(media|media_url|file|photo[0-9]{0,2})(\[[0-9]*\])?")


# --- forms: urlencoded fields, or parts with pictures under whatever name they were given -------------------------


@dataclass(frozen=True)
class Pictures:
    """The pictures of a form by the names of their fields; open while `read` is."""

    request: Request
    sent: Sequence[tuple[str, web.UploadedFile]] = ()

    def __len__(self) -> int:
        return len(self.sent)

    async def digest(self) -> str:
        """The same for the same files."""
        return "".join([name + await asyncio.to_thread(_file_digest, one.file) for name, one in self.sent])

    async def taken_in(self, site: Site) -> tuple[Photo, ...]:
        """As many as a report may have, decoded and drawn anew: they wait to be attached.

        Raises Invalid that names each file which is no picture, Unavailable.
        """
        context, taken, wrong = web.context(self.request), list[Photo](), list[FieldError]()
        for name, one in self.sent[: site.photos]:
            try:
                if one.size > model.MAX_FILE_SIZE:
                    raise errors.TooLarge("photo_too_large")
                receiving = photos.receive(context, site.id, one.file, sender=web.client_network(self.request))
                received = await web.cancel_on_disconnect(self.request, receiving)
            except (errors.WrongType, errors.TooLarge, errors.Invalid) as error:
                wrong.append(FieldError(name, error.code))
            else:
                taken.append(Photo(received.id))
        if wrong:
            raise Invalid(tuple(wrong))
        return tuple(taken)


@contextlib.asynccontextmanager
async def read_form(request: Request) -> AsyncIterator[tuple[Parameters, Pictures]]:
    """What stands in the query counts too, as some clients send it there. Raises TooLarge, WrongType, Malformed."""
    media_type = web.media_type(request)
    query = request.query_params.multi_items()
    if media_type == "multipart/form-data":
        texts, files = await web.read_multipart(
            request, MAX_MULTIPART_SIZE, files=FILES, fields=FIELDS, part=LARGEST_FIELD
        )
        with web.closing_files(file for _, file in files):
            # A browser sends a field without a file as an empty one.
            pictures = [(name, sent) for name, sent in files if _PICTURE.fullmatch(name) and sent.size]
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
    written = embedded.decode_pictures(pairs, FILES)
    with web.closing_files(file for _, file in written):
        yield Parameters([*pairs, *query]), Pictures(request, written)


def _file_digest(file: BinaryIO) -> str:
    file.seek(0)
    return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type] # a temporary file is one


# --- answers and refusals; a long list is sent as it is read --------------------------------------------------------


@dataclass(frozen=True)
class StreamedList:
    """A list that is read while it is sent; `token` is the identifier of the one that was shown, if any."""

    root: str
    item: str
    chunks: Chunks
    token: str | None


Answer = Callable[[Request, str], Awaitable[Document | StreamedList]]
Refuse = Callable[[errors.DomainError], Response]


async def answer_options(request: Request) -> Response:
    """OPTIONS, where it is no preflight of a browser's."""
    return Response(status_code=204, headers={"Allow": "GET, HEAD, POST, OPTIONS"})


async def answer_not_found(request: Request, language: str) -> Document:
    """Whatever else is asked for gets its refusal in the format it asked for."""
    raise errors.NotFound


def make_endpoint(*, get: Answer, post: Answer | None = None) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        asked = request.path_params.get("form") or request.url.path.rpartition(".")[2]
        form: Format = "json" if asked == "json" else "xml"
        language = web.negotiate_language(request)
        headers = {"Cache-Control": "no-store", "Content-Language": language}

        def refuse(error: errors.DomainError) -> Response:
            document, status = _error_response(error, language)
            later = {"Retry-After": str(error.retry_after)} if isinstance(error, errors.TooMany | errors.Busy) else {}
            return Response(georeport.render_document(document, form), status, {**headers, **later}, CONTENT_TYPE[form])

        try:
            if asked not in CONTENT_TYPE:
                await answer_not_found(request, language)
            answering = get if request.method != "POST" else post
            assert answering is not None, "a method without its route"
            document = await answering(request, language)
            if isinstance(document, StreamedList):
                return await _list_response(document, form, headers, refuse)
            return Response(georeport.render_document(document, form), 200, headers, CONTENT_TYPE[form])
        except errors.DomainError as error:
            return refuse(error)
        except HTTPException:  # a form Starlette cannot read
            return refuse(errors.Malformed())

    return handle


async def _list_response(listing: StreamedList, form: Format, headers: Mapping[str, str], refuse: Refuse) -> Response:
    """Whole where it is short, as most are; a long one takes a reader's turn and is sent piece by piece."""
    pieces = georeport.render_pieces(listing.root, listing.item, listing.chunks, form)
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
    """What is refused before the first piece is refused in GeoReport's words."""

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
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await super().__call__(scope, receive, noting)
        except errors.DomainError as error:
            if begun:
                raise
            await self._refuse(error)(scope, receive, send)


def _error_response(error: errors.DomainError, language: str) -> tuple[Document, int]:
    """404 no such thing, 403 a missing or bad key, or somebody else's request; 400 everything else a client does wrong
    (GeoReport v2, «Errors»)."""
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
        texts = [f"{one.field}: {_field_text(language, one)}" for one in error.fields]
    else:
        texts = [_text(language, error)]
    return georeport.errors_document([(status, text) for text in texts]), status


def _field_text(language: str, error: errors.FieldError) -> str:
    own = f"open311.fields.{error.code}"
    if i18n.has(own):
        return i18n.text(language, own, **dict(error.values))
    return i18n.field_error(language, error.field, error.code, error.values) + web.format_allowed_values(
        language, error.allowed
    )


def _text(language: str, error: errors.DomainError) -> str:
    own = f"open311.errors.{error.code}"
    if not i18n.has(own):
        return web.error_detail(language, error)
    return i18n.text(language, own) + web.format_allowed_values(language, error.values.get("allowed"))
