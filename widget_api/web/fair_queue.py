"""Share a few slots for expensive work fairly among client networks.

Work of one network is queued behind its own, so that much of it does not delay other networks. A process has a few
readers of the database and decodes a few photos at a time, in order of arrival: without this queue, one address that
requests forty filtered maps at the same time would make everybody else wait for all of them.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from starlette.requests import Request

from widget_api.errors import TooMany
from widget_api.web.limits import enclosing_networks
from widget_api.web.requests import client_address, context

MAX_CONCURRENT_READS = 2  # expensive ones of a process, which leaves one of the database's three readers for all others
MAX_WAITING_PER_NETWORK = 40  # includes those in progress; residents of a mobile operator share a network
RETRY_AFTER = 5  # seconds


@dataclass
class _Queue:
    """Work of one network."""

    turns: asyncio.Semaphore
    size: int = 0  # waiting and in progress


class FairQueue:
    """A host or household gets half of the slots at most; the networks a provider may assign to one customer, of which
    an IPv6 one holds 65,536 households, get all but one. Only what has its network's turn competes for a slot.
    """

    def __init__(self, slots: int) -> None:
        self._common = asyncio.Semaphore(slots)
        self._share, self._wide_share = max(1, slots // 2), max(1, slots - 1)
        self._queues: dict[str, _Queue] = {}

    @contextlib.asynccontextmanager
    async def slot(self, address: str) -> AsyncIterator[None]:
        """Hold a slot while the block runs. A text that is no address is a network of its own.

        Raises TooMany if the queue of the address is full.
        """
        own, *wider = enclosing_networks(address)
        if own in self._queues and self._queues[own].size >= MAX_WAITING_PER_NETWORK:
            raise TooMany(RETRY_AFTER)
        async with contextlib.AsyncExitStack() as held:
            await held.enter_async_context(self._turn(own, self._share))
            for network in wider:
                await held.enter_async_context(self._turn(network, self._wide_share))
            await held.enter_async_context(self._common)
            yield

    @contextlib.asynccontextmanager
    async def _turn(self, network: str, share: int) -> AsyncIterator[None]:
        queue = self._queues.setdefault(network, _Queue(asyncio.Semaphore(share)))
        queue.size += 1
        try:
            async with queue.turns:
                yield
        finally:
            queue.size -= 1
            if not queue.size:
                del self._queues[network]


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
