"""GeoReport's answers and refusals in the format asked for; a long list is sent as it is read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from widget_api import errors, http, i18n
from widget_api.open311 import georeport
from widget_api.open311.georeport import CONTENT_TYPE, Document, Format
from widget_api.open311.telling import Chunks


@dataclass(frozen=True)
class Listing:
    """A list that is read while it is sent."""

    root: str
    item: str
    chunks: Chunks


Answer = Callable[[Request, str], Awaitable[Document | Listing]]
Refuse = Callable[[errors.DomainError], Response]


async def nothing(request: Request, language: str) -> Document:
    """Whatever else is asked for gets its refusal in the format it asked for."""
    raise errors.NotFound


def endpoint(*, get: Answer, post: Answer | None = None) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        asked = request.path_params.get("form") or request.url.path.rpartition(".")[2]
        form: Format = "json" if asked == "json" else "xml"
        language = http.language(request)
        headers = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store", "Content-Language": language}

        def refuse(error: errors.DomainError) -> Response:
            document, status = _refusal(error, language)
            later = {"Retry-After": str(error.retry_after)} if isinstance(error, errors.TooMany) else {}
            return Response(georeport.render(document, form), status, {**headers, **later}, CONTENT_TYPE[form])

        try:
            if asked not in CONTENT_TYPE:
                await nothing(request, language)
            answering = get if request.method != "POST" else post
            assert answering is not None, "a method without its route"
            document = await answering(request, language)
            if isinstance(document, Listing):
                return await _listed(document, form, headers, refuse)
            return Response(georeport.render(document, form), 200, headers, CONTENT_TYPE[form])
        except errors.DomainError as error:
            return refuse(error)
        except HTTPException:  # a form Starlette cannot read
            return refuse(errors.Malformed())

    return handle


async def _listed(listing: Listing, form: Format, headers: Mapping[str, str], refuse: Refuse) -> Response:
    """Whole where it is short, as most are; a long one takes a reader's turn and is sent piece by piece."""
    pieces = georeport.pieces(listing.root, listing.item, listing.chunks, form)
    first, second = await anext(pieces), await anext(pieces, None)
    if second is None:
        return Response(first, 200, headers, CONTENT_TYPE[form])
    return _Long(_joined(first, second, pieces), headers, CONTENT_TYPE[form], refuse)


async def _joined(first: bytes, second: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    yield second
    async for piece in rest:
        yield piece


class _Long(http.Streamed):
    """What is refused before the first piece is refused in GeoReport's words."""

    def __init__(
        self, pieces: AsyncIterator[bytes], headers: Mapping[str, str], media_type: str, refuse: Refuse
    ) -> None:
        super().__init__(pieces, headers, media_type)
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


def _refusal(error: errors.DomainError, language: str) -> tuple[Document, int]:
    """404 no such thing, 403 a missing or bad key, 400 everything else a client does wrong (GeoReport v2, «Errors»)."""
    status = 400
    if isinstance(error, errors.NotFound):
        status = 404
    elif isinstance(error, errors.Unauthenticated):
        status = 403
    elif isinstance(error, errors.TooMany):
        status = 429
    elif isinstance(error, errors.Unavailable):
        status = 503
    if isinstance(error, errors.Invalid) and error.fields:
        texts = [f"{one.field}: {_field_text(language, one)}" for one in error.fields]
    else:
        texts = [_text(language, error)]
    return georeport.errors([(status, text) for text in texts]), status


def _field_text(language: str, error: errors.FieldError) -> str:
    own = f"open311.fields.{error.code}"
    if i18n.has(own):
        return i18n.text(language, own, **dict(error.values))
    return i18n.field_error(language, error.field, error.code, error.values)


def _text(language: str, error: errors.DomainError) -> str:
    own = f"open311.errors.{error.code}"
    return i18n.text(language, own) if i18n.has(own) else http.detail(language, error)
