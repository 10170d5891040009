"""Serve /cabinet/sites/{site_id}/access: the origins on which a site's widget works, and its key.

Who may change settings adds and removes origins and rotates the key; others read.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.cabinet.http import journal_user, language_of, render_page, require_user, session_fields
from widget_api.cabinet.sites.settings import PATH, find_settable_site, find_site
from widget_api.errors import FieldError, Invalid, NotFound, TooMany
from widget_api.people.model import User
from widget_api.registration import service as registration
from widget_api.registration import store as proofs
from widget_api.registration.model import METHODS, PROOF_PATH, proof_text
from widget_api.sites import changes, origins
from widget_api.sites.deadlines import local_date
from widget_api.sites.install import overview, service
from widget_api.sites.install.overview import SHOWN_DAYS
from widget_api.sites.install.sightings import OTHERS
from widget_api.sites.model import Site

OVERLAPS = (7, 30, 90, 0)  # days that keys before a new one stay valid
OUTCOMES = ("added", "proven", "removed", "rotated")


async def show_access(request: Request, user: User) -> Response:
    """GET /cabinet/sites/{site_id}/access"""
    return await _render(request, user, await find_site(request, user))


async def add_origin(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/origins/add: register an address that the user typed."""
    fields, site = await session_fields(request), await find_settable_site(request, user)
    address = fields.get("origin", "")
    try:
        await service.add_origin(web.context(request).database, site, address, journal_user(request, user))
    except Invalid as error:
        return await _render(request, user, site, 422, error, given={"origin": address[:300]})
    return web.see_other(f"{PATH}/{site.id}/access?done=added")


