"""Shows a platform's own problems: read, kept up to date, linked to where they live; never changed here or sent on.

None may be doubled: what came from us is linked, or carries a birth id of our log, or (its answer is under way or lost)
is like a report that was sent and has no number there yet.
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
from widget_api.platform import news, request
from widget_api.platform.client import PAGE_SIZE, Client
from widget_api.platform.lookup import FingerprintIndex
from widget_api.platform.model import Cursor, Platform
from widget_api.platform.store import links, log, services
from widget_api.problems import intake, submit
from widget_api.problems.model import Actor, Contact, Report
from widget_api.sites.model import Site
from widget_api.validation import clean

DAY = 86_400
OVERLAP = 120  # seconds: a change is stamped before it is committed
SPAN = 89 * DAY  # GeoReport lets one ask for 90 days at a time
RECENT = 7 * DAY  # what is published later, or changes later and has no updates, is found less soon
EARLIEST_SPANS = 8  # two years back, the first time
YOUNG = 60  # seconds in which a request may be one of ours whose answer is still under way
MAX_PAGES = 500
MAX_STATES = 400
BATCH_SIZE = 50  # identifiers in one question


async def read_requests(
    database: Database, caller: Client, site: Site, cursor: Cursor, *, whole: bool
) -> tuple[Cursor, int]:
    """What is new or has changed since the last time; of a platform that cannot be asked for that, what is recent, or
    the `whole` of what it tells at once. How far that is, and how many requests it told. Raises Later, Refused.
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
    newest, many = cursor.requests or 0, 0
    for span in spans:
        reached, told = await _read_span(database, caller, site, span, feed=cursor.feed)
        newest, many = max(newest, reached), many + told
    return replace(cursor, requests=min(newest, now)), many


async def _read_span(
    database: Database, caller: Client, site: Site, span: dict[str, str], *, feed: bool
) -> tuple[int, int]:
    newest, seen = 0, set[str]()
    for page in range(1, MAX_PAGES):
        query = {**span, "extensions": "true", "page": str(page), "page_size": str(PAGE_SIZE)}
        found = await caller.requests(query)
        fresh = [one for one in found if one.id and one.id not in seen]
        seen |= {one.id for one in fresh if one.id}
        await import_requests(database, caller, site, fresh, feed=feed)
        newest = max([newest, *(one.updated_at or 0 for one in fresh)])
        if len(found) < PAGE_SIZE or not fresh:  # a platform that does not page tells the same again
            break
    return newest, len(seen)


async def refresh_states(database: Database, caller: Client, site: Site, cursor: Cursor) -> Cursor:
    """Of a platform without updates: how the requests stand that are open here, however old they are; so many a round,
    and the next ones in the next."""
    wanted, reached = await links.list_open(database, caller.platform.id, site.id, cursor.states, MAX_STATES)
    for first in range(0, len(wanted), BATCH_SIZE):
        ids = wanted[first : first + BATCH_SIZE]
        found = await caller.requests({"service_request_id": ",".join(ids), "extensions": "true"})
        known = await links.find_by_remote_ids(database, caller.platform.id, site.id, ids)
        for one in found:
            if one.id is not None and one.id in known:
                await news.import_state(database, caller.platform, site.id, known[one.id], one)
    return replace(cursor, states=reached)


async def import_requests(
    database: Database, caller: Client, site: Site, found: Sequence[RemoteRequest], *, feed: bool = True
) -> None:
    """Make problems of those that are the platform's own and not here yet; bring the others up to date."""
    platform = caller.platform
    waiting = await links.list_unlinked(database, platform.id, site.id)  # before the links: one may be made meanwhile
    known = await links.find_by_remote_ids(database, platform.id, site.id, [one.id for one in found if one.id])
    births = [born for one in found if (born := parse_event_id(one.extended.get("event_id")))]
    ours = await log.known_events(database, site.id, births)
    under_way, ours_alike = any(row["under_way"] for row in waiting), FingerprintIndex(waiting)
    codes = await services.read_mapping(database, platform.id, site.id)
    categories = {code: category for category, code in codes.items()}
    theirs = []
    for one in found:
        if one.id is None:
            continue
        if one.id in known:
            if known[one.id].born_there:
                theirs.append(one.id)
            if not feed:
                await news.import_state(database, platform, site.id, known[one.id], one)
            continue
        if parse_event_id(one.extended.get("event_id")) in ours or ours_alike.fit(one):
            continue
        if under_way and (one.requested_at or 0) > clock.now() - YOUNG:
            continue  # the next round will tell
        if await _import_request(database, platform, site, categories, one):
            theirs.append(one.id)
    if platform.exact:
        for first in range(0, len(theirs), BATCH_SIZE):
            updates = await caller.updates_of(theirs[first : first + BATCH_SIZE])
            await news.import_updates(database, platform, site.id, updates)


async def _import_request(
    database: Database, platform: Platform, site: Site, categories: dict[str, str], told: RemoteRequest
) -> bool:
    """False where it is there already, or says too little to be shown."""
    report = _build_report(platform, site, categories, told)
    if report is None:
        return False
    remote_id = told.id

    async def unknown(tx: Transaction) -> None:
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
            database, site, report, actor=Actor(kind="resident", source=platform.id), spend=unknown, along=link
        )
    except Conflict:
        return False
    if not platform.exact and map_foreign_status(_status(told), "accepted") is not None:
        known = await links.find_by_remote_ids(database, platform.id, site.id, [told.id or ""])
        await news.import_state(database, platform, site.id, known[told.id or ""], told)
    return True


def _status(told: RemoteRequest) -> str | None:
    return told.extended.get("detailed_status") or told.status


def _build_report(platform: Platform, site: Site, categories: dict[str, str], told: RemoteRequest) -> Report | None:
    """What of it can be shown: a text or the name of its service, and a place."""
    code = told.service_code or ""
    category = categories.get(code) or (code if site.category(code) else None) or "other"
    text = clean(told.description or told.service_name or "").strip()[: intake.DESCRIPTION[1]]
    placed = told.lat is not None and told.long is not None and abs(told.lat) <= 90 and abs(told.long) <= 180
    address = clean(told.address or "").strip()[: intake.ADDRESS] or None
    if not text or site.category(category) is None or not (placed or address):
        return None
    return Report(
        category=category,
        description=text,
        address=address,
        lat=told.lat if placed else None,
        lng=told.long if placed else None,
        answers={},
        contact=Contact(),
        language=site.language,
        source="platform",
        status=(parse_exact(told.extended.get("received_as")) or "moderation") if platform.exact else "accepted",
        birth_id=parse_event_id(told.extended.get("event_id")) or derive_event_id(platform.id, "request", told.id),
        received_at=told.requested_at,
        answer_due=parse_day(told.extended.get("answer_due")) or told.expected,
        source_name=platform.name,
        source_url=request.remote_url(told),
        mirror_of=platform.id,
        media=told.media[: site.photos],
    )
