"""Give each network its turn at costly reads, however many of them it asks for at once.

A process has a few readers of the database, and serves who comes first. Without turns, one address that asks for forty
filtered maps at the same time makes everybody else wait for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from widget_api.errors import TooMany
from widget_api.web.limits import grouped

AT_ONCE = 2  # costly reads of a process: of the database's three readers one is left for everything else
WAITING = 40  # of one network, the one under way among them; residents of a mobile operator share one
RETRY_AFTER = 5  # seconds


@dataclass
class _Queue:
    """Reads of one network."""

    first: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


class Turns:
    """A network waits in its own line, and only the first of each line in the common one: so they take turns."""

    def __init__(self) -> None:
        self._common = asyncio.Semaphore(AT_ONCE)
        self._queues: dict[str, _Queue] = {}

    @contextlib.asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Raises TooMany where the network's line is full."""
        network = grouped(address)
        queue = self._queues.setdefault(network, _Queue())
        if queue.waiting >= WAITING:
            raise TooMany(RETRY_AFTER)
        queue.waiting += 1
        try:
            async with queue.first, self._common:
                yield
        finally:
            queue.waiting -= 1
            if not queue.waiting:
                self._queues.pop(network, None)
