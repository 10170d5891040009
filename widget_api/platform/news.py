"""Takes in what a platform tells of a problem: once each, whatever is told twice, late or in another order."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import replace

from widget_api import clock
from widget_api.database import Database
from widget_api.errors import DomainError, Unavailable
from widget_api.open311.intake import derive_event_id, parse_event, parse_event_id
from widget_api.open311.parse import RemoteRequest, RemoteUpdate
from widget_api.open311.statuses import UPDATE_STATUS, map_foreign_status, parse_exact
from widget_api.platform.model import Platform
from widget_api.platform.store import links, log
from widget_api.platform.store.links import Linked
from widget_api.problems import change as problems
from widget_api.problems.model import Actor, Update
from widget_api.problems.store import records
from widget_api.validation import clean

_POSITION = re.compile(r"[0-9]{1,10}")
_log = logging.getLogger(__name__)


def log_position(told: RemoteUpdate) -> int | None:
    """Where it stands in the other instance's log, if it says so in the way we do."""
    text = told.extended.get("position", "")
    return int(text) if _POSITION.fullmatch(text) and int(text) < 2**31 else None


async def import_updates(database: Database, platform: Platform, site_id: str, updates: Sequence[RemoteUpdate]) -> None:
    """Take in what a platform tells of the requests we know: those we sent it, and those of its own we show."""
    known = await links.find_by_remote_ids(database, platform.id, site_id, sorted({one.request_id for one in updates}))
    pairs = [(known[one.request_id], one) for one in updates if one.request_id in known]
    await record_updates(database, platform, site_id, pairs)


async def import_state(
    database: Database, platform: Platform, site_id: str, linked: Linked, told: RemoteRequest
) -> None:
    """From a platform without updates, the change that its list of requests shows: nothing but open and closed."""
    state = f"{(told.status or '').lower()} {told.updated_at or ''}".strip()
    if not told.id or state == linked.remote_state:
        return
    update = RemoteUpdate(
        id=f"{told.id}/{state}",
        request_id=told.id,
        status=told.extended.get("detailed_status") or told.status,
        at=told.updated_at,
        description=told.notes,
    )
    problem = await records.full(database, site_id, linked.problem_id)
    if problem is not None and map_foreign_status(update.status, problem["status"]) is not None:
        # A request that was closed when it was first seen may tell one moment for both.
        update = replace(update, at=max(update.at or clock.now(), problem["created_at"] + 1))
        await record_updates(database, platform, site_id, [(linked, update)])
    await links.set_remote_state(database, linked.problem_id, platform.id, state)


async def record_updates(
    database: Database, platform: Platform, site_id: str, told: Sequence[tuple[Linked, RemoteUpdate]]
) -> None:
    """Each of these that is not known yet, oldest first."""
    by_id = {event_id(platform, one): (linked, one) for linked, one in told}
    known = await log.known_events(database, site_id, list(by_id))
    fresh = [(one.at or 0, identifier) for identifier, (_, one) in by_id.items() if identifier not in known]
    for _, identifier in sorted(fresh):
        linked, one = by_id[identifier]
        update = await _build_update(database, platform, site_id, linked.problem_id, identifier, one)
        if update is None:
            continue
        # Of its own problems a platform speaks as their source, for the author too.
        actor = Actor(kind="source" if linked.born_there else "platform", source=platform.id)
        try:
            await problems.import_update(database, actor, site_id, linked.problem_id, update)
        except Unavailable:
            raise
        except DomainError as error:  # not the platform's to say, or erased: it will not get better
            _log.info("update %s of platform %s is left out: %s", identifier, platform.id, error)


def event_id(platform: Platform, told: RemoteUpdate) -> str:
    """Its birth id; of systems that have none, one made of theirs, or of all there is to tell it from others by."""
    if told.extended and (own := parse_event_id(told.id)):
        return own
    if told.id:
        return derive_event_id(platform.id, told.id)
    return derive_event_id(platform.id, told.request_id, told.at, told.status, told.description)


async def _build_update(
    database: Database, platform: Platform, site_id: str, problem_id: str, identifier: str, told: RemoteUpdate
) -> Update | None:
    """None where it tells us nothing."""
    problem = await records.full(database, site_id, problem_id)
    if problem is None:
        return None
    extended, at = told.extended, told.at if told.at is not None else clock.now()
    text = clean(told.description or "")[: problems.LONGEST_TEXT] or None
    if not extended and await _is_echo(database, platform, problem_id, at, told.status, text):
        return None
    update = parse_event(identifier, at, told.status, text, extended, problem["status"])
    return update if update.status is not None or text is not None or update.erased else None


async def _is_echo(
    database: Database, platform: Platform, problem_id: str, at: int, status: str | None, text: str | None
) -> bool:
    """Whether a platform that gives updates names of its own only repeats what it was told: same second, same words."""
    for row in await log.events_of_second(database, problem_id, at):
        if row["source"] == platform.id:
            continue
        same_status = (
            row["status"] is None or UPDATE_STATUS[parse_exact(row["status"]) or "accepted"] == (status or "").upper()
        )
        if same_status and (row["text"] == text if row["text"] or row["kind"] == "note" else True):
            return True
    return False
