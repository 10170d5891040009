"""Schedule expensive reads fairly among client networks.

Requests of one network are queued behind each other, so that many of them do not delay other networks.

A process has a few readers of the database, and serves who comes first. Without turns, one address that asks for forty
filtered maps at the same time makes everybody else wait for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from widget_api.errors import TooMany
from widget_api.web.limits import network_of

MAX_CONCURRENT = 2  # costly reads of a process: of the database's three readers one is left for everything else
MAX_WAITING_PER_NETWORK = 40  # of one network, the one under way among them; residents of a mobile operator share one
RETRY_AFTER = 5  # seconds


@dataclass
class _Queue:
    """Reads of one network."""

    first: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class FairQueue:
    """One queue per network; only the head of each queue competes for the MAX_CONCURRENT shared slots."""

    def __init__(self) -> None:
        self._common = asyncio.Semaphore(MAX_CONCURRENT)
        self._queues: dict[str, _Queue] = {}

    @contextlib.asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Hold a slot while the block runs. Raises TooMany where the network's queue is full."""
        network = network_of(address)
        queue = self._queues.setdefault(network, _Queue())
        if queue.waiting >= MAX_WAITING_PER_NETWORK:
            raise TooMany(RETRY_AFTER)
        queue.waiting += 1
        try:
            async with queue.first, self._common:
                yield
        finally:
            queue.waiting -= 1
            if not queue.waiting:
                self._queues.pop(network, None)
