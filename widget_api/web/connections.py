"""Limit the cost of a connection: size and time of each request head, the rate of a body and of a reader.

uvicorn has none of these limits, and the application cannot have them: it is called after the head is complete.
`BoundedProtocol` is placed between the transport and uvicorn's own protocol (`--http` of uvicorn takes any
`asyncio.Protocol`). It passes all data on unchanged and parses it only to find where heads and bodies begin and end
(RFC 9112, 2.1). Behind a proxy that buffers requests and responses these limits are never reached.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from widget_api.web.streaming import CONNECTION

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send
    from uvicorn.config import Config
    from uvicorn.server import ServerState

HEAD_BYTES = 65_536  # of a head, and of a body's framing: trailers, a chunk's extensions (RFC 9112, 7.1)
HEAD_SECONDS = 10  # from the first byte of a head to its last; of the first head, from the start of the connection
MINIMUM_RATE = 2_048  # bytes a second of a body, and of a reader; the slowest mobile networks are twice as fast
GRACE_PERIOD = 20  # seconds a body or a reader may pause in addition, like a phone in a lift
IDLE_SECONDS = 10  # in which a reader that keeps a slot from others has to take something
UNSENT = 131_072  # bytes that the kernel accepts for such a reader beyond those on their way to it
BODY_TIMEOUT = 900  # seconds
LINGER = 5  # seconds in which a refused client can read the response (RFC 9112, 9.6)
_SECOND = 1.0
_SLICE = 4_096  # bytes; the precision with which the size of a head is known


class BoundedProtocol(asyncio.Protocol):
    """uvicorn's own HTTP protocol within these limits. One per connection, made by uvicorn.

    Time is counted by a timer of the event loop, once a second, so that a blocked process is never stricter.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.running = 0  # requests that the application is processing (`RequestCounter`)
        self._loop = _loop or asyncio.get_running_loop()
        make = cast(Any, AutoHTTPProtocol)
        self._protocol: asyncio.Protocol = make(
            config=config, server_state=server_state, app_state={**app_state, CONNECTION: self}, _loop=_loop
        )
        self._parser = httptools.HttpRequestParser(self)
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)  # like uvicorn's own
        self._in_head, self._in_body = True, False
        self._bytes = 0  # of the current head or body
        self._framing = 0  # bytes since its beginning or its last piece of body
        self._seconds = 0  # spent on it
        self._behind, self._waited = False, 0  # whether responses wait for the reader, and for how many seconds
        self._pending, self._idle = 0, 0  # bytes that wait for it, and the seconds since it took any
        self._keeps_slot = False  # whether others wait for the end of the response (`require_reading`)
        self._refused = False

    # --- asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._timer = self._loop.call_later(_SECOND, self._tick)
        self._protocol.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        self._protocol.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        try:
            if not self._follow(data):
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return
        except httptools.HttpParserError:
            self._protocol.data_received(data)  # responds with 400
            self._transport.close()  # if it did not: data that cannot be parsed here cannot be limited
        else:
            self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._behind, self._waited = True, 0
        self._pending, self._idle = self._transport.get_write_buffer_size(), 0
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._behind, self._waited = False, 0
        self._protocol.resume_writing()

    # --- where heads and bodies begin and end ---

    def _follow(self, data: bytes) -> bool:
        """Parse data; return whether the head, or a body's framing, is within its limit. Raises HttpParserError."""
        for start in range(0, len(data), _SLICE):
            piece = data if len(data) <= _SLICE else data[start : start + _SLICE]
            if not self._in_body and not self._in_head:
                self.on_message_begin()  # an empty line before a head counts as part of it
            try:
                self._parser.feed_data(piece)
            except httptools.HttpParserUpgrade:
                return True  # the upgrade is ignored; uvicorn discards the rest of `data` as well
            self._bytes += len(piece)
            self._framing += len(piece)
            if self._framing > HEAD_BYTES:
                return False
        return True

    def on_message_begin(self) -> None:
        self._in_head, self._bytes, self._framing, self._seconds = True, 0, 0, 0

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body, self._bytes, self._framing, self._seconds = False, True, 0, 0, 0

    def on_body(self, body: bytes) -> None:
        self._framing = 0

    def on_message_complete(self) -> None:
        self._in_body = False

    # --- time ---

    def _tick(self) -> None:
        self._timer = self._loop.call_later(_SECOND, self._tick)
        if self._behind or self._transport.is_closing():
            pending = self._transport.get_write_buffer_size()
            self._waited += 1
            self._idle = 0 if pending < self._pending else self._idle + 1
            self._pending = pending
            idle = self._keeps_slot and self._idle > IDLE_SECONDS
            if idle or self._waited > GRACE_PERIOD + pending // MINIMUM_RATE:
                self._transport.abort()
                return
        if self._refused:
            self._seconds += 1
            if self._seconds > LINGER:
                self._transport.abort()
        elif self._transport.is_reading():  # otherwise the sender is waiting for the server
            self._count_second()

    def _count_second(self) -> None:
        if self._in_body:
            self._seconds += 1
            if self._seconds > min(BODY_TIMEOUT, GRACE_PERIOD + self._bytes // MINIMUM_RATE):
                self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif self._in_head and not self.running:  # a pipelined request may wait for the end of the previous response
            self._seconds += 1
            if self._seconds > HEAD_SECONDS:
                self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """Respond and close; without a response if there was no request, or if it has its response already."""
        self._refused, self._seconds = True, 0
        needs_response = self.running > 0 if self._in_body else self._bytes > 0
        if not needs_response or self._transport.is_closing():
            self._transport.close()
            return
        head = f"HTTP/1.1 {status} {status.phrase}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        self._transport.write(head.encode("ascii"))
        if self.running:
            self._transport.close()
        else:
            self._transport.write_eof()  # closing with unread bytes would reset the connection and lose the response

    @contextlib.contextmanager
    def require_reading(self) -> Iterator[None]:
        """Disconnect the reader if it takes nothing of the response for IDLE_SECONDS while the block runs.

        By default the kernel accepts megabytes for a reader before it is full, and then reports room again when a third
        of them is sent: meanwhile nobody could tell a slow reader from one that reads nothing.
        """
        accepted = self._transport.get_extra_info("socket")
        if hasattr(socket, "TCP_NOTSENT_LOWAT") and accepted.family != socket.AF_UNIX:
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
        self._keeps_slot = True
        try:
            yield
        finally:
            self._keeps_slot = False


class RequestCounter:
    """Count for each connection the requests in progress."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: BoundedProtocol | None = scope.get("state", {}).get(CONNECTION)
        if connection is None:
            await self.app(scope, receive, send)
            return
        connection.running += 1
        try:
            await self.app(scope, receive, send)
        finally:
            connection.running -= 1
