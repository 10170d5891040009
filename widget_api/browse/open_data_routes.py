"""Serve GET /sites/{key}/problems.geojson and .csv: open data of all published problems of a site.

Files are written page by page. Connections and transactions are released after each page.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.browse import listing, queries
from widget_api.browse import open_data_formats as formats
from widget_api.browse.queries import SEPARATORS, Ordered, Selection
from widget_api.database import Database, Row
from widget_api.sites import service as sites
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

PAGE = 200  # problems; a quarter of a megabyte
PORTION = 40  # problems rendered without yielding to other requests: 2 ms


@dataclass(frozen=True, kw_only=True)
class Export:
    """The parameters of an export. `today` is the current date at the site, `language` that of names."""

    site: Site
    filters: listing.Filters
    today: date
    language: str
    public_url: str


async def csv(database: Database, export: Export, separator: str) -> AsyncIterator[bytes]:
    """Yield pieces of a CSV file with a header."""
    columns = (*formats.COLUMNS, *_entry_columns(export.site))
    head = formats.header(separator, columns)
    async for items in _pages(database, export):
        yield head + formats.lines(items, separator, columns)
        head = b""
    if head:
        yield head


def _entry_columns(site: Site) -> list[str]:
    """The columns that a collection has beside those of problems: an answer to each of its questions."""
    return ["title", *(f"answers.{one.code}" for one in site.fields), "participants"] if site.collection else []


async def geojson(database: Database, export: Export) -> AsyncIterator[bytes]:
    """Yield pieces of a FeatureCollection."""
    before = formats.collection_head(
        {
            "license": formats.license_url(export.site.license),
            "attribution": f"{export.site.name}, {export.site.agency.name}",
            "generated_at": clock.rfc3339(clock.now()),
        }
    )
    async for items in _pages(database, export):
        yield before + b",\n".join(orjson.dumps(formats.feature(item)) for item in items)
        before = b",\n"
    yield b"]}" if before == b",\n" else before + b"]}"


async def _pages(database: Database, export: Export) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """Yield portions in the filter's order. Each page is read anew, in its state at that time.

    Reads run in a thread: a file has hundreds of pages, which would block other requests of the event loop.
    """
    database, filters = database.in_threads(), export.filters
    while True:
        rows = await listing.rows(database, export.site.id, filters, export.today, PAGE)
        for first in range(0, len(rows), PORTION):
            portion = rows[first : first + PORTION]
            yield [_named(row, export) for row in portion]
        if len(rows) < PAGE:
            return
        filters = replace(filters, after=listing.position(filters, rows[-1]))


def _named(row: Row, export: Export) -> dict[str, Any]:
    item = listing.item(row, export.today, export.site, export.public_url, export.language)
    return {
        "number": item["number"],
        "url": item["url"],
        "status": item["status"],
        "status_name": i18n.text(export.language, f"status.{item['status']}"),
        **{name: value for name, value in item.items() if name not in ("number", "url", "status")},
    }


async def serve_geojson(request: Request) -> Response:
    """Handle GET /sites/{key}/problems.geojson."""
    database = web.context(request).database
    return await _answer(
        request, Ordered, "geojson", "application/geo+json", lambda export, _: geojson(database, export)
    )


async def serve_csv(request: Request) -> Response:
    """Handle GET /sites/{key}/problems.csv. `separator=semicolon` is for countries with a decimal comma."""
    database = web.context(request).database
    return await _answer(
        request,
        queries.Export,
        "csv",
        formats.CSV_TYPE,
        lambda export, separator: csv(database, export, separator),
    )


async def _answer(
    request: Request,
    query: type[Selection],
    ending: str,
    media_type: str,
    pieces: Callable[[Export, str], AsyncIterator[bytes]],
) -> Response:
    """Stream the problems of a filter."""
    context = web.context(request)
    site, version = await sites.by_key_with_version(context.database, request.path_params["key"])
    filters = listing.parse(request.query_params.multi_items(), site, query)
    separator = SEPARATORS[request.query_params.get("separator") or "comma"]
    # The browser's language is ignored, so that a file is the same for everybody.
    language = i18n.supported_language(request.query_params.get("lang") or site.language)
    today = local_date(clock.now(), site.time_zone)
    export = Export(site=site, filters=filters, today=today, language=language, public_url=context.settings.public_url)
    return await stream_file(
        request, site, version, language, f".{ending}", media_type, lambda: pieces(export, separator)
    )


async def stream_file(
    request: Request,
    site: Site,
    version: int,
    language: str,
    ending: str,
    media_type: str,
    pieces: Callable[[], AsyncIterator[bytes]],
) -> Response:
    """Stream a file of a site. Its ETag is weak: a file made a minute later has another time and the same data."""
    context = web.context(request)
    today = local_date(clock.now(), site.time_zone)
    tag = web.make_etag(site.id, version, today, ending, request.url.query, language, weak=True)
    headers = {
        "ETag": tag,
        "Cache-Control": web.SHARED_CACHE_CONTROL,
        "Content-Language": language,
        "Content-Disposition": f'attachment; filename="{formats.filename(site.file_name)}-{today}{ending}"',
        "Link": f'<{formats.license_url(site.license)}>; rel="license"',
    }
    if web.is_not_modified(request, tag):
        return Response(status_code=304, headers=headers)
    await context.limits.hit("exports", web.client_address(request), site.id)
    return web.StreamedResponse(pieces(), headers, media_type)


routes: list[BaseRoute] = [
    Route("/api/v1/sites/{key}/problems.geojson", serve_geojson, methods=["GET"]),
    Route("/api/v1/sites/{key}/problems.csv", serve_csv, methods=["GET"]),
]
