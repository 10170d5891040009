"""Serve /cabinet/sites/{site_id}/collections/{slug}/count: the count of a vote on paper, for a council's session."""

from __future__ import annotations

from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.cabinet.http import language_of, render_page, require_user
from widget_api.cabinet.sites.settings import PATH, desk_path, find_site
from widget_api.participation import tally
from widget_api.participation.service import require_action
from widget_api.people.model import User


async def show_count(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/collections/{slug}/count"""
    import segno  # large, and needed here alone

    child, context, language = await find_site(request, user), web.context(request), language_of(request, user)
    require_action(child, "vote")
    found = await tally.read_tally(context.database, child, people=True)
    token = tally.sign_tally(context.signer, child, found)
    address = f"{context.settings.public_url}/s/{child.key}/count/{token}"
    return render_page(
        request,
        user,
        "collections_count.html",
        site=child,
        tally=found,
        bursts=any(line.burst for line in found.lines),
        rules=tally.describe_rules(child, found, language),
        moment=i18n.format_moment(language, found.at, child.time_zone, today=date.min),
        digest=tally.format_digest(found.make_digest(child)),
        address=address,
        code=segno.make(address, error="m", micro=False).svg_inline(border=2, omitsize=True, light="#fff"),
        section="sites",
        here=f"{desk_path(child)}/count",
    )


routes: list[BaseRoute] = [
    Route(PATH + "/{site_id}/collections/{slug}/count", require_user(show_count), methods=["GET"]),
]
