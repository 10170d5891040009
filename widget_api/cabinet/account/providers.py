"""Serve /cabinet/sign-in/{agency_id} and /cabinet/organisation/provider: sign in by an agency's own provider.

The way to the provider is a link, not a form: the policy of our pages (`form-action`) holds for redirects of forms too.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, i18n, web
from widget_api.cabinet.account.second_factor import proving
from widget_api.cabinet.account.sign_in import ask_for_code, chosen_language, enter, render_sign_in
from widget_api.cabinet.http import (
    SIGN_IN_PATH,
    Errors,
    inside_path,
    journal_user,
    language_of,
    path_identifier,
    render_page,
    require_user,
    session_fields,
)
from widget_api.cabinet.organisation.people import own_agency
from widget_api.people import providers
from widget_api.people import sign_in as people_sign_in
from widget_api.people.model import User
from widget_api.people.providers import Provider, ProviderError
from widget_api.signing import Purpose

PATH = "/cabinet/organisation/provider"
AGENCY_PATH = SIGN_IN_PATH + "/{agency_id}"
STATE_COOKIE = "provider"
FIELDS = ("name", "issuer", "client_id", "claim", "roles")


async def _find_provider(request: Request) -> Provider | None:
    return await providers.find_provider(web.context(request), path_identifier(request, "agency_id"))


async def show_sign_in(request: Request) -> Response:
    """GET /cabinet/sign-in/{agency_id}: the sign-in page with the link to the agency's provider, if it has one."""
    provider, language = await _find_provider(request), web.negotiate_language(request)
    if provider is None:
        return web.see_other(SIGN_IN_PATH)
    failed = "failed" in request.query_params
    error = i18n.text(language, "provider.failed", name=provider.name) if failed else ""
    return render_sign_in(request, {"next": request.query_params.get("next", "")}, error=error, provider=provider)


@web.at_once
async def begin(request: Request) -> Response:
    """GET /cabinet/sign-in/{agency_id}/provider: redirect to the provider."""
    context, provider = web.context(request), await _find_provider(request)
    if provider is None:
        return web.see_other(SIGN_IN_PATH)
    await context.limits.hit("provider_sign_ins", web.client_address(request))
    try:
        address, state = await providers.begin(context, provider, inside_path(request.query_params.get("next", "")))
    except ProviderError as error:
        return await _refuse(request, provider, error)
    response = web.see_other(address)
    web.set_cookie(request, response, STATE_COOKIE, state, max_age=Purpose.PROVIDER.value[1])
    return response


@web.at_once
async def finish(request: Request) -> Response:
    """GET /cabinet/sign-in/{agency_id}/callback: the only address to which a provider sends the browser back."""
    context, provider = web.context(request), await _find_provider(request)
    if provider is None:
        return web.see_other(SIGN_IN_PATH)
    await context.limits.hit("provider_sign_ins", web.client_address(request))
    try:
        account, session, wanted = await providers.finish(
            context,
            provider,
            web.cookie(request, STATE_COOKIE),
            dict(request.query_params),
            chosen_language(request),
            ip=web.client_address(request),
            user_agent=request.headers.get("user-agent", ""),
        )
    except ProviderError as error:
        return await _refuse(request, provider, error)
    if isinstance(session, people_sign_in.PendingSignIn):
        response = ask_for_code(request, session, inside_path(wanted))
    else:
        response = await enter(request, account, session, inside_path(wanted))
    web.delete_cookie(request, response, STATE_COOKIE)
    return response


async def _refuse(request: Request, provider: Provider, error: ProviderError) -> Response:
    """Say that it failed. Why is in the journal: a stranger learns nothing about accounts."""
    context, address = web.context(request), web.client_address(request)
    await people_sign_in.note_refusal(
        context.database, context.failures, provider.agency_id, error.reason, error.subject, address
    )
    response = web.see_other(f"{SIGN_IN_PATH}/{provider.agency_id}?failed=1")
    web.delete_cookie(request, response, STATE_COOKIE)
    return response


# --- the agency's settings -----------------------------------------------------------------------------------------


async def show_settings(
    request: Request,
    user: User,
    status: int = 200,
    given: Mapping[str, str] | None = None,
    wrong: Errors = None,
) -> Response:
    """GET /cabinet/organisation/provider"""
    context, agency_id = web.context(request), own_agency(user)
    provider = await providers.find_provider(context, agency_id)
    saved = {name: str(getattr(provider, name)) if provider else "" for name in FIELDS}
    saved["roles"] = "\n".join(f"{value} = {role}" for value, role in provider.roles.items()) if provider else ""
    saved["replaces_factor"] = "yes" if provider and provider.replaces_factor else ""
    return render_page(
        request,
        user,
        "organisation_provider.html",
        status,
        given={**saved, **(given or {})},
        provider=provider,
        callback=providers.callback_url(context, agency_id),
        link=f"{context.settings.public_url}{SIGN_IN_PATH}/{agency_id}",
        errors=wrong,
        section="organisation",
        part="provider",
        here=PATH,
    )


async def change_settings(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/provider: asks for password and code, since a provider signs in whom it names.

    «password» in the name of a field keeps it out of stored forms.
    """
    fields, context, language = await session_fields(request), web.context(request), language_of(request, user)
    given = {name: fields.get(name, "").strip() for name in (*FIELDS, "replaces_factor")}
    secret, who = {"client_password": fields.get("client_password", "")}, journal_user(request, user)
    try:
        await context.limits.hit("provider_sign_ins", user.id)
        async with proving(request, user, fields) as proof:
            await providers.set_provider(context, own_agency(user), given | secret, who, proof)
    except errors.TooMany as error:
        response = await show_settings(request, user, 429, given, {"password": web.error_detail(language, error)})
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    except errors.Invalid as error:
        return await show_settings(request, user, 422, given, error)
    return web.see_other(f"{PATH}?done=saved")


async def remove(request: Request, user: User) -> Response:
    """POST /cabinet/organisation/provider/remove"""
    await session_fields(request)
    await providers.remove_provider(web.context(request).database, own_agency(user), journal_user(request, user))
    return web.see_other(f"{PATH}?done=removed")


routes: list[BaseRoute] = [
    Route(AGENCY_PATH, show_sign_in, methods=["GET"]),
    Route(AGENCY_PATH + "/provider", begin, methods=["GET"]),
    Route(AGENCY_PATH + "/callback", finish, methods=["GET"]),
    Route(PATH, require_user(show_settings, requires="organisation.manage"), methods=["GET"]),
    Route(PATH, require_user(change_settings, requires="organisation.manage"), methods=["POST"]),
    Route(PATH + "/remove", require_user(remove, requires="organisation.manage"), methods=["POST"]),
]
