"""Serve /cabinet/operator/agencies: every agency, its settings, and the invitation of its administrators.

For operators. Everybody else gets the response to an unknown page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.cabinet.account.second_factor import proving
from widget_api.cabinet.http import (
    Errors,
    Fields,
    field_errors,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.cabinet.organisation.people import count_invitation
from widget_api.cabinet.organisation.services import ANSWERING, check_fields, find_answering, mode_options
from widget_api.database import Row
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.mail.sender import can_send
from widget_api.people import accounts, invitations, organisation_store
from widget_api.people.invitations import MAX_NAME_LENGTH, Invitee
from widget_api.people.model import User
from widget_api.permissions import Role
from widget_api.platform.store import platforms
from widget_api.sites import changes
from widget_api.sites import service as sites
from widget_api.sites import store as site_store

PATH = "/cabinet/operator/agencies"
FIELDS = ("name", "email", "mode", "parent")
OUTCOMES = ("approved", "added", "saved", "invited", "sent", "withdrawn", "disabled", "enabled")


async def list_agencies(
    request: Request, user: User, status: int = 200, *, given: Fields | None = None, wrong: Invalid | None = None
) -> Response:
    """GET /cabinet/operator/agencies"""
    rows, language = await _list_rows(request), language_of(request, user)
    return render_page(
        request,
        user,
        "operator_agencies.html",
        status,
        agencies=rows,
        names={row["id"]: row["name"] for row in rows},
        given={"name": "", "email": "", "mode": "cabinet", "parent": "", **(given or {})},
        modes=mode_options(language),
        parents=[(row["id"], row["name"]) for row in rows],
        errors=wrong,
        longest=MAX_NAME_LENGTH,
        section="agencies",
        here=PATH,
    )


async def _list_rows(request: Request) -> list[Row]:
    return list(await organisation_store.list_every_agency(web.context(request).database))


def _check_agency(given: Mapping[str, str], agencies: list[Row]) -> None:
    check_fields(given)
    if given["parent"] and all(row["id"] != given["parent"] for row in agencies):
        raise Invalid((FieldError("parent", "unknown"),))


async def add_agency(request: Request, user: User) -> Response:
    """POST /cabinet/operator/agencies"""
    fields, database = await session_fields(request), web.context(request).database
    given = {name: " ".join(fields.get(name, "").split()) for name in FIELDS}
    try:
        _check_agency(given, await _list_rows(request))
        agency_id = await sites.add_agency(
            database,
            name=given["name"],
            email=given["email"],
            mode="email" if given["mode"] == "email" else "cabinet",
            parent_id=given["parent"] or None,
            who=journal_user(request, user),
        )
    except Invalid as error:
        return await list_agencies(request, user, 422, given=given, wrong=error)
    return web.see_other(f"{PATH}/{agency_id}?done=added")


# --- one agency ----------------------------------------------------------------------------------------------------


async def _find_agency(request: Request) -> Row:
    """Raises NotFound."""
    agency_id = path_identifier(request, "agency_id")
    found = next((row for row in await _list_rows(request) if row["id"] == agency_id), None)
    if found is None:
        raise NotFound
    return found


async def show_agency(
    request: Request,
    user: User,
    status: int = 200,
    *,
    given: Mapping[str, str] | None = None,
    wrong: Errors = None,
) -> Response:
    """GET /cabinet/operator/agencies/{agency_id}; `given` and `wrong` are fields and errors of a rejected form."""
    context, language, agency = web.context(request), language_of(request, user), await _find_agency(request)
    people = await organisation_store.list_people(context.database, agency["id"])
    invited = await organisation_store.list_invitations(context.database, agency["id"])
    invitee = dict.fromkeys(("invitee_email", "invitee_name", "invitee_post"), "")
    return render_page(
        request,
        user,
        "operator_agency.html",
        status,
        agency=agency,
        given={**_values(agency), **invitee, **(given or {})},
        modes=mode_options(language),
        answering=[(who, i18n.text(language, f"organisation.services.answering.{who}")) for who in ANSWERING],
        parents=[(row["id"], row["name"]) for row in await _list_rows(request) if row["id"] != agency["id"]],
        people=[row for row in people if row["agency_id"] == agency["id"] and row["disabled_at"] is None],
        invited=[row for row in invited if row["agency_id"] == agency["id"]],
        sites=await site_store.list_sites_of(context.database, agency["id"]),
        unknown=[
            one
            for one in await platforms.list_enabled(context.database)
            if one.id in request.query_params.getlist("unknown")
        ],
        zone=await accounts.find_time_zone(context.database, user),
        now=clock.now(),
        possible=can_send(context.settings),
        days=invitations.LIFETIME_DAYS,
        errors=wrong,
        longest=MAX_NAME_LENGTH,
        outcomes=OUTCOMES,
        section="agencies",
        here=f"{PATH}/{agency['id']}",
    )


def _values(agency: Row) -> dict[str, str]:
    columns = {"name": agency["name"], "email": agency["email"], "mode": agency["mode"]}
    return {**columns, "parent": agency["parent_id"] or "", "answers": find_answering(agency)}


async def change_agency(request: Request, user: User) -> Response:
    """POST /cabinet/operator/agencies/{agency_id}, with the rules of `widget-api agency set`."""
    fields, agency = await session_fields(request), await _find_agency(request)
    saved = _values(agency)
    given = {name: " ".join(fields.get(name, saved[name]).split()) for name in saved}
    changed: dict[str, Any] = {name: given[name] for name in FIELDS[:3] if given[name] != saved[name]}
    if given["parent"] != saved["parent"]:
        changed["parent_id"] = given["parent"] or None
    if given["answers"] in ANSWERING and given["answers"] != saved["answers"]:
        changed["delegated"] = given["answers"] == "service"
    try:
        _check_agency(given, await _list_rows(request))
        if changed:
            who = journal_user(request, user)
            await changes.update_agency(web.context(request).database, agency["id"], changed, who)
    except Invalid as error:
        return await show_agency(request, user, 422, given=given, wrong=error)
    return web.see_other(f"{PATH}/{agency['id']}?done=saved")


async def set_access(request: Request, user: User) -> Response:
    """POST /cabinet/operator/agencies/{agency_id}/access: disable the agency with its sites, or enable it."""
    enabled, agency = (await session_fields(request)).get("enabled") == "yes", await _find_agency(request)
    who = journal_user(request, user)
    await changes.disable_agency(web.context(request).database, agency["id"], who, disabled=not enabled)
    return web.see_other(f"{PATH}/{agency['id']}?done={'enabled' if enabled else 'disabled'}")


async def invite_admin(request: Request, user: User) -> Response:
    """POST /cabinet/operator/agencies/{agency_id}/invitations: invite an administrator, who invites the others."""
    fields, agency, language = await session_fields(request), await _find_agency(request), language_of(request, user)
    context = web.context(request)
    email, name, post = (" ".join(fields.get(f"invitee_{one}", "").split()) for one in ("email", "name", "post"))
    invitee = Invitee(
        email=email, name=name, post=post, role=Role.ADMIN, agency_id=agency["id"], language=user.language
    )
    try:
        await count_invitation(request, user)
        async with proving(request, user, fields) as proof:
            await invitations.invite(context.database, invitee, journal_user(request, user), proof)
    except Invalid as error:
        given = {"invitee_email": email, "invitee_name": name, "invitee_post": post}
        named = {
            field if field in ("password", "code") else f"invitee_{field}": text
            for field, text in field_errors(language, error).items()
        }
        return await show_agency(request, user, 422, given=given, wrong=named)
    return web.see_other(f"{PATH}/{agency['id']}?done=invited#invited")


async def send_again(request: Request, user: User) -> Response:
    """POST /cabinet/operator/agencies/{agency_id}/invitations/{invitation_id}/send"""
    await session_fields(request)
    agency, invitation_id = await _find_agency(request), path_identifier(request, "invitation_id")
    try:
        database = web.context(request).database
        await invitations.send_again(database, agency["id"], invitation_id, journal_user(request, user))
    except Invalid as error:
        texts = field_errors(language_of(request, user), error)
        return await show_agency(request, user, 422, wrong={"invitation": texts["email"]})
    return web.see_other(f"{PATH}/{agency['id']}?done=sent#invited")


async def withdraw(request: Request, user: User) -> Response:
    """POST /cabinet/operator/agencies/{agency_id}/invitations/{invitation_id}/withdraw"""
    await session_fields(request)
    agency, invitation_id = await _find_agency(request), path_identifier(request, "invitation_id")
    database = web.context(request).database
    await invitations.withdraw(database, agency["id"], invitation_id, journal_user(request, user))
    return web.see_other(f"{PATH}/{agency['id']}?done=withdrawn")


_AGENCY = PATH + "/{agency_id}"
_INVITATION = _AGENCY + "/invitations/{invitation_id}"
routes: list[BaseRoute] = [
    Route(PATH, require_user(list_agencies, requires="service.operate"), methods=["GET"]),
    Route(PATH, require_user(add_agency, requires="service.operate"), methods=["POST"]),
    Route(_AGENCY, require_user(show_agency, requires="service.operate"), methods=["GET"]),
    Route(_AGENCY, require_user(change_agency, requires="service.operate"), methods=["POST"]),
    Route(_AGENCY + "/access", require_user(set_access, requires="service.operate"), methods=["POST"]),
    Route(_AGENCY + "/invitations", require_user(invite_admin, requires="service.operate"), methods=["POST"]),
    Route(_INVITATION + "/send", require_user(send_again, requires="service.operate"), methods=["POST"]),
    Route(_INVITATION + "/withdraw", require_user(withdraw, requires="service.operate"), methods=["POST"]),
]
