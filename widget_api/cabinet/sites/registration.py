"""Serve what a site's page says of its domain: the proof that is checked each month, and who asks for its origin."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, web
from widget_api.cabinet.http import journal_user, language_of, path_identifier, require_user, session_fields
from widget_api.cabinet.sites.settings import PATH, find_settable_site, render_site
from widget_api.people.model import User
from widget_api.registration import recheck, service
from widget_api.sites.install import overview


async def check_proofs(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/proof: look for the proofs of a site's origins now."""
    await session_fields(request)
    site, context = await find_settable_site(request, user), web.context(request)
    try:
        await context.limits.hit("inspections", web.client_address(request), site.id)
    except errors.TooMany as error:
        wait = overview.describe_wait(language_of(request, user), error, site.time_zone)
        return await render_site(request, user, site, 429, refusal=wait)
    await recheck.check_site(context, site.id)
    return web.see_other(f"{PATH}/{site.id}#proof")


async def answer_handover(request: Request, user: User) -> Response:
    """POST /cabinet/sites/{site_id}/handovers/{application_id}: for administrators of the agency that holds it."""
    said, site = (await session_fields(request)).get("answer", ""), await find_settable_site(request, user)
    if not user.may("organisation.manage"):  # the operator decides about the application, not for the agency
        raise errors.Refused
    if said not in ("agreed", "refused"):
        raise errors.Malformed
    application_id = path_identifier(request, "application_id")
    database, who = web.context(request).database, journal_user(request, user)
    await service.answer_handover(database, site.id, application_id, said == "agreed", who)
    return web.see_other(f"{PATH}/{site.id}#handovers")


routes: list[BaseRoute] = [
    Route(PATH + "/{site_id}/proof", require_user(check_proofs), methods=["POST"]),
    Route(PATH + "/{site_id}/handovers/{application_id}", require_user(answer_handover), methods=["POST"]),
]
