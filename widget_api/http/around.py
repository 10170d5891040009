"""What stands around every request: CORS of the public API, one line in the log."""

from __future__ import annotations

import time

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from widget_api import logs


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
        if scope["method"] in ("GET", "HEAD"):
            await self.app(scope, receive, _reading(send))
            return
        request = Request(scope)
        origin = request.headers.get("origin")
        if scope["method"] == "OPTIONS" and "access-control-request-method" in request.headers:
            await Response(status_code=204, headers=_PREFLIGHT | {"Access-Control-Allow-Origin": origin or "*"})(
                scope, receive, send
            )
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                headers += ((b"access-control-allow-origin", (origin or "*").encode("latin-1")), _EXPOSED)
                headers.append((b"vary", b"Origin"))
                if not any(name.lower() == b"cache-control" for name, _ in headers):
                    headers.append((b"cache-control", b"no-store"))
            await send(message)

        await self.app(scope, receive, with_headers)


def _reading(send: Send) -> Send:
    """What anyone may read, whoever asked."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] += _ANYONE
        await send(message)

    return with_headers


_EXPOSED = (b"access-control-expose-headers", b"ETag, Retry-After")
_ANYONE = ((b"access-control-allow-origin", b"*"), _EXPOSED)


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
            logs.request(scope["method"], logs.pattern(scope), status, time.perf_counter() - started)
