"""Serve GET /sites/{key}/problems.geojson and .csv: open data of all published problems of a site."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.browse import listing, open_data, open_data_formats
from widget_api.browse.queries import SEPARATORS, Export, Ordered, Selection
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date


async def geojson(request: Request) -> Response:
    """Handle GET /sites/{key}/problems.geojson."""
    database = web.context(request).database
    return await _answer(
        request, Ordered, "geojson", "application/geo+json", lambda export, _: open_data.geojson(database, export)
    )


async def csv(request: Request) -> Response:
    """Handle GET /sites/{key}/problems.csv. `separator=semicolon` is for countries with a decimal comma."""
    database = web.context(request).database
    return await _answer(
        request,
        Export,
        "csv",
        "text/csv; charset=utf-8; header=present",
        lambda export, separator: open_data.csv(database, export, separator),
    )


async def _answer(
    request: Request,
    query: type[Selection],
    ending: str,
    media_type: str,
    pieces: Callable[[open_data.Export, str], AsyncIterator[bytes]],
) -> Response:
    """Stream a file. Its ETag is weak: a file made a minute later has another time and the same data."""
    context = web.context(request)
    site, version = await sites.by_key_with_version(context.database, request.path_params["key"])
    filters = listing.parse(request.query_params.multi_items(), site, query)
    separator = SEPARATORS[request.query_params.get("separator") or "comma"]
    # The browser's language is ignored, so that a file is the same for everybody.
    language = i18n.supported_language(request.query_params.get("lang") or site.language)
    today = local_date(clock.now(), site.time_zone)
    tag = web.make_etag(site.id, version, today, ending, request.url.query, language, weak=True)
    headers = {
        "ETag": tag,
        "Cache-Control": web.SHARED_CACHE_CONTROL,
        "Content-Language": language,
        "Content-Disposition": f'attachment; filename="{_filename(site.jurisdiction)}-{today}.{ending}"',
        "Link": f'<{open_data_formats.license_url(site.license)}>; rel="license"',
    }
    if web.is_not_modified(request, tag):
        return Response(status_code=304, headers=headers)
    await context.limits.hit("exports", web.client_address(request), site.id)
    export = open_data.Export(
        site=site, filters=filters, today=today, language=language, public_url=context.settings.public_url
    )
    return web.StreamedResponse(pieces(export, separator), headers, media_type)


def _filename(jurisdiction: str) -> str:
    """Return a file name of characters that every file system accepts."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", jurisdiction).strip("-.") or "problems"


routes: list[BaseRoute] = [
    Route("/api/v1/sites/{key}/problems.geojson", geojson, methods=["GET"]),
    Route("/api/v1/sites/{key}/problems.csv", csv, methods=["GET"]),
]
