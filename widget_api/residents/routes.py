"""The private doors of a report's author: the mailed links, the page behind the tracking link, number and code.

The token in the address is the authority, so no form here needs a cookie, and mail programs may post too (RFC 8058).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from widget_api import http, i18n, pages
from widget_api.errors import Conflict, Invalid, NotFound, Refused, TooMany
from widget_api.residents import forms, links, private, service
from widget_api.residents.city.routes import routes as city
from widget_api.residents.forms import Form
from widget_api.residents.report.routes import routes as report
from widget_api.signing import Purpose
from widget_api.sites import service as sites
from widget_api.sites.model import Site

_ACTIONS = ("again", "confirmed", "reopened", "withdrawn", "stopped", "erased")
_DONE = (*_ACTIONS, "capped")
_YEAR = 365 * 86_400


def _page(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    response = http.html(request, template, status, private=True, **values)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    return response


def _to(address: str) -> Response:
    """After a form: a page to be fetched, so that reloading it sends nothing again."""
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


async def _form(request: Request) -> Form:
    return forms.parse(await http.body(request, forms.LIMIT))


# --- the mailed pages ----------------------------------------------------------------------------------------------


async def confirmation(request: Request) -> Response:
    """GET /confirm/{token}: mail scanners follow links, so looking confirms nothing; the button does."""
    context, token = http.context(request), request.path_params["token"]
    site, problem = await service.by_token(context, Purpose.CONFIRM, token)
    state = await service.confirmation_state(context, problem)
    return _page(
        request,
        "resident/confirm.html",
        language=http.language(request, problem["language"]),
        site=site,
        problem=problem,
        state=state,
        action=f"/confirm/{token}",
        track_url=links.track(context, problem["id"]) if state == "confirmed" else None,
    )


async def confirm(request: Request) -> Response:
    """POST /confirm/{token}"""
    context, token = http.context(request), request.path_params["token"]
    await context.limits.hit("confirmations", http.client_address(request))
    await service.confirm(context, token)
    return _to(f"/confirm/{token}{_kept_language(request)}")


async def unsubscription(request: Request) -> Response:
    """GET /unsubscribe/{token}"""
    context, token = http.context(request), request.path_params["token"]
    site, problem = await service.by_token(context, Purpose.UNSUBSCRIBE, token)
    return _page(
        request,
        "resident/unsubscribe.html",
        language=http.language(request, problem["language"]),
        site=site,
        problem=problem,
        mailing=await service.mailing(context, problem),
        action=f"/unsubscribe/{token}",
    )


async def unsubscribe(request: Request) -> Response:
    """POST /unsubscribe/{token}, by the button or by a mail program itself."""
    context, token = http.context(request), request.path_params["token"]
    _, problem = await service.by_token(context, Purpose.UNSUBSCRIBE, token)
    await service.stop_letters(context, problem["id"])
    return _to(f"/unsubscribe/{token}{_kept_language(request)}")


# --- the private page ----------------------------------------------------------------------------------------------


async def problem(request: Request) -> Response:
    """GET /t/{token}"""
    return await _problem(request)


async def _problem(request: Request, status: int = 200, **more: Any) -> Response:
    context, token = http.context(request), request.path_params["token"]
    site, found = await service.by_token(context, Purpose.TRACK, token)
    language = http.language(request, found["language"])
    done = request.query_params.get("done")
    values = await private.view(context, site, found, language)
    return _page(
        request,
        "resident/problem.html",
        status,
        language=language,
        address=f"/t/{token}",
        done=done if done in _DONE else None,
        **{"errors": {}, "reason": "", "message": None, **values, **more},
    )


async def act(request: Request) -> Response:
    """POST /t/{token}/{action}"""
    context, token = http.context(request), request.path_params["token"]
    action = request.path_params["action"]
    if action not in _ACTIONS:
        raise NotFound
    site, found = await service.by_token(context, Purpose.TRACK, token)
    await context.limits.hit("confirmations", http.client_address(request))
    language = http.language(request, found["language"])
    form = await _form(request)
    done = action
    try:
        if action == "again":
            done = "again" if await service.send_again(context, found["id"]) else "capped"
        elif action == "confirmed":
            await service.judge(context, site, found, solved=True)
        elif action == "reopened":
            await service.judge(context, site, found, solved=False, reason=form.one("reason").strip())
        elif action == "withdrawn":
            await service.withdraw(context, site, found)
        elif action == "stopped":
            await service.stop_letters(context, found["id"])
        else:
            await service.erase(context, site, found)
    except Invalid as error:
        first = error.fields[0]
        wrong = {"reason": i18n.field_error(language, "reason", first.code, first.values)}
        return await _problem(request, 422, errors=wrong, reason=form.one("reason"))
    except (Conflict, Refused) as error:  # clicked twice, or the agency was faster: the page as it is now says more
        return await _problem(request, 409, message=http.detail(language, error))
    kept = _kept_language(request).replace("?", "&")
    return _to(f"/t/{token}?done={done}{kept}")


# --- number and code -----------------------------------------------------------------------------------------------


async def _site_asked(request: Request, key: str) -> Site | None:
    return await sites.by_key(http.context(request).database, key) if key else None


async def tracking(request: Request) -> Response:
    """GET /track"""
    key = request.query_params.get("site", "")
    site = await _site_asked(request, key)
    return _tracking(request, site, Form({"number": [request.query_params.get("number", "")[:20]]}))


def _tracking(request: Request, site: Site | None, form: Form, status: int = 200, error: str = "") -> Response:
    language = http.language(request, site.language if site else i18n.DEFAULT_LANGUAGE)
    return _page(request, "resident/track.html", status, language=language, site=site, form=form, error=error)


async def track(request: Request) -> Response:
    """POST /track"""
    context = http.context(request)
    form = await _form(request)
    site = await _site_asked(request, form.one("site"))
    language = http.language(request, site.language if site else i18n.DEFAULT_LANGUAGE)
    try:
        await context.limits.hit("tracking", http.client_address(request))
        await context.limits.hit("tracking_number", site.id if site else "", service.digits(form.one("number"))[:10])
    except TooMany as error:
        response = _tracking(request, site, form, 429, http.detail(language, error))
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    found = await service.by_code(context, site, form.one("number"), form.one("code"))
    if found is None:
        return _tracking(request, site, form, 422, i18n.text(language, "resident.track.unknown"))
    return _to(links.track(context, found) + _kept_language(request))


# --- how the pages look --------------------------------------------------------------------------------------------


async def display(request: Request) -> Response:
    """GET /display: remembers the visitor's colours, then goes back; the address they came from is in no log line."""
    context = http.context(request)
    response = _to(_way_back(request))
    theme = request.query_params.get("theme", "")
    if theme in pages.THEMES:
        secure = context.settings.secure_cookies
        response.set_cookie("theme", theme, max_age=_YEAR, httponly=True, samesite="lax", secure=secure)
    else:
        response.delete_cookie("theme")
    return response


