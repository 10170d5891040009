"""Long answers, sent piece by piece: each reader at its own pace, no more of them at once than memory allows for."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from widget_api import errors
from widget_api.http.asking import context, sender

STREAMS, STREAMS_OF_ONE = 32, 4  # at once in a process, and for one address
LONGEST_STREAM = 900.0  # seconds; whoever reads more slowly is cut off, so that others get their turn
_streams: Counter[str] = Counter()


class Streamed(Response):
    """`pieces` as they come. What fails before the first one is a refusal; what fails later breaks the answer off,
    which whoever reads it notices: a file that is not whole never looks whole.

    Raises TooMany where too many are under way.
    """

    def __init__(self, pieces: AsyncIterator[bytes], headers: Mapping[str, str], media_type: str) -> None:
        super().__init__(None, 200, dict(headers), media_type)
        self._pieces = pieces

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
            ending.enter_context(_taking_turns(request))
            await ending.enter_async_context(asyncio.timeout(LONGEST_STREAM))
            pieces = _one_at_a_time(self._pieces, context(request).streaming)
            ending.push_async_callback(pieces.aclose)
            first = await anext(pieces, b"")
            streaming = StreamingResponse(_joined(first, pieces), self.status_code)
            streaming.raw_headers = self.raw_headers
            await streaming(scope, receive, send)


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


@contextlib.contextmanager
def _taking_turns(request: Request) -> Iterator[None]:
    who = sender(request)
    if context(request).settings.rate_limits and (_streams.total() >= STREAMS or _streams[who] >= STREAMS_OF_ONE):
        raise errors.TooMany(10)
    _streams[who] += 1
    try:
        yield
    finally:
        _streams[who] -= 1
        if not _streams[who]:
            del _streams[who]
