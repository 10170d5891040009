"""Add headers to every response, handle CORS of the public API, log requests, and compress public responses."""

from __future__ import annotations

import asyncio
import re
import time
import zlib
from collections.abc import Callable, MutableMapping
from typing import Any

import brotli
from cachetools import LRUCache
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from widget_api import logs

Header = tuple[bytes, bytes]

# Paths that other origins read: the API, and the files of the widget, whose modules are fetched with CORS. Atom
# feeds belong to sites and are read like the API.
_PUBLIC, _FEED = ("/api/v1/", "/open311/", "/w/", "/static/"), "/feed.atom"
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST",
    "Access-Control-Allow-Headers": "Content-Type, Idempotency-Key, If-None-Match",
    "Access-Control-Max-Age": "86400",
    "Vary": "Origin",
    "Cache-Control": "no-store",
}
_COMMON_HEADERS = ((b"x-content-type-options", b"nosniff"),)
_EXPOSED = (b"access-control-expose-headers", b"ETag, Link, Retry-After")
_PUBLIC_READ_HEADERS = (*_COMMON_HEADERS, (b"access-control-allow-origin", b"*"), _EXPOSED)
# RFC 6797. Without includeSubDomains and preload, since subdomains may belong to others.
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


class HeadersMiddleware:
    """Adds headers, CORS of the API and of the widget's files among them, and logs the request.

    Any origin may send requests to the API; the handler decides, and the page can read even its refusal. Cookies and
    credentials are never used there. Starlette's own middleware runs the handler of a multipart POST from a foreign
    origin, but does not let the page read a refusal; this one only sets headers.

    The log has the route's pattern instead of its values, so it never contains keys or /t/ tokens.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app = app
        self._transport_headers = (_STRICT_TRANSPORT,) if https else ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        added, may_be_stored, preflight = _response_policy(scope)

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                headers += (*added, *self._transport_headers)
                if not may_be_stored and not any(name.lower() == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
            await send(message)

        try:
            await (preflight or self.app)(scope, receive, send_with_headers)
        finally:
            logs.request(scope["method"], logs.pattern(scope), status, time.perf_counter() - started)


def _response_policy(scope: Scope) -> tuple[tuple[Header, ...], bool, Response | None]:
    """Return the headers to add, whether caches may store it by default, and the response if it is a preflight."""
    if not (scope["path"].startswith(_PUBLIC) or scope["path"].endswith(_FEED)):
        return _COMMON_HEADERS, True, None
    if scope["method"] in ("GET", "HEAD"):
        return _PUBLIC_READ_HEADERS, True, None
    headers = Request(scope).headers
    origin = headers.get("origin") or "*"
    if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
        return (
            _COMMON_HEADERS,
            True,
            Response(status_code=204, headers=_PREFLIGHT | {"Access-Control-Allow-Origin": origin}),
        )
    allowed = (b"access-control-allow-origin", origin.encode("latin-1"))
    return (*_COMMON_HEADERS, allowed, _EXPOSED, (b"vary", b"Origin")), False, None


PUBLIC_PAGE = "public_page"  # key of a scope: the page contains nothing of its reader
MINIMUM_SIZE = 800  # bytes; smaller responses fit into one packet anyway
THREAD_THRESHOLD = 32_768  # bytes from which compression runs in a thread
QUALITY = {"br": 4, "gzip": 6}  # compressing takes about as long as building the response
_CACHE_SIZE = 2 * 1024 * 1024  # bytes of compressed responses
_TYPES = re.compile(r"(?:text/|application/(?:[\w.+-]+\+)?(?:json|xml)\b)")

Encode = Callable[[bytes, bool], bytes]  # a piece, and whether it is the last


class CompressionMiddleware:
    """Compresses public responses, and sends all others uncompressed.

    The compressed length of a response that contains a secret and reflects input reveals whether they are similar
    (BREACH, 2013). So only those responses are compressed that shared caches may store by their `Cache-Control`, and
    pages marked as containing nothing of their reader: no token, no form, no session.

    Adds `Vary` to compressible responses, and makes `ETag` weak, since the bytes depend on the coding.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._cache: LRUCache[tuple[str, str], bytes] = LRUCache(_CACHE_SIZE, getsizeof=len)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("GET", "HEAD"):
            await self.app(scope, receive, send)
            return
        await self.app(scope, receive, _CompressedResponse(scope, send, self._cache).send)


