"""Share what a process has little of fairly among client networks.

Requests of one network are queued behind each other, so that many of them do not delay other networks. Each resource
has a queue of its own:

- the event loop, which renders one page at a time. Every public GET route takes turns, except handlers marked with
  `at_once`: of eight pages that one address requests at the same time, one is in progress, and the next request of
  another address waits for that one;
- the few readers of the database, for which expensive reads (`expensive_read`) compete;
- the few photos that are decoded at a time (attachments/photos/intake.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api.errors import TooMany
from widget_api.web.limits import enclosing_networks
from widget_api.web.requests import client_address, context

MAX_CONCURRENT_READS = 2  # expensive ones of a process, which leaves one of the database's three readers for all others
# Of one network, those in progress included. Residents of a mobile operator share a network, and may all come at once.
MAX_WAITING_PER_NETWORK = 40  # for slots: expensive work
MAX_TURNS_PER_NETWORK = 400  # pages, of a few milliseconds each
RETRY_AFTER = 5  # seconds

Handler = Callable[[Request], Awaitable[Response]]
_marked = set[Handler]()


@dataclass
class _Queue:
    """Work of one network."""

    turns: asyncio.Semaphore
    size: int = 0  # waiting and in progress


class FairQueue:
    """A queue for each network. Only what has its network's turn is in progress, or competes for `slots` if given.

    A host or household gets half of the slots at most; the networks a provider may assign to one customer, of which an
    IPv6 one holds 65,536 households, get all but one. Without a number of slots a host has one thing in progress.
    """

    def __init__(self, slots: int | None = None) -> None:
        self._common: contextlib.AbstractAsyncContextManager[Any] = (
            contextlib.nullcontext() if slots is None else asyncio.Semaphore(slots)
        )
        self._share = 1 if slots is None else max(1, slots // 2)
        self._wide_share = None if slots is None else max(1, slots - 1)
        self._queues: dict[str, _Queue] = {}

    @contextlib.asynccontextmanager
    async def slot(self, address: str) -> AsyncIterator[None]:
        """Hold a slot while the block runs. A text that is no address is a network of its own.

        Raises TooMany if the queue of the address is full.
        """
        own, *wider = enclosing_networks(address)
        most = MAX_TURNS_PER_NETWORK if self._wide_share is None else MAX_WAITING_PER_NETWORK
        if own in self._queues and self._queues[own].size >= most:
            raise TooMany(RETRY_AFTER)
        async with contextlib.AsyncExitStack() as held:
            await held.enter_async_context(self._turn(own, self._share))
            if self._wide_share is not None:
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
async def expensive_read(
    request: Request, site_id: str, cost: int, *, limit: str | None = "reads"
) -> AsyncIterator[None]:
    """Run the block as an expensive read; one of cost 0 is admitted at once. Raises TooMany.

    `limit` is the rate limit (limits.RATES) that its cost counts against, if any.
    """
    app_context = context(request)
    if not cost or not app_context.settings.rate_limits:
        yield
        return
    address = client_address(request)
    if limit is not None:
        await app_context.limits.hit(limit, address, site_id, cost=cost)
    async with app_context.read_queue.slot(address):
        yield


@contextlib.asynccontextmanager
async def turn(request: Request) -> AsyncIterator[None]:
    """Run the block when it is the turn of this request among those of its network. Raises TooMany."""
    app_context = context(request)
    if not app_context.settings.rate_limits:
        yield
        return
    async with app_context.turns.slot(client_address(request)):
        yield


def at_once(handler: Handler) -> Handler:
    """Mark a handler that takes no turns.

    It serves bytes that are kept, limits its reads by `expensive_read`, waits for something other than this process
    (files, a provider), or serves users of the cabinet, who are known and share the address of their office.
    """
    _marked.add(handler)
    return handler


def in_turns(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """Return the routes, of which those for GET take turns. A turn ends before the response is sent."""
    return [
        Route(route.path, _in_turn(route.endpoint), methods=list(route.methods or ()))
        if isinstance(route, Route) and "GET" in (route.methods or ()) and not _is_at_once(route.endpoint)
        else route
        for route in routes
    ]


def _is_at_once(handler: Handler) -> bool:
    return inspect.unwrap(handler, stop=lambda inner: inner in _marked) in _marked


def _in_turn(handler: Handler) -> Handler:
    @functools.wraps(handler)
    async def handle(request: Request) -> Response:
        async with turn(request):
            return await handler(request)

    return handle
