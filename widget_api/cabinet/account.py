"""/cabinet/account, forgot, reset: one's own password and sessions, and the way back in without a password."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, web
from widget_api.cabinet.http import SESSION, SIGN_IN, form_fields, language_of, page, session_fields, signed_in, who
from widget_api.cabinet.problem_view import field_errors
from widget_api.mail.sender import can_send
from widget_api.people import accounts, password_reset
from widget_api.people.model import User
from widget_api.web.brute_force import Attempt

PATH = "/cabinet/account"
FORGOT = "/cabinet/forgot"


async def account(request: Request, user: User) -> Response:
    """GET /cabinet/account"""
    return await _account(request, user)


async def _account(request: Request, user: User, status: int = 200, *, wrong: dict[str, str] | None = None) -> Response:
    database = web.context(request).database
    return page(
        request,
        user,
        "account.html",
        status,
        sessions=await accounts.list_own_sessions(database, user, request.state.session),
        zone=await accounts.find_time_zone(database, user),
        errors=wrong or {},
        shortest=accounts.MIN_PASSWORD_LENGTH,
        done="done" in request.query_params,
        here=PATH,
    )


async def change_password(request: Request, user: User) -> Response:
    """POST /cabinet/account/password: the old one counts, not the session alone; wrong ones are slowed down."""
    fields, context, language = await session_fields(request), web.context(request), language_of(request, user)
    old, new = fields.get("old_password", ""), fields.get("new_password", "")
    # Whoever found an open session is counted as that user's device, and the user's own sign-in is not slowed down.
    guess = Attempt(entry_point="password", secret=user.id, address=web.client_address(request), device=user.id)
    try:
        await context.guesses.admit(guess)
        token = request.state.session
        await accounts.change_password(context.database, user, old, new, token=token, who=who(request, user))
    except errors.TooMany as error:
        response = await _account(request, user, 429, wrong={"old_password": web.error_detail(language, error)})
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    except errors.Invalid as error:
        return await _account(request, user, 422, wrong=field_errors(language, error))
    await context.guesses.forgive(guess)
    return web.see_other(f"{PATH}?done=1")


async def end_sessions(request: Request, user: User) -> Response:
    """POST /cabinet/account/sessions: sign out everywhere, here too."""
    await session_fields(request)
    await accounts.end_sessions(web.context(request).database, user, who(request, user))
    response = web.see_other(SIGN_IN)
    web.delete_cookie(request, response, SESSION)
    return response


async def forgot(request: Request) -> Response:
    """GET /cabinet/forgot"""
    return _forgot(request, asked="asked" in request.query_params)


def _forgot(request: Request, status: int = 200, *, email: str = "", error: str = "", asked: bool = False) -> Response:
    values = {
        "email": email[:254],
        "error": error,
        "asked": asked,
        "minutes": password_reset.LINK_LIFETIME // 60,
        "letters": password_reset.MAX_LETTERS_PER_DAY,
        "possible": can_send(web.context(request).settings),
    }
    return web.html_response(request, "cabinet/forgot.html", status, private=True, **values)


async def ask(request: Request) -> Response:
    """POST /cabinet/forgot: one answer to every address."""
    fields, context = await form_fields(request), web.context(request)
    email = fields.get("email", "")
    try:
        await context.limits.hit("password_resets", web.client_address(request))
        await password_reset.request_reset(context, email, web.client_address(request))
    except errors.TooMany as error:
        sentence = web.error_detail(web.negotiate_language(request), error)
        response = _forgot(request, 429, email=email, error=sentence)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    return web.see_other(f"{FORGOT}?asked=1" + web.language_query(request).replace("?", "&"))


async def choose(request: Request) -> Response:
    """GET /cabinet/reset/{token}: looking, as mail scanners do, changes nothing."""
    return await _choose(request)


async def _choose(request: Request, status: int = 200, *, error: str = "") -> Response:
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
        return await _choose(request)
    except errors.Invalid as error:
        (sentence,) = field_errors(language, error).values()
        return await _choose(request, 422, error=sentence)
    response = web.see_other(f"{SIGN_IN}?reset=1" + web.language_query(request).replace("?", "&"))
    web.delete_cookie(request, response, SESSION)
    return response


routes: list[BaseRoute] = [
    Route(PATH, signed_in(account)),
    Route(PATH + "/password", signed_in(change_password, keeps=False), methods=["POST"]),
    Route(PATH + "/sessions", signed_in(end_sessions, keeps=False), methods=["POST"]),
    Route(FORGOT, forgot),
    Route(FORGOT, ask, methods=["POST"]),
    Route("/cabinet/reset/{token}", choose),
    Route("/cabinet/reset/{token}", set_password, methods=["POST"]),
]
