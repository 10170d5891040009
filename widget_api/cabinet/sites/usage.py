"""Serve /cabinet/sites/{site_id}/usage: reports by month, where and in which version the widget works, what failed."""

from __future__ import annotations

from datetime import date
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.browse import statistics
from widget_api.cabinet.http import language_of, render_page, require_user
from widget_api.cabinet.sites.settings import PATH, find_site
from widget_api.deliveries.delays import read_delays
from widget_api.people.model import User
from widget_api.sites.deadlines import local_date
from widget_api.sites.install import overview, service
from widget_api.sites.model import Site


async def show_usage(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/usage"""
    site, context, language = await find_site(request, user), web.context(request), language_of(request, user)
    found = await service.read_overview(context.database, context.settings, site)
    today = local_date(clock.now(), site.time_zone)
    months = await statistics.read_months(context.database.in_threads(), statistics.Query(sites=(site,)), today)
    return render_page(
        request,
        user,
        "site_usage.html",
        site=site,
        found=overview.page_values(language, found, site),
        failures=_describe_failures(language, site, found.failures),
        months=[
            (i18n.format_month(language, date.fromisoformat(f"{month.month}-01")), month.received, month.answered)
            for month in reversed(months)
        ],
        delays=await read_delays(context.database),
        section="sites",
        here=f"{PATH}/{site.id}/usage",
    )


def _describe_failures(language: str, site: Site, failures: tuple[overview.Finding, ...]) -> list[dict[str, Any]]:
    return [
        {
            "text": i18n.text(language, f"install.findings.{one.code}", origin=one.origin),
            "count": one.count,
            "moment": i18n.format_moment(language, one.last_at, site.time_zone),
        }
        for one in failures
    ]


routes: list[BaseRoute] = [Route(PATH + "/{site_id}/usage", require_user(show_usage), methods=["GET"])]
