"""GET /sites/{key}/problems.geojson and .csv: open data of everything a site has published."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.browse import listing
from widget_api.browse.open_data import model, service
from widget_api.browse.queries import SEPARATORS, Export, Ordered, Selection
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date


async def geojson(request: Request) -> Response:
    """GET /sites/{key}/problems.geojson"""
    database = web.context(request).database
    return await _answer(
        request, Ordered, "geojson", "application/geo+json", lambda export, _: service.geojson(database, export)
    )


async def csv(request: Request) -> Response:
    """GET /sites/{key}/problems.csv. `separator=semicolon` is for spreadsheets of countries with a decimal comma."""
    database = web.context(request).database
    return await _answer(
        request,
        Export,
        "csv",
        "text/csv; charset=utf-8; header=present",
        lambda export, separator: service.csv(database, export, separator),
    )


async def _answer(
    request: Request,
    query: type[Selection],
    ending: str,
    media_type: str,
    pieces: Callable[[service.Export, str], AsyncIterator[bytes]],
) -> Response:
    """The file, under a weak tag: one made a minute later says another time and is the same data."""
    context = web.context(request)
    site, version = await sites.current(context.database, request.path_params["key"])
    filters = listing.parse(request.query_params.multi_items(), site, query)
    separator = SEPARATORS[request.query_params.get("separator") or "comma"]
    # Names are in one language however a browser is set, so that a file is the same for everybody.
    language = i18n.known(request.query_params.get("lang") or site.language)
    today = local_date(clock.now(), site.time_zone)
    tag = web.make_etag(site.id, version, today, ending, request.url.query, language, weak=True)
    headers = {
        "ETag": tag,
        "Cache-Control": web.SHARED_CACHE_CONTROL,
        "Content-Language": language,
        "Content-Disposition": f'attachment; filename="{_filename(site.jurisdiction)}-{today}.{ending}"',
        "Link": f'<{model.license_url(site.license)}>; rel="license"',
    }
    if web.is_not_modified(request, tag):
        return Response(status_code=304, headers=headers)
    await context.limits.hit("exports", web.client_address(request), site.id)
    export = service.Export(
        site=site, filters=filters, today=today, language=language, public_url=context.settings.public_url
    )
    return web.StreamedResponse(pieces(export, separator), headers, media_type)


def _filename(jurisdiction: str) -> str:
    """Of letters every system takes."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", jurisdiction).strip("-.") or "problems"


routes: list[BaseRoute] = [
    Route("/api/v1/sites/{key}/problems.geojson", geojson, methods=["GET"]),
    Route("/api/v1/sites/{key}/problems.csv", csv, methods=["GET"]),
]
