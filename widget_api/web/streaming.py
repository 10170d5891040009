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
from widget_api.web.limits import networks
from widget_api.web.requests import client_address, context

STREAMS, STREAMS_OF_ONE = 24, 4  # at once in a process, and for one address
STREAMS_OF_TOKENS = 8  # more, for whoever shows a token: what everybody may ask for must not shut a platform out
STREAMS_OF_NETWORK = 8  # of the addresses that a provider may give to one customer
LONGEST_STREAM = 900.0  # seconds; whoever reads more slowly is cut off, so that others get their turn
SLOWEST = 16_384  # bytes a second, as they are made: a phone reads as fast even where they are not compressed
GRACE = 15.0  # seconds a reader may pause beside that rate
_streams: Counter[str] = Counter()  # by network, by token
_log = logging.getLogger(__name__)


class _TooSlow(Exception):
    """The reader takes its place from others."""


class Streamed(Response):
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
            ending.enter_context(_taking_turns(request, self._token))
            await ending.enter_async_context(asyncio.timeout(LONGEST_STREAM))
            pieces = _one_at_a_time(self._pieces, context(request).streaming)
            ending.push_async_callback(pieces.aclose)
            first = await anext(pieces, b"")
            streaming = StreamingResponse(_joined(first, pieces), self.status_code)
            streaming.raw_headers = self.raw_headers
            try:
                await streaming(scope, receive, _paced(send))
            except* _TooSlow:
                _log.info("a reader of %s was too slow and is cut off", logs.pattern(scope))


async def _one_at_a_time(pieces: AsyncIterator[bytes], turn: asyncio.Lock) -> AsyncGenerator[bytes, None]:
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


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _paced(send: Send) -> Send:
    """Hand on at a reader's pace, but SLOWEST. Raises _TooSlow below it; what making a piece takes does not count."""
    sent, waited, clock = 0, 0.0, asyncio.get_running_loop().time

    async def handing_on(message: Message) -> None:
        nonlocal sent, waited
        begun = clock()
        try:
            async with asyncio.timeout(GRACE + sent / SLOWEST - waited):
                await send(message)
        except TimeoutError:
            raise _TooSlow from None
        waited += clock() - begun
        sent += len(message.get("body", b""))

    return handing_on


@contextlib.contextmanager
def _taking_turns(request: Request, token: str | None) -> Iterator[None]:
    """A place for one answer: those of tokens are apart from everybody's."""
    places, mine = ([f"token {token}"], "tokens") if token else (list(networks(client_address(request))), "everybody")
    bounds = [STREAMS_OF_ONE, *[STREAMS_OF_NETWORK] * (len(places) - 1)]
    most = STREAMS_OF_TOKENS if token else STREAMS
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
