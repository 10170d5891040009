"""Serve /cabinet/operator/applications: the applications for a site, and the operator's decision about each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, errors, web
from widget_api.browse.territory_map import TerritoryMap, draw_territory
from widget_api.cabinet.http import (
    Errors,
    field_errors,
    foreign_file,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.errors import Invalid, NotFound
from widget_api.geo.geojson import parse_area
from widget_api.people import accounts
from widget_api.people.model import User
from widget_api.platform import jurisdictions
from widget_api.registration import hosts, service, store
from widget_api.registration.model import MAX_REASON_LENGTH
from widget_api.sites import store as site_store

PATH = "/cabinet/operator/applications"
_SETTLED = "settled_"  # before the id of a site: its agency answered the warning


async def list_applications(request: Request, user: User) -> Response:
    """GET /cabinet/operator/applications?all"""
    database, decided = web.context(request).database, "all" in request.query_params
    rows = await store.list_applications(database, decided=decided)
    return render_page(
        request,
        user,
        "operator_applications.html",
        rows=[(row, hosts.to_unicode(row["host"])) for row in rows],
        decided=decided,
        zone=await accounts.find_time_zone(database, user),
        section="agencies",
        here=PATH,
    )


async def show_application(
    request: Request,
    user: User,
    status: int = 200,
    *,
    notice: str = "",
    reason: str = "",
    wrong: Errors = None,
) -> Response:
    """GET /cabinet/operator/applications/{application_id}"""
    database = web.context(request).database
    row = await service.find_application(database, path_identifier(request, "application_id"))
    handovers = await store.list_handovers(database, row["id"])
    overlaps = await service.find_overlaps(database, row) if row["state"] == "sent" else []
    asked, holders = {one["site_id"]: service.find_term(one) for one in handovers}, dict[str, dict[str, Any]]()
    for held in await site_store.list_holders(database, row["origin"]) if row["state"] == "sent" else ():
        named = {name: held[name] for name in ("site_id", "site", "agency")}
        told = {"asked": held["site_id"] in asked, "until": asked.get(held["site_id"])}
        one = holders.setdefault(held["site_id"], {**named, **told, "origins": [], "has_to_agree": False})
        one["origins"].append(held["origin"])
        one["has_to_agree"] |= service.has_to_agree(held, row)
    return render_page(
        request,
        user,
        "operator_application.html",
        status,
        row=row,
        host=hosts.to_unicode(row["host"]),
        marks=await service.describe(database, row, overlaps),
        overlaps=overlaps,
        handovers=handovers,
        holders=list(holders.values()),
        time_zone=service.time_zone_of(row),
        territory=await _draw_territory(request, row["area"], overlaps) if row["area"] else None,
        attribution=web.context(request).settings.tiles_attribution if web.context(request).settings.tiles else "",
        zone=await accounts.find_time_zone(database, user),
        now=clock.now(),
        notice=notice,
        reason=reason,
        errors=wrong,
        longest=MAX_REASON_LENGTH,
        section="agencies",
        here=f"{PATH}/{row['id']}",
    )


async def _draw_territory(request: Request, area: str, overlaps: Sequence[service.Overlap]) -> TerritoryMap:
    settings = web.context(request).settings
    tiles_zoom = settings.tiles_zoom if settings.tiles else None
    others = [one.site.territory for one in overlaps if one.site.territory]
    return await asyncio.to_thread(lambda: draw_territory(parse_area(area), tiles_zoom, others))


async def approve(request: Request, user: User) -> Response:
    """POST /cabinet/operator/applications/{application_id}/approve"""
    fields = await session_fields(request)
    context, language, who = web.context(request), language_of(request, user), journal_user(request, user)
    application_id = path_identifier(request, "application_id")
    try:
        await context.limits.hit("inspections", web.client_address(request), user.id)
        agency_id, site_id = await service.approve(
            context.database,
            context.settings,
            context.outbound,
            application_id,
            who,
            settled=[name.removeprefix(_SETTLED) for name in fields if name.startswith(_SETTLED)],
        )
    except errors.Conflict as error:
        return await show_application(request, user, 409, notice=web.error_detail(language, error))
    except Invalid as error:
        notice = " ".join(field_errors(language, error).values())
        return await show_application(request, user, 422, notice=notice)
    unknown = await jurisdictions.find_unknown(context.database, context.outbound, [site_id])
    platforms = "".join(f"&unknown={one.platform.id}" for one in unknown)
    return web.see_other(f"/cabinet/operator/agencies/{agency_id}?done=approved{platforms}")


async def refuse(request: Request, user: User) -> Response:
    """POST /cabinet/operator/applications/{application_id}/refuse"""
    reason = (await session_fields(request)).get("reason", "")
    application_id = path_identifier(request, "application_id")
    try:
        await service.refuse(web.context(request).database, application_id, reason, journal_user(request, user))
    except Invalid as error:
        return await show_application(request, user, 422, reason=reason, wrong=error)
    except errors.Conflict as error:
        notice = web.error_detail(language_of(request, user), error)
        return await show_application(request, user, 409, reason=reason, notice=notice)
    return web.see_other(f"{PATH}/{application_id}")


async def get_letter(request: Request, user: User) -> Response:
    """GET /cabinet/operator/applications/{application_id}/letter: the official letter, to be saved."""
    context = web.context(request)
    row = await service.find_application(context.database, path_identifier(request, "application_id"))
    content = await context.storage.get_document(row["letter_id"]) if row["letter_id"] else None
    if content is None:
        raise NotFound("document_not_found")
    return foreign_file(content, row["letter_type"], row["letter_name"], "letter")


_ONE = PATH + "/{application_id}"
routes: list[BaseRoute] = [
    Route(PATH, require_user(list_applications, requires="service.operate"), methods=["GET"]),
    Route(_ONE, require_user(show_application, requires="service.operate"), methods=["GET"]),
    Route(_ONE + "/approve", require_user(approve, requires="service.operate"), methods=["POST"]),
    Route(_ONE + "/refuse", require_user(refuse, requires="service.operate"), methods=["POST"]),
    Route(_ONE + "/letter", require_user(get_letter, requires="service.operate"), methods=["GET"]),
]
