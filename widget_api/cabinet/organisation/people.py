"""Serve /cabinet/organisation/people and /cabinet/invitation: an agency's people, and invitations of new ones.

For administrators, of their own agency and those below it. Everybody else gets the response to an unknown page.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, errors, i18n, web
from widget_api.cabinet.account.second_factor import proving
from widget_api.cabinet.account.sign_in import open_session
from widget_api.cabinet.http import (
    field_errors,
    form_fields,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.database import Row, Work
from widget_api.errors import FieldError, Invalid, NotFound
from widget_api.mail.sender import can_send
from widget_api.people import accounts, accounts_store, invitations, organisation_store, second_factor
from widget_api.people.invitations import Invitee
from widget_api.people.model import User
from widget_api.permissions import AGENCY_ROLES, Role, may
from widget_api.sites import changes
from widget_api.sites.deadlines import local_date

PATH = "/cabinet/organisation/people"
INVITATIONS_PATH = "/cabinet/organisation/invitations"
LINK_PATH = "/cabinet/invitation/{token}"
MAX_ABSENCE = 366  # days
NOBODY = "nobody"  # a choice of who gets the reports of a disabled person
OUTCOMES = ("invited", "sent", "withdrawn", "changed", "disabled", "enabled", "absence", "saved", "factor")


def own_agency(user: User) -> str:
    assert user.agency_id is not None, "an administrator's agency"
    return user.agency_id


def proving_power(
    request: Request, user: User, fields: Mapping[str, str], role: str
) -> contextlib.AbstractAsyncContextManager[Work[None] | None]:
    """`proving`, where somebody gets the role of an administrator, who has power over accounts."""
    return proving(request, user, fields) if may(role, "organisation.manage") else contextlib.nullcontext()


async def count_invitation(request: Request, user: User) -> None:
    """Count a letter that invites somebody. Raises NotFound where none can be sent, Invalid past the limit."""
    context = web.context(request)
    if not can_send(context.settings):
        raise NotFound
    try:
        await context.limits.hit("invitations", user.id)
    except errors.TooMany:
        raise Invalid((FieldError("email", "enough_invitations"),)) from None


# --- all people ----------------------------------------------------------------------------------------------------


async def list_people(request: Request, user: User) -> Response:
    """GET /cabinet/organisation/people?agency"""
    return await _render_people(request, user, {"agency": request.query_params.get("agency", "")})


async def _render_people(
    request: Request, user: User, given: Mapping[str, str], status: int = 200, wrong: Invalid | None = None
) -> Response:
    database, language = web.context(request).database, language_of(request, user)
    agencies = await organisation_store.list_agencies(database, own_agency(user))
    shown = request.query_params.get("agency", "")
    people = await organisation_store.list_people(database, own_agency(user))
    invited = await organisation_store.list_invitations(database, own_agency(user))
    zone = await accounts.find_time_zone(database, user)
    return render_page(
        request,
        user,
        "organisation_people.html",
        status,
        people=[row for row in people if shown in ("", row["agency_id"])],
        invited=[row for row in invited if shown in ("", row["agency_id"])],
        agencies=[(row["id"], row["name"]) for row in agencies],
        roles=_role_options(language),
        shown=shown,
        given={"email": "", "name": "", "post": "", "role": Role.AGENT, "agency": "", **given},
        gives_power=may(given.get("role", ""), "organisation.manage"),
        errors=wrong,
        possible=can_send(web.context(request).settings),
        approval=next((bool(row["approval"]) for row in agencies if row["id"] == user.agency_id), None),
        factor_roles=next((orjson.loads(row["factor_roles"]) for row in agencies if row["id"] == user.agency_id), []),
        longest=invitations.MAX_NAME_LENGTH,
        days=invitations.LIFETIME_DAYS,
        now=clock.now(),
        today=_today(zone),
        zone=zone,
        outcomes=OUTCOMES,
        section="organisation",
        part="people",
        here=f"{PATH}?agency={shown}" if any(row["id"] == shown for row in agencies) else PATH,
    )


async def change_approval(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/approval: whether a head approves what agents of the agency answer."""
    fields, database = await session_fields(request), web.context(request).database
    columns = {"approval": fields.get("approval") == "yes"}
    await changes.update_agency(database, own_agency(user), columns, journal_user(request, user))
    return web.see_other(f"{PATH}?done=saved")


