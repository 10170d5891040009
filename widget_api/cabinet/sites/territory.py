"""Serve /cabinet/sites/{site_id}/territory: the border and the time zone of a site.

Its administrators paste the border, send it as a file or draw it on the map of the districts. Due dates that were named
before a change of the time zone stay as they are, and so do reports that a new border leaves out.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.addresses import typed
from widget_api.cabinet.http import Fields, journal_user, language_of, render_page, require_user
from widget_api.cabinet.sites.districts import MAX_SHOWN, draw_refused, read_border_form, refill, wants_swap
from widget_api.cabinet.sites.settings import PATH, find_settable_site
from widget_api.errors import FieldError, Invalid
from widget_api.geo import geojson
from widget_api.people.model import User
from widget_api.problems.projections import figures
from widget_api.registration import time_zones
from widget_api.sites import borders, changes
from widget_api.sites.model import Site


async def show_territory(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/territory"""
    return await _render(request, user, await find_settable_site(request, user))


async def change_territory(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/territory: an empty border stays as it is unless it is to be removed."""
    fields, text = await read_border_form(request)
    site, database = await find_settable_site(request, user), web.context(request).database
    columns: dict[str, Any] = {}
    try:
        swap = wants_swap(fields, text)
        zone = fields.get("time_zone", site.time_zone)
        if zone not in (*time_zones.ZONES, site.time_zone):
            raise Invalid((FieldError("time_zone", "unknown"),))
        if zone != site.time_zone:
            columns["time_zone"] = zone
        if fields.get("remove") == "yes":
            columns |= {"area": None} if site.area else {}
        elif text.strip():
            place = await changes.find_border_place(database, site.id)
            area = await asyncio.to_thread(borders.parse_border, text, place, latitude_first=swap)
            if site.area is None or area.polygons != site.area.polygons:
                columns["area"] = area
        if columns:
            # The days of all reports change, by which figures are counted.
            along = partial(figures.recount_with_children, site_id=site.id) if "time_zone" in columns else None
            await changes.update_site(database, site.id, columns, who=journal_user(request, user), along=along)
    except Invalid as error:
        given = refill(fields, text) | {"time_zone": fields.get("time_zone", ""), "remove": fields.get("remove", "")}
        return await _render(request, user, site, 422, given=given, wrong=error)
    return web.see_other(f"{PATH}/{site.id}/territory?done=1")


async def _render(
    request: Request,
    user: User,
    site: Site,
    status: int = 200,
    *,
    given: Fields | None = None,
    wrong: Invalid | None = None,
) -> Response:
    settings, language = web.context(request).settings, language_of(request, user)
    border = geojson.to_geometry(site.area) if site.area else ""
    fits = len(border) <= MAX_SHOWN
    zones = dict.fromkeys((*time_zones.ZONES, site.time_zone))
    place = await changes.find_border_place(web.context(request).database, site.id)
    west, south, east, north = place.box if place else site.bbox or (0.0, 0.0, 0.0, 0.0)
    drawing = {
        "territory": [],
        "districts": [{"name": one.name, "rings": one.area.outline} for one in site.districts],
        "zoom": settings.tiles_zoom if settings.tiles else None,
        "around": [[[west, south], [east, north]]] if place or site.bbox else [],
    }
    return render_page(
        request,
        user,
        "site_territory.html",
        status,
        site=site,
        fits=fits,
        given=given or {"area": border if fits else "", "time_zone": site.time_zone, "remove": ""},
        zones=[(zone, time_zones.name_zone(language, zone)) for zone in zones],
        drawing=orjson.dumps(drawing).decode(),
        boxed=place is not None and not place.region,
        can_draw=bool(settings.tiles or site.territory),
        attribution=settings.tiles_attribution if settings.tiles else "",
        suggested=await typed.find_source(web.context(request).database, site),
        picture=await draw_refused(request, wrong),
        errors=wrong,
        section="sites",
        here=f"{PATH}/{site.id}/territory",
    )


routes: list[BaseRoute] = [
    Route(PATH + "/{site_id}/territory", require_user(show_territory), methods=["GET"]),
    Route(PATH + "/{site_id}/territory", require_user(change_territory), methods=["POST"]),
]
