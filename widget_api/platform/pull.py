"""Asks the platforms for news and takes them in: once each, whatever is told twice, late or in another order."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from widget_api import clock
from widget_api.context import Context
from widget_api.database import Database
from widget_api.errors import DomainError, Unavailable
from widget_api.open311.intake import ACTORS, birth_id, day, foreign_id
from widget_api.open311.reading import RemoteUpdate
from widget_api.open311.statuses import UPDATE_STATUS, exact, from_elsewhere
from widget_api.platform import client
from widget_api.platform.client import PAGE, Client
from widget_api.platform.model import Cursor, Platform
from widget_api.platform.store import cursors, links, log, platforms
from widget_api.problems import intake
from widget_api.problems import service as problems
from widget_api.problems.model import Actor, Update
from widget_api.problems.store import records
from widget_api.sites import service as sites

OVERLAP = 3600  # seconds: other systems show events late and have clocks of their own
DAY = 86_400
AT_ONCE = 4
FAILED_PAUSE = 30  # seconds before a platform that failed is asked again
REFUSED_PAUSE = 600
TOKEN_PAUSE = 60
MOST_PAGES = 500
MOST_TOKENS = 20
_POSITION = re.compile(r"[0-9]{1,10}")
_log = logging.getLogger(__name__)
# When a question may be asked again; a process seldom has more than one Database.
_pauses: WeakKeyDictionary[Database, dict[tuple[str, ...], int]] = WeakKeyDictionary()


async def poll(context: Context) -> None:
    """One round over all platforms and the sites that have something with them. A failing one stops no other."""
    seats = asyncio.Semaphore(AT_ONCE)

    async def ask(platform: Platform, site_id: str, first: int) -> None:
        async with seats:
            await _ask(context, platform, site_id, first)

    async with asyncio.TaskGroup() as group:
        for platform in await platforms.enabled(context.database):
            if platform.protocol == "georeport":
                for site_id, first in (await links.linked_sites(context.database, platform.id)).items():
                    group.create_task(ask(platform, site_id, first))


async def _ask(context: Context, platform: Platform, site_id: str, first: int) -> None:
    database, now = context.database, clock.now()
    pauses = _pauses.setdefault(database, {})
    if pauses.get((platform.id, site_id), 0) > now:
        return
    try:
        site = await sites.by_id(database, site_id)
        caller = Client(context.outbound, platform, platform.jurisdiction or site.jurisdiction)
        if pauses.get((platform.id, site_id, "tokens"), 0) <= now:
            pauses[platform.id, site_id, "tokens"] = now + TOKEN_PAUSE
            await _tokens(database, caller, site_id)
        known = await cursors.cursor(database, platform.id, site_id)
        cursor = known or Cursor(first - DAY)
        reached = await _news(database, caller, site_id, cursor)
        if reached != known:
            await cursors.put_cursor(database, platform.id, site_id, reached, None)
    except (client.Later, client.Refused) as error:
        wait = REFUSED_PAUSE if isinstance(error, client.Refused) else max(FAILED_PAUSE, error.after or 0)
        pauses[platform.id, site_id] = now + int(wait)
        _log.warning("platform %s has no news for us: %s", platform.id, error)
        await cursors.put_cursor(database, platform.id, site_id, None, str(error)[:500])


async def _tokens(database: Database, caller: Client, site_id: str) -> None:
    for row in await links.unresolved(database, caller.platform.id, site_id, MOST_TOKENS):
        try:
            remote_id = await caller.id_of(row["remote_token"])
        except client.Refused:
            continue  # that one is not known there (any more)
        if remote_id is not None:
            await links.resolve(database, row["problem_id"], caller.platform.id, remote_id)


async def _news(database: Database, caller: Client, site_id: str, cursor: Cursor) -> Cursor:
    """Read to the end and return how far that is. What was taken in stays, wherever this stops."""
    asked = cursor if cursor.after is not None else Cursor(cursor.since - OVERLAP)
    seen: set[tuple[str, str | None, int | None]] = set()
    since, after = cursor.since, cursor.after
    for page in range(1, MOST_PAGES):
        updates = await caller.updates(asked, page)
        fresh = [one for one in updates if (one.request_id, one.id, one.at) not in seen]
        seen |= {(one.request_id, one.id, one.at) for one in fresh}
        await take(database, caller.platform, site_id, fresh)
        since = max([since, *(one.at for one in fresh if one.at is not None and one.at <= clock.now())])
        positions = [found for one in fresh if (found := position(one)) is not None]
        after = max(positions, default=None) if after is None else max([after, *positions])
        if len(updates) < PAGE or not fresh:  # a platform that does not page tells the same again
            break
    return Cursor(since, after)


def position(told: RemoteUpdate) -> int | None:
    """Where it stands in the other instance's log, if it says so in the way we do."""
    text = told.extended.get("position", "")
    return int(text) if _POSITION.fullmatch(text) and int(text) < 2**31 else None


