"""Run the mailbox's steps of the worker: receive letters by LMTP or IMAP, reminders, digests, cleaning up."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable

from widget_api import clock, schedule
from widget_api.context import Context
from widget_api.mailbox import digest, reminders, review

log = logging.getLogger(__name__)
LISTENER_RETRY_PAUSE = 5.0  # seconds between attempts to listen while another process does
POLL_INTERVAL = 20  # seconds between two polls of a mailbox
IDLE_PAUSE = clock.HOUR
JOBS_PAUSE = 30.0  # seconds between two checks for due jobs


async def receive_letters(context: Context) -> float:
    """Receive letters. Returns the seconds to wait before the next step. Listening ends only when cancelled, or with an
    error."""
    url = context.settings.inbound
    if url is None:
        return IDLE_PAUSE
    if url.startswith("lmtp://"):
        return await _listen(context, url)
    if not await schedule.begin(context.database, "mailbox", clock.now(), POLL_INTERVAL):
        return POLL_INTERVAL / 4
    from widget_api.mailbox import imap  # imported here, since most installations do not poll a mailbox

    try:
        outcome = f"{await imap.fetch(context, url)} letters"
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"
        log.warning("the mailbox cannot be read: %s", outcome)
    await schedule.end(context.database, "mailbox", clock.now(), outcome)
    return POLL_INTERVAL / 4


async def _listen(context: Context, url: str) -> float:
    from widget_api.mailbox import lmtp  # imported here, since most installations do not listen

    try:
        async with lmtp.run_server(context, url):
            log.info("receiving letters at %s", url)
            await asyncio.Event().wait()
    except lmtp.AlreadyListening:
        pass
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
    return LISTENER_RETRY_PAUSE  # another process of ours listens, or is about to end


async def _enqueue_reminders(context: Context) -> int:
    return await reminders.enqueue_reminders(context.database)


async def _enqueue_digests(context: Context) -> int:
    return await digest.enqueue_digests(context.database)


async def _delete_obsolete_letters(context: Context) -> int:
    return await review.delete_obsolete(context.database, context.storage)


# Interval in seconds and function by name; each function returns the number of items it handled.
JOBS: dict[str, tuple[int, Callable[[Context], Awaitable[int]]]] = {
    "reminders": (600, _enqueue_reminders),
    "digest": (300, _enqueue_digests),
    "letters": (600, _delete_obsolete_letters),
}


async def run_due_jobs(context: Context) -> float:
    """Run the jobs that are due. Returns the seconds to wait before the next step."""
    for name, (interval, job) in JOBS.items():
        if not await schedule.begin(context.database, name, clock.now(), interval):
            continue
        try:
            outcome = str(await job(context))
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
            log.warning("%s: %s", name, outcome, exc_info=True)
        await schedule.end(context.database, name, clock.now(), outcome)
    return JOBS_PAUSE
