"""Serve /cabinet/sign-in, sign-out and language."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, i18n, web
from widget_api.cabinet import unsent_forms as form_recovery
from widget_api.cabinet.http import (
    SESSION_COOKIE,
    SIGN_IN_PATH,
    Fields,
    form_fields,
    inside_path,
    journal_user,
    require_user,
    session_fields,
)
from widget_api.mail.sender import can_send
from widget_api.people import accounts
from widget_api.people import sign_in as people_sign_in
from widget_api.people.model import User
from widget_api.web import brute_force


async def show_sign_in(request: Request) -> Response:
    if (
        await people_sign_in.find_session_user(web.context(request).database, web.cookie(request, SESSION_COOKIE))
        is not None
    ):
        return web.see_other(inside_path(request.query_params.get("next", "")))
    return _render_sign_in(request, {"next": request.query_params.get("next", "")})


def _render_sign_in(request: Request, given: Fields, status: int = 200, error: str = "") -> Response:
    values = {"email": given.get("email", ""), "next": inside_path(given.get("next", ""))}
    sends_mail, saved = can_send(web.context(request).settings), "reset" in request.query_params
    return web.html_response(
        request,
        "cabinet/sign_in.html",
        status,
        given=values,
        error=error,
        saved=saved,
        sends_mail=sends_mail,
        private=True,
    )


async def sign_in(request: Request) -> Response:
    fields = await form_fields(request)
    context, language = web.context(request), web.negotiate_language(request)
    email, password = fields.get("email", ""), fields.get("password", "")
    address, account = web.client_address(request), accounts.normalise_email(email)[:254]
    device = web.cookie(request, brute_force.DEVICE_COOKIE)
    known = brute_force.recognize_device(context.signer, device, account)
    guess = brute_force.Attempt(entry_point="sign_in", secret=account, address=address, device=known)
    try:
        waited = await context.guesses.admit(guess)
    except errors.TooMany as error:
        sentence = i18n.text(language, "cabinet.sign_in.too_many", retry_after=error.retry_after)
        response = _render_sign_in(request, fields, 429, sentence)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    chosen = request.query_params.get("lang") or web.cookie(request, "lang")  # on this page or another
    token = await people_sign_in.sign_in(
        context.database,
        email,
        password,
        context.failures,
        i18n.supported_language(chosen) if chosen else None,
        ip=address,
        user_agent=request.headers.get("user-agent", ""),
    )
    if token is None:
        sentence = i18n.text(language, "cabinet.sign_in.wrong")
        late = " " + i18n.text(language, "common.slowed") if waited else ""
        return _render_sign_in(request, fields, 403, sentence + late)
    await context.guesses.forgive(guess)
    user = await people_sign_in.find_session_user(context.database, token)
    wanted = inside_path(fields.get("next", ""))
    target = await form_recovery.path_after_sign_in(request, user.id, wanted) if user else wanted
    return open_session(request, account, token, target)


def open_session(request: Request, account: str, token: str, target: str) -> Response:
    """Redirect with the cookies of a session that was started, and of the device, which is known to `account` now."""
    response, context = web.see_other(target), web.context(request)
    web.set_cookie(request, response, SESSION_COOKIE, token, max_age=people_sign_in.SESSION_LIFETIME)
    device = web.cookie(request, brute_force.DEVICE_COOKIE)
    device = brute_force.device_cookie(context.signer, device, account)
    web.set_cookie(request, response, brute_force.DEVICE_COOKIE, device, max_age=brute_force.DEVICE_SECONDS)
    return response


async def sign_out(request: Request, user: User) -> Response:
    await session_fields(request)
    await people_sign_in.sign_out(web.context(request).database, request.state.session, journal_user(request, user))
    response = web.see_other(SIGN_IN_PATH)
    web.delete_cookie(request, response, SESSION_COOKIE)
    return response


async def choose_language(request: Request, user: User) -> Response:
    fields, context = await session_fields(request), web.context(request)
    language = i18n.supported_language(fields.get("language"))
    await people_sign_in.set_language(context.database, user, language)
    response = web.see_other(inside_path(fields.get("next", "")))
    web.remember_language(request, response, language)
    return response


routes: list[BaseRoute] = [
    Route("/cabinet/sign-in", show_sign_in),
    Route("/cabinet/sign-in", sign_in, methods=["POST"]),
    Route("/cabinet/sign-out", require_user(sign_out, keeps=False), methods=["POST"]),
    Route("/cabinet/language", require_user(choose_language, keeps=False), methods=["POST"]),
]
