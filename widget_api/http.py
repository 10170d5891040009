"""Between the domain and HTTP: errors to problem+json or a page, CORS, body limits, languages, headers, the log."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import time
from collections import Counter
from collections.abc import AsyncGenerator, Coroutine, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeVar, cast
from urllib.parse import urlsplit

import orjson
from python_multipart.multipart import parse_options_header
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from widget_api import errors, i18n, limits, logs, pages
from widget_api.context import Context

Result = TypeVar("Result")
log = logging.getLogger("widget_api.http")
SPOOLED = 65_536  # bytes of an uploaded file that wait in memory; many upload slowly at the same time
JSON_LIMIT = 65_536  # bytes; a description of 4,000 letters, escaped as \uXXXX, is 24,000
SENDING = 32  # forms with files that one address may be sending at the same time; each waits on the disk meanwhile
LONGEST_SENDING = 900.0  # seconds
API = "/api/"

STATUS: Mapping[type[errors.DomainError], int] = {
    errors.Malformed: 400,
    errors.Unauthenticated: 401,
    errors.Refused: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.WrongType: 415,
    errors.Invalid: 422,
    errors.TooMany: 429,
    errors.Unavailable: 503,
}
_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "wrong_type", 400: "malformed"}

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)


def context(request: Request) -> Context:
    return cast(Context, request.app.state.context)


def language(request: Request, default: str = i18n.DEFAULT_LANGUAGE) -> str:
    """?lang=, else (on a page) what was chosen before, else the first known of Accept-Language, else the default."""
    asked = request.query_params.get("lang")
    if not asked and not request.scope["path"].startswith(API):
        asked = request.cookies.get("lang")
    if asked:
        return i18n.known(asked)
    for part in request.headers.get("accept-language", "")[:200].split(","):
        short = part.split(";")[0].strip().lower().partition("-")[0]
        if short in i18n.LANGUAGES:
            return short
    return default


def client_address(request: Request) -> str:
    """The peer, or what the nearest proxies we trust say of it (X-Forwarded-For is read from the right)."""
    address = request.client.host if request.client else "0.0.0.0"  # noqa: S104 - a name for «unknown», not a bind
    trusted = context(request).settings.trusted_proxies
    # A proxy may add a line of its own (HAProxy does) below the caller's, which says what the caller likes.
    for hop in reversed(",".join(request.headers.getlist("x-forwarded-for")).split(",")):
        if not hop or not _within(address, trusted) or not _is_address(hop.strip()):
            break
        address = hop.strip()
    return address


def sender(request: Request) -> str:
    """The network the caller is counted under."""
    return limits.grouped(client_address(request))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _within(address: str, networks: tuple[Any, ...]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


async def body(request: Request, limit: int = JSON_LIMIT) -> bytes:
    """The whole body, refused before it is read where it says it is too long. Raises TooLarge, Malformed."""
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


def in_utf8(request: Request) -> None:
    """Raises WrongType where a form names another charset: some of Python's take time by the square (punycode)."""
    _, parameters = parse_options_header(request.headers.get("content-type", ""))
    if parameters.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"utf8"):
        raise errors.WrongType


