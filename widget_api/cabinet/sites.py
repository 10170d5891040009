"""/cabinet/sites: the install check for the people of the agency, and what its administrators set by themselves."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.cabinet import site_settings
from widget_api.cabinet.http import identifier, language_of, page, session_fields, signed_in, who
from widget_api.cabinet.problem_view import field_errors
from widget_api.errors import FieldError, Invalid, NotFound, Refused
from widget_api.people import store
from widget_api.people.model import User
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.install import overview, service
from widget_api.sites.model import MAX_PHOTOS, Site

log = logging.getLogger(__name__)
PATH = "/cabinet/sites"


async def every(request: Request, user: User) -> Response:
    """GET /cabinet/sites"""
    context, language = web.context(request), language_of(request, user)
    shown = []
    for visible in await store.list_visible_sites(context.database, user):
        site = await sites.by_id(context.database, visible.id)
        found = overview.page_values(
            language, await service.read_overview(context.database, context.settings, site), site
        )
        shown.append({"id": site.id, "key": site.key, "name": site.name, "origins": sorted(site.origins), **found})
    return page(request, user, "sites.html", shown=shown, section="sites", here=PATH)


async def one(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}"""
    return await _show(request, user, await site_of(request, user), done="done" in request.query_params)


async def look(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/check: look at one page now."""
    url = (await session_fields(request)).get("url", "")
    context, site, language = web.context(request), await site_of(request, user), language_of(request, user)
    await context.limits.hit("inspections", web.client_address(request), site.id)
    try:
        address, lines = await service.check_page(context.database, context.settings, context.outbound, site, url)
    except Invalid as error:
        return await _show(request, user, site, 422, url=url[:500], wrong=_sentence(language, error.fields[0]))
    return await _show(request, user, site, url=url, looked_at=address, lines=overview.describe_lines(language, lines))


async def add_origin(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/origins: whoever administers the agency vouches for an address."""
    fields = await session_fields(request)
    if not may_set(user):
        raise Refused
    context, site, language = web.context(request), await site_of(request, user), language_of(request, user)
    try:
        if fields.get("sure") != "yes":
            raise Invalid((FieldError("sure", "required"),))
        await service.register_refused_origin(context.database, site, fields.get("origin", ""), who(request, user))
    except Invalid as error:
        return await _show(request, user, site, 422, refusal=_sentence(language, error.fields[0]))
    return web.see_other(f"{PATH}/{site.id}?done=1")


async def settings(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/settings"""
    site = await _settable(request, user)
    return _settings(request, user, site, site_settings.of(site), done="done" in request.query_params)


async def set_settings(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/settings: the rules are those of `widget-api site set`."""
    fields = await session_fields(request)
    site = await _settable(request, user)
    try:
        changed = site_settings.changed(site, fields)
        if changed:
            await changes.update_site(web.context(request).database, site.id, changed, who=who(request, user))
            log.info("settings of site %s changed in the cabinet by user %s: %s", site.id, user.id, ", ".join(changed))
    except Invalid as error:
        return _settings(request, user, site, site_settings.of(site) | fields, 422, wrong=error)
    return web.see_other(f"{PATH}/{site.id}/settings?done=1")


async def _settable(request: Request, user: User) -> Site:
    """A site the user may see and set. Raises NotFound, Refused."""
    site = await site_of(request, user)
    if not may_set(user):
        raise Refused
    return site


def _settings(
    request: Request,
    user: User,
    site: Site,
    given: Mapping[str, str],
    status: int = 200,
    *,
    wrong: Invalid | None = None,
    done: bool = False,
) -> Response:
    language = language_of(request, user)
    return page(
        request,
        user,
        "site_settings.html",
        status,
        site=site,
        given=given,
        choices=site_settings.choices(language),
        most_photos=MAX_PHOTOS,
        errors=field_errors(language, wrong),
        done=done,
        section="sites",
        here=f"{PATH}/{site.id}/settings",
    )


def may_set(user: User) -> bool:
    return user.role in ("admin", "operator")


def _sentence(language: str, wrong: FieldError) -> str:
    return i18n.field_error(language, wrong.field, wrong.code, wrong.values)


async def site_of(request: Request, user: User) -> Site:
    """One the user may see; another agency's is as unknown as one that never was."""
    site_id, context = identifier(request, "site_id"), web.context(request)
    if all(visible.id != site_id for visible in await store.list_visible_sites(context.database, user)):
        raise NotFound("site_not_found")
    return await sites.by_id(context.database, site_id)


async def _show(
    request: Request, user: User, site: Site, status: int = 200, *, done: bool = False, refusal: str = "", **values: Any
) -> Response:
    context, language = web.context(request), language_of(request, user)
    found = await service.read_overview(context.database, context.settings, site)
    return page(
        request,
        user,
        "site.html",
        status,
        site=site,
        found=overview.page_values(language, found, site),
        look={"url": "", "wrong": "", "looked_at": "", "lines": []} | values,
        may_set=may_set(user),
        done=done,
        refusal=refusal,
        section="sites",
        here=f"{PATH}/{site.id}",
    )


routes: list[BaseRoute] = [
    Route(PATH, signed_in(every)),
    Route(PATH + "/{site_id}", signed_in(one)),
    Route(PATH + "/{site_id}/check", signed_in(look), methods=["POST"]),
    Route(PATH + "/{site_id}/settings", signed_in(settings), methods=["GET"]),
    Route(PATH + "/{site_id}/settings", signed_in(set_settings), methods=["POST"]),
    Route(PATH + "/{site_id}/origins", signed_in(add_origin), methods=["POST"]),
]
