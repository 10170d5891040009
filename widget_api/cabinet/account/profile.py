"""Serve /cabinet/account, forgot and reset: one's password, notices and sessions; the reset of a password."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, i18n, web
from widget_api.cabinet.http import (
    SESSION_COOKIE,
    SIGN_IN_PATH,
    Errors,
    field_errors,
    find_user,
    form_fields,
    journal_user,
    language_of,
    render_page,
    require_user,
    session_fields,
)
from widget_api.mail import outbox
from widget_api.mail.sender import can_send
from widget_api.people import accounts, notices, password_reset
from widget_api.people.model import User
from widget_api.problems.notices import MAX_DAYS
from widget_api.web.brute_force import Attempt

PATH = "/cabinet/account"
FORGOT_PATH = "/cabinet/forgot"


async def show_account(
    request: Request,
    user: User,
    status: int = 200,
    *,
    wrong: Errors = None,
    given: Mapping[str, str] | None = None,
) -> Response:
    """GET /cabinet/account"""
    database = web.context(request).database
    choices = await notices.find_choices(database, user)
    ways = {f"notice_{kind}": way for kind, way in choices.ways.items()} if choices else {}
    return render_page(
        request,
        user,
        "account.html",
        status,
        sessions=await accounts.list_own_sessions(database, user, request.state.session),
        zone=await accounts.find_time_zone(database, user),
        errors=wrong,
        shortest=accounts.MIN_PASSWORD_LENGTH,
        morning=await notices.find_morning(database, user),
        kinds=[(kind, notices.offered_ways(kind)) for kind in choices.ways] if choices else [],
        given={**ways, "days": choices.days if choices else "", **(given or {})},
        most_days=MAX_DAYS,
        here=PATH,
    )


async def change_password(request: Request, user: User) -> Response:
    """POST /cabinet/account/password: requires the old password; wrong guesses are delayed."""
    fields, context, language = await session_fields(request), web.context(request), language_of(request, user)
    old, new = fields.get("old_password", ""), fields.get("new_password", "")
    # Counted as the user's device, so that somebody at an open session does not delay the user's own sign-in.
    guess = Attempt(entry_point="password", secret=user.id, address=web.client_address(request), device=user.id)
    try:
        await context.guesses.admit(guess)
        token = request.state.session
        await accounts.change_password(context.database, user, old, new, token=token, who=journal_user(request, user))
    except errors.TooMany as error:
        response = await show_account(request, user, 429, wrong={"old_password": web.error_detail(language, error)})
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    except errors.Invalid as error:
        return await show_account(request, user, 422, wrong=error)
    await context.guesses.forgive(guess)
    return web.see_other(f"{PATH}?done=1")


async def end_sessions(request: Request, user: User) -> Response:
    """POST /cabinet/account/sessions: end all sessions, the current one included."""
    await session_fields(request)
    await accounts.end_sessions(web.context(request).database, user, journal_user(request, user))
    response = web.see_other(SIGN_IN_PATH)
    web.delete_cookie(request, response, SESSION_COOKIE)
    return response


async def choose_notices(request: Request, user: User) -> Response:
    """POST /cabinet/account/notices"""
    fields = await session_fields(request)
    try:
        await notices.save_choices(web.context(request).database, user, fields)
    except errors.Invalid as error:
        return await show_account(request, user, 422, wrong=error, given=fields)
    return web.see_other(f"{PATH}?done=notices#notices")


async def count_notices(request: Request) -> Response:
    """GET /cabinet/notices?after=…: what the browser's own notification says; `last` is the next call's `after`."""
    user, after = await find_user(request), request.query_params.get("after", "").replace("\0", "")
    if user is None:
        return Response(status_code=401, headers={"Cache-Control": "no-store"})
    last, count = await notices.count_new(web.context(request).database, user, after)
    said = i18n.text(language_of(request, user), "notices.browser.came", count=count) if count else ""
    return JSONResponse({"last": last, "text": said}, headers={"Cache-Control": "no-store"})


async def show_forgot_page(request: Request) -> Response:
    """GET /cabinet/forgot"""
    return _render_forgot_page(request, asked="asked" in request.query_params)


def _render_forgot_page(
    request: Request, status: int = 200, *, email: str = "", error: str = "", asked: bool = False
) -> Response:
    values = {
        "email": email[:254],
        "error": error,
        "asked": asked,
        "minutes": password_reset.LINK_LIFETIME // 60,
        "letters": outbox.MAX_LETTERS_PER_DAY,
        "possible": can_send(web.context(request).settings),
    }
    return web.html_response(request, "cabinet/forgot.html", status, private=True, **values)


async def request_reset(request: Request) -> Response:
    """POST /cabinet/forgot. The response is the same for every address."""
    fields, context = await form_fields(request), web.context(request)
    email = fields.get("email", "")
    try:
        await context.limits.hit("password_resets", web.client_address(request))
        await password_reset.request_reset(context, email, web.client_address(request))
    except errors.TooMany as error:
        sentence = web.error_detail(web.negotiate_language(request), error)
        response = _render_forgot_page(request, 429, email=email, error=sentence)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    return web.see_other(f"{FORGOT_PATH}?asked=1" + web.language_query(request).replace("?", "&"))


async def show_reset_page(request: Request, status: int = 200, *, error: str = "") -> Response:
    """GET /cabinet/reset/{token}. Changes nothing, since mail scanners follow links."""
    try:
        user = await password_reset.find_user(web.context(request), request.path_params["token"])
    except errors.NotFound:
        return web.html_response(request, "cabinet/reset.html", 404, private=True, email=None)
    values = {"email": user["email"], "error": error, "shortest": accounts.MIN_PASSWORD_LENGTH}
    return web.html_response(request, "cabinet/reset.html", status, private=True, **values)


async def set_password(request: Request) -> Response:
    """POST /cabinet/reset/{token}"""
    fields, language = await form_fields(request), web.negotiate_language(request)
    try:
        token, password = request.path_params["token"], fields.get("password", "")
        await password_reset.set_password(web.context(request), token, password, web.client_address(request))
    except errors.NotFound:
        return await show_reset_page(request)
    except errors.Invalid as error:
        (sentence,) = field_errors(language, error).values()
        return await show_reset_page(request, 422, error=sentence)
    response = web.see_other(f"{SIGN_IN_PATH}?reset=1" + web.language_query(request).replace("?", "&"))
    web.delete_cookie(request, response, SESSION_COOKIE)
    return response


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_account)),
    Route(PATH + "/password", require_user(change_password, keeps=False), methods=["POST"]),
    Route(PATH + "/sessions", require_user(end_sessions, keeps=False), methods=["POST"]),
    Route(PATH + "/notices", require_user(choose_notices), methods=["POST"]),
    Route("/cabinet/notices", count_notices),
    Route(FORGOT_PATH, show_forgot_page),
    Route(FORGOT_PATH, request_reset, methods=["POST"]),
    Route("/cabinet/reset/{token}", show_reset_page),
    Route("/cabinet/reset/{token}", set_password, methods=["POST"]),
]
