"""Serve /cabinet/sites/{site_id}/platforms: the mapping of categories to services of each platform."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.cabinet.http import (
    field_errors,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.cabinet.sites.settings import PATH, find_site
from widget_api.errors import Invalid, NotFound, Refused
from widget_api.people.model import User
from widget_api.platform import mapping
from widget_api.platform.mapping import CategoryMapping, SiteMapping
from widget_api.platform.model import Platform, PlatformService
from widget_api.platform.store import platforms
from widget_api.sites.model import Site

log = logging.getLogger(__name__)


async def show_platforms(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/platforms"""
    return await _render_platforms(request, user, await find_site(request, user))


async def map_categories(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/platforms/{platform_id}: the fields are the categories' codes."""
    fields = await session_fields(request)
    if not user.may("sites.change"):
        raise Refused
    database, site = web.context(request).database, await find_site(request, user)
    platform_id = path_identifier(request, "platform_id")
    if all(one.id != platform_id for one in await _list_platforms(request, site)):
        raise NotFound("not_found")
    wished = {name.removeprefix("to-"): value for name, value in fields.items() if name.startswith("to-")}
    try:
        await mapping.change_mapping(database, platform_id, site.id, wished, journal_user(request, user))
    except Invalid as error:
        return await _render_platforms(request, user, site, 422, wrong=error, of=platform_id, given=wished)
    log.info("mapping of site %s to platform %s changed in the cabinet by user %s", site.id, platform_id, user.id)
    return web.see_other(f"{PATH}/{site.id}/platforms?done={platform_id}#platform-{platform_id}")


async def _list_platforms(request: Request, site: Site) -> list[Platform]:
    """The platforms that receive this site's reports."""
    database = web.context(request).database
    found = [
        await platforms.find_platform(database, one) for one in await platforms.platforms_of_site(database, site.id)
    ]
    return [one for one in found if one is not None]


async def _render_platforms(
    request: Request,
    user: User,
    site: Site,
    status: int = 200,
    *,
    wrong: Invalid | None = None,
    of: str = "",
    given: Mapping[str, str] | None = None,
) -> Response:
    context, language = web.context(request), language_of(request, user)
    return render_page(
        request,
        user,
        "site_platforms.html",
        status,
        site=site,
        platforms=[
            platform_values(
                language,
                one,
                await mapping.read_mapping(context.database, one.id, site.id),
                given or {} if one.id == of else {},
                field_errors(language, wrong) if one.id == of else {},
            )
            for one in await _list_platforms(request, site)
        ],
        may_set=user.may("sites.change"),
        section="sites",
        here=f"{PATH}/{site.id}/platforms",
    )


routes: list[BaseRoute] = [
    Route(PATH + "/{site_id}/platforms", require_user(show_platforms), methods=["GET"]),
    Route(PATH + "/{site_id}/platforms/{platform_id}", require_user(map_categories), methods=["POST"]),
]


def platform_values(
    language: str, one: Platform, found: SiteMapping, given: Mapping[str, str], wrong: Mapping[str, str]
) -> dict[str, Any]:
    """Values of a platform on the page; `given` are those of a rejected form, `wrong` its errors."""
    pairs = [_pair_values(language, one, pair, found, given, wrong.get(pair.category, "")) for pair in found.pairs]
    names = {pair["category"]: pair["name"] for pair in pairs}
    return {
        "id": one.id,
        "name": one.name,
        "webhook": one.protocol == "webhook",
        "read": bool(found.offered),
        "missing": sum(pair.state in ("unknown", "gone") for pair in found.pairs),
        "pairs": pairs,
        "errors": {f"{one.id}-{code}": f"{names.get(code, code)}: {sentence}" for code, sentence in wrong.items()},
        "unused": [_service_title(service) for service in found.unused],
    }


def _pair_values(
    language: str, one: Platform, pair: CategoryMapping, found: SiteMapping, given: Mapping[str, str], error: str
) -> dict[str, Any]:
    chosen = given.get(pair.category, pair.code if pair.chosen else "")
    options = [(service.code, _service_title(service)) for service in found.offered if service.code != pair.category]
    if chosen and all(code != chosen for code, _ in options):  # the chosen service is no longer offered
        options.append((chosen, chosen))
    return {
        "category": pair.category,
        "field": f"{one.id}-{pair.category}",
        "name": i18n.category_name(language, pair.category, pair.name),
        "named_here": bool(pair.name),
        "chosen": chosen,
        "options": options,
        "code": pair.code,
        "own": _default_service(pair.category, found.offered),
        "goes_to": dict(options).get(chosen, "")
        or _default_service(pair.category, found.offered),  # for users who cannot change it
        "state": pair.state,
        "suggestion": _service_title(pair.suggestion) if pair.suggestion else "",
        "unanswered": "; ".join(pair.unanswered),
        "noted": pair.state in ("unknown", "gone") or bool(pair.unanswered),
        "error": error,
    }


def _default_service(code: str, offered: Sequence[PlatformService]) -> str:
    """The service to which a category is mapped by default, if there is one."""
    return next((_service_title(service) for service in offered if service.code == code), "")


def _service_title(service: PlatformService) -> str:
    """A service's name after its group, as in the platform's own lists."""
    name = service.name if service.name == service.code else f"{service.name} ({service.code})"
    return f"{service.group}: {name}" if service.group else name