def _way_back(request: Request) -> str:
    """The page the visitor came from, where it is one of ours; without it, the one page that needs no key."""
    try:
        came_from = urlsplit(request.headers.get("referer", ""))
    except ValueError:
        return "/track"
    ours = (urlsplit(http.context(request).settings.public_url).netloc, request.url.netloc)
    if came_from.netloc not in ours or not came_from.path.startswith("/") or came_from.path.startswith("//"):
        return "/track"
    return came_from.path + (f"?{came_from.query}" if came_from.query else "")


def _kept_language(request: Request) -> str:
    asked = request.query_params.get("lang")
    return f"?lang={i18n.known(asked)}" if asked else ""


routes: list[BaseRoute] = [
    Route("/confirm/{token}", confirmation, methods=["GET"]),
    Route("/confirm/{token}", confirm, methods=["POST"]),
    Route("/unsubscribe/{token}", unsubscription, methods=["GET"]),
    Route("/unsubscribe/{token}", unsubscribe, methods=["POST"]),
    Route("/t/{token}", problem, methods=["GET"]),
    Route("/t/{token}/{action}", act, methods=["POST"]),
    Route("/track", tracking, methods=["GET"]),
    Route("/track", track, methods=["POST"]),
    Route("/display", display, methods=["GET"]),
    *report,
    *city,
]
