"""Mirror a platform's own problems: import them, update them and link to their pages.

They are never changed here or sent to other platforms. A report sent from here must not be imported as a new problem:
it is linked, or carries an event id of our log, or, if the response is pending or was lost, resembles a report that was
sent and has no request id yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from widget_api import clock
from widget_api.clock import rfc3339
from widget_api.database import Database, Transaction
from widget_api.errors import Conflict
from widget_api.open311.intake import derive_event_id, parse_day, parse_event_id
from widget_api.open311.parse import RemoteRequest
from widget_api.open311.statuses import map_foreign_status, parse_exact
from widget_api.platform import request, update_import
from widget_api.platform.client import PAGE_SIZE, Client
from widget_api.platform.model import Cursor, Platform
from widget_api.platform.request import FingerprintIndex
from widget_api.platform.store import links, log, services
from widget_api.problems import intake, submit
from widget_api.problems.model import Actor, Contact, Report
from widget_api.sites.model import Site
from widget_api.validation import clean

OVERLAP = 120  # seconds, since a change gets its timestamp before it is committed
SPAN = 89 * clock.DAY  # GeoReport allows queries over 90 days
RECENT = 7 * clock.DAY  # what is published later, or changed without updates, is found by the rarer full reading
EARLIEST_SPANS = 8  # the first reading goes back two years
UNCERTAIN_PERIOD = 60  # seconds in which a request may be one of ours whose response is still pending
MAX_PAGES = 500
MAX_STATES = 400
BATCH_SIZE = 50  # identifiers in one query


async def read_requests(
    database: Database, caller: Client, site: Site, cursor: Cursor, *, whole: bool
) -> tuple[Cursor, int]:
    """Import the requests that are new or have changed since the last reading.

    A platform that cannot filter by change is asked for recent requests, or, with `whole`, for the whole SPAN. Returns
    the new cursor and the number of requests read. Raises TemporaryFailure and PermanentFailure.
    """
    now = clock.now()
    if caller.platform.exact:
        since = max(0, (cursor.requests or 0) - OVERLAP)
        spans = [{"updated_after": rfc3339(since)}]
    elif cursor.requests is not None:
        spans = [{"start_date": rfc3339(now - (SPAN if whole else RECENT))}]
    else:
        starts = [now - SPAN * (step + 1) for step in range(EARLIEST_SPANS)]
        spans = [{"start_date": rfc3339(start), "end_date": rfc3339(start + SPAN)} for start in starts]
    newest, total = cursor.requests or 0, 0
    for span in spans:
        newest_of_span, count = await _read_span(database, caller, site, span, feed=cursor.feed)
        newest, total = max(newest, newest_of_span), total + count
    return replace(cursor, requests=min(newest, now)), total


async def _read_span(
    database: Database, caller: Client, site: Site, span: dict[str, str], *, feed: bool
) -> tuple[int, int]:
    """Import the requests of one query, page by page. Returns the time of the newest change and the number read."""
    newest, seen = 0, set[str]()
    for number in range(1, MAX_PAGES):
        query = {**span, "extensions": "true", "page": str(number), "page_size": str(PAGE_SIZE)}
        page = await caller.requests(query)
        fresh = [remote for remote in page if remote.id and remote.id not in seen]
        seen |= {remote.id for remote in fresh if remote.id}
        await import_requests(database, caller, site, fresh, feed=feed)
        newest = max([newest, *(remote.updated_at or 0 for remote in fresh)])
        if len(page) < PAGE_SIZE or not fresh:  # a platform without paging returns the same page again
            break
    return newest, len(seen)


async def refresh_states(database: Database, caller: Client, site: Site, cursor: Cursor) -> Cursor:
    """Read the states of requests that are open here, at a platform without updates. At most MAX_STATES a round; the
    cursor says where the next round continues."""
    open_ids, last_id = await links.list_open(database, caller.platform.id, site.id, cursor.states, MAX_STATES)
    for first in range(0, len(open_ids), BATCH_SIZE):
        ids = open_ids[first : first + BATCH_SIZE]
        remotes = await caller.requests({"service_request_id": ",".join(ids), "extensions": "true"})
        known = await links.find_by_remote_ids(database, caller.platform.id, site.id, ids)
        for remote in remotes:
            if remote.id is not None and remote.id in known:
                await update_import.import_state(database, caller.platform, site.id, known[remote.id], remote)
    return replace(cursor, states=last_id)


async def import_requests(
    database: Database, caller: Client, site: Site, remotes: Sequence[RemoteRequest], *, feed: bool = True
) -> None:
    """Create problems for the platform's own requests that are not mirrored yet, and update the others."""
    platform = caller.platform
    # Read before `known`: a link may be added meanwhile.
    unlinked = await links.list_unlinked(database, platform.id, site.id)
    ids = [remote.id for remote in remotes if remote.id]
    known = await links.find_by_remote_ids(database, platform.id, site.id, ids)
    event_ids = [event_id for remote in remotes if (event_id := parse_event_id(remote.extended.get("event_id")))]
    own_events = await log.known_events(database, site.id, event_ids)
    under_way, own_reports = any(row["under_way"] for row in unlinked), FingerprintIndex(unlinked)
    codes = await services.read_mapping(database, platform.id, site.id)
    categories = {code: category for category, code in codes.items()}
    mirrored = []
    for remote in remotes:
        if remote.id is None:
            continue
        if remote.id in known:
            if known[remote.id].born_there:
                mirrored.append(remote.id)
            if not feed:
                await update_import.import_state(database, platform, site.id, known[remote.id], remote)
            continue
        if parse_event_id(remote.extended.get("event_id")) in own_events or own_reports.fit(remote):
            continue
        if under_way and (remote.requested_at or 0) > clock.now() - UNCERTAIN_PERIOD:
            continue  # decided in the next round, when the response has arrived
        if await _import_request(database, platform, site, categories, remote):
            mirrored.append(remote.id)
    if platform.exact:
        for first in range(0, len(mirrored), BATCH_SIZE):
            updates = await caller.updates_of(mirrored[first : first + BATCH_SIZE])
            await update_import.import_updates(database, platform, site.id, updates)