async def json_object(request: Request, limit: int = JSON_LIMIT) -> dict[str, Any]:
    """A JSON object in UTF-8. Raises TooLarge, WrongType, Malformed, in this order of looking."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise errors.TooLarge
    if media_type(request) != "application/json":
        raise errors.WrongType
    try:
        value = orjson.loads(await body(request, limit))
    except orjson.JSONDecodeError:
        raise errors.Malformed from None
    if not isinstance(value, dict):
        raise errors.Malformed
    return value


@dataclass(frozen=True)
class Sent:
    """A file of a form, in a temporary file that ends with its request. `size` is in bytes, `head` its first 64.

    `name` is what the sender calls it: for the sender's eyes alone.
    """

    name: str
    file: BinaryIO
    size: int
    head: bytes


async def multipart(
    request: Request, limit: int, *, files: int, fields: int, part: int
) -> tuple[list[tuple[str, str]], list[tuple[str, Sent]]]:
    """The fields and files of a form, by name and in their order; files wait on the disk, not in memory.

    Raises TooLarge past `limit` bytes, WrongType, Malformed: no form, more than so many files or fields, a field longer
    than `part`, slower than LONGEST_SENDING; TooMany where its address sends SENDING already. Close the files
    (`closing`) when done.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise errors.TooLarge
    if media_type(request) != "multipart/form-data":
        raise errors.WrongType
    in_utf8(request)
    parser = MultiPartParser(
        request.headers, _bounded(request, limit), max_files=files, max_fields=fields, max_part_size=part
    )
    parser.spool_max_size = SPOOLED
    try:
        with _sending(request):
            async with asyncio.timeout(LONGEST_SENDING):
                form = await parser.parse()
    except (MultiPartException, ClientDisconnect, UnicodeError, TimeoutError):
        raise errors.Malformed from None
    items = form.multi_items()
    texts = [(name, value) for name, value in items if isinstance(value, str)]
    sent = [(name, await _sent(value)) for name, value in items if not isinstance(value, str)]
    return texts, sent


_senders: Counter[str] = Counter()


@contextlib.contextmanager
def _sending(request: Request) -> Iterator[None]:
    """Rates count what has arrived; this bounds what never does."""
    who = sender(request)
    if _senders[who] >= SENDING and context(request).settings.rate_limits:
        raise errors.TooMany(5)
    _senders[who] += 1
    try:
        yield
    finally:
        _senders[who] -= 1
        if not _senders[who]:
            del _senders[who]


