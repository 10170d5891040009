"""Serve /cabinet/organisation/details: the facts about an agency that its consent documents name, and its mail.

For administrators, of their own agency. Its name and address are changed by the agency above it or by the operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.cabinet.http import journal_user, language_of, render_page, require_user, session_fields
from widget_api.cabinet.organisation.people import OUTCOMES, own_agency
from widget_api.errors import FieldError, Invalid
from widget_api.people.model import User
from widget_api.sites import changes
from widget_api.sites.service import DIGEST_HOURS

PATH = "/cabinet/organisation/details"
TEXTS = {"inn": 12, "registry_number": 20, "postal_address": 300}  # with their greatest lengths
MAX_SENDERS = 50


async def show_details(request: Request, user: User) -> Response:
    """GET /cabinet/organisation/details"""
    return _render(request, user, await _find(request, user), {})


async def _find(request: Request, user: User) -> dict[str, Any]:
    agencies = await changes.list_agencies(web.context(request).database)
    return next(one for one in agencies if one["id"] == own_agency(user))


def _render(
    request: Request,
    user: User,
    agency: Mapping[str, Any],
    given: Mapping[str, str],
    status: int = 200,
    wrong: Invalid | None = None,
) -> Response:
    hours = [(str(hour), f"{hour}:00") for hour in DIGEST_HOURS]
    saved = {name: agency[name] or "" for name in (*TEXTS, "digest_hour")} | {"senders": "\n".join(agency["senders"])}
    return render_page(
        request,
        user,
        "organisation_details.html",
        status,
        agency=agency,
        given={**saved, "digest": "yes" if agency["digest"] else "", **given},
        longest=TEXTS,
        hours=[("", i18n.text(language_of(request, user), "organisation.details.usual_hour")), *hours],
        errors=wrong,
        outcomes=OUTCOMES,
        section="organisation",
        part="details",
        here=PATH,
    )


async def change_details(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/details, with the rules of `widget-api agency set`."""
    fields, agency = await session_fields(request), await _find(request, user)
    given = {name: " ".join(fields.get(name, "").split()) for name in TEXTS}
    senders, digest = fields.get("senders", "").replace(",", " ").split(), fields.get("digest") == "yes"
    columns: dict[str, Any] = {name: text or None for name, text in given.items()}
    hour = fields.get("digest_hour", str(agency["digest_hour"] or ""))
    columns |= {"senders": senders, "digest": digest, "digest_hour": int(hour) if hour.isdecimal() else None}
    changed = {name: value for name, value in columns.items() if value != agency[name]}
    given |= {"senders": "\n".join(senders), "digest": "yes" if digest else "", "digest_hour": hour}
    wrong = [FieldError(name, "too_long", (("max", most),)) for name, most in TEXTS.items() if len(given[name]) > most]
    wrong += [FieldError("senders", "too_many", (("max", MAX_SENDERS),))] if len(senders) > MAX_SENDERS else []
    try:
        if wrong:
            raise Invalid(tuple(wrong))
        if changed:
            who = journal_user(request, user)
            await changes.update_agency(web.context(request).database, own_agency(user), changed, who)
    except Invalid as error:
        return _render(request, user, agency, given, 422, error)
    return web.see_other(f"{PATH}?done=saved")


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_details, requires="organisation.manage"), methods=["GET"]),
    Route(PATH, require_user(change_details, requires="organisation.manage"), methods=["POST"]),
]
