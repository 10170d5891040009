"""What the mailbox has to do every so often, in one process: reminders, digests, tidying up."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from widget_api import clock, schedule
from widget_api.context import Context
from widget_api.mailbox import digest, reminders, review

log = logging.getLogger(__name__)
PAUSE = 30.0  # seconds between two looks whether something is due


async def _reminders(context: Context) -> int:
    return await reminders.owe(context.database)


async def _digest(context: Context) -> int:
    return await digest.owe(context.database)


async def _letters(context: Context) -> int:
    return await review.sweep(context.database, context.storage)


# By name: how often in seconds, and what; each returns how many of what it is about.
CHORES: dict[str, tuple[int, Callable[[Context], Awaitable[int]]]] = {
    "reminders": (600, _reminders),
    "digest": (300, _digest),
    "letters": (600, _letters),
}


async def step(context: Context) -> float:
    for name, (every, chore) in CHORES.items():
        if not await schedule.begin(context.database, name, clock.now(), every):
            continue
        try:
            outcome = str(await chore(context))
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"
            log.warning("%s: %s", name, outcome, exc_info=True)
        await schedule.end(context.database, name, clock.now(), outcome)
    return PAUSE