class _CompressedResponse:
    """A response being sent; its head is held back until the first piece of its body."""

    def __init__(self, scope: Scope, send: Send, cache: MutableMapping[tuple[str, str], bytes]) -> None:
        self._scope, self._send, self._cache = scope, send, cache
        self._start: Message | None = None
        self._coding, self._tag = "", ""
        self._encode: Encode | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._coding = self._prepare(message)
            if self._coding:
                self._start = message
            else:
                await self._send(message)
            return
        if self._start is not None:
            message = await self._begin(self._start, message)
        elif self._encode is not None:
            message = await self._continue(message)
        await self._send(message)

    def _prepare(self, start: Message) -> str:
        """Add `Vary` to a public response. Returns its coding, empty if it is not compressed."""
        headers = MutableHeaders(raw=start["headers"])
        if not self._scope.get(PUBLIC_PAGE) and "s-maxage" not in headers.get("cache-control", ""):
            return ""
        if start["status"] not in (200, 304) or "content-encoding" in headers:
            return ""
        headers.add_vary_header("Accept-Encoding")
        coding = best_encoding(Headers(scope=self._scope).get("accept-encoding", ""))
        etag = headers.get("etag", "")
        if coding and etag.startswith('"'):  # a strong one, which stands for exact bytes
            self._tag, headers["etag"] = etag, f"W/{etag}"
        fits = start["status"] == 200 and self._scope["method"] == "GET"
        return coding if fits and _TYPES.match(headers.get("content-type", "")) else ""

    async def _begin(self, start: Message, first: Message) -> Message:
        self._start, headers, body = None, MutableHeaders(raw=start["headers"]), first.get("body", b"")
        more = first.get("more_body", False)
        if not more and len(body) < MINIMUM_SIZE:
            await self._send(start)
            return first
        headers["content-encoding"] = self._coding
        if more:
            del headers["content-length"]
            self._encode = _encoder(self._coding)
            await self._send(start)
            return await self._continue(first)
        key = (self._tag, self._coding)
        compressed = self._cache.get(key)
        if compressed is None:
            compressed = await _run(_encoder(self._coding), body, last=True)
            if key[0] and len(compressed) < _CACHE_SIZE:
                self._cache[key] = compressed
        headers["content-length"] = str(len(compressed))
        await self._send(start)
        return {**first, "body": compressed}

    async def _continue(self, message: Message) -> Message:
        assert self._encode is not None
        body, more = message.get("body", b""), message.get("more_body", False)
        return {**message, "body": await _run(self._encode, body, last=not more)}


async def _run(encode: Encode, body: bytes, *, last: bool) -> bytes:
    """Encode a piece, a large one in a thread: both libraries release Python's lock."""
    return await asyncio.to_thread(encode, body, last) if len(body) >= THREAD_THRESHOLD else encode(body, last)


def best_encoding(header: str) -> str:
    """Return the best accepted coding; a weight of zero means «not acceptable» (RFC 9110, 12.5.3)."""
    if not header:
        return ""
    weights = dict[str, str]()
    for part in header[:200].lower().split(","):
        name, _, weight = part.partition(";")
        weights[name.strip()] = weight.strip().replace(" ", "")
    return next((name for name in QUALITY if name in weights and not re.fullmatch(r"q=0(\.0*)?", weights[name])), "")


def _encoder(coding: str) -> Encode:
    """Return an encoder that flushes after each piece, so that the client can read it at once."""
    if coding == "br":
        # A small window, as 32 streams may be open at the same time.
        packer: Any = brotli.Compressor(quality=QUALITY["br"], lgwin=18)
        return lambda body, last: packer.process(body) + (packer.finish() if last else packer.flush())
    zipper = zlib.compressobj(QUALITY["gzip"], wbits=31)
    return lambda body, last: zipper.compress(body) + zipper.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)
