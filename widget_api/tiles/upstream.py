"""Fetch tiles from the operator's tile server, and pause for some seconds after repeated failures."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

from widget_api.outbound import Failed, Outbound
from widget_api.tiles.model import MAX_TILE_SIZE, TileAddress

TIMEOUT = 6.0  # seconds
MAX_CONCURRENT = 16  # requests
_MAX_FAILURES, _PAUSE = 5, 5.0  # in a row, then a pause in seconds


class UpstreamError(Exception):
    """The server failed; `slow` if by a timeout. The message names no address, which may contain a key."""

    def __init__(self, reason: str, *, slow: bool = False) -> None:
        super().__init__(reason)
        self.slow = slow


class Upstream:
    """A tile server whose address is `template` with {z}, {x} and {y}."""

    def __init__(self, template: str, outbound: Outbound) -> None:
        self._template = template
        self._outbound = outbound
        self._slots = asyncio.Semaphore(MAX_CONCURRENT)
        self._failures, self._paused_until = 0, 0.0

    @property
    def host(self) -> str:
        return urlsplit(self._template).hostname or ""

    async def tile(self, address: TileAddress) -> bytes | None:
        """A tile's bytes, or None where the server has none. Raises UpstreamError."""
        if time.monotonic() < self._paused_until:
            raise UpstreamError("did not answer just now")
        try:
            async with asyncio.timeout(TIMEOUT), self._slots:
                found = await self._ask(address)
        except TimeoutError:
            self._failed()
            raise UpstreamError(f"no answer within {TIMEOUT:.0f} s", slow=True) from None
        except UpstreamError:
            self._failed()
            raise
        self._failures = 0
        return found

    async def _ask(self, address: TileAddress) -> bytes | None:
        url = self._template
        for name in ("z", "x", "y"):
            url = url.replace(f"{{{name}}}", str(getattr(address, name)))
        try:
            answer = await self._outbound.request("GET", url, operator=True, limit=MAX_TILE_SIZE)
        except Failed as error:
            raise UpstreamError(type(error.__cause__ or error).__name__) from None
        if answer.status in (204, 404):
            return None
        if answer.status != 200:
            raise UpstreamError(f"answers {answer.status}")
        if not answer.content_type.startswith("image/"):
            raise UpstreamError("answers with something else than a picture")
        return answer.body

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= _MAX_FAILURES:
            self._failures, self._paused_until = 0, time.monotonic() + _PAUSE
