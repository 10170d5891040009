"""Purge data past its retention, every night in the worker or at once with the command `purge`."""

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
QUIET_HOUR = 3  # hour of the day in which the purge begins
HOUR = 3600
_MIN_INTERVAL = 6 * HOUR  # a purge after midnight is followed by one in the next night, not in the same one


async def purge(database: Database, storage: Storage) -> dict[str, int]:
    """Purge now. Purges never run at the same time, even in different processes: the second waits for the first."""
    async with schedule.exclusive(database, PURGE):
        counts = await retention.purge(database)
        counts["photos"] = await photos.purge(database, storage)
        counts["documents"] = await service.purge(database, storage)
        counts["unsent_forms"] = await unsent.purge_expired(database, storage)
        await schedule.end(database, PURGE, clock.now(), _format_outcome(counts))
    return counts


async def purge_if_due(database: Database, storage: Storage) -> None:
    """Purge if it is due: within an hour of the first start, then at night.

    While a purge runs, the next one is scheduled in an hour, so that a killed process does not skip the night.
    """
    now = clock.now()
    await schedule.plan(database, PURGE, now + random.randrange(HOUR // 60, HOUR))  # noqa: S311 - not a secret
    if not await schedule.begin(database, PURGE, now, HOUR, longest=48 * HOUR):
        return
    try:
        counts = await purge(database, storage)
    except Exception as error:
        await schedule.fail(database, PURGE, f"failed: {type(error).__name__}: {error}")
        raise
    await schedule.end(
        database,
        PURGE,
        clock.now(),
        _format_outcome(counts),
        next_at=next_night(clock.now(), await _most_common_zone(database)),
    )


def next_night(now: int, zone: str, spread: int | None = None) -> int:
    """Return a random moment in the next quiet hour of a time zone, so that installations do not all begin at once."""
    earliest = datetime.fromtimestamp(now + _MIN_INTERVAL, ZoneInfo(zone))
    at = earliest.replace(hour=QUIET_HOUR, minute=0, second=0, microsecond=0)
    if at < earliest:
        at += timedelta(days=1)
    return int(at.timestamp()) + (random.randrange(HOUR) if spread is None else spread)  # noqa: S311 - as above


async def _most_common_zone(database: Database) -> str:
    """Return the time zone of most sites."""
    row = await database.row(
        "SELECT time_zone FROM sites WHERE disabled_at IS NULL GROUP BY time_zone ORDER BY COUNT(*) DESC, time_zone"
        " LIMIT 1"
    )
    return str(row["time_zone"]) if row is not None else "UTC"


def _format_outcome(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or "nothing to forget"
