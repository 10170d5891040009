"""Serve /cabinet/sites: the installation check, and the settings that an agency's administrators change themselves.

Who changes which setting is declared in `sites/settings.py`; retention is changed on the command line alone.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.cabinet.http import (
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.cabinet.sites import visits
from widget_api.errors import FieldError, Invalid, NotFound, Refused, TooMany
from widget_api.people import store
from widget_api.people.model import User
from widget_api.registration import store as registration
from widget_api.registration.model import STOP_AFTER, proof_text
from widget_api.registration.service import answer_until, must_agree
from widget_api.sites import changes, collection, view
from widget_api.sites import service as sites
from widget_api.sites import store as store_of_sites
from widget_api.sites.install import overview, service
from widget_api.sites.model import Site
from widget_api.sites.settings import MAX_PHOTOS, SETTINGS, SiteSettings, list_names

log = logging.getLogger(__name__)
PATH = "/cabinet/sites"


async def list_sites(request: Request, user: User) -> Response:
    """GET /cabinet/sites"""
    context, language = web.context(request), language_of(request, user)
    shown = []
    for visible in await store.list_managed_sites(context.database, user):
        site = await sites.by_id(context.database, visible.id)
        found = overview.page_values(
            language, await service.read_overview(context.database, context.settings, site), site
        )
        shown.append({"id": site.id, "key": site.key, "name": site.name, "origins": sorted(site.origins), **found})
    with_visits = await visits.list_collections(context.database, user)
    return render_page(request, user, "sites.html", shown=shown, with_visits=with_visits, section="sites", here=PATH)


async def show_site(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}"""
    return await render_site(request, user, await find_site(request, user))


