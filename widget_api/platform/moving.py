"""Moves a site from one platform to another: nothing of it is lost and nothing doubled, wherever this is interrupted.

The new platform is owed the whole story of each report that was released, first what is there, while the old one goes
on serving, then, in the transaction that switches over, what happened meanwhile. Owing an event twice is owing it once,
so a move that was broken off is simply begun again, and moving back sends what the first platform has missed.
"""

from __future__ import annotations

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import enqueue, sinks
from widget_api.errors import Conflict
from widget_api.outbound import Outbound
from widget_api.platform import pull
from widget_api.platform.model import Platform
from widget_api.platform.store import history, platforms

BATCH_SIZE = 500  # events in one transaction
MOVE_REASON = "the site moved to another platform"


class PlatformUnread(Conflict):
    """The old platform's last news could not be read."""

    code = "platform_unread"


async def move_site(
    database: Database, outbound: Outbound, site_id: str, source: Platform, target: Platform, *, unread: bool = False
) -> int:
    """Returns how many events the new platform is owed.

    What the old one has decided by now is read before and after. Raises Unread where that fails, unless it may stay
    `unread` (a platform that is gone for good).
    """
    began, position, sink = clock.now(), 0, sinks.PLATFORM + target.id
    await _read_last_updates(database, outbound, source, site_id, unread=unread)
    while rows := await history.site_events(database, site_id, position, BATCH_SIZE):
        await _enqueue_batch(database, site_id, target, rows)
        position = rows[-1]["position"]
    await _switch(database, site_id, source, target, position, began)
    await _read_last_updates(database, outbound, source, site_id, unread=unread)
    return await history.count_waiting(database, site_id, sink)


async def _read_last_updates(
    database: Database, outbound: Outbound, source: Platform, site_id: str, *, unread: bool
) -> None:
    if source.disabled or source.protocol != "georeport":
        return
    error = await pull.poll_site(database, outbound, source, site_id, patient=False)
    if error is not None and not unread:
        raise PlatformUnread(error)


async def _enqueue_batch(database: Database, site_id: str, target: Platform, rows: list[Row]) -> None:
    async def work(tx: Transaction) -> None:
        await _enqueue(tx, site_id, target, rows)

    await database.write(work, site_id)


async def _switch(
    database: Database, site_id: str, source: Platform, target: Platform, position: int, began: int
) -> None:
    async def work(tx: Transaction) -> None:
        await platforms.set_serves(tx, source.id, site_id, False)
        await platforms.set_serves(tx, target.id, site_id, True)
        await enqueue.drop_for_site(tx, site_id, sinks.PLATFORM + source.id, MOVE_REASON, keep="erased")
        await enqueue.restore_for_site(tx, site_id, sinks.PLATFORM + target.id, MOVE_REASON, clock.now())
        await _enqueue(tx, site_id, target, await history.site_events(tx, site_id, position, None))
        # A report released meanwhile has events before that position.
        await _enqueue(tx, site_id, target, await history.events_of_released(tx, site_id, began))

    await database.write(work, site_id)


async def _enqueue(tx: Transaction, site_id: str, target: Platform, rows: list[Row]) -> None:
    for row in rows:
        if row["source"] != target.id:  # nothing echoes
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
