"""Serve /cabinet/organisation/routing: the rules that assign accepted reports to services; for administrators.

The form «to whom would it go» shows the rule that applies to a category and a place.
"""

from __future__ import annotations

import math
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, i18n, web
from widget_api.addresses import typed
from widget_api.cabinet.http import (
    Fields,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.cabinet.sites.districts import draw_refused, map_values
from widget_api.database import Database
from widget_api.people import store
from widget_api.people.model import User
from widget_api.sites import routing_rules
from widget_api.sites import service as sites
from widget_api.sites.model import Site
from widget_api.validation import clean

PATH = "/cabinet/organisation/routing"
FIELDS = ("site", "category", "where", "area", "area_name", "service", "days", "user")


async def show_rules(
    request: Request, user: User, status: int = 200, *, given: Fields | None = None, wrong: errors.Invalid | None = None
) -> Response:
    """GET /cabinet/organisation/routing?site&category&address&place"""
    context, language = web.context(request), language_of(request, user)
    visible = await _own_sites(request, user)
    asked = {name: clean(text) for name, text in request.query_params.items()}
    chosen = await _choose_site(request, user, (given or asked).get("site", ""))
    values: dict[str, Any] = {"sites": [(site.id, site.name) for site in visible], "chosen": chosen}
    if chosen is not None:
        categories = [(one.code, i18n.category_name(language, one.code, one.name)) for one in chosen.categories]
        names = dict(categories)
        rules = await routing_rules.list_rules(context.database, chosen.id)
        values |= {
            "categories": categories,
            "names": names,
            "rules": rules,
            "services": [(one.id, one.name) for one in await routing_rules.list_services(context.database, chosen.id)],
            "areas": [
                *((one.id, one.name) for one in chosen.districts),
                (routing_rules.OWN_AREA, i18n.text(language, "organisation.routing.own_area")),
            ],
            "picture": await draw_refused(request, wrong),
            **await map_values(request, chosen),
            "colleagues": await routing_rules.list_colleagues(context.database, chosen.agency.id),
            **await _try_rules(context.database, chosen, rules, asked),
        }
    return render_page(
        request,
        user,
        "organisation_routing.html",
        status,
        given={name: (given or {}).get(name, "") for name in FIELDS},
        here=PATH,
        section="organisation",
        part="routing",
        asked=asked,
        errors=wrong,
        **values,
    )


async def _try_rules(database: Database, site: Site, rules: list[routing_rules.Rule], asked: Fields) -> dict[str, Any]:
    """The rule that applies to the category and the place in question; `tried` says whether there is a question.

    A house of the site precedes coordinates. A text that may mean several houses is asked about first (`offered`).
    """
    choice, meant = asked.get(typed.CHOICE), asked.get(typed.ASKED, "")
    house = await typed.complete(database, site, asked.get("address", ""), "", choice=choice, asked=meant)
    coordinates = house.coordinates or asked.get("place", "")
    if house.offered and not coordinates:
        return {"tried": False, "bad_place": False, "applies": None, "offered": house.offered}
    try:
        lat, _, lng = coordinates.replace(" ", "").partition(",")
        point = (float(lat), float(lng)) if lat else None
        if point is not None and not all(map(math.isfinite, point)):
            raise ValueError(point)
    except ValueError:
        return {"tried": False, "bad_place": True, "applies": None}
    applies = next((one for one in rules if one.matches(asked.get("category", ""), point)), None)
    is_nowhere = bool(house.address) and point is None
    return {
        "tried": bool(asked.get("try")),
        "bad_place": False,
        "applies": applies,
        "is_nowhere": is_nowhere,
        "of_house": house.coordinates,
    }


async def add_rule(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/routing"""
    fields = await session_fields(request)
    site = await _choose_site(request, user, fields.get("site", ""))
    if site is None:
        raise errors.NotFound("site_not_found")
    given = {name: fields.get(name, "") for name in FIELDS if name != "site"}
    try:
        database, swap = web.context(request).database, fields.get("swap") == "yes"
        await routing_rules.add_rule(database, site.id, given, journal_user(request, user), latitude_first=swap)
    except errors.Invalid as error:
        return await show_rules(request, user, 422, given=fields, wrong=error)
    return web.see_other(f"{PATH}?site={site.id}&done=added")


async def remove_rule(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/routing/{rule_id}/remove"""
    fields, rule_id = await session_fields(request), path_identifier(request, "rule_id")
    site = await _choose_site(request, user, fields.get("site", ""))
    if site is None:
        raise errors.NotFound("site_not_found")
    await routing_rules.remove_rule(web.context(request).database, site.id, rule_id, journal_user(request, user))
    return web.see_other(f"{PATH}?site={site.id}&done=removed")


async def _own_sites(request: Request, user: User) -> list[Any]:
    """The sites whose rules the user may change."""
    return await store.list_visible_sites(web.context(request).database, user)


async def _choose_site(request: Request, user: User, site_id: str) -> Site | None:
    """The site of the page: the requested one, else the first. Raises NotFound, also for another agency's site."""
    visible = await _own_sites(request, user)
    found = next((one for one in visible if one.id == site_id), None) if site_id else next(iter(visible), None)
    if found is None and site_id:
        raise errors.NotFound("site_not_found")
    return None if found is None else await sites.by_id(web.context(request).database, found.id)


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_rules, requires="organisation.manage")),
    Route(PATH, require_user(add_rule, requires="organisation.manage"), methods=["POST"]),
    Route(f"{PATH}/{{rule_id}}/remove", require_user(remove_rule, requires="organisation.manage"), methods=["POST"]),
]
