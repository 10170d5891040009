"""Serve /cabinet/sites/{site_id}/code: the generator of the code to embed, with previews, and a letter with it."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.addresses import typed
from widget_api.cabinet.http import journal_user, language_of, render_page, require_user, session_fields
from widget_api.cabinet.sites.settings import PATH, find_settable_site, find_site
from widget_api.errors import Invalid, NotFound
from widget_api.mail.sender import can_send
from widget_api.people import webmaster_letters
from widget_api.people.model import User
from widget_api.sites.install import options
from widget_api.sites.install import service as install
from widget_api.sites.install.options import Options
from widget_api.sites.install.routes import GENERATOR_POLICY
from widget_api.sites.model import Site


async def show_code(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/code, with the parameters of /s/{key}/install."""
    return await _render(request, user, await find_site(request, user), request.query_params)


async def send_letter(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/letter: send the code for the choices shown to a webmaster."""
    fields, site = await session_fields(request), await find_settable_site(request, user)
    context, given = web.context(request), dict(parse_qsl(fields.get("options", "")[:2000]))
    if not can_send(context.settings):
        raise NotFound
    email, query = fields.get("email", ""), Options.read(given, site).to_query(site)
    try:
        await webmaster_letters.send(context.database, site, email, query, journal_user(request, user))
    except Invalid as error:
        return await _render(request, user, site, given, 422, error, email=email[:254])
    return web.see_other(f"{PATH}/{site.id}/code?{query}{'&' if query else ''}sent=1#letter")


async def _render(
    request: Request,
    user: User,
    site: Site,
    given: Mapping[str, str],
    status: int = 200,
    wrong: Invalid | None = None,
    *,
    email: str = "",
) -> Response:
    context, language, may_set = web.context(request), language_of(request, user), user.may("sites.change")
    rows = await webmaster_letters.list_letters(context.database, site.id) if may_set else []
    return render_page(
        request,
        user,
        "site_code.html",
        status,
        site=site,
        may_set=may_set,
        possible=can_send(context.settings),
        check_url=install.make_check_url(context.settings, site),
        email=email,
        letters=[
            {
                "email": row["email"],
                "moment": i18n.format_moment(language, row["asked_at"], site.time_zone),
                "state": "failed" if row["failed_at"] else "waiting" if row["waits"] else "sent",
            }
            for row in rows
        ],
        sent="sent" in request.query_params,
        errors=wrong,
        policy=GENERATOR_POLICY,
        suggested=await typed.find_source(context.database, site),
        section="sites",
        here=f"{PATH}/{site.id}/code",
        **options.generator_values(site, given, language, context.settings.public_url),
    )


routes: list[BaseRoute] = [
    Route(PATH + "/{site_id}/code", require_user(show_code), methods=["GET"]),
    Route(PATH + "/{site_id}/letter", require_user(send_letter), methods=["POST"]),
]