async def take(database: Database, platform: Platform, site_id: str, updates: Sequence[RemoteUpdate]) -> None:
    """Take in what a platform tells of the requests we sent it."""
    ours = await links.problems_of(database, platform.id, site_id, sorted({one.request_id for one in updates}))
    pairs = [(ours[one.request_id], one) for one in updates if one.request_id in ours]
    await take_in(database, platform, site_id, pairs)


async def take_in(
    database: Database, platform: Platform, site_id: str, told: Sequence[tuple[str, RemoteUpdate]]
) -> None:
    """Each of these about its problem (by our id) that is not known yet, oldest first."""
    by_id = {event_id(platform, one): (problem_id, one) for problem_id, one in told}
    known = await log.known(database, site_id, list(by_id))
    fresh = [(one.at or 0, identifier, problem_id) for identifier, (problem_id, one) in by_id.items()]
    for _, identifier, problem_id in sorted(one for one in fresh if one[1] not in known):
        update = await _update(database, platform, site_id, problem_id, identifier, by_id[identifier][1])
        if update is None:
            continue
        actor = Actor(kind="platform", source=platform.id)
        try:
            await problems.import_update(database, actor, site_id, problem_id, update)
        except Unavailable:
            raise
        except DomainError as error:  # not the platform's to say, or erased: it will not get better
            _log.info("update %s of platform %s is left out: %s", identifier, platform.id, error)


def event_id(platform: Platform, told: RemoteUpdate) -> str:
    """Its birth id; of systems that have none, one made of theirs, or of all there is to tell it from others by."""
    if told.extended and (own := birth_id(told.id)):
        return own
    if told.id:
        return foreign_id(platform.id, told.id)
    return foreign_id(platform.id, told.request_id, told.at, told.status, told.description)


async def _update(
    database: Database, platform: Platform, site_id: str, problem_id: str, identifier: str, told: RemoteUpdate
) -> Update | None:
    """None where it tells us nothing."""
    problem = await records.full(database, site_id, problem_id)
    if problem is None:
        return None
    extended, at = told.extended, told.at if told.at is not None else clock.now()
    text = intake.clean(told.description or "")[: problems.LONGEST_TEXT] or None
    if not extended and await _echo(database, platform, problem_id, at, told.status, text):
        return None
    kind = extended.get("kind")
    status = (
        None
        if kind in ("text", "erased")
        else exact(extended.get("status_code")) or from_elsewhere(told.status, problem["status"])
    )
    if status is None and text is None and kind != "erased":
        return None
    actor = extended.get("actor")
    return Update(
        id=identifier,
        at=at,
        status=status,
        text=None if extended.get("without_text") == "true" else text,
        actor=actor if actor in ACTORS else None,
        expected_on=day(extended.get("expected_on")),
        responsible=extended.get("responsible"),
        erased=kind == "erased",
    )


async def _echo(
    database: Database, platform: Platform, problem_id: str, at: int, status: str | None, text: str | None
) -> bool:
    """Whether a platform that gives updates names of its own only repeats what it was told: same second, same words."""
    for row in await log.events_of_second(database, problem_id, at):
        if row["source"] == platform.id:
            continue
        same_status = (
            row["status"] is None or UPDATE_STATUS[exact(row["status"]) or "accepted"] == (status or "").upper()
        )
        if same_status and (row["text"] == text if row["text"] or row["kind"] == "note" else True):
            return True
    return False
