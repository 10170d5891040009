"""Deliver events to their sinks and poll the platforms: inside `serve` by default, in its own process with `work`."""

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
from widget_api.casework import bulk
from widget_api.context import Context
from widget_api.deliveries import clock_repair, queue, sinks
from widget_api.deliveries.model import LEASE, Delivery, GiveUp, Retry, Withheld
from widget_api.deliveries.queue import Outcome
from widget_api.mail import outbox
from widget_api.mailbox import digest, jobs
from widget_api.ops import retention
from widget_api.people import (
    invitations,
    notice_letters,
    password_reset,
    providers,
    report_letters,
    second_factor,
    undecided,
    webmaster_letters,
)
from widget_api.platform import batches, pull
from widget_api.problems import districts
from widget_api.registration import mail as registration_mail
from widget_api.registration import recheck
from widget_api.renewals import mail as renewal_mail
from widget_api.renewals import service as renewals
from widget_api.visits import mail as visit_mail

log = logging.getLogger(__name__)

AT_ONCE = 16  # concurrent deliveries, or batches of them, of one worker
SEVERAL = 4  # free slots from which a claim is made without waiting
GATHER = 0.02  # seconds a claim waits for more free slots
IDLE = 0.5  # seconds between two checks of an empty queue
HANDLER_TIMEOUT = 60.0  # seconds
SWEEP = 5.0  # seconds between two checks for files to delete
SETTLING = 5.0  # seconds after the start before periodic jobs begin, which nobody waits for
LETTERS = (
    password_reset.LETTERS,
    invitations.LETTERS,
    second_factor.LETTERS,
    providers.LETTERS,
    registration_mail.LETTERS,
    webmaster_letters.LETTERS,
    visit_mail.LETTERS,
    renewal_mail.LETTERS,
    digest.LETTERS,
    notice_letters.LETTERS,
    report_letters.LETTERS,
    undecided.LETTERS,
)
PROOF_ROUND = 60.0  # seconds between two checks for due proofs of domains
TIDY = 2.0  # seconds between two checks for due periodic jobs, and for due decisions about many reports


