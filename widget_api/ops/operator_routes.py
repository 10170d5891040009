"""Serve what operators arrive at, what needs their attention today, and the doctor's findings as a page.

These pages stand above the cabinet's others, since they report on all parts of the service.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, journal, schedule, web
from widget_api.cabinet import inbox_routes, inbox_service
from widget_api.cabinet.http import for_operators, language_of, render_page, require_user, session_fields
from widget_api.cabinet.inbox_rows import TODAY_PATH
from widget_api.context import Context
from widget_api.deliveries import admin, queries
from widget_api.ops import doctor, platform_status
from widget_api.ops.doctor import MAX_AGE
from widget_api.ops.doctor_servers import Finding
from widget_api.ops.retention import PURGE
from widget_api.people import accounts, organisation_store, undecided
from widget_api.people.model import User
from widget_api.registration import store as registration
from widget_api.sites import origins
from widget_api.sites.deadlines import local_date
from widget_api.sites.install import sightings
from widget_api.sites.install.overview import SHOWN_DAYS

STATE_PATH = "/cabinet/operator/state"
TIME_LIMIT = 40  # seconds for all checks of the doctor
LATE = 600  # seconds; a queue this far behind is worth a look
SHOWN_NAMES = 10  # of a list on the page; the number says how many there are


async def show_today(request: Request, user: User) -> Response:
    """GET /cabinet/: the state of the service for operators, the reports that wait for everybody else."""
    if user.role != "operator":
        return await inbox_routes.show_today(request, user)
    context, language, now = web.context(request), language_of(request, user), clock.now()
    zone = await accounts.find_time_zone(context.database, user)
    return render_page(
        request,
        user,
        "operator_today.html",
        **await _read_state(context, now),
        reports=await inbox_service.count_new(context.database, user),
        date=i18n.format_weekday(language, local_date(now, zone)),
        zone=zone,
        now=now,
        late=LATE,
        most=SHOWN_NAMES,
        days=SHOWN_DAYS,
        undecided=(waiting := await undecided.list_undecided(context.database)),
        undecided_lines=await undecided.describe(context.database, language, waiting, SHOWN_NAMES),
        decided=decided if (decided := request.query_params.get("done")) in ("accepted", "rejected") else "",
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
    }


async def show_state(request: Request, user: User) -> Response:
    """GET /cabinet/operator/state: nothing is checked before the button is pressed, since it takes a while."""
    return _render_state(request, user)


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
    return _render_state(request, user, found=found, complete=complete, at=clock.now())


def _render_state(request: Request, user: User, **values: Any) -> Response:
    found = {"found": None, "complete": True, "at": None} | values
    return render_page(
        request, user, "operator_state.html", **found, limit=TIME_LIMIT, section="state", here=STATE_PATH
    )


routes: list[BaseRoute] = [
    Route(TODAY_PATH, require_user(show_today)),
    Route(STATE_PATH, for_operators(show_state), methods=["GET"]),
    Route(STATE_PATH, for_operators(examine), methods=["POST"]),
]
