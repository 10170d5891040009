"""Long answers, sent piece by piece: each reader at its own pace, no more of them at once than memory allows for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from widget_api import errors, logs
from widget_api.web.limits import enclosing_networks
from widget_api.web.requests import client_address, context

MAX_STREAMS, MAX_STREAMS_PER_ADDRESS = 24, 4  # at once in a process, and for one address
MAX_STREAMS_WITH_TOKEN = 8  # more, for whoever shows a token: what everybody may ask for must not shut a platform out
MAX_STREAMS_PER_NETWORK = 8  # of the addresses that a provider may give to one customer
STREAM_TIMEOUT = 900.0  # seconds; whoever reads more slowly is cut off, so that others get their turn
MINIMUM_RATE = 16_384  # bytes a second, as they are made: a phone reads as fast even where they are not compressed
GRACE_PERIOD = 15.0  # seconds a reader may pause beside that rate
_streams: Counter[str] = Counter()  # by network, by token
_log = logging.getLogger(__name__)


class _TooSlow(Exception):
    """The reader takes its place from others."""


class StreamedResponse(Response):
    """`pieces` as they come. What fails before the first one is a refusal; what fails later breaks the answer off,
    which whoever reads it notices: a file that is not whole never looks whole.

    `token` is the identifier of the token that was shown, if any. Raises TooMany where too many are under way.
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


async def _alternate(pieces: AsyncIterator[bytes], turn: asyncio.Lock) -> AsyncGenerator[bytes, None]:
    """After each piece all others get their turn, and however many answers are under way, one of them makes a piece.

    Neither what makes pieces nor what sends them need ever wait, and a short request would wait for whole files.
    """
    while True:
        async with turn:
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
    """Wrap `send` with a minimum rate. Raises _TooSlow below MINIMUM_RATE; the time to make a piece does not count."""
    sent, waited, clock = 0, 0.0, asyncio.get_running_loop().time

    async def handing_on(message: Message) -> None:
        nonlocal sent, waited
        begun = clock()
        try:
            async with asyncio.timeout(GRACE_PERIOD + sent / MINIMUM_RATE - waited):
                await send(message)
        except TimeoutError:
            raise _TooSlow from None
        waited += clock() - begun
        sent += len(message.get("body", b""))

    return handing_on


@contextlib.contextmanager
def _reserve_slot(request: Request, token: str | None) -> Iterator[None]:
    """A place for one answer: those of tokens are apart from everybody's."""
    places, mine = (
        ([f"token {token}"], "tokens") if token else (list(enclosing_networks(client_address(request))), "everybody")
    )
    bounds = [MAX_STREAMS_PER_ADDRESS, *[MAX_STREAMS_PER_NETWORK] * (len(places) - 1)]
    most = MAX_STREAMS_WITH_TOKEN if token else MAX_STREAMS
    taken = [mine, *places]
    full = any(_streams[place] >= bound for place, bound in zip(taken, [most, *bounds], strict=True))
    if full and context(request).settings.rate_limits:
        raise errors.TooMany(10)
    _streams.update(taken)
    try:
        yield
    finally:
        for place in taken:
            _streams[place] -= 1
            if not _streams[place]:
                del _streams[place]