async def remove_origin(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/origins/remove: the last origin, and one in use, need a confirmation."""
    fields, site = await session_fields(request), await find_settable_site(request, user)
    context, origin = web.context(request), fields.get("origin", "")
    if origin not in site.origins:
        raise NotFound
    openings = (await _count_openings(request, site)).get(origin, 0)
    if fields.get("sure") != "yes" and (openings or len(site.origins) == 1):
        return await _render(request, user, site, 422, removing={"origin": origin, "openings": openings})
    told = (
        partial(registration.tell_removed, site_id=site.id, removed=[origin]) if user.may("service.operate") else None
    )
    await service.remove_origin(context.database, site, origin, journal_user(request, user), along=told)
    return web.see_other(f"{PATH}/{site.id}/access?done=removed")


async def prove_origin(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/origins/prove: look for the proof of an origin, and say what was seen."""
    fields, site = await session_fields(request), await find_settable_site(request, user)
    context, origin, method = web.context(request), fields.get("origin", ""), fields.get("method", "")
    try:
        await context.limits.hit("inspections", web.client_address(request), site.id)
    except TooMany as error:
        wait = overview.describe_wait(language_of(request, user), error, site.time_zone)
        return await _render(request, user, site, 429, proving=origin, wait=wait)
    try:
        seen = await registration.prove_origin(context, site, origin, method, journal_user(request, user))
    except Invalid as error:
        return await _render(request, user, site, 422, error)
    if seen.proven:
        return web.see_other(f"{PATH}/{site.id}/access?done=proven")
    return await _render(request, user, site, proving=origin, method=method, seen=seen)


async def rotate_key(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/key: a new key, as by `widget-api site rotate-key`."""
    fields, site = await session_fields(request), await find_settable_site(request, user)
    days, seen = fields.get("overlap", ""), fields.get("key", "")
    wrong = [] if days in map(str, OVERLAPS) else [FieldError("overlap", "unknown")]
    wrong += [] if fields.get("sure") == "yes" else [FieldError("sure", "required_rotation")]
    wrong += [] if seen == site.key else [FieldError("sure", "rotated_meanwhile")]
    if wrong:
        return await _render(request, user, site, 422, Invalid(tuple(wrong)), given={"overlap": days})
    who = journal_user(request, user)
    await changes.rotate_key(web.context(request).database, site.id, int(days), who)
    return web.see_other(f"{PATH}/{site.id}/access?done=rotated")


async def _count_openings(request: Request, site: Site) -> dict[str, int]:
    """How often the widget was opened on each origin within the last SHOWN_DAYS."""
    context = web.context(request)
    found = await service.read_overview(context.database, context.settings, site)
    return {place.origin: place.count for place in found.places}


async def _render(
    request: Request,
    user: User,
    site: Site,
    status: int = 200,
    wrong: Invalid | None = None,
    *,
    given: dict[str, str] | None = None,
    removing: dict[str, Any] | None = None,
    proving: str = "",
    **values: Any,
) -> Response:
    context, language, now = web.context(request), language_of(request, user), clock.now()
    openings = await _count_openings(request, site)
    keys = await changes.list_keys(context.database, site.id)
    today = local_date(now, site.time_zone)
    claimed = await proofs.list_origins(context.database, site.id)
    proven = {row["origin"]: row for row in await proofs.list_proofs(context.database, site.id)}
    wanted = await registration.find_wanted(context.database, site.id)
    proving = proving or request.query_params.get("prove", "")
    token = registration.origin_token(context.signer, site.id, proving)

    def describe_origin(origin: str) -> dict[str, Any]:
        """How far the site's right to an origin is known, and whether it can be proven now."""
        row, asked = proven.get(origin), wanted.get(origin)
        if asked is not None:
            until = registration.answer_until(site.calendar, asked["asked_at"])
            text = i18n.text(language, "desk.origins.state.wanted", agency=asked["name"], until=until)
            return {"origin": origin, "count": openings.get(origin, 0), "state": "wanted", "text": text}
        if row is None:
            state, at = "claimed" if claimed.get(origin) is not None else "operator", ""
        else:
            state = "missing" if row["failed_since"] else "proven"
            at = moment(row["failed_since"] or row["proven_at"])
        text = i18n.text(language, f"desk.origins.state.{state}", moment=at)
        return {"origin": origin, "count": openings.get(origin, 0), "state": state, "text": text}

    def moment(at: int) -> str:
        return i18n.format_moment(language, at, site.time_zone)

    return render_page(
        request,
        user,
        "site_access.html",
        status,
        site=site,
        may_set=user.may("sites.change"),
        origins=[describe_origin(origin) for origin in sorted(site.origins)],
        proving=proving if proving in site.origins and user.may("sites.change") else "",
        texts={one: proof_text(one, token) for one in METHODS},
        file_url=proving + PROOF_PATH,
        host=origins.host_of(proving) if proving in site.origins else "",
        most=service.MAX_REGISTERED_ORIGINS,
        removing=removing,
        since=next((i18n.format_day(language, row["created_at"], site.time_zone) for row in keys), ""),
        old_keys=[
            {"key": row["key"], "until": moment(row["expires_at"]), "ended": row["expires_at"] <= now}
            for row in keys
            if row["key"] != site.key and row["expires_at"] is not None
        ][:3],
        uses=[
            {
                "origin": "" if one.origin == OTHERS else one.origin,
                "recent": one.recent,
                "count": one.count,
                "moment": moment(one.last_at),
                "refused": one.refused,
            }
            for one in await service.read_old_key_uses(context.database, site, today)
        ],
        days=SHOWN_DAYS,
        overlaps=[
            (
                str(days),
                i18n.text(language, "desk.key.overlap_days", count=days)
                if days
                else i18n.text(language, "desk.key.overlap_none"),
            )
            for days in OVERLAPS
        ],
        given={"origin": "", "overlap": "30"} | (given or {}),
        errors=wrong,
        outcomes=OUTCOMES,
        section="sites",
        here=f"{PATH}/{site.id}/access",
        **{"wait": "", "method": "", "seen": None} | values,
    )


_SITE = PATH + "/{site_id}"
routes: list[BaseRoute] = [
    Route(_SITE + "/access", require_user(show_access), methods=["GET"]),
    Route(_SITE + "/origins/add", require_user(add_origin), methods=["POST"]),
    Route(_SITE + "/origins/remove", require_user(remove_origin), methods=["POST"]),
    Route(_SITE + "/origins/prove", require_user(prove_origin, keeps=False), methods=["POST"]),
    Route(_SITE + "/key", require_user(rotate_key), methods=["POST"]),
]