async def check_page(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/check: check one page now."""
    url = (await session_fields(request)).get("url", "")
    context, site, language = web.context(request), await find_site(request, user), language_of(request, user)
    try:
        await context.limits.hit("inspections", web.client_address(request), site.id)
        address, lines = await service.check_page(context.database, context.settings, context.outbound, site, url)
    except TooMany as error:
        wait = overview.describe_wait(language, error, site.time_zone)
        return await render_site(request, user, site, 429, url=url[:500], wrong=wait)
    except Invalid as error:
        return await render_site(request, user, site, 422, url=url[:500], wrong=_error_text(language, error.fields[0]))
    return await render_site(
        request, user, site, url=url, looked_at=address, lines=overview.describe_lines(language, lines)
    )


async def add_origin(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/origins: register a refused origin; for administrators."""
    fields = await session_fields(request)
    if not user.may("sites.change"):
        raise Refused
    context, site, language = web.context(request), await find_site(request, user), language_of(request, user)
    try:
        if fields.get("sure") != "yes":
            raise Invalid((FieldError("sure", "required"),))
        await service.register_refused_origin(
            context.database, site, fields.get("origin", ""), journal_user(request, user)
        )
    except Invalid as error:
        return await render_site(request, user, site, 422, refusal=_error_text(language, error.fields[0]))
    return web.see_other(f"{PATH}/{site.id}?done=1")


async def show_settings(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/settings"""
    site = await find_settable_site(request, user)
    return _render_settings(request, user, site, setting_values(site))


async def change_settings(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/settings, with the rules of `widget-api site set`."""
    fields = await session_fields(request)
    site = await find_settable_site(request, user)
    try:
        changed = parse_changes(site, fields, setting_fields(user))
        if changed:
            await changes.update_site(web.context(request).database, site.id, changed, who=journal_user(request, user))
            log.info("settings of site %s changed in the cabinet by user %s: %s", site.id, user.id, ", ".join(changed))
    except Invalid as error:
        return _render_settings(request, user, site, setting_values(site) | fields, 422, wrong=error)
    return web.see_other(f"{PATH}/{site.id}/settings?done=1")


async def find_settable_site(request: Request, user: User) -> Site:
    """A site whose settings the user may change. Raises NotFound, Refused."""
    site = await find_site(request, user)
    if not user.may("sites.change"):
        raise Refused
    return site


def _render_settings(
    request: Request,
    user: User,
    site: Site,
    given: Mapping[str, str],
    status: int = 200,
    *,
    wrong: Invalid | None = None,
) -> Response:
    language = language_of(request, user)
    return render_page(
        request,
        user,
        "site_settings.html",
        status,
        site=site,
        given=given,
        **setting_controls(language),
        own_fields=setting_fields(user),
        operators=list_names(editor="operator"),
        errors=wrong,
        section="sites",
        here=f"{PATH}/{site.id}/settings",
    )


def _error_text(language: str, wrong: FieldError) -> str:
    return i18n.field_error(language, wrong.field, wrong.code, wrong.values)


async def find_site(request: Request, user: User) -> Site:
    """A site that the user may see, or its collection where the path has {slug}.

    Raises NotFound, also for another agency's.
    """
    site_id, context = path_identifier(request, "site_id"), web.context(request)
    if all(visible.id != site_id for visible in await store.list_managed_sites(context.database, user)):
        raise NotFound("site_not_found")
    if "slug" in request.path_params:
        site_id = await collection.find_collection_id(context.database, site_id, request.path_params["slug"])
    return await sites.by_id(context.database, site_id)


def desk_path(site: Site) -> str:
    """The path of the pages about a site or a collection."""
    own = site.collection
    return f"{PATH}/{site.parent_id}/collections/{own.slug}" if own else f"{PATH}/{site.id}"


def _make_snippet(site: Site, public_url: str) -> str:
    return view.make_snippet(site.key, site.type, i18n.text(site.language, "sites.snippet_link"), public_url)


async def render_site(
    request: Request, user: User, site: Site, status: int = 200, *, refusal: str = "", **values: Any
) -> Response:
    context, language = web.context(request), language_of(request, user)
    found = await service.read_overview(context.database, context.settings, site)
    return render_page(
        request,
        user,
        "site.html",
        status,
        site=site,
        found=overview.page_values(language, found, site),
        snippet=_make_snippet(site, context.settings.public_url),
        check_url=service.make_check_url(context.settings, site),
        look={"url": "", "wrong": "", "looked_at": "", "lines": []} | values,
        may_set=user.may("sites.change"),
        refusal=refusal,
        proofs=[
            (proof, proof_text(proof["method"], proof["token"]), (proof["told_at"] or 0) + STOP_AFTER)
            for proof in (await registration.list_proofs(context.database, site.id) if user.may("sites.change") else ())
        ],
        handovers=[
            (
                one,
                must_agree(site.id, await store_of_sites.list_holders(context.database, one["origin"]), one),
                answer_until(site.calendar, one["asked_at"]),
            )
            for one in (await registration.list_asked(context.database, site.id) if user.may("sites.change") else ())
        ],
        section="sites",
        here=f"{PATH}/{site.id}",
    )


routes: list[BaseRoute] = [
    Route(PATH, require_user(list_sites)),
    Route(PATH + "/{site_id}", require_user(show_site)),
    Route(PATH + "/{site_id}/check", require_user(check_page), methods=["POST"]),
    Route(PATH + "/{site_id}/settings", require_user(show_settings), methods=["GET"]),
    Route(PATH + "/{site_id}/settings", require_user(change_settings), methods=["POST"]),
    Route(PATH + "/{site_id}/origins", require_user(add_origin), methods=["POST"]),
]


def setting_fields(user: User) -> tuple[str, ...]:
    """The fields that the user may change."""
    return list_names(editor="agency") + (list_names(editor="operator") if user.may("service.operate") else ())


def setting_controls(language: str) -> dict[str, Any]:
    """What `cabinet/setting.html` needs."""
    return {"settings": SETTINGS, "choices": setting_choices(language), "most_photos": MAX_PHOTOS}


def setting_choices(language: str) -> dict[str, list[tuple[str, str]]]:
    """The choices of each field that has some: value and name."""
    named = {
        name: [(value, i18n.text(language, f"cabinet.settings.choice.{name}.{value}")) for value in one.choices]
        for name, one in SETTINGS.items()
        if one.choices
    }
    return named | {"language": [(code, one.name) for code, one in i18n.LANGUAGES.items()]}


def setting_values(site: SiteSettings) -> dict[str, str]:
    """Settings as a form shows them."""
    return {name: str(value if (value := getattr(site, name)) is not None else "") for name in SETTINGS}


def parse_changes(site: Site, fields: Mapping[str, str], allowed: Collection[str]) -> dict[str, Any]:
    """Those of the allowed settings that a form changes; missing ones stay. `sites.changes` validates them."""
    before = setting_values(site)
    given = {name: text for name in allowed if (text := fields.get(name, before[name]).strip()) != before[name]}
    if given.keys() & {"appeals", "appeals_url"}:  # a link needs its address
        given = {name: before[name] for name in ("appeals", "appeals_url")} | given
    return {name: SETTINGS[name].parse(text) for name, text in given.items()}