class Worker:
    """A worker. Any number can run: leases prevent two from delivering the same event."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._in_progress: dict[asyncio.Task[None], Sequence[Delivery]] = {}
        self._polls: pull.PollTasks = {}
        self._clock_monitor = clock_repair.ClockMonitor()
        for sink in sinks.SINKS:
            sinks.resolve_handler(sink.name)  # imports its module now, not during the first delivery

    async def run(self) -> None:
        """Run until cancelled. Another worker takes over the leases of unfinished deliveries."""
        steps = (self._deliver, self._renew, self._poll, self._sweep, self._receive_mail, self._send_letters)
        loops = dict.fromkeys(steps, 0.0)
        late = (
            *(self._run_mail_jobs, self._enqueue_digests, self._tidy, self._execute_bulks, self._assign_districts),
            self._check_proofs,
        )
        loops |= dict.fromkeys(late, SETTLING)
        tasks = [
            asyncio.create_task(self._forever(step, pause), name=f"worker {step.__name__}")
            for step, pause in loops.items()
        ]
        try:
            await asyncio.gather(*tasks)
        finally:
            ending = (*tasks, *self._in_progress, *self._polls.values())
            for task in ending:
                task.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def _forever(self, step: Callable[[], Awaitable[float]], pause: float) -> None:
        """Repeat a step, also after it failed (the database is unavailable): the queue must never silently stop."""
        while True:
            await asyncio.sleep(pause)
            try:
                pause = await step()
            except Exception as error:
                log.warning("worker: %s failed: %s", step.__name__, error, exc_info=True)
                pause = 2.0

    async def _deliver(self) -> float:
        await self._clock_monitor.check(self.context.database, clock.now())
        free = AT_ONCE - len(self._in_progress)
        if free <= 0:
            await asyncio.wait(self._in_progress, return_when=asyncio.FIRST_COMPLETED)
            return 0
        if free < SEVERAL:  # a claim costs the same for one delivery and for many
            await asyncio.wait(self._in_progress, return_when=asyncio.FIRST_COMPLETED, timeout=GATHER)
            free = AT_ONCE - len(self._in_progress)
        busy = Counter(deliveries[0].priority for deliveries in self._in_progress.values())
        claimed = await self._claim(free, busy)
        for batch in await self._group(claimed):
            task = asyncio.create_task(self._deliver_group(batch), name=f"delivery {batch[0].id}")
            self._in_progress[task] = batch
            task.add_done_callback(lambda done: self._in_progress.pop(done, None) and None)
        if claimed:
            return 0
        if self._in_progress:  # when a delivery ends, the next event of its problem may become due
            await asyncio.wait(self._in_progress, return_when=asyncio.FIRST_COMPLETED, timeout=IDLE)
            return 0.01
        return IDLE

    async def _claim(
        self, limit: int, busy: Mapping[int, int] | None = None, *, sink: str | None = None
    ) -> list[Delivery]:
        """Claim due deliveries, except those in progress here, whose lease expires if the clock jumps forward or the
        database is unavailable."""
        claimed = await queue.claim(self.context.database, self.holder, limit, clock.now(), busy, sink=sink)
        known = {delivery.id for deliveries in self._in_progress.values() for delivery in deliveries}
        return [delivery for delivery in claimed if delivery.id not in known]

    async def _group(self, claimed: Sequence[Delivery]) -> list[list[Delivery]]:
        """Group events for receivers that accept batches, and claim more events for them."""
        groups, batches_by_sink = list[list[Delivery]](), dict[str, list[Delivery]]()
        of_platforms = any(delivery.sink.startswith(sinks.PLATFORM) for delivery in claimed)
        takes_many = await batches.batch_sinks(self.context.database) if of_platforms else frozenset()
        for delivery in claimed:
            if delivery.sink in takes_many and batches.can_batch(delivery):
                batches_by_sink.setdefault(delivery.sink, []).append(delivery)
            else:
                groups.append([delivery])
        for sink, first in batches_by_sink.items():
            more = await self._claim(batches.MAX_EVENTS - len(first), sink=sink)
            first += [delivery for delivery in more if batches.can_batch(delivery)]
            groups += [[delivery] for delivery in more if not batches.can_batch(delivery)]
        return [*groups, *batches_by_sink.values()]

    async def _deliver_group(self, deliveries: Sequence[Delivery]) -> None:
        """Deliver a group and record each outcome. Deliveries unfinished after HANDLER_TIMEOUT are retried."""
        left = {delivery.id: delivery for delivery in deliveries}
        ended = list[tuple[Delivery, Outcome]]()
        try:
            async with asyncio.timeout(HANDLER_TIMEOUT):
                async for delivery, reason in self._call_handler(deliveries):
                    ended.append((delivery, self._outcome(delivery, reason)))
                    del left[delivery.id]
        except Exception as reason:
            ended += [(delivery, self._outcome(delivery, reason)) for delivery in left.values()]
        await queue.finish_all(self.context.database, self.holder, ended, clock.now())

    async def _call_handler(self, deliveries: Sequence[Delivery]) -> AsyncIterator[batches.Outcome]:
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
        if self._in_progress:
            ids = [delivery.id for deliveries in self._in_progress.values() for delivery in deliveries]
            await queue.renew(self.context.database, self.holder, ids, clock.now())
        return LEASE / 3

    async def _poll(self) -> float:
        await pull.start_polling(self.context, self._polls)
        return pull.ROUND_INTERVAL

    async def _sweep(self) -> float:
        await photos.purge(self.context.database, self.context.storage)
        await service.purge(self.context.database, self.context.storage)
        return SWEEP

    async def _receive_mail(self) -> float:
        return await jobs.receive_letters(self.context)

    async def _send_letters(self) -> float:
        return await outbox.send_due(self.context, *LETTERS)

    async def _run_mail_jobs(self) -> float:
        return await jobs.run_due_jobs(self.context)

    async def _enqueue_digests(self) -> float:
        return min(
            await notice_letters.enqueue_if_due(self.context),
            await report_letters.enqueue_if_due(self.context),
            await undecided.enqueue_if_due(self.context),
        )

    async def _tidy(self) -> float:
        context = self.context
        await retention.purge_if_due(context.database, context.storage, context.settings.secret_keys)
        await renewals.run_if_due(context.database)
        return TIDY

    async def _execute_bulks(self) -> float:
        await bulk.execute_due(self.context.database)
        return TIDY

    async def _assign_districts(self) -> float:
        await districts.assign_if_due(self.context.database)
        return TIDY

    async def _check_proofs(self) -> float:
        await recheck.check_if_due(self.context)
        return PROOF_ROUND


@contextlib.asynccontextmanager
async def run_worker(context: Context) -> AsyncIterator[None]:
    """Run a worker in this process while the block runs."""
    task = asyncio.create_task(Worker(context).run(), name="worker")
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
