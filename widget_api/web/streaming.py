"""Stream long responses piece by piece, with limits on their number and on slow readers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from widget_api import errors, logs
from widget_api.web.limits import enclosing_networks
from widget_api.web.requests import client_address, context

if TYPE_CHECKING:
    from widget_api.web.connections import BoundedProtocol

CONNECTION = "connection"  # key of `scope["state"]`: the protocol of the connection, where this process accepted it
MAX_STREAMS, MAX_STREAMS_PER_ADDRESS = 24, 4  # concurrent ones of a process, and of one address
MAX_STREAMS_WITH_TOKEN = 8  # additional ones for requests with a token, so that the public cannot block platforms
MAX_STREAMS_PER_NETWORK = 8  # of the addresses that a provider may assign to one customer
STREAM_TIMEOUT = 900.0  # seconds; slower readers are disconnected, to make room for others
MINIMUM_RATE = 16_384  # uncompressed bytes a second, which a phone reads even without compression
GRACE_PERIOD = 15.0  # seconds a reader may pause in addition
_streams: Counter[str] = Counter()  # by network, by token
_log = logging.getLogger(__name__)


class _TooSlow(Exception):
    """The reader is slower than MINIMUM_RATE."""


class StreamedResponse(Response):
    """A response that sends `pieces` as they are made.

    An exception before the first piece becomes an error response. A later one aborts the connection, so that clients
    notice that the file is incomplete. `token` is the id of the request's token, if any. Raises TooMany if too many
    streams are in progress.
    """

    def __init__(
        self, pieces: AsyncIterator[bytes], headers: Mapping[str, str], media_type: str, token: str | None = None
    ) -> None:
        super().__init__(None, 200, dict(headers), media_type)
        self._pieces = pieces
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        del self.headers["content-length"]
        async with contextlib.AsyncExitStack() as ending:
            if hasattr(self._pieces, "aclose"):
                ending.push_async_callback(self._pieces.aclose)
            if scope["method"] == "HEAD":
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                await send({"type": "http.response.body", "body": b""})
                return
            ending.enter_context(_reserve_slot(request, self._token))
            connection: BoundedProtocol | None = scope.get("state", {}).get(CONNECTION)
            if connection is not None:
                ending.enter_context(connection.require_reading())
            await ending.enter_async_context(asyncio.timeout(STREAM_TIMEOUT))
            pieces = _alternate(self._pieces, context(request).streaming)
            ending.push_async_callback(pieces.aclose)
            first = await anext(pieces, b"")
            streaming = StreamingResponse(_chain(first, pieces), self.status_code)
            streaming.raw_headers = self.raw_headers
            try:
                await streaming(scope, receive, _enforce_rate(send))
            except* _TooSlow:
                _log.info("a reader of %s was too slow and is cut off", logs.pattern(scope))


async def _alternate(pieces: AsyncIterator[bytes], lock: asyncio.Lock) -> AsyncGenerator[bytes, None]:
    """Yield the pieces, letting other requests run after each one. Only one stream makes a piece at a time.

    Making and sending pieces may never suspend by themselves, so that short requests would wait for whole files.
    """
    while True:
        async with lock:
            piece = await anext(pieces, None)
            await asyncio.sleep(0)
        if piece is None:
            return
        yield piece


async def _chain(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _enforce_rate(send: Send) -> Send:
    """Wrap `send` with a minimum rate. Raises _TooSlow below MINIMUM_RATE, not counting the time to make pieces."""
    sent, waited, clock = 0, 0.0, asyncio.get_running_loop().time

    async def send_in_time(message: Message) -> None:
        nonlocal sent, waited
        begun = clock()
        try:
            async with asyncio.timeout(GRACE_PERIOD + sent / MINIMUM_RATE - waited):
                await send(message)
        except TimeoutError:
            raise _TooSlow from None
        waited += clock() - begun
        sent += len(message.get("body", b""))

    return send_in_time


@contextlib.contextmanager
def _reserve_slot(request: Request, token: str | None) -> Iterator[None]:
    """Reserve a slot for a stream while the block runs; requests with a token have their own. Raises TooMany."""
    owners, group = (
        ([f"token {token}"], "tokens") if token else (list(enclosing_networks(client_address(request))), "everybody")
    )
    owner_limits = [MAX_STREAMS_PER_ADDRESS, *[MAX_STREAMS_PER_NETWORK] * (len(owners) - 1)]
    limit = MAX_STREAMS_WITH_TOKEN if token else MAX_STREAMS
    counters = [group, *owners]
    full = any(_streams[place] >= bound for place, bound in zip(counters, [limit, *owner_limits], strict=True))
    if full and context(request).settings.rate_limits:
        raise errors.TooMany(10)
    _streams.update(counters)
    try:
        yield
    finally:
        for place in counters:
            _streams[place] -= 1
            if not _streams[place]:
                del _streams[place]