async def change_factor_roles(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/factor: the roles of the agency that must have a second factor."""
    fields, database = await session_fields(request), web.context(request).database
    columns = {"factor_roles": [role for role in AGENCY_ROLES if fields.get(f"factor_{role}") == "yes"]}
    await changes.update_agency(database, own_agency(user), columns, journal_user(request, user))
    return web.see_other(f"{PATH}?done=saved")


def _role_options(language: str) -> list[tuple[str, str]]:
    return [(role, i18n.text(language, f"cabinet.role.{role}")) for role in AGENCY_ROLES]


async def invite(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/people"""
    fields, context = await session_fields(request), web.context(request)
    given = {name: " ".join(fields.get(name, "").split()) for name in ("email", "name", "post", "role", "agency")}
    invitee = Invitee(
        email=given["email"],
        role=given["role"],
        agency_id=given["agency"] or own_agency(user),
        language=user.language,
        name=given["name"],
        post=given["post"],
    )
    agencies = await organisation_store.list_agencies(context.database, own_agency(user))
    try:
        if all(row["id"] != invitee.agency_id for row in agencies):
            raise Invalid((FieldError("agency", "unknown"),))
        await count_invitation(request, user)
        async with proving_power(request, user, fields, invitee.role) as proof:
            await invitations.invite(context.database, invitee, journal_user(request, user), proof)
    except Invalid as error:
        return await _render_people(request, user, given, 422, error)
    return web.see_other(f"{PATH}?done=invited#invited")


async def send_again(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/invitations/{invitation_id}/send"""
    await session_fields(request)
    context, invitation_id = web.context(request), path_identifier(request, "invitation_id")
    try:
        await invitations.send_again(context.database, own_agency(user), invitation_id, journal_user(request, user))
    except Invalid as error:
        wrong = tuple(replace(one, field="invitation") for one in error.fields)
        return await _render_people(request, user, {}, 422, Invalid(wrong))
    return web.see_other(f"{PATH}?done=sent#invited")


async def withdraw(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/invitations/{invitation_id}/withdraw"""
    await session_fields(request)
    database, invitation_id = web.context(request).database, path_identifier(request, "invitation_id")
    await invitations.withdraw(database, own_agency(user), invitation_id, journal_user(request, user))
    return web.see_other(f"{PATH}?done=withdrawn")


# --- one person ----------------------------------------------------------------------------------------------------


async def show_person(request: Request, user: User) -> Response:
    """GET /cabinet/organisation/people/{user_id}"""
    return await _render_person(request, user, await _find_person(request, user))


async def _find_person(request: Request, user: User) -> Row:
    """Raises NotFound, also for another agency's person."""
    database, user_id = web.context(request).database, path_identifier(request, "user_id")
    row = await organisation_store.find_person(database, own_agency(user), user_id)
    if row is None:
        raise NotFound
    return row


async def _render_person(
    request: Request,
    user: User,
    person: Row,
    status: int = 200,
    given: Mapping[str, str] | None = None,
    wrong: Invalid | None = None,
    asking: Literal["role", "access", "factor"] = "factor",
) -> Response:
    """`asking` is the form that asks for the user's own password."""
    database, language = web.context(request).database, language_of(request, user)
    zone = await accounts.find_time_zone(database, user)
    saved = {name: person[name] or "" for name in ("name", "post", "role", "away_until", "stand_in")}
    today, administers = _today(zone), may(person["role"], "organisation.manage") and not person["disabled_at"]
    if saved["away_until"] < today:  # over
        saved |= {"away_until": "", "stand_in": ""}
    return render_page(
        request,
        user,
        "organisation_person.html",
        status,
        person=person,
        given={"reports_to": "", **saved, **(given or {})},
        roles=_role_options(language),
        reports=await accounts_store.count_open_reports(database, person["id"]),
        heirs=[
            *await accounts.list_heirs(database, person),
            (NOBODY, i18n.text(language, "organisation.person.ownerless")),
        ],
        colleagues=[(row["id"], row["name"] or row["email"]) for row in await _list_colleagues(request, user, person)],
        errors=wrong,
        longest=invitations.MAX_NAME_LENGTH,
        today=today,
        zone=zone,
        own=person["id"] == user.id,
        tokens=0 if administers else await organisation_store.count_tokens_of(database, person["id"], clock.now()),
        asking=asking,
        outcomes=OUTCOMES,
        section="organisation",
        part="people",
        here=f"{PATH}/{person['id']}",
    )


async def _list_colleagues(request: Request, user: User, person: Row) -> list[Row]:
    """Who may stand in for a person: the others of the agency who have access and may answer."""
    people = await organisation_store.list_people(web.context(request).database, own_agency(user))
    return [
        row
        for row in people
        if row["agency_id"] == person["agency_id"] and row["id"] != person["id"] and row["disabled_at"] is None
        if may(row["role"], "problems.decide")
    ]


async def change_person(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/people/{user_id}: name, post and role. Without a change sessions go on."""
    fields, person = await session_fields(request), await _find_person(request, user)
    before = {name: person[name] or "" for name in ("name", "post", "role")}
    given = {name: " ".join(fields.get(name, before[name]).split()) for name in before}
    changed = {name: value or None for name, value in given.items() if value != before[name]}
    role = changed.get("role") or ""
    try:
        if wrong := invitations.check_person(given["name"], given["post"], given["role"]):
            raise Invalid(wrong)
        if changed:
            database, who = web.context(request).database, journal_user(request, user)
            async with proving_power(request, user, fields, role) as proof:
                await accounts.update_user(database, person["email"], changed, who, proof)
    except Invalid as error:
        asking: Literal["role", "factor"] = "role" if may(role, "organisation.manage") else "factor"
        return await _render_person(request, user, person, 422, given, error, asking)
    return web.see_other(f"{PATH}/{person['id']}?done=changed")


async def change_access(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/people/{user_id}/access: `enabled` is yes or no, `reports_to` who gets the reports."""
    fields, person = await session_fields(request), await _find_person(request, user)
    database, enabled, who = web.context(request).database, fields.get("enabled") == "yes", journal_user(request, user)
    try:
        if enabled:
            async with proving_power(request, user, fields, person["role"]) as proof:
                await accounts.enable_user(database, person["email"], who, proof)
        else:
            heir = {"": None, NOBODY: ""}.get(given := fields.get("reports_to", ""), given)
            await accounts.disable_user(database, person["email"], who, heir=heir)
    except Invalid as error:
        asking: Literal["access", "factor"] = (
            "access" if enabled and may(person["role"], "organisation.manage") else "factor"
        )
        return await _render_person(request, user, person, 422, fields, error, asking)
    return web.see_other(f"{PATH}/{person['id']}?done={'enabled' if enabled else 'disabled'}")


async def reset_factor(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/people/{user_id}/factor: take the second factor from somebody who lost it."""
    fields, person = await session_fields(request), await _find_person(request, user)
    try:
        async with proving(request, user, fields) as proof:
            await second_factor.reset(
                web.context(request).database, person["email"], journal_user(request, user), proof
            )
    except Invalid as error:
        return await _render_person(request, user, person, 422, wrong=error)
    return web.see_other(f"{PATH}/{person['id']}?done=factor")


async def set_absence(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/people/{user_id}/absence: `away_until` and `stand_in`, or neither to end it."""
    fields, person = await session_fields(request), await _find_person(request, user)
    given = {name: fields.get(name, "").strip() for name in ("away_until", "stand_in")}
    database = web.context(request).database
    zone = await accounts.find_time_zone(database, user)
    colleagues = {row["id"] for row in await _list_colleagues(request, user, person)}
    if wrong := _absence_errors(given, zone, colleagues):
        return await _render_person(request, user, person, 422, given, Invalid(wrong))
    until, stand_in = given["away_until"] or None, given["stand_in"] or None
    await accounts.set_absence(database, person["id"], until, stand_in, journal_user(request, user))
    return web.see_other(f"{PATH}/{person['id']}?done=absence")


def _absence_errors(given: Mapping[str, str], zone: str, colleagues: set[str]) -> tuple[FieldError, ...]:
    until, wrong = given["away_until"], list[FieldError]()
    if until and not clock.is_date(until):
        wrong.append(FieldError("away_until", "date"))
    elif until and until < _today(zone):
        wrong.append(FieldError("away_until", "date_past"))
    elif until > _today(zone, MAX_ABSENCE):
        wrong.append(FieldError("away_until", "date_far"))
    if not until and given["stand_in"]:
        wrong.append(FieldError("away_until", "required"))
    if given["stand_in"] and given["stand_in"] not in colleagues:
        wrong.append(FieldError("stand_in", "unknown"))
    return tuple(wrong)


def _today(zone: str, later: int = 0) -> str:
    """The local date, or the one of some days later."""
    return (local_date(clock.now(), zone) + timedelta(days=later)).isoformat()


# --- the link of an invitation -------------------------------------------------------------------------------------


async def show_invitation(request: Request, status: int = 200, error: str = "", taken: bool = False) -> Response:
    """GET /cabinet/invitation/{token}. Changes nothing, since mail scanners follow links."""
    state, row = await invitations.find(web.context(request), request.path_params["token"])
    values = {
        "state": "taken" if taken else state,
        "invitation": row,
        "error": error,
        "shortest": accounts.MIN_PASSWORD_LENGTH,
        "days": invitations.LIFETIME_DAYS,
    }
    status = status if values["state"] == "open" else 404
    return web.html_response(request, "cabinet/invitation.html", status, private=True, **values)


async def accept_invitation(request: Request) -> Response:
    """POST /cabinet/invitation/{token}: set the password, and sign in."""
    fields, language = await form_fields(request), web.negotiate_language(request)
    password, agent = fields.get("password", ""), request.headers.get("user-agent", "")
    token, address = request.path_params["token"], web.client_address(request)
    try:
        accepted = await invitations.accept(web.context(request), token, password, address, agent)
    except Invalid as error:
        taken = error.fields[0].field == "email"
        (sentence,) = field_errors(language, error).values()
        return await show_invitation(request, 422, sentence, taken)
    return await show_invitation(request) if accepted is None else open_session(request, *accepted, "/cabinet/")


routes: list[BaseRoute] = [
    Route(PATH, require_user(list_people, requires="organisation.manage"), methods=["GET"]),
    Route(PATH, require_user(invite, requires="organisation.manage"), methods=["POST"]),
    Route(
        "/cabinet/organisation/approval",
        require_user(change_approval, requires="organisation.manage"),
        methods=["POST"],
    ),
    Route(
        "/cabinet/organisation/factor",
        require_user(change_factor_roles, requires="organisation.manage"),
        methods=["POST"],
    ),
    Route(PATH + "/{user_id}", require_user(show_person, requires="organisation.manage"), methods=["GET"]),
    Route(PATH + "/{user_id}", require_user(change_person, requires="organisation.manage"), methods=["POST"]),
    Route(PATH + "/{user_id}/access", require_user(change_access, requires="organisation.manage"), methods=["POST"]),
    Route(PATH + "/{user_id}/factor", require_user(reset_factor, requires="organisation.manage"), methods=["POST"]),
    Route(PATH + "/{user_id}/absence", require_user(set_absence, requires="organisation.manage"), methods=["POST"]),
    Route(
        INVITATIONS_PATH + "/{invitation_id}/send",
        require_user(send_again, requires="organisation.manage"),
        methods=["POST"],
    ),
    Route(
        INVITATIONS_PATH + "/{invitation_id}/withdraw",
        require_user(withdraw, requires="organisation.manage"),
        methods=["POST"],
    ),
    Route(LINK_PATH, show_invitation, methods=["GET"]),
    Route(LINK_PATH, accept_invitation, methods=["POST"]),
]
