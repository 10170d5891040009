"""Serve a site's collections, and their entries by the handlers of problems."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.browse import api, coverage, open_data_routes, statistics_api
from widget_api.errors import NotFound
from widget_api.problems import api as problems
from widget_api.problems import attachments_routes
from widget_api.sites import collection, presets, service, view
from widget_api.sites import routes as sites
from widget_api.sites.http import in_collection


async def list_collections(request: Request) -> Response:
    """Handle GET /sites/{key}/collections."""
    context = web.context(request)
    site, version = await service.by_key_with_version(context.database, request.path_params["key"])
    found = await collection.list_collections(context.database, site)
    asked = request.query_params.get("lang")
    language = i18n.supported_language(asked) if asked else site.language
    tag = web.make_etag(site.id, version, "collections", language, *(version for _, version, _ in found))
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    public_url = context.settings.public_url
    return web.cacheable_response(
        {
            "items": [
                view.collection_values(presets.localize(child, language), count, public_url)
                for child, _, count in found
            ]
        },
        tag,
    )


async def get_coverage(request: Request) -> Response:
    """Handle GET /sites/{key}/collections/{slug}/coverage, where the collection asks for regions and kinds."""
    context = web.context(request)
    site, version = await service.by_key_with_version(context.database, request.path_params["key"])
    tag = web.make_etag(site.id, version, "coverage")
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    found = await coverage.read(context.database, site, version)
    if found is None:
        raise NotFound
    return web.cacheable_response(coverage.public_values(found), tag)


async def add_support(request: Request) -> Response:
    """Handle POST /sites/{key}/collections/{slug}/entries/{number}/support, where that is the collection's action."""
    site = await service.by_key(web.context(request).database, request.path_params["key"])
    if site.collection is None or site.collection.action != "support":
        raise NotFound
    return await problems.add_support(request)


_PATH = "/api/v1/sites/{key}/collections"
_ENTRIES = f"{_PATH}/{{slug}}/entries"

_ENTRY_ROUTES = (
    (f"{_PATH}/{{slug}}", "GET", sites.get_configuration),
    (f"{_PATH}/{{slug}}/photos", "POST", attachments_routes.upload_photo),
    (f"{_PATH}/{{slug}}/place", "GET", sites.check_place),
    (f"{_PATH}/{{slug}}/area", "GET", sites.get_area),
    (f"{_PATH}/{{slug}}/clusters", "GET", api.map_clusters),
    (f"{_PATH}/{{slug}}/similar", "GET", api.similar_problems),
    (f"{_PATH}/{{slug}}/stats", "GET", statistics_api.stats),
    (f"{_PATH}/{{slug}}/coverage", "GET", get_coverage),
    (_ENTRIES, "GET", api.problems),
    (_ENTRIES, "POST", problems.report),
    (f"{_ENTRIES}.geojson", "GET", open_data_routes.serve_geojson),
    (f"{_ENTRIES}.csv", "GET", open_data_routes.serve_csv),
    (f"{_ENTRIES}/{{number}}", "GET", api.problem),
    (f"{_ENTRIES}/{{number}}/support", "POST", add_support),
)
routes: list[BaseRoute] = [
    Route(_PATH, list_collections, methods=["GET"]),
    *(Route(path, in_collection(handler), methods=[method]) for path, method, handler in _ENTRY_ROUTES),
]
