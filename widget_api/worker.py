"""Drains the deliveries by sink and asks the platforms for news: inside `serve` by default, alone with `work`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

from widget_api import clock, upkeep
from widget_api.cabinet.mailed import notify as moderation_by_mail
from widget_api.context import Context
from widget_api.deliveries import leasing
from widget_api.deliveries.model import LEASE, Delivery, GiveUp, Retry, delay
from widget_api.photos import service as photos
from widget_api.platform import pull, push
from widget_api.problems import documents, gate, notify
from widget_api.residents import notify as residents_notify
from widget_api.residents.discussion import notify as residents_discussion
from widget_api.residents.following import notify as residents_following
from widget_api.residents.reports import notify as residents_reports

log = logging.getLogger(__name__)
Deliver = Callable[[Context, Delivery], Awaitable[None]]

AT_ONCE = 16  # deliveries under way in one worker
IDLE = 0.5  # seconds between two looks at an empty queue
HANDLER_TIMEOUT = 60.0
SWEEP = 5.0  # seconds between two looks for pictures that are to be deleted
POLL = 2.0  # seconds between two rounds of asking the platforms
TIDY = 2.0  # seconds between two looks whether a chore is due


def handler(sink: str) -> Deliver:
    """Who carries an event to this sink."""
    if sink == gate.RESIDENT:
        return residents_notify.deliver
    if sink == gate.REPORTS:
        return residents_reports.deliver
    if sink.startswith(gate.FOLLOWER):
        return residents_following.deliver
    if sink.startswith(gate.COMMENTER):
        return residents_discussion.deliver
    if sink.startswith(gate.MODERATOR):
        return moderation_by_mail.deliver
    if sink == gate.AGENCY:
        return notify.deliver
    if sink.startswith(gate.PLATFORM):
        return push.deliver
    raise LookupError(sink)


class Worker:
    """One of any number: leases keep two from carrying the same event."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._under_way: dict[asyncio.Task[None], Delivery] = {}

    async def run(self) -> None:
        """Until cancelled. What is under way then is finished by whoever takes over its lease."""
        loops = (self._drain, self._renew, self._poll, self._sweep, self._tidy)
        tasks = [asyncio.create_task(self._forever(loop), name=f"worker {loop.__name__}") for loop in loops]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in (*tasks, *self._under_way):
                task.cancel()
            await asyncio.gather(*tasks, *self._under_way, return_exceptions=True)

    async def _forever(self, step: Callable[[], Awaitable[float]]) -> None:
        """A step that fails (the database is away) is taken again; a queue must never silently stop."""
        while True:
            try:
                pause = await step()
            except Exception as error:
                log.warning("worker: %s failed: %s", step.__name__, error, exc_info=True)
                pause = 2.0
            await asyncio.sleep(pause)

    async def _drain(self) -> float:
        free = AT_ONCE - len(self._under_way)
        if free <= 0:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            return 0
        busy = Counter(delivery.lane for delivery in self._under_way.values())
        claimed = await leasing.claim(self.context.database, self.holder, free, clock.now(), busy)
        for delivery in claimed:
            task = asyncio.create_task(self._carry(delivery), name=f"delivery {delivery.id}")
            self._under_way[task] = delivery
            task.add_done_callback(lambda done: self._under_way.pop(done, None) and None)
        if claimed:
            return 0
        if self._under_way:  # the next event of a problem may go as soon as the one before it is through
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED, timeout=IDLE)
            return 0.01
        return IDLE

    async def _carry(self, delivery: Delivery) -> None:
        error: str | None = None
        retry_in: int | None = None
        try:
            await asyncio.wait_for(handler(delivery.sink)(self.context, delivery), HANDLER_TIMEOUT)
        except GiveUp as reason:
            error = str(reason) or "refused"
        except Retry as reason:
            error = str(reason) or "not now"
            retry_in = delay(delivery.attempts, reason.after)
        except Exception as reason:
            log.warning("delivery %s to %s failed", delivery.id, delivery.sink, exc_info=True)
            error = f"{type(reason).__name__}: {reason}"
            retry_in = delay(delivery.attempts, None)
        await leasing.finish(self.context.database, self.holder, delivery, clock.now(), error, retry_in)

    async def _renew(self) -> float:
        if self._under_way:
            ids = [delivery.id for delivery in self._under_way.values()]
            await leasing.renew(self.context.database, self.holder, ids, clock.now())
        return LEASE / 3

    async def _poll(self) -> float:
        await pull.poll(self.context)
        return POLL

    async def _sweep(self) -> float:
        await photos.purge(self.context.database, self.context.storage)
        await documents.purge(self.context.database, self.context.storage)
        return SWEEP

    async def _tidy(self) -> float:
        await upkeep.when_due(self.context.database, self.context.storage)
        return TIDY


@contextlib.asynccontextmanager
async def working(context: Context) -> AsyncIterator[None]:
    """A worker beside the service, for as long as the block runs."""
    task = asyncio.create_task(Worker(context).run(), name="worker")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
