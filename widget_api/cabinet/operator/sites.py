"""Serve /cabinet/operator/site: the form of a new site, with the fields of `widget-api site add`. For operators."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, i18n, web
from widget_api.cabinet.http import Errors, journal_user, language_of, render_page, require_user, session_fields
from widget_api.cabinet.sites.settings import PATH as SITES_PATH
from widget_api.cabinet.sites.settings import setting_controls, setting_values
from widget_api.errors import FieldError, Invalid
from widget_api.people import organisation_store
from widget_api.people.model import User
from widget_api.sites import service as sites
from widget_api.sites.settings import SETTINGS, SiteSettings, list_names

PATH = "/cabinet/operator/site"
LONGEST_AREA = 80_000  # characters; larger territories are set by `site set --area`
_FIRST = ("type", "moderator", "moderation", "time_zone", "language")  # what has no default that is good everywhere
_PLACE = ("jurisdiction", "bbox", "area")
_REST = tuple(name for name in list_names() if name not in ("name", *_FIRST))
_ORDER = ("name", "agency", "origin", *_FIRST, *_PLACE, *_REST)
_DEFAULTS = dict.fromkeys(_ORDER, "") | setting_values(SiteSettings()) | {"moderation": ""}  # by the agency's mode


async def show_form(request: Request, user: User) -> Response:
    """GET /cabinet/operator/site?agency"""
    return await _render_form(request, user, {"agency": request.query_params.get("agency", "")})


async def _render_form(
    request: Request, user: User, given: Mapping[str, str], status: int = 200, wrong: Errors = None
) -> Response:
    language = language_of(request, user)
    agencies = await organisation_store.list_every_agency(web.context(request).database)
    controls = setting_controls(language)
    controls["choices"]["moderation"].insert(0, ("", i18n.text(language, "operator.site.by_mode")))
    return render_page(
        request,
        user,
        "operator_site.html",
        status,
        given={**_DEFAULTS, **given},
        agencies=[(row["id"], row["name"]) for row in agencies],
        **controls,
        first=_FIRST,
        rest=_REST,
        folded=(*_PLACE, *_REST),
        longest_area=LONGEST_AREA,
        errors=wrong,
        section="sites",
        here=PATH,
    )


async def add_site(request: Request, user: User) -> Response:
    """POST /cabinet/operator/site: a refused form is shown again with all that was typed, and all errors at once."""
    fields, database = await session_fields(request), web.context(request).database
    given = {name: fields.get(name, default).strip() for name, default in _DEFAULTS.items()}
    try:
        known = {row["id"] for row in await organisation_store.list_every_agency(database)}
        options = _parse(given, known)
        site = await sites.add_site(database, **options, who=journal_user(request, user))
    except Invalid as error:
        return await _render_form(request, user, given, 422, error)
    except errors.Conflict as error:
        taken = {"jurisdiction": web.error_detail(language_of(request, user), error)}
        return await _render_form(request, user, given, 422, taken)
    return web.see_other(f"{SITES_PATH}/{site.id}")


def _parse(given: Mapping[str, str], agencies: set[str]) -> dict[str, Any]:
    """The arguments of `sites.add_site`. Raises Invalid with the errors of all fields."""
    wrong = list[FieldError]()
    if given["agency"] not in agencies:
        wrong.append(FieldError("agency", "unknown" if given["agency"] else "required"))

    def check(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Invalid as error:
            wrong.extend(error.fields)

    options: dict[str, Any] = {name: one.parse(given[name]) for name, one in SETTINGS.items()}
    options |= {name: given[name] or None for name in ("moderation", "jurisdiction", "area")}
    origins = check(lambda: sites.normalise_origins(given["origin"].split()))
    options["bbox"] = check(lambda: sites.parse_box(given["bbox"] or None))
    check(lambda: sites.check_site({name: value for name, value in options.items() if value is not None}))
    if wrong:
        raise Invalid(tuple(sorted(wrong, key=lambda error: _ORDER.index(error.field))))
    return options | {"agency_id": given["agency"], "allowed_origins": origins}


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_form, requires="service.operate"), methods=["GET"]),
    Route(PATH, require_user(add_site, requires="service.operate"), methods=["POST"]),
]
