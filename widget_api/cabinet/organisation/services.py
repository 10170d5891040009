"""Serve /cabinet/organisation/services: the agencies below an administrator's own one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.cabinet.http import (
    Fields,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.cabinet.organisation.people import own_agency
from widget_api.database import Row
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.people import organisation_store
from widget_api.people.model import User
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites.settings import MAX_NAME

PATH = "/cabinet/organisation/services"
MODES = ("cabinet", "email")
FIELDS = ("name", "email", "mode")
ANSWERING = ("agency", "service")  # who answers the author


async def list_services(
    request: Request, user: User, status: int = 200, *, given: Fields | None = None, wrong: Invalid | None = None
) -> Response:
    """GET /cabinet/organisation/services"""
    agencies = await organisation_store.list_agencies(web.context(request).database, own_agency(user))
    language = language_of(request, user)
    return render_page(
        request,
        user,
        "organisation_services.html",
        status,
        services=agencies[1:],
        names={row["id"]: row["name"] for row in agencies},
        given={"name": "", "email": "", "mode": "cabinet", **(given or {})},
        modes=mode_options(language),
        errors=wrong,
        longest=MAX_NAME,
        outcomes=("added", "saved"),
        section="organisation",
        part="services",
        here=PATH,
    )


def mode_options(language: str) -> list[tuple[str, str]]:
    return [(mode, i18n.text(language, f"organisation.services.modes.{mode}")) for mode in MODES]


async def add_service(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/services: add an agency below one's own."""
    fields, database = await session_fields(request), web.context(request).database
    given = {name: " ".join(fields.get(name, "").split()) for name in FIELDS}
    try:
        check_fields(given)
        await sites.add_agency(
            database,
            name=given["name"],
            email=given["email"],
            mode="email" if given["mode"] == "email" else "cabinet",
            parent_id=own_agency(user),
            who=journal_user(request, user),
        )
    except Invalid as error:
        return await list_services(request, user, 422, given=given, wrong=error)
    return web.see_other(f"{PATH}?done=added")


def check_fields(given: Mapping[str, str]) -> None:
    """Check what `sites` does not. Raises Invalid."""
    if given["mode"] not in MODES:
        raise Invalid((FieldError("mode", "unknown"),))


async def show_service(request: Request, user: User) -> Response:
    """GET /cabinet/organisation/services/{agency_id}"""
    return _render_service(request, user, await _find_service(request, user), {})


async def _find_service(request: Request, user: User) -> Row:
    """An agency below the user's own. Raises NotFound, also for the own one, whose settings the operator changes."""
    agency_id = path_identifier(request, "agency_id")
    agencies = await organisation_store.list_agencies(web.context(request).database, own_agency(user))
    found = next((row for row in agencies[1:] if row["id"] == agency_id), None)
    if found is None:
        raise NotFound
    return found


def _render_service(
    request: Request,
    user: User,
    service: Row,
    given: Mapping[str, str],
    status: int = 200,
    wrong: Invalid | None = None,
) -> Response:
    language = language_of(request, user)
    return render_page(
        request,
        user,
        "organisation_service.html",
        status,
        service=service,
        given={**{name: service[name] for name in FIELDS}, "answers": find_answering(service), **given},
        modes=mode_options(language),
        answering=[(who, i18n.text(language, f"organisation.services.answering.{who}")) for who in ANSWERING],
        errors=wrong,
        longest=MAX_NAME,
        outcomes=("added", "saved"),
        section="organisation",
        part="services",
        here=f"{PATH}/{service['id']}",
    )


def find_answering(service: Row) -> str:
    """Who answers the reports assigned to a service: one of ANSWERING."""
    return "service" if service["delegated"] else "agency"


async def change_service(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/services/{agency_id}: name, address, mode, and who answers."""
    fields, service = await session_fields(request), await _find_service(request, user)
    given = {name: " ".join(fields.get(name, service[name]).split()) for name in FIELDS}
    changed: dict[str, Any] = {name: value for name, value in given.items() if value != service[name]}
    given["answers"] = fields.get("answers", find_answering(service))
    if given["answers"] in ANSWERING and given["answers"] != find_answering(service):
        changed["delegated"] = given["answers"] == "service"
    try:
        check_fields(given)
        if changed:
            database, who = web.context(request).database, journal_user(request, user)
            await changes.update_agency(database, service["id"], changed, who)
    except Invalid as error:
        return _render_service(request, user, service, given, 422, error)
    return web.see_other(f"{PATH}/{service['id']}?done=saved")


routes: list[BaseRoute] = [
    Route(PATH, require_user(list_services, requires="organisation.manage"), methods=["GET"]),
    Route(PATH, require_user(add_service, requires="organisation.manage"), methods=["POST"]),
    Route(PATH + "/{agency_id}", require_user(show_service, requires="organisation.manage"), methods=["GET"]),
    Route(PATH + "/{agency_id}", require_user(change_service, requires="organisation.manage"), methods=["POST"]),
]
