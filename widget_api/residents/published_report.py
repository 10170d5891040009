"""Serve the reports of a period that an agency published, as they were on that day."""

from __future__ import annotations

from functools import partial

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.browse import published_reports, regional_report
from widget_api.errors import NotFound
from widget_api.residents import site_pages_view
from widget_api.sites import service


async def show_report(request: Request) -> Response:
    """GET /s/{key}/reports/{first}--{last}"""
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    language = web.negotiate_language(request, site.language)
    first, _, last = request.path_params["period"].partition("--")
    if not (clock.is_date(first) and clock.is_date(last)):
        raise NotFound
    report = await published_reports.read(context.database, site.id, first, last)
    if report is None:
        raise NotFound
    content, link = orjson.loads(report["content"]), published_reports.link(language, site, report)
    return web.html_response(
        request,
        "city/report.html",
        public=True,
        language=language,
        site=site,
        here=f"/s/{site.key}",
        files=site_pages_view.files_query([], site, language),
        lines=regional_report.make_lines(language, content),
        topics=regional_report.make_topics(language, content, {one.code: one.name for one in site.categories}),
        show=partial(regional_report.format_value, language),
        made=link["made"],
        meta={
            "title": f"{i18n.text(language, 'report.heading')}: {link['period']}",
            "description": i18n.text(language, "city.lead", site=site.name),
            "address": context.settings.public_url + link["href"],
            "image": None,
            "kind": "article",
            "unlisted": False,
            "structured_data": None,
        },
    )


routes: list[BaseRoute] = [Route("/s/{key}/reports/{period}", show_report, methods=["GET"])]
