"""Serve /to/{site_id} and /to/{site_id}/report: addresses for print, which lead on when the site's key is replaced."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.sites import service


async def lead_to_site(request: Request) -> Response:
    """GET /to/{site_id}: the site's page under its newest key."""
    return await _lead(request)


async def lead_to_form(request: Request) -> Response:
    """GET /to/{site_id}/report?…: the form under the newest key; what a link fills in is handed on."""
    return await _lead(request, "/report")


async def _lead(request: Request, page: str = "") -> Response:
    database, query = web.context(request).database, request.url.query
    site = await service.by_id(database, str(request.path_params["site_id"]))
    await service.by_key(database, site.key)  # not that of a disabled site
    return web.see_other(f"/s/{site.key}{page}" + (f"?{query}" if query else ""))


routes: list[BaseRoute] = [
    Route("/to/{site_id:uuid}", lead_to_site, methods=["GET"]),
    Route("/to/{site_id:uuid}/report", lead_to_form, methods=["GET"]),
]
