"""Drains the deliveries by sink and asks the platforms for news: inside `serve` by default, alone with `work`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from widget_api import clock
from widget_api.attachments.documents import service
from widget_api.attachments.photos import service as photos
from widget_api.context import Context
from widget_api.deliveries import clock_repair, queue, sinks
from widget_api.deliveries.model import LEASE, Delivery, GiveUp, Retry, Withheld
from widget_api.deliveries.queue import Outcome
from widget_api.mailbox import inbound, jobs
from widget_api.ops import nightly
from widget_api.people import password_reset
from widget_api.platform import batches, pull

log = logging.getLogger(__name__)

AT_ONCE = 16  # deliveries, or batches of them, under way in one worker
SEVERAL = 4  # free places that are worth a claim at once
GATHER = 0.02  # seconds a claim waits for them
IDLE = 0.5  # seconds between two looks at an empty queue
HANDLER_TIMEOUT = 60.0
SWEEP = 5.0  # seconds between two looks for pictures that are to be deleted
SETTLING = 5.0  # seconds after the start before regular work begins, which nobody waits for
TIDY = 2.0  # seconds between two looks whether a chore is due


class Worker:
    """One of any number: leases keep two from carrying the same event."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._under_way: dict[asyncio.Task[None], Sequence[Delivery]] = {}
        self._asking: pull.PollTasks = {}
        self._watch = clock_repair.ClockMonitor()
        for sink in sinks.SINKS:
            sinks.resolve_handler(sink.name)  # loaded now, and not while residents wait

    async def run(self) -> None:
        """Until cancelled. What is under way then is finished by whoever takes over its lease."""
        loops = dict.fromkeys((self._drain, self._renew, self._poll, self._sweep, self._take_in, self._write), 0.0)
        loops |= {self._remind: SETTLING, self._tidy: SETTLING}
        tasks = [
            asyncio.create_task(self._forever(step, pause), name=f"worker {step.__name__}")
            for step, pause in loops.items()
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            ending = (*tasks, *self._under_way, *self._asking.values())
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def _forever(self, step: Callable[[], Awaitable[float]], pause: float) -> None:
        """A step that fails (the database is away) is taken again; a queue must never silently stop."""
        while True:
            await asyncio.sleep(pause)
            try:
                pause = await step()
            except Exception as error:
                log.warning("worker: %s failed: %s", step.__name__, error, exc_info=True)
                pause = 2.0

    async def _drain(self) -> float:
        await self._watch.check(self.context.database, clock.now())
        free = AT_ONCE - len(self._under_way)
        if free <= 0:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            return 0
        if free < SEVERAL:  # a claim for one costs as much as one for many
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED, timeout=GATHER)
            free = AT_ONCE - len(self._under_way)
        busy = Counter(deliveries[0].lane for deliveries in self._under_way.values())
        claimed = await self._claim(free, busy)
        for together in await self._batched(claimed):
            task = asyncio.create_task(self._carry(together), name=f"delivery {together[0].id}")
            self._under_way[task] = together
            task.add_done_callback(lambda done: self._under_way.pop(done, None) and None)
        if claimed:
            return 0
        if self._under_way:  # the next event of a problem may go as soon as the one before it is through
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED, timeout=IDLE)
            return 0.01
        return IDLE

    async def _claim(
        self, limit: int, busy: Mapping[int, int] | None = None, *, sink: str | None = None
    ) -> list[Delivery]:
        """What is due, but for what is in hand here: its lease ends when the clock leaps or the database is away."""
        claimed = await queue.claim(self.context.database, self.holder, limit, clock.now(), busy, sink=sink)
        in_hand = {delivery.id for deliveries in self._under_way.values() for delivery in deliveries}
        return [delivery for delivery in claimed if delivery.id not in in_hand]

    async def _batched(self, claimed: Sequence[Delivery]) -> list[list[Delivery]]:
        """What goes together: events for a receiver that takes many at once, and then all that is due there."""
        alone, together = list[list[Delivery]](), dict[str, list[Delivery]]()
        of_platforms = any(delivery.sink.startswith(sinks.PLATFORM) for delivery in claimed)
        takes_many = await batches.batch_sinks(self.context.database) if of_platforms else frozenset()
        for delivery in claimed:
            if delivery.sink in takes_many and batches.can_batch(delivery):
                together.setdefault(delivery.sink, []).append(delivery)
            else:
                alone.append([delivery])
        for sink, first in together.items():
            more = await self._claim(batches.MAX_EVENTS - len(first), sink=sink)
            first += [delivery for delivery in more if batches.can_batch(delivery)]
            alone += [[delivery] for delivery in more if not batches.can_batch(delivery)]
        return [*alone, *together.values()]

    async def _carry(self, deliveries: Sequence[Delivery]) -> None:
        """Carry what goes together and record how each ended; what is left at the end of the time is tried again."""
        left = {delivery.id: delivery for delivery in deliveries}
        ended = list[tuple[Delivery, Outcome]]()
        try:
            async with asyncio.timeout(HANDLER_TIMEOUT):
                async for delivery, reason in self._ended(deliveries):
                    ended.append((delivery, self._outcome(delivery, reason)))
                    del left[delivery.id]
        except Exception as reason:
            ended += [(delivery, self._outcome(delivery, reason)) for delivery in left.values()]
        await queue.finish_all(self.context.database, self.holder, ended, clock.now())

    async def _ended(self, deliveries: Sequence[Delivery]) -> AsyncIterator[batches.Outcome]:
        if len(deliveries) > 1:
            async for ended in batches.deliver_batch(self.context, deliveries):
                yield ended
            return
        try:
            await sinks.resolve_handler(deliveries[0].sink)(self.context, deliveries[0])
        except (GiveUp, Retry, Withheld) as reason:
            yield deliveries[0], reason
        else:
            yield deliveries[0], None

    def _outcome(self, delivery: Delivery, reason: Exception | None) -> Outcome:
        if reason is not None and not isinstance(reason, GiveUp | Retry | Withheld):
            log.warning("delivery %s to %s failed", delivery.id, delivery.sink, exc_info=reason)
        return Outcome.of(delivery, reason)

    async def _renew(self) -> float:
        if self._under_way:
            ids = [delivery.id for deliveries in self._under_way.values() for delivery in deliveries]
            await queue.renew(self.context.database, self.holder, ids, clock.now())
        return LEASE / 3

    async def _poll(self) -> float:
        await pull.start_polling(self.context, self._asking)
        return pull.ROUND_INTERVAL

    async def _sweep(self) -> float:
        await photos.purge(self.context.database, self.context.storage)
        await service.purge(self.context.database, self.context.storage)
        return SWEEP

    async def _take_in(self) -> float:
        return await inbound.step(self.context)

    async def _write(self) -> float:
        return await password_reset.send_due(self.context)

    async def _remind(self) -> float:
        return await jobs.step(self.context)

    async def _tidy(self) -> float:
        await nightly.purge_if_due(self.context.database, self.context.storage)
        return TIDY


@contextlib.asynccontextmanager
async def run_worker(context: Context) -> AsyncIterator[None]:
    """A worker beside the service, for as long as the block runs."""
    task = asyncio.create_task(Worker(context).run(), name="worker")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
