"""Serve /mine: request a mailed link to all reports of an address, and list them under that link."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.context import Context
from widget_api.database import Row
from widget_api.errors import Invalid, TooMany
from widget_api.mail import links
from widget_api.problems.wording import first_line
from widget_api.residents import forms, my_reports_service
from widget_api.sites import service as sites

_FIRST_LINE_LENGTH = 90  # characters of each report


async def show_request_form(request: Request) -> Response:
    """GET /mine"""
    return _render_request_form(request, asked="asked" in request.query_params)


def _render_request_form(
    request: Request, status: int = 200, email: str = "", error: str = "", asked: bool = False
) -> Response:
    return web.html_response(
        request, "resident/ask_reports.html", status, private=True, email=email, error=error, asked=asked
    )


async def request_link(request: Request) -> Response:
    """POST /mine. The response is the same for every address."""
    context, language = web.context(request), web.negotiate_language(request)
    email = forms.parse_form(await web.read_body(request, forms.MAX_FORM_SIZE)).one("email")
    try:
        await context.limits.hit("reports_links", web.client_address(request))
        await my_reports_service.request_link(context, email)
    except Invalid as error:
        sentence = i18n.field_error(language, "email", error.fields[0].code, error.fields[0].values)
        return _render_request_form(request, 422, email[:254], sentence)
    except TooMany as error:
        response = _render_request_form(request, 429, email[:254], web.error_detail(language, error))
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    return web.see_other("/mine?asked=1" + web.language_query(request).replace("?", "&"))


async def show_reports(request: Request) -> Response:
    """GET /mine/{token}"""
    context = web.context(request)
    language = web.negotiate_language(request)
    rows, followed = await my_reports_service.read_reports(context, request.path_params["token"])
    return web.html_response(
        request,
        "resident/reports.html",
        language=language,
        private=True,
        reports=[
            {**_row_view(language, row), "href": links.track_url(context, row["id"], row["link_id"])} for row in rows
        ],
        followed=[
            {
                **_row_view(language, row),
                "href": await _page_url(context, row),
                "stop_href": links.unfollow_url(context, row["id"]),
            }
            for row in followed
        ],
        several_sites=len({row["site_name"] for row in (*rows, *followed)}) > 1,
    )


async def _page_url(context: Context, followed: Row) -> str:
    return links.problem_url(context, await sites.by_id(context.database, followed["site_id"]), followed["number"])


def _row_view(language: str, row: Row) -> dict[str, Any]:
    return {
        "number": row["number"],
        "status": row["status"],
        "duplicate_of": row["duplicate_of"],
        "asked": row["awaits"] == "author",
        "first_line": first_line(row["description"], _FIRST_LINE_LENGTH)
        or i18n.category_name(language, row["category"]),
        "day": i18n.format_day(language, row["created_at"], row["time_zone"]),
        "site": row["site_name"],
    }


routes: list[BaseRoute] = [
    Route("/mine", show_request_form, methods=["GET"]),
    Route("/mine", request_link, methods=["POST"]),
    Route("/mine/{token}", show_reports, methods=["GET"]),
]
