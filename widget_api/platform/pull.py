"""Asks the platforms for news: what became of our reports, which problems they have of their own, what they take."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from weakref import WeakKeyDictionary

from widget_api import clock
from widget_api.context import Context
from widget_api.database import Database
from widget_api.deliveries.model import LONGEST_ASKED
from widget_api.errors import Unavailable
from widget_api.outbound import Outbound
from widget_api.platform import client, mirror, news, offered
from widget_api.platform.client import PAGE_SIZE, Client
from widget_api.platform.model import Cursor, Platform
from widget_api.platform.store import cursors, links, platforms
from widget_api.redaction import quoted
from widget_api.sites import service as sites
from widget_api.sites.model import Site

OVERLAP = 3600  # seconds: other systems show events late and have clocks of their own
# An instance of this service tells each event once, in the order of its log. What was told while we did not know yet
# that it was about a report of ours was read past, so every so often the last minutes are read again.
AGAIN, AGAIN_PAUSE = 600, 60
DAY = 86_400
MAX_CONCURRENT = 4  # sites of a platform
ROUND = 2.0  # seconds between two rounds
A_SECOND = 5  # sites one platform is asked about: with more than ten each is left out of some rounds
MAX_ROUND = 900  # seconds all there is to ask about one site may take; the first time that is two years
MAX_REASON_LENGTH = 500
FAILED_PAUSE = 30  # seconds before a platform that failed is asked again
REFUSED_PAUSE = 600
TOKEN_PAUSE = 60
REQUESTS_PAUSE = 30
WHOLE_PAUSE = 3600  # between two readings of all that a platform lists, which may be a hundred thousand requests
FEW = 5 * PAGE_SIZE  # requests; so many are read each time
SERVICES_PAUSE = 3600
NOTED_PAUSE = 60  # between two notes that all is well: each makes every reader of the database look again
MAX_PAGES = 500
MAX_TOKENS = 20
NO_FEED_STATUSES = frozenset({404, 405, 501})  # updates are an extension of the specification
_log = logging.getLogger(__name__)
# When a question may be asked again, on the clock that never jumps; a process seldom has more than one Database.
_pauses: WeakKeyDictionary[Database, dict[tuple[str, ...], float]] = WeakKeyDictionary()


PollTasks = dict[str, asyncio.Task[None]]  # by platform


async def poll_platforms(context: Context) -> None:
    """One round over all platforms and their sites, to its end."""
    asking: PollTasks = {}
    await start_polling(context, asking)
    await asyncio.gather(*asking.values())


async def start_polling(context: Context, asking: PollTasks) -> None:
    """A round of its own for each platform that is not being asked still: one that fails, or answers slowly for as long
    as it is listened to, stops no other.
    """
    for platform in await platforms.list_enabled(context.database):
        if platform.protocol == "georeport" and (platform.id not in asking or asking[platform.id].done()):
            asking[platform.id] = asyncio.create_task(_poll_platform(context, platform), name=f"poll {platform.id}")


async def _poll_platform(context: Context, platform: Platform) -> None:
    seats = asyncio.Semaphore(MAX_CONCURRENT)

    async def ask(site_id: str, rest: float) -> None:
        async with seats:
            try:
                async with asyncio.timeout(MAX_ROUND):
                    await poll_site(context.database, context.outbound, platform, site_id, rest=rest)
            except Unavailable as error:
                _log.warning("platform %s cannot be asked now: %s", platform.id, error)
            except Exception as error:  # nobody foresaw what it would answer
                _log.warning("platform %s: what it tells cannot be used", platform.id, exc_info=error)
                await _pause_platform(context.database, platform, site_id, FAILED_PAUSE, type(error).__name__)

    try:
        served = await platforms.sites_of(context.database, platform.id)
    except Exception as error:  # the database is away
        _log.warning("platform %s cannot be asked now: %s", platform.id, error)
        return
    asked = [ask(site_id, max(0, len(served) / A_SECOND - ROUND)) for site_id in served]
    await asyncio.gather(*asked, return_exceptions=True)  # what is left is that it cannot be written down either


async def _pause_platform(
    database: Database, platform: Platform, site_id: str, seconds: float, reason: str, reached: Cursor | None = None
) -> None:
    """Leave it alone for so long, and say why, and how far it was read before."""
    pauses, now = _pauses.setdefault(database, {}), time.monotonic()
    pauses[platform.id, site_id], pauses[platform.id, site_id, "noted"] = now + seconds, 0
    await cursors.write_cursor(database, platform.id, site_id, reached, reason)


async def poll_site(
    database: Database, outbound: Outbound, platform: Platform, site_id: str, *, patient: bool = True, rest: float = 0
) -> str | None:
    """All there is to ask of one platform about one site; what came in stays, wherever this stops.

    Returns why it stopped, or None. Not `patient`, it asks at once, whatever was asked before. For `rest` seconds it is
    not asked again.
    """
    now = time.monotonic()
    pauses = _pauses.setdefault(database, {})
    if patient and pauses.get((platform.id, site_id), 0) > now:
        return None
    pauses[platform.id, site_id] = now + rest
    known = await cursors.cursor(database, platform.id, site_id)
    cursor = begun = known or Cursor((await links.first_linked_at(database, platform.id, site_id) or clock.now()) - DAY)

    def due(seconds: int, what: str) -> bool:
        """Nothing more often than that, and nothing twice because the next question failed."""
        if patient and pauses.get((platform.id, site_id, what), 0) > now:
            return False
        pauses[platform.id, site_id, what] = now + seconds
        return True

    async def every(seconds: int, what: str, ask: Callable[[], Awaitable[Cursor]]) -> Cursor:
        return await ask() if due(seconds, what) else cursor

    async def requests() -> Cursor:
        whole = due(WHOLE_PAUSE, "whole")
        reached, many = await _read_requests(database, caller, site, cursor, whole=whole)
        if whole and many <= FEW:
            del pauses[platform.id, site_id, "whole"]
        return reached

    try:
        site = await sites.by_id(database, site_id)
        caller = Client(outbound, platform, await platforms.jurisdiction(database, platform, site))
        cursor = await every(TOKEN_PAUSE, "tokens", lambda: _resolve_tokens(database, caller, site_id, cursor))
        cursor = await _read_updates(database, caller, site_id, cursor, again=due(AGAIN_PAUSE, "again"))
        # What it is comes before what it has: another instance of this service tells every event of its problems.
        cursor = await every(
            SERVICES_PAUSE, "services", lambda: offered.refresh_services(database, caller, site_id, cursor)
        )
        caller = replace(caller, platform=await platforms.find_platform(database, platform.id) or platform)
        if cursor.asked:
            cursor = await every(REQUESTS_PAUSE, "requests", requests)
        else:  # taken for a foreign one by mistake, all of its problems would be told differently
            pauses[platform.id, site_id, "services"] = now + REQUESTS_PAUSE
    except (client.TemporaryFailure, client.PermanentFailure) as error:
        wait: float = REFUSED_PAUSE
        if isinstance(error, client.TemporaryFailure):
            wait = max(FAILED_PAUSE, min(error.after or 0, LONGEST_ASKED))
        reason = quoted(str(error), MAX_REASON_LENGTH)
        _log.warning("platform %s has no news for us: %s", platform.id, reason)
        reached = cursor if cursor != begun else None  # what was read before that is not read again
        await _pause_platform(database, platform, site_id, wait, reason, reached)
        return reason
    if cursor != known or pauses.get((platform.id, site_id, "noted"), 0) <= now:
        pauses[platform.id, site_id, "noted"] = now + NOTED_PAUSE
        await cursors.write_cursor(database, platform.id, site_id, cursor, None)
    return None


async def _resolve_tokens(database: Database, caller: Client, site_id: str, cursor: Cursor) -> Cursor:
    for row in await links.list_unresolved(database, caller.platform.id, site_id, MAX_TOKENS):
        try:
            remote_id = await caller.id_of(row["remote_token"])
        except client.PermanentFailure:
            continue  # that one is not known there (any more)
        if remote_id is not None:
            await links.set_remote_id(database, row["problem_id"], caller.platform.id, remote_id)
    return cursor


async def _read_updates(database: Database, caller: Client, site_id: str, cursor: Cursor, *, again: bool) -> Cursor:
    """Read its updates to the end, and say how far that is."""
    overlap = OVERLAP if cursor.after is None else AGAIN if again else 0
    asked = replace(cursor, since=cursor.since - overlap)
    seen: set[tuple[str, str | None, int | None]] = set()
    since, after = cursor.since, cursor.after
    for page in range(1, MAX_PAGES):
        try:
            updates = await caller.updates(asked, page)
        except client.PermanentFailure as error:
            if error.status not in NO_FEED_STATUSES:
                raise
            return replace(cursor, feed=False)
        fresh = [one for one in updates if (one.request_id, one.id, one.at) not in seen]
        seen |= {(one.request_id, one.id, one.at) for one in fresh}
        await news.import_updates(database, caller.platform, site_id, fresh)
        since = max([since, *(one.at for one in fresh if one.at is not None and one.at <= clock.now())])
        positions = [found for one in fresh if (found := news.log_position(one)) is not None]
        after = max(positions, default=None) if after is None else max([after, *positions])
        if len(updates) < PAGE_SIZE or not fresh:  # a platform that does not page tells the same again
            break
    return replace(cursor, since=since, after=after, feed=True)


async def _read_requests(
    database: Database, caller: Client, site: Site, cursor: Cursor, *, whole: bool
) -> tuple[Cursor, int]:
    """The platform's own problems; and, where it tells no updates, what became of those we know."""
    try:
        reached, many = await mirror.read_requests(database, caller, site, cursor, whole=whole)
        if not cursor.feed:
            reached = await mirror.refresh_states(database, caller, site, reached)
    except client.PermanentFailure as error:
        if error.status not in NO_FEED_STATUSES:
            raise
        return cursor, 0  # it takes requests and lists none
    return reached, many
