"""Serve what operators arrive at, what needs their attention today, and the doctor's findings as a page."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, journal, schedule, web
from widget_api.browse import published_figures, statistics
from widget_api.cabinet.http import language_of, render_page, require_user, session_fields
from widget_api.cabinet.problems import inbox_routes
from widget_api.cabinet.problems.inbox_rows import TODAY_PATH
from widget_api.casework import service as casework
from widget_api.context import Context
from widget_api.deliveries import admin, queries
from widget_api.ops import backup_records, doctor, platform_status
from widget_api.ops.doctor import MAX_AGE
from widget_api.ops.findings import Finding
from widget_api.ops.retention import PURGE
from widget_api.people import accounts, organisation_store, undecided
from widget_api.people.model import User
from widget_api.registration import store as registration
from widget_api.sites import origins
from widget_api.sites import service as sites
from widget_api.sites import store as site_store
from widget_api.sites.deadlines import local_date
from widget_api.sites.install import sightings
from widget_api.sites.install.overview import SHOWN_DAYS

STATE_PATH, FIGURES_PATH = "/cabinet/operator/state", "/cabinet/operator/figures"
FIGURES = ("total", "open", "resolved", "overdue")  # of each site
TIME_LIMIT = 40  # seconds for all checks of the doctor
LATE = 600  # seconds; a queue this far behind is worth a look
SHOWN_NAMES = 10  # of a list on the page; the number says how many there are


async def show_today(request: Request, user: User) -> Response:
    """GET /cabinet/: the state of the service for operators, the reports that wait for everybody else."""
    if not user.may("service.operate"):
        return await inbox_routes.show_today(request, user)
    context, language, now = web.context(request), language_of(request, user), clock.now()
    zone = await accounts.find_time_zone(context.database, user)
    return render_page(
        request,
        user,
        "operator_today.html",
        **await _read_state(context, now),
        reports=await casework.count_new(context.database, user),
        undecided=(waiting := await undecided.list_undecided(context.database)),
        undecided_lines=await undecided.describe(context.database, language, waiting, SHOWN_NAMES),
        decided=decided if (decided := request.query_params.get("done")) in ("accepted", "rejected") else "",
        date=i18n.format_weekday(language, local_date(now, zone)),
        zone=zone,
        now=now,
        late=LATE,
        most=SHOWN_NAMES,
        days=SHOWN_DAYS,
        here=TODAY_PATH,
    )


async def _read_state(context: Context, now: int) -> dict[str, Any]:
    """What may need an operator's attention. Reads run in threads: some count large tables."""
    database = context.database.in_threads()
    since = (datetime.fromtimestamp(now, UTC).date() - timedelta(days=SHOWN_DAYS - 1)).isoformat()
    own = origins.origin_of_url(context.settings.public_url)
    jobs = {row["name"]: row for row in await schedule.list_jobs(database)}
    purge = jobs.get(PURGE)
    return {
        "standstill": await admin.measure_standstill(database, now),
        "delay": await admin.measure_delay(database, now),
        "oldest": await admin.measure_oldest(database, now),
        "dead": await queries.count_dead_by_kind(database),
        "platforms": [
            one for one in await platform_status.read_platform_statuses(database, now) if one.paused_until is not None
        ],
        "applications": await registration.count_sent(database),
        "bounced": [row for row in await organisation_store.list_every_agency(database) if row["email_failed_at"]],
        "silent": await sightings.list_silent_sites(database, since, own),
        "purge": purge,
        "purge_late": purge is not None and now - (purge["done_at"] or purge["next_at"]) > MAX_AGE,
        "backup_at": await journal.find_last_backup(database),
        "backup_late": not all(one.ok for one in await backup_records.check_backups(database, context.settings)),
        "backups_elsewhere": context.settings.backups_elsewhere,
    }


async def show_state(request: Request, user: User) -> Response:
    """GET /cabinet/operator/state: nothing is checked before the button is pressed, since it takes a while."""
    return await _render_state(request, user)


async def examine(request: Request, user: User) -> Response:
    """POST /cabinet/operator/state: what `widget-api doctor` finds, within TIME_LIMIT."""
    await session_fields(request)
    context = web.context(request)
    await context.limits.hit("inspections", web.client_address(request), user.id)
    found, complete = list[Finding](), False
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(TIME_LIMIT):
            async for finding in doctor.examine_connected(context.database.in_threads(), context.settings):
                found.append(finding)
        complete = True
    return await _render_state(request, user, found=found, complete=complete)


async def _render_state(
    request: Request, user: User, *, found: list[Finding] | None = None, complete: bool = True
) -> Response:
    """The page, with what was found: what failed first, then what should be changed."""
    language, zone = language_of(request, user), await accounts.find_time_zone(web.context(request).database, user)
    tones = [(one, "good" if one.ok and not one.is_caution else "caution" if one.ok else "bad") for one in found or []]
    return render_page(
        request,
        user,
        "operator_state.html",
        found=found,
        results=[
            (tone, one.name, one.text(language, zone))
            for wanted in ("bad", "caution", "good")
            for one, tone in tones
            if tone == wanted
        ],
        counts=Counter(tone for _, tone in tones),
        complete=complete,
        limit=TIME_LIMIT,
        section="state",
        here=STATE_PATH,
    )


async def show_figures(request: Request, user: User) -> Response:
    """GET /cabinet/operator/figures: those of all sites together, as at /stats, and the main ones of each."""
    database, now = web.context(request).database, clock.now()
    listed = await sites.list_sites(database)
    async with web.expensive_read(request, "", published_figures.COST_OF_ALL):
        found = await published_figures.read_instance(database, await site_store.count_sites(database), now)
        query = statistics.Query(sites=tuple(listed))
        by_site = await statistics.read_by(database, query, "site_id", now) if listed else {}
    figures = zip(listed, published_figures.by_site(listed, by_site), strict=True)
    rows = [(site.id, site.name, [one[name] for name in FIGURES]) for site, one in figures]
    return render_page(
        request,
        user,
        "operator_figures.html",
        tiles=list(published_figures.instance_tiles(found, language_of(request, user))),
        columns=FIGURES,
        sites=sorted(rows, key=lambda row: (-row[2][0], row[1])),
        section="today",
        here=FIGURES_PATH,
    )


routes: list[BaseRoute] = [
    Route(FIGURES_PATH, require_user(show_figures, requires="service.operate"), methods=["GET"]),
    Route(TODAY_PATH, require_user(show_today)),
    Route(STATE_PATH, require_user(show_state, requires="service.operate"), methods=["GET"]),
    Route(STATE_PATH, require_user(examine, requires="service.operate"), methods=["POST"]),
]
