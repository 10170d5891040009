"""Forgets every night what is past its time: the worker's chore, and the command `purge` that does it now."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from widget_api import clock, schedule
from widget_api.attachments.documents import service
from widget_api.attachments.photos import service as photos
from widget_api.attachments.storage import Storage
from widget_api.cabinet import unsent_forms_service as unsent
from widget_api.database import Database
from widget_api.ops import retention

PURGE = "purge"
QUIET_HOUR = 3  # o'clock, for an hour
HOUR = 3600
_APART = 6 * HOUR  # what was done in the small hours is done again in the next night, not in this one


async def purge(database: Database, storage: Storage) -> dict[str, int]:
    """Now. Two never do it at once, whatever process they are in: the second begins when the first has ended."""
    async with schedule.exclusive(database, PURGE):
        done = await retention.purge(database)
        done["photos"] = await photos.purge(database, storage)
        done["documents"] = await service.purge(database, storage)
        done["unsent_forms"] = await unsent.purge(database, storage)
        await schedule.end(database, PURGE, clock.now(), _format_outcome(done))
    return done


async def purge_if_due(database: Database, storage: Storage) -> None:
    """Where its time has come: within an hour of the first start, then at night.

    While it is under way it counts as due again in an hour, so that a killed process loses no night.
    """
    now = clock.now()
    await schedule.plan(database, PURGE, now + random.randrange(HOUR // 60, HOUR))  # noqa: S311 - spreads, hides nothing
    if not await schedule.begin(database, PURGE, now, HOUR, longest=48 * HOUR):
        return
    try:
        done = await purge(database, storage)
    except Exception as error:
        await schedule.fail(database, PURGE, f"failed: {type(error).__name__}: {error}")
        raise
    await schedule.end(
        database,
        PURGE,
        clock.now(),
        _format_outcome(done),
        next_at=next_night(clock.now(), await _most_common_zone(database)),
    )


def next_night(now: int, zone: str, spread: int | None = None) -> int:
    """A moment of the next quiet hour there, so that many installations do not all begin at once."""
    earliest = datetime.fromtimestamp(now + _APART, ZoneInfo(zone))
    at = earliest.replace(hour=QUIET_HOUR, minute=0, second=0, microsecond=0)
    if at < earliest:
        at += timedelta(days=1)
    return int(at.timestamp()) + (random.randrange(HOUR) if spread is None else spread)  # noqa: S311 - as above


async def _most_common_zone(database: Database) -> str:
    """Where most sites are."""
    row = await database.row(
        "SELECT time_zone FROM sites WHERE disabled_at IS NULL GROUP BY time_zone ORDER BY COUNT(*) DESC, time_zone"
        " LIMIT 1"
    )
    return str(row["time_zone"]) if row is not None else "UTC"


def _format_outcome(done: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in done.items() if count) or "nothing to forget"
