"""Add headers to every response, handle CORS of the public API, and log requests."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from widget_api import logs

Header = tuple[bytes, bytes]

# Paths for programs on other origins; Atom feeds belong to sites and are read like the API.
_PUBLIC, _FEED = ("/api/v1/", "/open311/"), "/feed.atom"
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
    """Adds headers, CORS of /api/v1 and /open311 among them, and logs the request.

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
