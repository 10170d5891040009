"""Serve /cabinet/sign-in with its second step, sign-out and language."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, i18n, web
from widget_api.cabinet import unsent_forms
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
from widget_api.people import accounts, second_factor
from widget_api.people import sign_in as people_sign_in
from widget_api.people.model import User
from widget_api.people.providers import Provider
from widget_api.signing import Purpose
from widget_api.web import brute_force

CODE_PATH = SIGN_IN_PATH + "/code"
STATE_COOKIE = "second-step"  # the state of a sign-in that needs a code, and the page it leads to
_STATE_SECONDS = Purpose.SECOND_STEP.value[1]


async def show_sign_in(request: Request) -> Response:
    if (
        await people_sign_in.find_session_user(web.context(request).database, web.cookie(request, SESSION_COOKIE))
        is not None
    ):
        return web.see_other(inside_path(request.query_params.get("next", "")))
    return render_sign_in(request, {"next": request.query_params.get("next", "")})


def render_sign_in(
    request: Request, given: Fields, status: int = 200, error: str = "", provider: Provider | None = None
) -> Response:
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
        provider=provider,
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
        response = render_sign_in(request, fields, 429, sentence)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    token = await people_sign_in.sign_in(
        context.database,
        email,
        password,
        context.failures,
        chosen_language(request),
        ip=address,
        user_agent=request.headers.get("user-agent", ""),
    )
    if token is None:
        sentence = i18n.text(language, "cabinet.sign_in.wrong")
        late = " " + i18n.text(language, "common.slowed") if waited else ""
        return render_sign_in(request, fields, 403, sentence + late)
    await context.guesses.forgive(guess)
    wanted = inside_path(fields.get("next", ""))
    if isinstance(token, people_sign_in.PendingSignIn):
        return ask_for_code(request, token, wanted)
    return await enter(request, account, token, wanted)


def chosen_language(request: Request) -> str | None:
    """The language that was chosen before signing in, on this page or another."""
    chosen = request.query_params.get("lang") or web.cookie(request, "lang")
    return i18n.supported_language(chosen) if chosen else None


async def enter(request: Request, account: str, token: str, wanted: str, *known_as: str) -> Response:
    user = await people_sign_in.find_session_user(web.context(request).database, token)
    target = await unsent_forms.path_after_sign_in(request, user.id, wanted) if user else wanted
    return open_session(request, account, token, target, *known_as)


def ask_for_code(request: Request, pending: people_sign_in.PendingSignIn, wanted: str) -> Response:
    """Redirect to the page for the code. What is known so far is in a cookie: the page can be reloaded."""
    language = request.query_params.get("lang")
    query = urlencode({"next": wanted} | ({"lang": language} if language else {}))
    response = web.see_other(f"{CODE_PATH}?{query}")
    state = people_sign_in.make_state(web.context(request).signer, pending)
    web.set_cookie(request, response, STATE_COOKIE, state, max_age=_STATE_SECONDS)
    return response


async def show_code_page(request: Request) -> Response:
    """GET /cabinet/sign-in/code"""
    if await people_sign_in.find_pending(web.context(request), web.cookie(request, STATE_COOKIE)) is None:
        return web.see_other(SIGN_IN_PATH)
    return _render_code_page(request, request.query_params.get("next", ""))


def _render_code_page(request: Request, wanted: str, status: int = 200, error: str = "") -> Response:
    values = {"next": inside_path(wanted), "error": error, "recovery": "recovery" in request.query_params}
    return web.html_response(request, "cabinet/sign_in_code.html", status, private=True, **values)


async def enter_code(request: Request) -> Response:
    """POST /cabinet/sign-in/code. Wrong codes are delayed like wrong passwords, and only so many are read in a day."""
    fields, context, language = await form_fields(request), web.context(request), web.negotiate_language(request)
    found = await people_sign_in.find_pending(context, web.cookie(request, STATE_COOKIE))
    if found is None:
        return web.see_other(SIGN_IN_PATH)
    (user, pending), address, wanted = found, web.client_address(request), fields.get("next", "")
    account = await second_factor.device_account(context.database, user)
    known = brute_force.recognize_device(context.signer, web.cookie(request, brute_force.DEVICE_COOKIE), account)
    guess = brute_force.Attempt(entry_point="code", secret=user.id, address=address, device=known)
    try:
        await context.limits.hit("codes", known or user.id)
        await context.guesses.admit(guess)
    except errors.TooMany as error:
        response = _render_code_page(request, wanted, 429, i18n.text(language, "factor.too_many"))
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    agent = request.headers.get("user-agent", "")
    token = await people_sign_in.enter_code(
        context, user, pending, fields.get("code", ""), chosen_language(request), ip=address, user_agent=agent
    )
    if token is None:
        return _render_code_page(request, wanted, 403, i18n.text(language, "factor.wrong"))
    await context.guesses.forgive(guess)
    response = await enter(request, user.email, token, inside_path(wanted), account)
    web.delete_cookie(request, response, STATE_COOKIE)
    return response


def open_session(request: Request, account: str, token: str, target: str, *known_as: str) -> Response:
    """Redirect with the cookies of a session that was started, and of the device, which is known to `account` now."""
    response = web.see_other(target)
    web.set_cookie(request, response, SESSION_COOKIE, token, max_age=people_sign_in.SESSION_LIFETIME)
    remember_device(request, response, account, *known_as)
    return response


def remember_device(request: Request, response: Response, *accounts: str) -> None:
    device, signer = web.cookie(request, brute_force.DEVICE_COOKIE), web.context(request).signer
    for account in accounts:
        device = brute_force.device_cookie(signer, device, account)
    web.set_cookie(request, response, brute_force.DEVICE_COOKIE, device or "", max_age=brute_force.DEVICE_SECONDS)


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
    Route(CODE_PATH, show_code_page, methods=["GET"]),
    Route(CODE_PATH, enter_code, methods=["POST"]),
    Route("/cabinet/sign-out", require_user(sign_out, keeps=False, factor=False), methods=["POST"]),
    Route("/cabinet/language", require_user(choose_language, keeps=False, factor=False), methods=["POST"]),
]
