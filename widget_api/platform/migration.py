"""Move a site from one platform to another without losing or duplicating events, even if the move is interrupted.

All events of each released report are enqueued for the new platform: first the existing ones, while the old platform
goes on serving the site, then, in the transaction that switches over, those that happened meanwhile. Enqueuing an
event is idempotent, so an interrupted move can be started again, and moving back sends what the first platform missed.
"""

from __future__ import annotations

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import enqueue, sinks
from widget_api.errors import Conflict
from widget_api.outbound import Outbound
from widget_api.platform import pull
from widget_api.platform.model import Platform
from widget_api.platform.store import log, platforms

BATCH_SIZE = 500  # events in one transaction
MOVE_REASON = "the site moved to another platform"


class PlatformUnread(Conflict):
    """The last updates of the old platform could not be read."""

    code = "platform_unread"


async def move_site(
    database: Database, outbound: Outbound, site_id: str, source: Platform, target: Platform, *, unread: bool = False
) -> int:
    """Move a site from `source` to `target`. Returns the number of events enqueued for the new platform.

    The updates of the old platform are read before and after. Raises PlatformUnread if that fails, unless `unread`
    allows it, for a platform that is gone for good.
    """
    started_at, position, sink = clock.now(), 0, sinks.PLATFORM + target.id
    await _read_last_updates(database, outbound, source, site_id, unread=unread)
    while rows := await log.site_events(database, site_id, position, BATCH_SIZE):
        await _enqueue_batch(database, site_id, target, rows)
        position = rows[-1]["position"]
    await _switch(database, site_id, source, target, position, started_at)
    await _read_last_updates(database, outbound, source, site_id, unread=unread)
    return await log.count_waiting(database, site_id, sink)


async def _read_last_updates(
    database: Database, outbound: Outbound, source: Platform, site_id: str, *, unread: bool
) -> None:
    if source.disabled or source.protocol != "georeport":
        return
    error = await pull.poll_site(database, outbound, source, site_id, respect_pauses=False)
    if error is not None and not unread:
        raise PlatformUnread(error)


async def _enqueue_batch(database: Database, site_id: str, target: Platform, rows: list[Row]) -> None:
    async def work(tx: Transaction) -> None:
        await _enqueue(tx, site_id, target, rows)

    await database.write(work, site_id)


async def _switch(
    database: Database, site_id: str, source: Platform, target: Platform, position: int, started_at: int
) -> None:
    async def work(tx: Transaction) -> None:
        await platforms.set_serves(tx, source.id, site_id, False)
        await platforms.set_serves(tx, target.id, site_id, True)
        await enqueue.drop_for_site(tx, site_id, sinks.PLATFORM + source.id, MOVE_REASON, keep="erased")
        await enqueue.restore_for_site(tx, site_id, sinks.PLATFORM + target.id, MOVE_REASON, clock.now())
        await _enqueue(tx, site_id, target, await log.site_events(tx, site_id, position, None))
        # A report released during the move has events before that position.
        await _enqueue(tx, site_id, target, await log.events_of_released(tx, site_id, started_at))

    await database.write(work, site_id)


async def _enqueue(tx: Transaction, site_id: str, target: Platform, rows: list[Row]) -> None:
    for row in rows:
        if row["source"] != target.id:  # a platform does not get its own events back
            await enqueue.enqueue(
                tx,
                site_id=site_id,
                problem_id=row["problem_id"],
                event_id=row["id"],
                position=row["position"],
                sink=sinks.PLATFORM + target.id,
                opens=row["kind"] == "received",
                now=clock.now(),
            )
