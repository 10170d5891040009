"""Run the periodic jobs of the mailbox in one process: reminders, digests, and deleting obsolete letters."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from widget_api import clock, schedule
from widget_api.context import Context
from widget_api.mailbox import digest, reminders, review

log = logging.getLogger(__name__)
PAUSE = 30.0  # seconds between two checks for due jobs


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


async def step(context: Context) -> float:
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
    return PAUSE
