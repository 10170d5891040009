"""Poll the platforms for updates of our reports, for problems of their own, and for the services they offer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from weakref import WeakKeyDictionary

from widget_api import clock
from widget_api.context import Context
from widget_api.database import Database
from widget_api.deliveries.model import MAX_RETRY_AFTER
from widget_api.errors import Unavailable
from widget_api.outbound import Outbound
from widget_api.platform import client, discovery, mirror, update_import
from widget_api.platform.client import PAGE_SIZE, Client
from widget_api.platform.model import Cursor, Platform
from widget_api.platform.store import links, log, platforms, services
from widget_api.redaction import excerpt
from widget_api.sites import service as sites
from widget_api.sites.model import Site

OVERLAP = clock.HOUR  # seconds, since other systems publish events late and have clocks of their own
MAX_CONCURRENT = 4  # sites of one platform polled at the same time
ROUND_INTERVAL = 2.0  # seconds between two rounds
SITES_PER_SECOND = 5  # polled at one platform; with more than ten sites, each is left out of some rounds
SITE_TIMEOUT = 900  # seconds for polling one site; the first time that covers two years
MAX_REASON_LENGTH = 500
FAILED_PAUSE = 30  # seconds before a platform that failed is polled again
REFUSED_PAUSE = 600
TOKEN_PAUSE = 60
REQUESTS_PAUSE = 30
WHOLE_PAUSE = clock.HOUR  # between two readings of a platform's whole list, which may have a hundred thousand requests
SMALL_LIST = 5 * PAGE_SIZE  # requests; a list up to this size is read as a whole each time
SERVICES_PAUSE = clock.HOUR
RECORD_PAUSE = 60  # between two records of a successful poll, each of which invalidates the caches of all readers
MAX_PAGES = 500
MAX_TOKENS = 20
BATCH_SIZE = 50  # request ids in one query
NO_FEED_STATUSES = frozenset({404, 405, 501})  # updates are an extension of the specification
_log = logging.getLogger(__name__)
# The monotonic time at which a query may be repeated, by platform, site and kind of query.
_pauses: WeakKeyDictionary[Database, dict[tuple[str, ...], float]] = WeakKeyDictionary()

PollTasks = dict[str, asyncio.Task[None]]  # by platform


async def poll_platforms(context: Context) -> None:
    """Poll all platforms for all their sites once, and wait until that is done."""
    tasks: PollTasks = {}
    await start_polling(context, tasks)
    await asyncio.gather(*tasks.values())


async def start_polling(context: Context, tasks: PollTasks) -> None:
    """Start a round for each platform whose last round has ended, so that a slow or failing platform delays no other.

    `tasks` holds the rounds under way, and is updated.
    """
    for platform in await platforms.list_enabled(context.database):
        if platform.protocol == "georeport" and (platform.id not in tasks or tasks[platform.id].done()):
            tasks[platform.id] = asyncio.create_task(_poll_platform(context, platform), name=f"poll {platform.id}")


async def _poll_platform(context: Context, platform: Platform) -> None:
    slots = asyncio.Semaphore(MAX_CONCURRENT)

    async def poll(site_id: str, pause: float) -> None:
        async with slots:
            try:
                async with asyncio.timeout(SITE_TIMEOUT):
                    await poll_site(context.database, context.outbound, platform, site_id, pause=pause)
            except Unavailable as error:
                _log.warning("platform %s cannot be asked now: %s", platform.id, error)
            except Exception as error:  # a response of an unforeseen form
                _log.warning("platform %s: what it tells cannot be used", platform.id, exc_info=error)
                await _pause_platform(context.database, platform, site_id, FAILED_PAUSE, type(error).__name__)

    try:
        site_ids = await platforms.sites_of(context.database, platform.id)
    except Exception as error:  # the database is unavailable
        _log.warning("platform %s cannot be asked now: %s", platform.id, error)
        return
    polls = [poll(site_id, max(0, len(site_ids) / SITES_PER_SECOND - ROUND_INTERVAL)) for site_id in site_ids]
    await asyncio.gather(*polls, return_exceptions=True)  # an exception here means that the error cannot be recorded


async def _pause_platform(
    database: Database, platform: Platform, site_id: str, seconds: float, reason: str, reached: Cursor | None = None
) -> None:
    """Do not poll a platform for some seconds; record the reason, and with `reached` the new cursor."""
    pauses, now = _pauses.setdefault(database, {}), time.monotonic()
    pauses[platform.id, site_id], pauses[platform.id, site_id, "noted"] = now + seconds, 0
    await log.write_cursor(database, platform.id, site_id, reached, reason)


async def poll_site(
    database: Database,
    outbound: Outbound,
    platform: Platform,
    site_id: str,
    *,
    respect_pauses: bool = True,
    pause: float = 0,
) -> str | None:
    """Poll one platform for one site. What was imported before a failure is kept.

    Returns the reason of a failure, or None. Without `respect_pauses` every query is sent, however recent the last one
    is. The site is not polled again for `pause` seconds.
    """
    now = time.monotonic()
    pauses = _pauses.setdefault(database, {})
    if respect_pauses and pauses.get((platform.id, site_id), 0) > now:
        return None
    pauses[platform.id, site_id] = now + pause
    known = await log.cursor(database, platform.id, site_id)
    cursor = initial = known or Cursor(
        (await links.first_linked_at(database, platform.id, site_id) or clock.now()) - clock.DAY
    )

    def due(seconds: int, query: str) -> bool:
        """Whether a query may be sent; starts its pause, so that the failure of a later query does not repeat it."""
        if respect_pauses and pauses.get((platform.id, site_id, query), 0) > now:
            return False
        pauses[platform.id, site_id, query] = now + seconds
        return True

    async def every(seconds: int, query: str, send: Callable[[], Awaitable[Cursor]]) -> Cursor:
        return await send() if due(seconds, query) else cursor

    async def requests() -> Cursor:
        whole = due(WHOLE_PAUSE, "whole")
        reached, count = await _read_requests(database, caller, site, cursor, whole=whole)
        if whole and count <= SMALL_LIST:
            del pauses[platform.id, site_id, "whole"]
        return reached

    try:
        site = await sites.by_id(database, site_id)
        caller = Client(outbound, platform, await platforms.jurisdiction(database, platform, site))
        cursor = await every(TOKEN_PAUSE, "tokens", lambda: _resolve_tokens(database, caller, site_id, cursor))
        async for reached in _read_updates(database, caller, site_id, cursor):
            cursor = reached
        # Discovery precedes the requests: another instance of this service publishes every event of its problems.
        cursor = await every(SERVICES_PAUSE, "services", lambda: refresh_services(database, caller, site_id, cursor))
        caller = replace(caller, platform=await platforms.find_platform(database, platform.id) or platform)
        if caller.platform.exact:
            await _read_updates_of_new_links(database, caller, site_id)
        if cursor.asked:
            cursor = await every(REQUESTS_PAUSE, "requests", requests)
        else:  # an instance of this service, taken for another system, would have its problems imported differently
            pauses[platform.id, site_id, "services"] = now + REQUESTS_PAUSE
    except (client.TemporaryFailure, client.PermanentFailure) as error:
        wait: float = REFUSED_PAUSE
        if isinstance(error, client.TemporaryFailure):
            wait = max(FAILED_PAUSE, min(error.after or 0, MAX_RETRY_AFTER))
        reason = excerpt(str(error), MAX_REASON_LENGTH)
        _log.warning("platform %s has no news for us: %s", platform.id, reason)
        progress = cursor if cursor != initial else None  # the queries before the failed one need no repetition
        await _pause_platform(database, platform, site_id, wait, reason, progress)
        return reason
    if cursor != known or pauses.get((platform.id, site_id, "noted"), 0) <= now:
        pauses[platform.id, site_id, "noted"] = now + RECORD_PAUSE
        await log.write_cursor(database, platform.id, site_id, cursor, None)
    return None


async def _resolve_tokens(database: Database, caller: Client, site_id: str, cursor: Cursor) -> Cursor:
    for row in await links.list_unresolved(database, caller.platform.id, site_id, MAX_TOKENS):
        try:
            remote_id = await caller.id_of(row["remote_token"])
        except client.PermanentFailure:
            continue  # the platform does not know this token, or not any more
        if remote_id is not None:
            await links.set_remote_id(database, row["problem_id"], caller.platform.id, remote_id)
    return cursor


async def _read_updates(database: Database, caller: Client, site_id: str, cursor: Cursor) -> AsyncIterator[Cursor]:
    """Import all new updates of a platform. Yields the cursor to go on from, also if a later page fails.

    An instance of this service sends them in the order of its log, so each page is progress. Others may use any order:
    there the cursor moves after the last page, and an hour before it is read again.
    """
    # By its time an instance that was restored from a backup, whose positions began anew, is followed as well.
    start = replace(cursor, since=cursor.since + (1 if cursor.after is not None else -OVERLAP))
    seen: set[tuple[str, str | None, int | None]] = set()
    since, after = cursor.since, cursor.after
    for number in range(1, MAX_PAGES):
        try:
            updates = await caller.updates(start, number)
        except client.PermanentFailure as error:
            if error.status not in NO_FEED_STATUSES:
                raise
            yield replace(cursor, feed=False)
            return
        fresh = [update for update in updates if (update.request_id, update.id, update.at) not in seen]
        seen |= {(update.request_id, update.id, update.at) for update in fresh}
        await update_import.import_updates(database, caller.platform, site_id, fresh)
        since = max([since, *(update.at for update in fresh if update.at is not None and update.at <= clock.now())])
        positions = [at for update in fresh if (at := update_import.log_position(update)) is not None]
        after = max(positions, default=None) if after is None else max([after, *positions])
        if len(updates) < PAGE_SIZE or not fresh:  # a platform without paging returns the same page again
            break
        if after != start.after:
            yield replace(cursor, since=since, after=after, feed=True)
    yield replace(cursor, since=since, after=after, feed=True)


async def _read_updates_of_new_links(database: Database, caller: Client, site_id: str) -> None:
    """Import the updates that the feed had before the number of our report was known here, as after a lost response."""
    while remote_ids := await links.list_unread(database, caller.platform.id, site_id, BATCH_SIZE):
        updates = await caller.updates_of(remote_ids)
        await update_import.import_updates(database, caller.platform, site_id, updates)
        await links.mark_read(database, caller.platform.id, site_id, remote_ids)


async def _read_requests(
    database: Database, caller: Client, site: Site, cursor: Cursor, *, whole: bool
) -> tuple[Cursor, int]:
    """Import the platform's own problems and, if it has no updates, the states of the known ones."""
    try:
        reached, count = await mirror.read_requests(database, caller, site, cursor, whole=whole)
        if not cursor.feed:
            reached = await mirror.refresh_states(database, caller, site, reached)
    except client.PermanentFailure as error:
        if error.status not in NO_FEED_STATUSES:
            raise
        return cursor, 0  # the platform accepts requests and does not list any
    return reached, count


async def refresh_services(database: Database, caller: Client, site_id: str, cursor: Cursor) -> Cursor:
    """Read a platform's discovery document, and its services and their questions for the mapping page and the doctor.

    A platform may lack discovery, services or definitions: categories then map to their own codes.
    """
    cursor = replace(cursor, asked=await discovery.read(database, caller) or cursor.asked)
    with contextlib.suppress(client.PermanentFailure, client.TemporaryFailure):
        available = await caller.services()
        if available:
            await services.write_services(database, caller.platform.id, site_id, available, clock.now())
    return cursor
