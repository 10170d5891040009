"""Serve the statistics of a site, as JSON and as a table by month, and those of all sites."""

from __future__ import annotations

from datetime import date

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, validation, web
from widget_api.browse import open_data_formats as formats
from widget_api.browse import published_figures, queries, received, statistics
from widget_api.browse.queries import SEPARATORS
from widget_api.sites import service, store
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site
from widget_api.validation import Language

_COST = 2  # of a part of the figures, in the units of Filters.cost


def _query(asked: queries.Figures, site: Site) -> statistics.Query:
    """Return which reports are counted. Raises Malformed if the site has no such district."""
    districts = tuple(district.id for district in site.districts)
    if asked.district and asked.district not in districts:
        raise validation.wrong_parameter("district", districts)
    return statistics.Query(sites=(site,), first=asked.first, last=asked.last, district=asked.district or None)


async def stats(request: Request) -> Response:
    """Handle GET /sites/{key}/stats?from&to&district."""
    context = web.context(request)
    asked = queries.parse_period(queries.Figures, request.query_params.multi_items())
    site, version = await service.by_key_with_version(context.database, request.path_params["key"])
    query = _query(asked, site)
    language = web.negotiate_language(request, site.language)
    now = clock.now()
    today = local_date(now, site.time_zone)
    tag = web.make_etag(site.id, version, today, "stats", language, query.first, query.last, query.district)
    headers = {"Vary": "Accept-Language", "Content-Language": language}
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304, headers=headers)
    async with web.expensive_read(request, site.id, _cost(query)):
        found = await published_figures.read(context.database, query, now, language)
        if site.districts:
            districts = await statistics.read_by(context.database, query, "district", now)
            found["by_district"] = published_figures.by_district(site.districts, districts)
    return web.cacheable_response(found, tag, headers=headers)


def _cost(query: statistics.Query) -> int:
    """Everything is a few rows a month, and asked for by every page; parts can be made up without end."""
    return _COST if query.first or query.last or query.district else 0


async def stats_csv(request: Request) -> Response:
    """Handle GET /sites/{key}/stats.csv?from&to&district&separator: a row for each month."""
    context = web.context(request)
    asked = queries.parse_period(queries.FiguresTable, request.query_params.multi_items())
    site, version = await service.by_key_with_version(context.database, request.path_params["key"])
    query = _query(asked, site)
    now = clock.now()
    today = local_date(now, site.time_zone)
    tag = web.make_etag(
        *(site.id, version, today, "stats.csv", query.first, query.last, query.district, asked.separator)
    )
    headers = {
        "Content-Disposition": f'attachment; filename="{formats.filename(site.jurisdiction)}-{today}-stats.csv"',
        "Link": f'<{formats.license_url(site.license)}>; rel="license"',
    }
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304, headers=headers)
    async with web.expensive_read(request, site.id, _COST):
        months = await statistics.read_by_month(context.database, query, now)
        outcomes = await received.read_by_month(context.database, query, now)
    separator, none, nothing = SEPARATORS[asked.separator], statistics.combine(()), received.Received()
    shown = _every_month(min(months | outcomes, default=""), min(query.last or today, today))
    rows = [published_figures.row(month, months.get(month, none), outcomes.get(month, nothing)) for month in shown]
    content = formats.header(separator, published_figures.COLUMNS) + formats.table(rows, separator)
    return web.cacheable_response(content, tag, headers=headers, media_type=formats.CSV_TYPE)


def _every_month(first: str, last: date) -> list[str]:
    """List the months from the first, which is empty if there is none, to that of a day."""
    shown = list[str]()
    while first and (not shown or shown[-1] < f"{last:%Y-%m}"):
        shown.append(f"{statistics.add_months(date.fromisoformat(f'{first}-01'), len(shown)):%Y-%m}")
    return shown


async def instance_stats(request: Request) -> Response:
    """Handle GET /stats: all enabled sites together."""
    context = web.context(request)
    validation.values(request.query_params.multi_items(), validation.names(Language))
    counted = await store.count_sites(context.database)
    now = clock.now()
    tag = web.make_etag("stats", *counted, now // 3600)  # what waits too long changes with the day of each site
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    async with web.expensive_read(request, "", published_figures.COST_OF_ALL):
        found = await published_figures.read_instance(context.database, counted, now)
    return web.cacheable_response(found, tag)


routes: list[BaseRoute] = [
    Route("/api/v1/sites/{key}/stats", stats, methods=["GET"]),
    Route("/api/v1/sites/{key}/stats.csv", stats_csv, methods=["GET"]),
    Route("/api/v1/stats", instance_stats, methods=["GET"]),
]
