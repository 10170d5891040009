"""Serve the mailed pages of a report's author and the tracking by number and code; collect all routes for residents.

The token in the address authorises, so no form here needs a cookie, and mail programs may post too (RFC 8058).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.errors import TooMany
from widget_api.mail import links
from widget_api.problems import forms, lifecycle
from widget_api.problems.forms import Form
from widget_api.residents import problem_forms, service
from widget_api.residents.application import routes as application
from widget_api.residents.collections import routes as collections
from widget_api.residents.comments import routes as discussion
from widget_api.residents.feeds import routes as feeds
from widget_api.residents.followers import routes as following
from widget_api.residents.my_reports import routes as reports
from widget_api.residents.participation import routes as participation
from widget_api.residents.printed import routes as printed
from widget_api.residents.private_page import routes as private
from widget_api.residents.published_report import routes as published
from widget_api.residents.renewals import routes as renewals
from widget_api.residents.report import routes as report
from widget_api.residents.site_pages import routes as city
from widget_api.residents.visits import routes as visits
from widget_api.signing import Purpose
from widget_api.sites import service as sites
from widget_api.sites.model import Site
from widget_api.web import pages
from widget_api.web.brute_force import Attempt

_YEAR = 365 * clock.DAY


async def _read_form(request: Request) -> Form:
    return forms.parse_form(await web.read_body(request, forms.MAX_FORM_SIZE))


# --- the mailed pages ----------------------------------------------------------------------------------------------


async def show_confirmation(request: Request) -> Response:
    """GET /confirm/{token}. Only the button confirms, since mail scanners follow links."""
    context, token = web.context(request), request.path_params["token"]
    site, problem = await service.read_link(context, Purpose.CONFIRM, token)
    named = links.read_link(context, Purpose.CONFIRM, token)
    same = named is not None and named.link_id == problem["link_id"]
    state = await service.confirmation_state(context, problem)
    return web.html_response(
        request,
        "resident/confirm.html",
        private=True,
        language=web.negotiate_language(request, problem["language"]),
        site=site,
        problem=problem,
        state=state,
        action=f"/confirm/{token}",
        track_url=links.track_url(context, problem["id"], problem["link_id"])
        if same and state == "confirmed"
        else None,
    )


async def confirm_report(request: Request) -> Response:
    """POST /confirm/{token}"""
    context, token = web.context(request), request.path_params["token"]
    site, problem = await service.read_link(context, Purpose.CONFIRM, token)  # invalid links count towards no limit
    await context.limits.hit("confirmations", web.client_address(request))
    await lifecycle.confirm(context.database, site.id, problem["id"])
    return web.see_other(f"/confirm/{token}{web.language_query(request)}")


async def show_unsubscribe_page(request: Request) -> Response:
    """GET /unsubscribe/{token}"""
    context, token = web.context(request), request.path_params["token"]
    site, problem = await service.read_link(context, Purpose.UNSUBSCRIBE, token)
    return web.html_response(
        request,
        "resident/unsubscribe.html",
        private=True,
        language=web.negotiate_language(request, problem["language"]),
        site=site,
        problem=problem,
        mailing=await service.sends_letters(context, problem),
        action=f"/unsubscribe/{token}",
    )


async def unsubscribe(request: Request) -> Response:
    """POST /unsubscribe/{token}, by the button or by a mail program."""
    context, token = web.context(request), request.path_params["token"]
    _, problem = await service.read_link(context, Purpose.UNSUBSCRIBE, token)
    await service.stop_letters(context.database, problem["id"])
    return await problem_forms.answer_unsubscribe(request)


# --- number and code -----------------------------------------------------------------------------------------------


async def _find_site(request: Request, key: str) -> Site | None:
    return await sites.by_key(web.context(request).database, key) if key else None


async def show_tracking_form(request: Request) -> Response:
    """GET /track"""
    key = request.query_params.get("site", "")
    site = await _find_site(request, key)
    return _render_tracking_form(request, site, Form({"number": [request.query_params.get("number", "")[:20]]}))


def _render_tracking_form(
    request: Request, site: Site | None, form: Form, status: int = 200, error: str = ""
) -> Response:
    language = web.negotiate_language(request, site.language if site else i18n.DEFAULT_LANGUAGE)
    return web.html_response(
        request,
        "resident/track.html",
        status,
        private=True,
        language=language,
        site=site,
        form=form,
        error=error,
    )


async def track_report(request: Request) -> Response:
    """POST /track"""
    context = web.context(request)
    form = await _read_form(request)
    site = await _find_site(request, form.one("site"))
    language = web.negotiate_language(request, site.language if site else i18n.DEFAULT_LANGUAGE)
    wanted = f"{site.id if site else ''} {service.normalise_number(form.one('number'))[:10]}"
    guess = Attempt(entry_point="tracking", secret=wanted, address=web.client_address(request))
    try:
        waited = await context.guesses.admit(guess)
    except TooMany as error:
        response = _render_tracking_form(request, site, form, 429, web.error_detail(language, error))
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    found = await service.find_by_code(context, site, form.one("number"), form.one("code"))
    if found is None:
        sentence = i18n.text(language, "resident.track.unknown")
        late = " " + i18n.text(language, "common.slowed") if waited else ""
        return _render_tracking_form(request, site, form, 422, sentence + late)
    await context.guesses.forgive(guess)
    return web.see_other(links.track_url(context, found["id"], found["link_id"]) + web.language_query(request))


# --- the pages' colours --------------------------------------------------------------------------------------------


async def set_display(request: Request) -> Response:
    """GET /display: store the visitor's theme in a cookie, then redirect back. The referring address is not logged."""
    response = web.see_other(_return_path(request))
    theme = request.query_params.get("theme", "")
    if theme in pages.THEMES:
        web.set_cookie(request, response, "theme", theme, max_age=_YEAR)
    else:
        web.delete_cookie(request, response, "theme")
    return response


def _return_path(request: Request) -> str:
    """The referring page, where it is one of this service; else the tracking form, which needs no key."""
    try:
        came_from = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return "/track"
    ours = (urlsplit(web.context(request).settings.public_url).netloc, request.url.netloc)
    if came_from.netloc not in ours or not came_from.path.startswith("/") or came_from.path.startswith("//"):
        return "/track"
    return came_from.path + (f"?{came_from.query}" if came_from.query else "")


routes: list[BaseRoute] = [
    Route("/confirm/{token}", show_confirmation, methods=["GET"]),
    Route("/confirm/{token}", confirm_report, methods=["POST"]),
    Route("/unsubscribe/{token}", show_unsubscribe_page, methods=["GET"]),
    Route("/unsubscribe/{token}", unsubscribe, methods=["POST"]),
    Route("/track", show_tracking_form, methods=["GET"]),
    Route("/track", track_report, methods=["POST"]),
    Route("/display", set_display, methods=["GET"]),
    *following,
    *discussion,
    *participation,
    *visits,
    *renewals,
    *private,
    *reports,
    *report,
    *printed,
    *published,
    *feeds,
    *application,
    *city,
    *collections,
]
