"""Serve the report of a period, for heads and administrators: one printable page, and a workbook of Excel."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, journal, web
from widget_api.browse import regional_report
from widget_api.cabinet import report_sheet
from widget_api.cabinet.analytics_scope import PATH, Scope, read_scope, template_values
from widget_api.cabinet.http import journal_user, language_of, render_page, require_user
from widget_api.people.model import User

REPORT_PATH = f"{PATH}/report"
_MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


async def show_report(request: Request, user: User) -> Response:
    """GET /cabinet/analytics/report?from&to&site&category&service&district"""
    scope, language = await read_scope(request, user), language_of(request, user)
    content = await regional_report.read(web.context(request).database.in_threads(), scope.query, scope.now)
    return render_page(
        request,
        user,
        "report.html",
        **{**template_values(language, scope, REPORT_PATH), "period": _period(language, scope)},
        version="",  # what is to be printed does not change meanwhile
        about=_describe(language, scope, user),
        lines=regional_report.make_lines(language, content),
        topics=regional_report.make_topics(language, content, _category_names(scope)),
        show=partial(regional_report.format_value, language),
    )


async def get_xlsx(request: Request, user: User) -> Response:
    """GET /cabinet/analytics/report.xlsx with the parameters of the page."""
    scope, language, context = await read_scope(request, user), language_of(request, user), web.context(request)
    await context.limits.hit("exports", web.client_address(request), user.id)
    content = await regional_report.read(context.database.in_threads(), scope.query, scope.now)
    report = report_sheet.Report(
        language=language,
        titles=[
            f"{i18n.text(language, 'report.heading')}: {_period(language, scope)}",
            *_describe(language, scope, user),
        ],
        content=content,
        names=_category_names(scope),
    )
    book = await asyncio.to_thread(report_sheet.write, report)
    details: dict[str, journal.Detail] = {"what": "report", "format": "xlsx"}
    site_id = scope.query.sites[0].id if len(scope.query.sites) == 1 else None
    await journal.note(context.database, "exported", journal_user(request, user), site_id=site_id, details=details)
    headers = {
        "Content-Disposition": f'attachment; filename="report-{scope.today}.xlsx"',
        "Cache-Control": "private, no-store",
    }
    return Response(book, headers=headers, media_type=_MEDIA_TYPE)


def _period(language: str, scope: Scope) -> str:
    return regional_report.period_text(language, scope.query, date.min)  # with the year, for paper


def _describe(language: str, scope: Scope, user: User) -> list[str]:
    """Whose report it is, of which sites and of which of their reports, and when it was made."""
    service, district = scope.query.service, scope.query.district
    chosen = [
        scope.name("categories", scope.query.category or ""),
        i18n.text(language, "analytics.services.none") if service == "" else scope.name("services", service or ""),
        i18n.text(language, "analytics.districts.none") if district == "" else scope.name("districts", district or ""),
    ]
    only = ", ".join(filter(None, chosen))
    return [
        user.agency_name or "",
        ", ".join(site.name for site in scope.query.sites),
        *([i18n.text(language, "report.only", what=only)] if only else []),
        i18n.text(language, "report.made", day=i18n.format_date(language, scope.today, today=date.min)),
    ]


def _category_names(scope: Scope) -> Mapping[str, str | None]:
    return {category.code: category.name for site in reversed(scope.query.sites) for category in site.categories}


routes: list[BaseRoute] = [
    Route(REPORT_PATH, require_user(show_report), methods=["GET"]),
    Route(f"{REPORT_PATH}.xlsx", require_user(get_xlsx), methods=["GET"]),
]
