"""Serve /cabinet/organisation/tokens: the tokens by which programs use the API, of an agency's sites.

For administrators, with the functions of `widget-api token`. A token is shown once, in the answer to the form itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.cabinet.account.second_factor import proving
from widget_api.cabinet.http import (
    Errors,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.database import Work
from widget_api.errors import FieldError, Invalid, NotFound, TooMany
from widget_api.people import accounts, store
from widget_api.people.model import User
from widget_api.sites import changes

PATH = "/cabinet/organisation/tokens"
MAX_NAME_LENGTH = 100  # characters
FOR_GOOD = "never"
LIFETIMES = ("90", "365", "730", FOR_GOOD)  # days
OVERLAPS = ("0", "1", "7", "30")  # days


async def show_tokens(request: Request, user: User) -> Response:
    """GET /cabinet/organisation/tokens?rotate=…: the tokens, and a form for a new one or for another secret."""
    return await _render(request, user, rotating=request.query_params.get("rotate", ""))


async def _list_sites(request: Request, user: User) -> dict[str, str]:
    """Names by identifier, of the sites of the agency and of those below it."""
    return {site.id: site.name for site in await store.list_managed_sites(web.context(request).database, user)}


async def _list_tokens(request: Request, user: User) -> list[dict[str, Any]]:
    """Tokens, the good ones first."""
    database, sites, now = web.context(request).database, await _list_sites(request, user), clock.now()
    rows = [row for row in await changes.list_tokens(database) if row["site_id"] in sites]
    for row in rows:
        row["good"] = row["revoked_at"] is None and (row["expires_at"] is None or row["expires_at"] > now)
        row["overlaps"] = row["good"] and (row["earlier_expires_at"] or 0) > now
    return sorted(rows, key=lambda row: not row["good"])


async def _render(
    request: Request,
    user: User,
    status: int = 200,
    *,
    given: Mapping[str, str] | None = None,
    wrong: Errors = None,
    secret: str = "",
    rotating: str = "",
) -> Response:
    language, sites = language_of(request, user), await _list_sites(request, user)
    tokens = await _list_tokens(request, user)
    days = {days: i18n.text(language, "tokens.days", count=int(days)) for days in {*LIFETIMES, *OVERLAPS} - {FOR_GOOD}}
    return render_page(
        request,
        user,
        "organisation_tokens.html",
        status,
        tokens=tokens,
        rotating=next((row for row in tokens if row["id"] == rotating and row["good"]), None),
        sites=list(sites.items()),
        scopes=[(one, i18n.text(language, f"tokens.scope.{one}")) for one in get_args(changes.TokenScope)],
        lifetimes=[(one, days.get(one, i18n.text(language, "tokens.for_good"))) for one in LIFETIMES],
        overlaps=[(one, i18n.text(language, "tokens.at_once") if one == "0" else days[one]) for one in OVERLAPS],
        given={"site": "", "scope": "georeport", "name": "", "days": "365", "overlap": "7", **(given or {})},
        secret=secret,
        errors=wrong,
        longest=MAX_NAME_LENGTH,
        zone=await accounts.find_time_zone(web.context(request).database, user),
        section="organisation",
        part="tokens",
        here=PATH,
    )


async def add_token(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/tokens"""
    fields, sites = await session_fields(request), await _list_sites(request, user)
    given = {name: " ".join(fields.get(name, "").split()) for name in ("site", "scope", "name", "days")}
    wrong = [] if given["site"] in sites else [FieldError("site", "unknown")]
    wrong += [] if given["scope"] in get_args(changes.TokenScope) else [FieldError("scope", "unknown")]
    wrong += [] if given["days"] in LIFETIMES else [FieldError("days", "unknown")]
    wrong += [] if given["name"] else [FieldError("name", "required")]
    if len(given["name"]) > MAX_NAME_LENGTH:
        wrong.append(FieldError("name", "too_long", (("max", MAX_NAME_LENGTH),)))
    database, who = web.context(request).database, journal_user(request, user)

    async def add(proof: Work[None]) -> str:
        if wrong:
            raise Invalid(tuple(wrong))
        expires_at = clock.now() + int(given["days"]) * clock.DAY if given["days"] != FOR_GOOD else None
        scope = cast(changes.TokenScope, given["scope"])
        return await changes.add_token(database, given["site"], scope, expires_at, given["name"], who, proof)

    return await _show_secret(request, user, fields, add, given=given)


async def rotate_token(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/tokens/{token_id}/rotate: another secret; `overlap` days both are good."""
    fields, token_id = await session_fields(request), await _find_token(request, user)
    database, who, overlap = web.context(request).database, journal_user(request, user), fields.get("overlap", "")
    days = int(overlap) if overlap in OVERLAPS else 0

    async def rotate(proof: Work[None]) -> str:
        return await changes.rotate_token(database, token_id, days, who, proof)

    return await _show_secret(request, user, fields, rotate, given={"overlap": overlap}, rotating=token_id)


async def _show_secret(
    request: Request, user: User, fields: Mapping[str, str], make: Callable[[Work[None]], Awaitable[str]], **form: Any
) -> Response:
    """The page with the secret that `make` returns, or the `form` again.

    It is asked who is there, since a key may read the contacts of authors and outlives the session.
    """
    try:
        async with proving(request, user, fields) as proof:
            secret = await make(proof)
    except TooMany as error:
        wrong = {"password": web.error_detail(language_of(request, user), error)}
        response = await _render(request, user, 429, wrong=wrong, **form)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    except Invalid as error:
        return await _render(request, user, 422, wrong=error, **form)
    return await _render(request, user, secret=secret)


async def revoke_token(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/tokens/{token_id}/revoke"""
    await session_fields(request)
    token_id, database = await _find_token(request, user), web.context(request).database
    await changes.revoke_token(database, token_id, journal_user(request, user))
    return web.see_other(f"{PATH}?done=revoked")


async def _find_token(request: Request, user: User) -> str:
    """A good token of the agency's sites. Raises NotFound."""
    token_id = path_identifier(request, "token_id")
    if not any(row["id"] == token_id and row["good"] for row in await _list_tokens(request, user)):
        raise NotFound
    return token_id


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_tokens, requires="organisation.manage"), methods=["GET"]),
    Route(PATH, require_user(add_token, requires="organisation.manage"), methods=["POST"]),
    Route(PATH + "/{token_id}/rotate", require_user(rotate_token, requires="organisation.manage"), methods=["POST"]),
    Route(PATH + "/{token_id}/revoke", require_user(revoke_token, requires="organisation.manage"), methods=["POST"]),
]
