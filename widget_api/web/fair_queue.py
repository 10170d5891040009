"""Schedule expensive reads fairly among client networks.

Requests of one network are queued behind each other, so that many of them do not delay other networks.

A process has a few readers of the database, used in order of arrival. Without this queue, one address that requests
forty filtered maps at the same time would make everybody else wait for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from starlette.requests import Request

from widget_api.errors import TooMany
from widget_api.web.limits import network_of
from widget_api.web.requests import client_address, context

MAX_CONCURRENT = 2  # expensive reads of a process, which leaves one of the database's three readers for all others
MAX_WAITING_PER_NETWORK = 40  # includes the one in progress; residents of a mobile operator share a network
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
    async def slot(self, address: str) -> AsyncIterator[None]:
        """Hold a slot while the block runs. Raises TooMany if the network's queue is full."""
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


@contextlib.asynccontextmanager
async def expensive_read(request: Request, site_id: str, cost: int) -> AsyncIterator[None]:
    """Run the block as an expensive read; one of cost 0 is admitted at once. Raises TooMany."""
    app_context = context(request)
    if not cost or not app_context.settings.rate_limits:
        yield
        return
    address = client_address(request)
    await app_context.limits.hit("reads", address, site_id, cost=cost)
    async with app_context.read_queue.slot(address):
        yield
