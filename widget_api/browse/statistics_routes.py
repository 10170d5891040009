"""Serve GET /sites/{key}/stats: the statistics of a site."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.browse import statistics
from widget_api.browse.statistics import Statistics
from widget_api.sites import service
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site
from widget_api.validation import Language, names, values


async def stats(request: Request) -> Response:
    """Handle GET /sites/{key}/stats."""
    context = web.context(request)
    # Refuse filters: a client must not mistake the totals for a filtered result.
    values(request.query_params.multi_items(), names(Language))
    site, version = await service.by_key_with_version(context.database, request.path_params["key"])
    language = web.negotiate_language(request, site.language)
    today = local_date(clock.now(), site.time_zone)
    tag = web.make_etag(site.id, version, today, "stats", language)
    headers = {"Vary": "Accept-Language", "Content-Language": language}
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304, headers=headers)
    figures = await statistics.read(context.database, site.id, today)
    return web.cacheable_response(as_json(figures, site, language), tag, headers=headers)


def as_json(figures: Statistics, site: Site, language: str) -> dict[str, Any]:
    return {
        "total": figures.total,
        "open": figures.open,
        "resolved": figures.resolved,
        "overdue": figures.overdue,
        "by_status": dict(figures.by_status),
        "by_category": [
            {
                "code": category.code,
                "name": category_name(site, language, category.code),
                "total": category.total,
                "open": category.open,
                "resolved": category.resolved,
            }
            for category in figures.by_category
        ],
        "by_month": [
            {"month": month.month, "received": month.received, "answered": month.answered} for month in figures.by_month
        ],
        "median_days": figures.median_days,
        "share_resolved": figures.share_resolved,
    }


def category_name(site: Site, language: str, code: str) -> str:
    category = site.category(code)
    return i18n.category_name(language, code, category.name if category else None)


routes: list[BaseRoute] = [Route("/api/v1/sites/{key}/stats", stats, methods=["GET"])]
