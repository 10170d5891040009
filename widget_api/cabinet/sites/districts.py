"""Serve /cabinet/sites/{site_id}/districts: the districts of a site, for those who may change its settings.

A border is pasted, sent as a file or drawn on a map by a script, which writes it into the same field.
"""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.addresses import typed
from widget_api.browse.border_map import BorderMap, draw_wrong_border
from widget_api.cabinet.http import (
    Fields,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    sent_file,
    session_fields,
    session_form,
    to_fields,
)
from widget_api.cabinet.sites.settings import PATH, find_settable_site
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.geo import geojson
from widget_api.people.model import User
from widget_api.sites import districts
from widget_api.sites.model import District, Site

_MAX_FORM_SIZE = geojson.MAX_SIZE + 2**20  # bytes; of larger files the refusal names no limit
MAX_SHOWN = 60_000  # characters of a stored border in a field


async def show_districts(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/districts"""
    return await _render_list(request, user, await find_settable_site(request, user))


async def add_districts(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/districts: one with a name, or those of a FeatureCollection."""
    fields, text = await read_border_form(request)
    site, who = await find_settable_site(request, user), journal_user(request, user)
    database = web.context(request).database
    try:
        name, swap = fields.get("name", ""), wants_swap(fields, text)
        if districts.is_collection(text, name):
            await districts.load_districts(database, site, text, who, latitude_first=swap)
        else:
            await districts.add_district(database, site, name, text, who, latitude_first=swap)
    except Invalid as error:
        return await _render_list(request, user, site, 422, given=refill(fields, text), wrong=error)
    return web.see_other(f"{PATH}/{site.id}/districts?done=saved")


async def show_district(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/districts/{district_id}"""
    return await _render_one(request, user, *await _find_district(request, user))


async def change_district(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/districts/{district_id}"""
    fields, text = await read_border_form(request)
    site, district = await _find_district(request, user)
    database, who = web.context(request).database, journal_user(request, user)
    try:
        name, swap = fields.get("name", ""), wants_swap(fields, text)
        await districts.change_district(database, site, district.id, name, text, who, latitude_first=swap)
    except Invalid as error:
        return await _render_one(request, user, site, district, 422, given=refill(fields, text), wrong=error)
    return web.see_other(f"{PATH}/{site.id}/districts?done=saved")


async def delete_district(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/districts/{district_id}/delete"""
    fields = await session_fields(request)
    site, district = await _find_district(request, user)
    if fields.get("sure") != "yes":
        wrong = Invalid((FieldError("sure", "required"),))
        return await _render_one(request, user, site, district, 422, wrong=wrong)
    await districts.delete_district(web.context(request).database, site.id, district.id, journal_user(request, user))
    return web.see_other(f"{PATH}/{site.id}/districts?done=deleted")


async def _find_district(request: Request, user: User) -> tuple[Site, District]:
    site, district_id = await find_settable_site(request, user), path_identifier(request, "district_id")
    found = next((one for one in site.districts if one.id == district_id), None)
    if found is None:
        raise NotFound
    return site, found


async def read_border_form(request: Request) -> tuple[Fields, bytes]:
    """The fields of a form, and the border: the file if there is one, else the field."""
    given, sent = await session_form(request, _MAX_FORM_SIZE, 1, longest=_MAX_FORM_SIZE)
    with web.closing_files(one for _, one in sent):
        fields = to_fields(given)
        content = sent_file(sent)
    return fields, fields.get("area", "").encode() if content is None else content


def wants_swap(fields: Fields, text: bytes) -> bool:
    """Whether the coordinates are to be exchanged. Raises Invalid if the border was a file, which browsers forget."""
    swap = fields.get("swap") == "yes"
    if swap and not text.strip():
        raise Invalid((FieldError("area", "file_again"),))
    return swap


def refill(fields: Fields, text: bytes) -> Fields:
    """What a form shows again of its name and its border: all that was typed, a file that is short."""
    typed, area = fields.get("area", ""), text.decode(errors="replace").replace("\0", "")
    return {"name": fields.get("name", ""), "area": area if len(area) <= MAX_SHOWN or area == typed else ""}


async def draw_refused(request: Request, wrong: Invalid | None) -> BorderMap | None:
    """The picture of a border that was refused, for wrong_border.html."""
    settings = web.context(request).settings
    return await draw_wrong_border(wrong, settings.tiles_zoom if settings.tiles else None) if wrong else None


async def _render_list(
    request: Request,
    user: User,
    site: Site,
    status: int = 200,
    *,
    given: Fields | None = None,
    wrong: Invalid | None = None,
) -> Response:
    database, language = web.context(request).database, language_of(request, user)
    counts = await districts.count_reports(database, site.id)
    return render_page(
        request,
        user,
        "site_districts.html",
        status,
        site=site,
        district=None,
        rows=[
            (one, i18n.format_number(language, counts.get(one.id, 0)), _format_size(language, one))
            for one in site.districts
        ],
        most=districts.MAX_DISTRICTS,
        pending=await districts.is_pending(database, site.id),
        given=given or {"name": "", "area": ""},
        errors=wrong,
        picture=await draw_refused(request, wrong),
        section="sites",
        here=f"{PATH}/{site.id}/districts",
        **await map_values(request, site),
    )


async def _render_one(
    request: Request,
    user: User,
    site: Site,
    district: District,
    status: int = 200,
    *,
    given: Fields | None = None,
    wrong: Invalid | None = None,
) -> Response:
    border = geojson.to_geometry(district.area)
    fits = len(border) <= MAX_SHOWN
    counts = await districts.count_reports(web.context(request).database, site.id)
    return render_page(
        request,
        user,
        "site_district.html",
        status,
        site=site,
        district=district,
        fits=fits,
        count=counts.get(district.id, 0),
        given=given or {"name": district.name, "area": border if fits else ""},
        errors=wrong,
        picture=await draw_refused(request, wrong),
        section="sites",
        here=f"{PATH}/{site.id}/districts/{district.id}",
        **await map_values(request, site, district),
    )


def _format_size(language: str, district: District) -> str:
    return i18n.format_number(language, round(district.area.size / 1_000_000, 1))


async def map_values(request: Request, site: Site, district: District | None = None) -> dict[str, Any]:
    """What the scripts draw: the territory, the other districts, and tiles up to a zoom if there are any; and where
    they find the addresses of the site.
    """
    context, shown = web.context(request), [one for one in site.districts if one != district]
    settings = context.settings
    return {
        "drawing": orjson.dumps(
            {
                "territory": site.territory.outline if site.territory else [],
                "districts": [{"name": one.name, "rings": one.area.outline} for one in shown],
                "zoom": settings.tiles_zoom if settings.tiles else None,
            }
        ).decode(),
        "can_draw": bool(settings.tiles or site.territory),
        "attribution": settings.tiles_attribution if settings.tiles else "",
        "suggested": await typed.find_source(context.database, site),
    }


_LIST, _ONE = PATH + "/{site_id}/districts", PATH + "/{site_id}/districts/{district_id}"
routes: list[BaseRoute] = [
    Route(_LIST, require_user(show_districts), methods=["GET"]),
    Route(_LIST, require_user(add_districts), methods=["POST"]),
    Route(_ONE, require_user(show_district), methods=["GET"]),
    Route(_ONE, require_user(change_district), methods=["POST"]),
    Route(_ONE + "/delete", require_user(delete_district), methods=["POST"]),
]
