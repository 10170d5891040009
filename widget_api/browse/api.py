"""Serve the public reads of the JSON API: the list of problems, one problem, the map, problems nearby."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, validation, web
from widget_api.browse import clusters, detail, listing, similar
from widget_api.browse.queries import Near
from widget_api.browse.statistics_api import routes as statistics_routes
from widget_api.problems.model import parse_number
from widget_api.sites import service
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

_answers = web.Answers()


@web.at_once
async def problems(request: Request) -> Response:
    """Handle GET /sites/{key}/problems."""
    context = web.context(request)
    site, version = await service.by_key_with_version(context.database, request.path_params["key"])
    filters = listing.parse(web.query_pairs(request.scope["query_string"]), site)
    today = local_date(clock.now(), site.time_zone)
    return await _read(
        request,
        web.make_etag(version, today, "list", filters.fingerprint(site.id), filters.limit, filters.after),
        site,
        lambda: listing.page_json(context.database, site, filters, today, context.settings.public_url),
        cost=filters.cost,
        keep=filters.narrow or filters.after is None,  # unfiltered further pages are cheaper to build than to cache
        headers=lambda content: web.next_page_header(request, listing.cursor_of(content)),
    )


@web.at_once
async def map_clusters(request: Request) -> Response:
    """Handle GET /sites/{key}/clusters?bbox&zoom."""
    context = web.context(request)
    site, version = await service.by_key_with_version(context.database, request.path_params["key"])
    view = clusters.parse(web.query_pairs(request.scope["query_string"]), site)
    today = local_date(clock.now(), site.time_zone)
    return await _read(
        request,
        web.make_etag(site.id, version, today, "clusters", view),
        site,
        lambda: clusters.clusters(context.database, site.id, view, today),
        cost=clusters.cost(view),
        media_type="application/geo+json",
    )


async def _read(
    request: Request,
    tag: str,
    site: Site,
    make: Callable[[], Awaitable[Any]],
    *,
    cost: int,
    keep: bool = True,
    media_type: str = "application/json",
    headers: Callable[[Any], dict[str, str]] = lambda content: {},
) -> Response:
    """Respond with 304, the cached content, or the result of `make`, whose `cost` counts against the client's limit."""
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    async with web.expensive_read(request, site.id, 0 if tag in _answers else cost):
        content = await (_answers.get(tag, make) if keep else make())
    return web.cacheable_response(content, tag, headers=headers(content), media_type=media_type)


async def problem(request: Request) -> Response:
    """Handle GET /sites/{key}/problems/{number}."""
    context = web.context(request)
    site, version = await service.by_key_with_version(context.database, request.path_params["key"])
    number = parse_number(request.path_params["number"])
    language = web.negotiate_language(request, site.language)
    today = local_date(clock.now(), site.time_zone)
    tag = web.make_etag(site.id, version, today, number, language)
    if web.is_not_modified(request, tag, exists=False):
        return web.cacheable_response(b"", tag, 304)
    content = await detail.read(context, site, number, today, language)
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    return web.cacheable_response(content, tag, headers={"Content-Language": language, "Vary": "Accept-Language"})


@web.at_once
async def similar_problems(request: Request) -> Response:
    """Handle GET /sites/{key}/similar?lat&lng&category."""
    context = web.context(request)
    site, version = await service.by_key_with_version(context.database, request.path_params["key"])
    query = validation.parse_query(Near, request.query_params)
    where, code = (query.lat, query.lng), query.category
    today = local_date(clock.now(), site.time_zone)
    tag = web.make_etag(site.id, version, today, "similar", where, code)
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    async with web.expensive_read(request, site.id, similar.COST):
        content = await similar.near(context.database, site, where, [code], today, context.settings.public_url)
    return web.cacheable_response(content, tag)


routes: list[BaseRoute] = [
    Route("/api/v1/sites/{key}/problems", problems, methods=["GET"]),
    Route("/api/v1/sites/{key}/problems/{number}", problem, methods=["GET"]),
    Route("/api/v1/sites/{key}/clusters", map_clusters, methods=["GET"]),
    Route("/api/v1/sites/{key}/similar", similar_problems, methods=["GET"]),
    *statistics_routes,
]
