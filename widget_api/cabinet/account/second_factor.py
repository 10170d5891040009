"""Serve /cabinet/account/factor: set up one's second factor, make recovery codes anew, switch it off."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, web
from widget_api.cabinet.account.sign_in import remember_device
from widget_api.cabinet.http import (
    FACTOR_PATH,
    Fields,
    inside_path,
    journal_user,
    language_of,
    render_page,
    require_user,
    session_fields,
)
from widget_api.database import Work
from widget_api.people import accounts_store, second_factor
from widget_api.people.model import User
from widget_api.web.brute_force import Attempt

# A form's use case: returns values for the page that follows, or None for a redirect to the page itself.
Action = Callable[[Request, User, Fields], Awaitable[dict[str, Any] | None]]


async def show_factor(
    request: Request, user: User, status: int = 200, *, given: Mapping[str, Any] | None = None, stale: bool = False
) -> Response:
    """GET /cabinet/account/factor: no factor, a new one to confirm (`state`), new `codes`, or a factor in use."""
    context, state, secret = web.context(request), (given or {}).get("state", ""), None
    if state:
        secret = await second_factor.read_setup(context, user, state)
    values = {
        "errors": {},
        "codes": [],
        "next": inside_path(request.query_params.get("next", "")),
        **(given or {}),
        "state": state if secret else "",
        "secret": _in_groups(secret or ""),
        "drawing": "" if secret is None else _draw(second_factor.setup_uri(context, user, secret)),
    }
    if values["codes"]:
        user = replace(user, has_factor=True)  # it was read before
    return render_page(
        request,
        user,
        "factor.html",
        status,
        **values,
        stale=stale or bool(state and secret is None),
        left=await accounts_store.count_recovery_codes(context.database, user.id),
        minutes=second_factor.SETUP_LIFETIME // 60,
        here=FACTOR_PATH,
    )


def _draw(address: str) -> str:
    """The QR code as a drawing for the page itself, so that no third party sees the secret."""
    import segno

    drawing = segno.make(address, error="m", micro=False).svg_inline(
        scale=5, border=4, dark="#000", light="#fff", svgclass="qr"
    )
    return str(drawing)


def _in_groups(secret: str) -> str:
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def _guarded(action: Action) -> Callable[[Request], Awaitable[Response]]:
    """Handle a form: wrong passwords and codes are delayed, as when signing in, and shown at their fields."""

    async def handle(request: Request, user: User) -> Response:
        fields, context, language = await session_fields(request), web.context(request), language_of(request, user)
        kept = {"state": fields.get("state", ""), "next": inside_path(fields.get("next", ""))}
        # Counted as the user's device, so that somebody at an open session does not delay the user's own sign-in.
        address = web.client_address(request)
        guess = Attempt(entry_point="password", secret=user.id, address=address, device=user.id)
        try:
            await context.limits.hit("codes", f"account:{user.id}")
            await context.guesses.admit(guess)
            values = await action(request, user, fields)
        except errors.TooMany as error:
            wrong = {"code" if kept["state"] else "password": web.error_detail(language, error)}
            response = await show_factor(request, user, 429, given={**kept, "errors": wrong})
            response.headers["Retry-After"] = str(error.retry_after)
            return response
        except errors.Invalid as error:
            return await show_factor(request, user, 422, given={**kept, "errors": error})
        except errors.NotFound:
            return await show_factor(request, user, 422, given=kept, stale=True)
        await context.guesses.forgive(guess)
        if values is None:
            return web.see_other(f"{FACTOR_PATH}?done=off")
        response = await show_factor(request, user, given={**kept, **values})
        if "codes" in values:  # after a right code
            remember_device(request, response, await second_factor.device_account(context.database, user))
        return response

    return require_user(handle, keeps=False, factor=False)


async def _begin(request: Request, user: User, fields: Fields) -> dict[str, Any]:
    """POST /cabinet/account/factor: the password, before a new secret is shown."""
    return {"state": await second_factor.begin(web.context(request), user, fields.get("password", ""))}


async def _confirm(request: Request, user: User, fields: Fields) -> dict[str, Any]:
    """POST /cabinet/account/factor/confirm: the first code of the device."""
    codes = await second_factor.confirm(
        web.context(request),
        user,
        fields.get("state", ""),
        fields.get("code", ""),
        token=request.state.session,
        who=journal_user(request, user),
    )
    return {"state": "", "codes": codes}


async def _change(request: Request, user: User, fields: Fields) -> dict[str, Any] | None:
    """POST /cabinet/account/factor/change: `do` is codes, for other recovery codes, or off."""
    context, who = web.context(request), journal_user(request, user)
    given = (fields.get("password", ""), fields.get("code", ""))
    if fields.get("do") == "codes":
        return {"codes": await second_factor.renew_recovery_codes(context, user, *given, who)}
    await second_factor.switch_off(context, user, *given, token=request.state.session, who=who)
    return None


@contextlib.asynccontextmanager
async def proving(request: Request, user: User, fields: Mapping[str, str]) -> AsyncIterator[Work[None]]:
    """For a change that somebody at an open session must not make: the work for its transaction (`plan_proof`).

    Its form has `ui.own_password` and `ui.own_code`. Wrong guesses are delayed. Raises Invalid, TooMany.
    """
    context = web.context(request)
    guess = Attempt(entry_point="password", secret=user.id, address=web.client_address(request), device=user.id)
    await context.limits.hit("codes", f"account:{user.id}")
    await context.guesses.admit(guess)
    given = (fields.get("password", ""), fields.get("code", ""))
    yield await second_factor.plan_proof(context, user, *given, journal_user(request, user))
    await context.guesses.forgive(guess)


routes: list[BaseRoute] = [
    Route(FACTOR_PATH, require_user(show_factor, factor=False), methods=["GET"]),
    Route(FACTOR_PATH, _guarded(_begin), methods=["POST"]),
    Route(FACTOR_PATH + "/confirm", _guarded(_confirm), methods=["POST"]),
    Route(FACTOR_PATH + "/change", _guarded(_change), methods=["POST"]),
]
