"""Serve the report of a period, for heads and administrators: a printable page, a workbook of Excel, a publication."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from functools import partial
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, journal, web
from widget_api.browse import published_reports, regional_report
from widget_api.cabinet.analytics import report_sheet
from widget_api.cabinet.analytics.scope import Scope, describe_filters, read_scope, template_values
from widget_api.cabinet.http import (
    XLSX_TYPE,
    file_headers,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.errors import NotFound
from widget_api.people import report_letters
from widget_api.people.model import User
from widget_api.people.report_letters import REPORT_PATH
from widget_api.people.store import list_visible_sites
from widget_api.sites.model import Site


async def show_report(request: Request, user: User) -> Response:
    """GET /cabinet/analytics/report?from&to&site&category&service&district"""
    scope, language, database = (
        await read_scope(request, user),
        language_of(request, user),
        web.context(request).database,
    )
    content = await regional_report.read(database.in_threads(), scope.query, scope.now)
    site = await _find_site(request, user, scope)
    published = await published_reports.list_reports(database, site.id) if site else []
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
        letters=[
            (one, i18n.text(language, f"report.letters.{one or 'never'}")) for one in ("", *report_letters.PERIODS)
        ],
        every=await report_letters.find_choice(database, user),
        of=site,
        published=[published_reports.link(language, site, row) for row in published] if site else [],
        may_publish=_is_whole(scope) and _days(scope) not in [(row["first_day"], row["last_day"]) for row in published],
    )


async def get_xlsx(request: Request, user: User) -> Response:
    """GET /cabinet/analytics/report.xlsx with the parameters of the page."""
    scope, language, context = await read_scope(request, user), language_of(request, user), web.context(request)
    await context.limits.hit("exports", web.client_address(request), user.id)
    content = await regional_report.read(context.database.in_threads(), scope.query, scope.now)
    title = f"{i18n.text(language, 'report.heading')}: {_period(language, scope)}"
    report = report_sheet.Report(
        language=language,
        titles=[title, *_describe(language, scope, user)],
        content=content,
        names=_category_names(scope),
    )
    book = await asyncio.to_thread(report_sheet.write, report)
    details: dict[str, journal.Detail] = {"what": "report", "format": "xlsx"}
    site_id = scope.query.sites[0].id if len(scope.query.sites) == 1 else None
    await journal.note(context.database, "exported", journal_user(request, user), site_id=site_id, details=details)
    return Response(book, headers=file_headers(f"report-{scope.today}.xlsx"), media_type=XLSX_TYPE)


def _period(language: str, scope: Scope) -> str:
    return regional_report.period_text(language, scope.query, date.min)  # with the year, for paper


def _describe(language: str, scope: Scope, user: User) -> list[str]:
    """Whose report it is, of which sites and of which of their reports, and when it was made."""
    only = ", ".join(describe_filters(language, scope))
    return [
        user.agency_name or "",
        ", ".join(site.name for site in scope.query.sites),
        *([i18n.text(language, "report.only", what=only)] if only else []),
        i18n.text(language, "report.made", day=i18n.format_date(language, scope.today, today=date.min)),
    ]


def _category_names(scope: Scope) -> Mapping[str, str | None]:
    return {category.code: category.name for site in reversed(scope.query.sites) for category in site.categories}


# --- publication -----------------------------------------------------------------------------------------------------


async def _find_site(request: Request, user: User, scope: Scope) -> Site | None:
    """The one site whose report this is, if it is of the user's agency or of one below: they publish its reports."""
    if not user.may("statistics.publish"):
        return None
    visible = {site.id for site in await list_visible_sites(web.context(request).database, user) if site.kind == "site"}
    return scope.query.sites[0] if len(scope.query.sites) == 1 and scope.query.sites[0].id in visible else None


def _is_whole(scope: Scope) -> bool:
    """Whether these are all reports of a period that has ended."""
    query = scope.query
    whole = (query.category, query.service, query.district) == (None, None, None) and not scope.wrong
    return whole and query.first is not None and query.last is not None and query.last < scope.today


def _days(scope: Scope) -> tuple[str, str]:
    return str(scope.query.first), str(scope.query.last)


async def publish(request: Request, user: User) -> Response:
    """POST /cabinet/analytics/report/publish with the parameters of the page."""
    await session_fields(request)
    scope, database = await read_scope(request, user), web.context(request).database
    site = await _find_site(request, user, scope)
    if site is None or not _is_whole(scope):
        raise NotFound
    content = await regional_report.read(database.in_threads(), scope.query, scope.now)
    await published_reports.publish(database, site.id, *_days(scope), content, journal_user(request, user))
    return web.see_other(f"{scope.url(REPORT_PATH)}#publishing")


async def withdraw(request: Request, user: User) -> Response:
    """POST /cabinet/analytics/report/{report_id}/withdraw"""
    await session_fields(request)
    database = web.context(request).database
    report = await published_reports.find(database, path_identifier(request, "report_id"))
    visible = {site.id for site in await list_visible_sites(database, user)}
    if report is None or report["site_id"] not in visible:
        raise NotFound
    await published_reports.withdraw(database, report, journal_user(request, user))
    period = {"from": report["first_day"], "to": report["last_day"], "site": report["site_id"]}
    return web.see_other(f"{REPORT_PATH}?{urlencode(period)}#publishing")


async def choose_letters(request: Request, user: User) -> Response:
    """POST /cabinet/analytics/report/letters with the parameters of the page."""
    fields, scope = await session_fields(request), await read_scope(request, user)
    await report_letters.choose(web.context(request).database, user, fields.get("every", ""), scope.now)
    return web.see_other(f"{scope.url(REPORT_PATH)}#letters")


routes: list[BaseRoute] = [
    Route(REPORT_PATH, require_user(show_report), methods=["GET"]),
    Route(f"{REPORT_PATH}.xlsx", require_user(get_xlsx), methods=["GET"]),
    Route(
        f"{REPORT_PATH}/publish", require_user(publish, keeps=False, requires="statistics.publish"), methods=["POST"]
    ),
    Route(
        REPORT_PATH + "/{report_id}/withdraw",
        require_user(withdraw, keeps=False, requires="statistics.publish"),
        methods=["POST"],
    ),
    Route(f"{REPORT_PATH}/letters", require_user(choose_letters, keeps=False), methods=["POST"]),
]