async def _import_request(
    database: Database, platform: Platform, site: Site, categories: dict[str, str], remote: RemoteRequest
) -> bool:
    """Create a problem for a request. Returns False if it exists already or has too little content to be shown."""
    report = _build_report(platform, site, categories, remote)
    if report is None:
        return False
    remote_id = remote.id

    async def ensure_unknown(tx: Transaction) -> None:
        if await links.is_linked(tx, platform.id, site.id, remote_id):
            raise Conflict("event_known")

    async def link(tx: Transaction, problem_id: str) -> None:
        await links.insert_link(
            tx,
            problem_id=problem_id,
            platform_id=platform.id,
            site_id=site.id,
            remote_id=remote_id,
            remote_token=None,
            remote_url=report.source_url,
            born="there",
        )

    try:
        await submit.mirror(
            database, site, report, actor=Actor(kind="resident", source=platform.id), spend=ensure_unknown, along=link
        )
    except Conflict:
        return False
    if not platform.exact and map_foreign_status(_status(remote), "accepted") is not None:
        known = await links.find_by_remote_ids(database, platform.id, site.id, [remote.id or ""])
        await update_import.import_state(database, platform, site.id, known[remote.id or ""], remote)
    return True


def _status(remote: RemoteRequest) -> str | None:
    return remote.extended.get("detailed_status") or remote.status


def _build_report(platform: Platform, site: Site, categories: dict[str, str], remote: RemoteRequest) -> Report | None:
    """Build a report from a request. Returns None unless it has a location and a text or the name of its service."""
    code = remote.service_code or ""
    category = categories.get(code) or (code if site.category(code) else None) or "other"
    text = clean(remote.description or remote.service_name or "").strip()[: intake.DESCRIPTION[1]]
    has_coordinates = (
        remote.lat is not None and remote.long is not None and abs(remote.lat) <= 90 and abs(remote.long) <= 180
    )
    address = clean(remote.address or "").strip()[: intake.ADDRESS] or None
    if not text or site.category(category) is None or not (has_coordinates or address):
        return None
    return Report(
        category=category,
        description=text,
        address=address,
        lat=remote.lat if has_coordinates else None,
        lng=remote.long if has_coordinates else None,
        answers={},
        contact=Contact(),
        language=site.language,
        source="platform",
        status=(parse_exact(remote.extended.get("received_as")) or "moderation") if platform.exact else "accepted",
        birth_id=parse_event_id(remote.extended.get("event_id")) or derive_event_id(platform.id, "request", remote.id),
        received_at=remote.requested_at,
        answer_due=parse_day(remote.extended.get("answer_due")) or remote.expected,
        source_name=platform.name,
        source_url=request.remote_url(remote),
        mirror_of=platform.id,
        media=remote.media[: site.photos],
    )