async def _bounded(request: Request, limit: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise errors.TooLarge
        yield chunk


async def _sent(upload: UploadFile) -> Sent:
    head = await upload.read(64)
    await upload.seek(0)
    return Sent(upload.filename or "", upload.file, upload.size or 0, head)


@contextlib.contextmanager
def closing(sent: Iterable[Sent]) -> Iterator[None]:
    """The files of a form, for as long as the block runs."""
    try:
        yield
    finally:
        for one in sent:
            one.file.close()


async def unless_gone(request: Request, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of `work`, which is cancelled when whoever asked goes away. The body must have been read."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise errors.Malformed  # nobody hears it
        return await working
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    content = value if isinstance(value, bytes) else orjson.dumps(value)
    return Response(content, status, headers, "application/json")


def html(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """One of our own pages, under a policy that allows nothing but our own files."""
    chosen = values.pop("language", None) or language(request)
    values.setdefault("theme", request.cookies.get("theme"))
    page = pages.render(template, chosen, request=request, **values)
    headers = {
        "Content-Security-Policy": values.get("policy", PAGE_POLICY),
        "Referrer-Policy": "same-origin",  # with no-referrer, our own forms would send `Origin: null`
        "Cache-Control": "no-store",
        "Content-Language": chosen,
    }
    if values.get("private"):
        headers["X-Robots-Tag"] = "noindex, nofollow"
    response = HTMLResponse(page, status, headers)
    if request.query_params.get("lang"):
        remember_language(response, chosen, secure=context(request).settings.secure_cookies)
    return response


def remember_language(response: Response, chosen: str, *, secure: bool) -> None:
    """A choice holds for the pages that follow."""
    response.set_cookie("lang", chosen, max_age=31_536_000, httponly=True, samesite="lax", secure=secure)


def see_other(address: str) -> Response:
    """After a form: a page to be fetched, so that reloading it sends nothing again."""
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


def kept_language(request: Request) -> str:
    """The query that keeps a language chosen in the address."""
    asked = request.query_params.get("lang")
    return f"?lang={i18n.known(asked)}" if asked else ""


def from_our_own_page(request: Request) -> None:
    """Raises Refused where a form was sent from somebody else's page (login and action CSRF)."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    ours = urlsplit(context(request).settings.public_url)
    own = {f"{ours.scheme}://{ours.netloc}", f"{request.url.scheme}://{request.url.netloc}"}
    same = site in ("same-origin", "none") if site else origin is None or origin in own
    if not same:
        raise errors.Refused("foreign_form")


# --- errors --------------------------------------------------------------------------------------------------------


def problem(request: Request, status: int, error: errors.DomainError) -> Response:
    """RFC 9457, with the fields at fault in `errors`."""
    chosen = language(request)
    content: dict[str, Any] = {
        "type": f"urn:igrajdanin:problem:{error.code}",
        "title": i18n.text(chosen, f"titles.{status}"),
        "status": status,
        "detail": detail(chosen, error),
        "code": error.code,
    }
    content |= {name: value for name, value in error.values.items() if isinstance(value, (str, int))}
    if isinstance(error, errors.Invalid):
        content["errors"] = [
            {"field": e.field, "code": e.code, "detail": i18n.field_error(chosen, e.field, e.code, e.values)}
            | {name: value for name, value in e.values if name == "url"}
            for e in error.fields
        ]
    return Response(orjson.dumps(content), status, {"Content-Language": chosen}, "application/problem+json")


def detail(chosen: str, error: errors.DomainError) -> str:
    """The sentence of an error in the visitor's language."""
    key = f"errors.{error.code}"
    return i18n.text(chosen, key if i18n.has(key) else "errors.failed", **error.values)


def answer_error(request: Request, status: int, error: errors.DomainError) -> Response:
    """problem+json under /api/, a page elsewhere."""
    if request.url.path.startswith(API):
        response = problem(request, status, error)
    else:
        response = html(request, "error.html", status, code=status, message=detail(language(request), error))
    response.headers["Cache-Control"] = "no-store"
    if isinstance(error, errors.TooMany):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


async def on_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.DomainError)
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    if status >= 500:
        log.warning("%s: %s", type(error).__name__, error.__cause__ or error.__context__)
    return answer_error(request, status, error)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """What Starlette itself refuses: unknown paths, methods, broken forms."""
    assert isinstance(error, HTTPException)
    response = answer_error(request, error.status_code, errors.DomainError(_OF_STATUS.get(error.status_code, "failed")))
    response.headers.update(error.headers or {})
    return response


async def on_crash(request: Request, error: Exception) -> Response:
    log.error("unhandled", exc_info=error)
    return answer_error(request, 500, errors.DomainError())


# --- around every request ------------------------------------------------------------------------------------------


class PublicApi:
    """CORS of /api/v1: anyone may ask, the handler decides, and even its refusal can be read by the page.

    No cookies and no credentials are ever used here. Starlette's own middleware runs the handler of a multipart POST
    from a foreign origin and cannot let a refusal be read; this one only names what may be read.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/v1/"):
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        origin = request.headers.get("origin")
        if scope["method"] == "OPTIONS" and "access-control-request-method" in request.headers:
            await Response(status_code=204, headers=_PREFLIGHT | {"Access-Control-Allow-Origin": origin or "*"})(
                scope, receive, send
            )
            return
        reading = scope["method"] in ("GET", "HEAD")

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                headers.append((b"access-control-allow-origin", b"*" if reading else (origin or "*").encode("latin-1")))
                headers.append((b"access-control-expose-headers", b"ETag, Retry-After"))
                if not reading:
                    headers.append((b"vary", b"Origin"))
                    if not any(name.lower() == b"cache-control" for name, _ in headers):
                        headers.append((b"cache-control", b"no-store"))
            await send(message)

        await self.app(scope, receive, with_headers)


_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST",
    "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key",
    "Access-Control-Max-Age": "86400",
    "Vary": "Origin",
    "Cache-Control": "no-store",
}


class AccessLog:
    """One line a request, with the route's pattern instead of its values: keys and /t/ tokens are never in logs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-content-type-options", b"nosniff"))
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            logs.request(scope, logs.pattern(scope), status, time.perf_counter() - started)
