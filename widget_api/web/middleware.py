"""What stands around every request: headers, CORS of the public API, one line in the log."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from widget_api import logs

Header = tuple[bytes, bytes]

# What programs on other origins read and write; an Atom feed belongs to a site, and is read like the rest.
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
# RFC 6797. Without includeSubDomains and preload: names below ours are not ours to decide about.
_STRICT_TRANSPORT = (b"strict-transport-security", b"max-age=31536000")


class HeadersMiddleware:
    """CORS of /api/v1 and /open311: anyone may ask, the handler decides, and even its refusal can be read by the page.

    No cookies and no credentials are ever used there. Starlette's own middleware runs the handler of a multipart POST
    from a foreign origin and cannot let a refusal be read; this one only names what may be read.

    The log has the route's pattern instead of its values: keys and /t/ tokens are never in it.
    """

    def __init__(self, app: ASGIApp, *, https: bool) -> None:
        self.app = app
        self._of_transport = (_STRICT_TRANSPORT,) if https else ()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        added, stored, preflight = _response_policy(scope)

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                headers += (*added, *self._of_transport)
                if not stored and not any(name.lower() == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
            await send(message)

        try:
            await (preflight or self.app)(scope, receive, noting)
        finally:
            logs.request(scope["method"], logs.pattern(scope), status, time.perf_counter() - started)


def _response_policy(scope: Scope) -> tuple[tuple[Header, ...], bool, Response | None]:
    """What is added to the answer's headers, whether it may be stored if it does not say, the answer to a preflight."""
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
