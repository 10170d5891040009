"""Import a platform's updates of problems, each once, even if the platform repeats, delays or reorders them."""

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
from widget_api.problems import lifecycle
from widget_api.problems.model import Actor, Update
from widget_api.problems.store import records
from widget_api.validation import clean

_POSITION = re.compile(r"[0-9]{1,10}")
_log = logging.getLogger(__name__)


def log_position(update: RemoteUpdate) -> int | None:
    """Return the position of an update in the log of another instance of this service, or None for other systems."""
    text = update.extended.get("position", "")
    return int(text) if _POSITION.fullmatch(text) and int(text) < 2**31 else None


async def import_updates(database: Database, platform: Platform, site_id: str, updates: Sequence[RemoteUpdate]) -> None:
    """Import the updates of known requests: those sent to the platform, and its own that are mirrored here."""
    request_ids = sorted({update.request_id for update in updates})
    known = await links.find_by_remote_ids(database, platform.id, site_id, request_ids)
    pairs = [(known[update.request_id], update) for update in updates if update.request_id in known]
    await record_updates(database, platform, site_id, pairs)


async def import_state(
    database: Database, platform: Platform, site_id: str, linked: Linked, remote: RemoteRequest
) -> None:
    """Import a change from the list of requests of a platform that has no updates: only open and closed differ."""
    state = f"{(remote.status or '').lower()} {remote.updated_at or ''}".strip()
    if not remote.id or state == linked.remote_state:
        return
    update = RemoteUpdate(
        id=f"{remote.id}/{state}",
        request_id=remote.id,
        status=remote.extended.get("detailed_status") or remote.status,
        at=remote.updated_at,
        description=remote.notes,
    )
    problem = await records.full(database, site_id, linked.problem_id)
    if problem is not None and map_foreign_status(update.status, problem["status"]) is not None:
        # A request that was closed when first seen may have the same time as its report.
        update = replace(update, at=max(update.at or clock.now(), problem["created_at"] + 1))
        await record_updates(database, platform, site_id, [(linked, update)])
    await links.set_remote_state(database, linked.problem_id, platform.id, state)


async def record_updates(
    database: Database, platform: Platform, site_id: str, updates: Sequence[tuple[Linked, RemoteUpdate]]
) -> None:
    """Record those updates that the log does not have yet, oldest first."""
    by_id = {event_id(platform, remote): (linked, remote) for linked, remote in updates}
    known = await log.known_events(database, site_id, list(by_id))
    fresh = [(remote.at or 0, identifier) for identifier, (_, remote) in by_id.items() if identifier not in known]
    for _, identifier in sorted(fresh):
        linked, remote = by_id[identifier]
        update = await _build_update(database, platform, site_id, linked.problem_id, identifier, remote)
        if update is None:
            continue
        # For its own problems a platform is the source, which may also act for the author.
        actor = Actor(kind="source" if linked.born_there else "platform", source=platform.id)
        try:
            await lifecycle.import_update(database, actor, site_id, linked.problem_id, update)
        except Unavailable:
            raise
        except DomainError as error:  # not permitted to the platform, or erased: a repetition would fail as well
            _log.info("update %s of platform %s is left out: %s", identifier, platform.id, error)


def event_id(platform: Platform, update: RemoteUpdate) -> str:
    """Return the id of an update's event: the one it carries, otherwise one derived from the platform's identifier or,
    without that, from all properties that distinguish the update."""
    if update.extended and (own := parse_event_id(update.id)):
        return own
    if update.id:
        return derive_event_id(platform.id, update.id)
    return derive_event_id(platform.id, update.request_id, update.at, update.status, update.description)


async def _build_update(
    database: Database, platform: Platform, site_id: str, problem_id: str, identifier: str, remote: RemoteUpdate
) -> Update | None:
    """Build the update of a problem. Returns None if it carries nothing new."""
    problem = await records.full(database, site_id, problem_id)
    if problem is None:
        return None
    extended, at = remote.extended, remote.at if remote.at is not None else clock.now()
    text = clean(remote.description or "")[: lifecycle.LONGEST_TEXT] or None
    if not extended and await _is_echo(database, platform, problem_id, at, remote.status, text):
        return None
    if not extended:  # a foreign system, whose clock or time zone is wrong if it acted before the report came
        at = max(at, problem["created_at"])
    update = parse_event(identifier, at, remote.status, text, extended, problem["status"])
    return update if update.status is not None or text is not None or update.erased or update.content else None


async def _is_echo(
    database: Database, platform: Platform, problem_id: str, at: int, status: str | None, text: str | None
) -> bool:
    """Whether a platform that assigns update ids of its own only returns an event it received from here.

    Such an update has the same second, status and text.
    """
    for row in await log.events_of_second(database, problem_id, at):
        if row["source"] == platform.id:
            continue
        same_status = (
            row["status"] is None or UPDATE_STATUS[parse_exact(row["status"]) or "accepted"] == (status or "").upper()
        )
        if same_status and (row["text"] == text if row["text"] or row["kind"] == "note" else True):
            return True
    return False
