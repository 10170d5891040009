"""/cabinet/sites/{site_id}/platforms: which category goes to which service of each platform."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.cabinet import platforms_view
from widget_api.cabinet.http import identifier, language_of, page, session_fields, signed_in, who
from widget_api.cabinet.problem_view import field_errors
from widget_api.cabinet.sites import PATH, may_set, site_of
from widget_api.errors import Invalid, NotFound, Refused
from widget_api.people.model import User
from widget_api.platform import mapping
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms
from widget_api.sites.model import Site

log = logging.getLogger(__name__)


async def shown(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/platforms"""
    return await _show(request, user, await site_of(request, user), done=request.query_params.get("done", ""))


async def change(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/platforms/{platform_id}: the fields are the categories' codes."""
    fields = await session_fields(request)
    if not may_set(user):
        raise Refused
    database, site = web.context(request).database, await site_of(request, user)
    platform_id = identifier(request, "platform_id")
    if all(one.id != platform_id for one in await _platforms(request, site)):
        raise NotFound("not_found")
    wished = {name.removeprefix("to-"): value for name, value in fields.items() if name.startswith("to-")}
    try:
        await mapping.change_mapping(database, platform_id, site.id, wished, who(request, user))
    except Invalid as error:
        return await _show(request, user, site, 422, wrong=error, of=platform_id, given=wished)
    log.info("mapping of site %s to platform %s changed in the cabinet by user %s", site.id, platform_id, user.id)
    return web.see_other(f"{PATH}/{site.id}/platforms?done={platform_id}#platform-{platform_id}")


async def _platforms(request: Request, site: Site) -> list[Platform]:
    """Those that get this site's reports."""
    database = web.context(request).database
    found = [
        await platforms.find_platform(database, one) for one in await platforms.platforms_of_site(database, site.id)
    ]
    return [one for one in found if one is not None]


async def _show(
    request: Request,
    user: User,
    site: Site,
    status: int = 200,
    *,
    done: str = "",
    wrong: Invalid | None = None,
    of: str = "",
    given: Mapping[str, str] | None = None,
) -> Response:
    context, language = web.context(request), language_of(request, user)
    return page(
        request,
        user,
        "site_platforms.html",
        status,
        site=site,
        platforms=[
            platforms_view.platform(
                language,
                one,
                await mapping.read_mapping(context.database, one.id, site.id),
                given or {} if one.id == of else {},
                field_errors(language, wrong) if one.id == of else {},
            )
            for one in await _platforms(request, site)
        ],
        done=done,
        may_set=may_set(user),
        section="sites",
        here=f"{PATH}/{site.id}/platforms",
    )


routes: list[BaseRoute] = [
    Route(PATH + "/{site_id}/platforms", signed_in(shown), methods=["GET"]),
    Route(PATH + "/{site_id}/platforms/{platform_id}", signed_in(change), methods=["POST"]),
]
