"""Asks a tile server of the operator's choice, briefly, and not at all for a while when it does not answer."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import urlsplit

from widget_api.outbound import Failed, Outbound
from widget_api.tiles.model import LARGEST_TILE, Address

SECONDS = 6.0  # a map that waits longer is looked at without ground
AT_ONCE = 16  # requests
_FAILURES, _REST = 5, 5.0  # one after another, then seconds of silence


class Silent(Exception):
    """No tile could be had. `slow`: it was waited for. The message names no address: it may hold a key."""

    def __init__(self, reason: str, *, slow: bool = False) -> None:
        super().__init__(reason)
        self.slow = slow


class Upstream:
    """`template` holds {z}, {x} and {y}."""

    def __init__(self, template: str, outbound: Outbound) -> None:
        self._template = template
        self._outbound = outbound
        self._free = asyncio.Semaphore(AT_ONCE)
        self._failures, self._resting_until = 0, 0.0

    @property
    def host(self) -> str:
        return urlsplit(self._template).hostname or ""

    async def tile(self, address: Address) -> bytes | None:
        """What it answers, or None where it has no such tile. Raises Silent."""
        if time.monotonic() < self._resting_until:
            raise Silent("did not answer just now")
        try:
            async with asyncio.timeout(SECONDS), self._free:
                found = await self._ask(address)
        except TimeoutError:
            self._failed()
            raise Silent(f"no answer within {SECONDS:.0f} s", slow=True) from None
        except Silent:
            self._failed()
            raise
        self._failures = 0
        return found

    async def _ask(self, address: Address) -> bytes | None:
        url = self._template
        for name in ("z", "x", "y"):
            url = url.replace(f"{{{name}}}", str(getattr(address, name)))
        try:
            answer = await self._outbound.request("GET", url, operator=True, limit=LARGEST_TILE)
        except Failed as error:
            raise Silent(type(error.__cause__ or error).__name__) from None
        if answer.status in (204, 404):
            return None
        if answer.status != 200:
            raise Silent(f"answers {answer.status}")
        if not answer.content_type.startswith("image/"):
            raise Silent("answers with something else than a picture")
        return answer.body

    def _failed(self) -> None:
        self._failures += 1
        if self._failures >= _FAILURES:
            self._failures, self._resting_until = 0, time.monotonic() + _REST
