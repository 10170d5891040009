"""Bound what one connection may cost: the bytes and the time of every request head, the rate of a body and of a reader.

uvicorn bounds none of these, and the application cannot: it is called when a head is complete. `BoundedProtocol` stands
between the transport and uvicorn's own protocol (`--http` of uvicorn takes any `asyncio.Protocol`), hands everything on
as it comes, and reads along only to know where heads and bodies begin and end (RFC 9112, 2.1). Behind a proxy that
buffers requests and answers these bounds are never reached.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import httptools
from uvicorn.protocols.http.auto import AutoHTTPProtocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send
    from uvicorn.config import Config
    from uvicorn.server import ServerState

HEAD_BYTES = 65_536  # and of what a body has beside its bytes: trailers, a chunk's extensions (RFC 9112, 7.1)
HEAD_SECONDS = 10  # from the first byte of a head to its last; on a new connection from its beginning
MINIMUM_RATE = 2_048  # bytes a second of a body, and of a reader: the poorest mobile network is twice as fast
GRACE_PERIOD = 20  # seconds a body or a reader may pause beside that rate: a phone in a lift
BODY_TIMEOUT = 900  # seconds
LINGER = 5  # seconds in which a refused sender may read why (RFC 9112, 9.6)
_SECOND = 1.0
_SLICE = 4_096  # bytes; the size of a head is known to within this
_STATE = "connection"


class BoundedProtocol(asyncio.Protocol):
    """uvicorn's own HTTP protocol within the bounds above. One per connection, made by uvicorn.

    Time is counted in whole seconds that the event loop was there to see, so a busy process is never stricter.
    """

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self.running = 0  # requests the application is answering (`RequestCounter`)
        self._loop = _loop or asyncio.get_running_loop()
        make = cast(Any, AutoHTTPProtocol)
        self._protocol: asyncio.Protocol = make(
            config=config, server_state=server_state, app_state={**app_state, _STATE: self}, _loop=_loop
        )
        self._parser = httptools.HttpRequestParser(self)
        self._parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self._in_head, self._in_body = True, False
        self._bytes = 0  # of the head or body under way
        self._framing = 0  # of them those since its beginning or its last piece of body
        self._seconds = 0  # spent on it
        self._behind, self._waited = False, 0  # whether answers wait for their reader, and the seconds they have
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
            self._protocol.data_received(data)  # answers 400
            self._transport.close()  # where it saw nothing wrong: what cannot be followed cannot be bounded
        else:
            self._protocol.data_received(data)

    def eof_received(self) -> bool | None:
        return self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._behind, self._waited = True, 0
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._behind, self._waited = False, 0
        self._protocol.resume_writing()

    # --- where heads and bodies begin and end ---

    def _follow(self, data: bytes) -> bool:
        """Whether a head, or what a body has beside its bytes, is within its bound. Raises HttpParserError."""
        for start in range(0, len(data), _SLICE):
            piece = data if len(data) <= _SLICE else data[start : start + _SLICE]
            if not self._in_body and not self._in_head:
                self.on_message_begin()  # an empty line before a head belongs to it
            try:
                self._parser.feed_data(piece)
            except httptools.HttpParserUpgrade:
                return True  # answered as if it had not been asked for; uvicorn drops the rest of `data` too
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
            self._waited += 1
            if self._waited > GRACE_PERIOD + self._transport.get_write_buffer_size() // MINIMUM_RATE:
                self._transport.abort()
                return
        if self._refused:
            self._seconds += 1
            if self._seconds > LINGER:
                self._transport.abort()
        elif self._transport.is_reading():  # else it is we who let the sender wait
            self._count_second()

    def _count_second(self) -> None:
        if self._in_body:
            self._seconds += 1
            if self._seconds > min(BODY_TIMEOUT, GRACE_PERIOD + self._bytes // MINIMUM_RATE):
                self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        elif self._in_head and not self.running:  # what comes before an answer may wait for its end
            self._seconds += 1
            if self._seconds > HEAD_SECONDS:
                self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """Answer and close; without a word where nothing was asked, or where it is answered already."""
        self._refused, self._seconds = True, 0
        due = self.running > 0 if self._in_body else self._bytes > 0
        if not due or self._transport.is_closing():
            self._transport.close()
            return
        head = f"HTTP/1.1 {status} {status.phrase}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        self._transport.write(head.encode("ascii"))
        if self.running:
            self._transport.close()
        else:
            self._transport.write_eof()  # closed with bytes unread, the answer would be lost in a reset


class RequestCounter:
    """Tell each connection how many of its requests are being answered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection: BoundedProtocol | None = scope.get("state", {}).get(_STATE)
        if connection is None:
            await self.app(scope, receive, send)
            return
        connection.running += 1
        try:
            await self.app(scope, receive, send)
        finally:
            connection.running -= 1
