"""Serve /s/{key}/c/{slug}/count/{token}: whether a printed count of a vote is the service's, and is still right."""

from __future__ import annotations

from datetime import date

from starlette.requests import Request
from starlette.responses import Response

from widget_api import i18n, web
from widget_api.errors import NotFound
from widget_api.participation import tally
from widget_api.participation.service import require_action
from widget_api.sites import service


async def show_count(request: Request) -> Response:
    """GET /s/{key}/c/{slug}/count/{token}"""
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    require_action(site, "vote")
    signed = tally.read_token(context.signer, site, request.path_params["token"])
    if signed is None:
        raise NotFound
    language = web.negotiate_language(request, site.language)
    async with web.expensive_read(request, site.id, 1):
        found = await tally.read_tally(context.database, site, people=False)
    return web.html_response(
        request,
        "city/count.html",
        language=language,
        site=site,
        tally=found,
        bursts=False,  # for the agency, which knows what else there is to it
        rules=tally.describe_rules(site, found, language),
        moment=i18n.format_moment(language, found.at, site.time_zone, today=date.min),
        same=found.make_digest(site) == signed[1],
        signed=tally.format_digest(signed[1]),
        signed_at=i18n.format_moment(language, signed[0], site.time_zone, today=date.min),
    )
