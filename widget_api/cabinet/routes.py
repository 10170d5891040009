"""The doors of the cabinet: its pages and forms, in HTTP. Every form is checked for where it comes from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from widget_api import errors, http, i18n
from widget_api.cabinet import lines, service, view
from widget_api.cabinet.model import DECISION_FIELDS, Selection, User, read_change
from widget_api.problems import pictures
from widget_api.problems.model import NEEDS
from widget_api.sites import service as sites
from widget_api.sites.model import Site

COOKIE = "cabinet"
PATH = "/cabinet"
SIGN_IN = "/cabinet/sign-in"
_FORM_LIMIT = 262_144  # bytes: the longest answer, each Russian letter sent as «%D1%8F»

Handler = Callable[[Request, User], Awaitable[Response]]
Fields = dict[str, str]


# --- who is there --------------------------------------------------------------------------------------------------


def signed_in(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Only for users; others are sent to sign in, and from there back to where they wanted to go."""

    async def guarded(request: Request) -> Response:
        user = await service.session_user(http.context(request).database, request.cookies.get(COOKIE))
        if user is not None:
            return await handler(request, user)
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        again = f"?next={quote(target)}" if request.method in ("GET", "HEAD") and target != lines.LIST else ""
        return _to(SIGN_IN + again)

    return guarded


def _language(request: Request, user: User) -> str:
    """A person's own choice counts for more than their browser's, but not than the address they opened."""
    return http.language(request) if request.query_params.get("lang") else user.language


async def _fields(request: Request) -> Fields:
    """A form's fields; the last of a name wins. Raises Refused where it was not sent from a page of this session."""
    http.from_our_own_page(request)
    if http.media_type(request) != "application/x-www-form-urlencoded":
        raise errors.WrongType
    sent = (await http.body(request, _FORM_LIMIT)).decode("utf-8", "replace")
    try:
        pairs = parse_qsl(sent, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        raise errors.Malformed from None
    return {name: value.replace("\0", "").replace("\r\n", "\n") for name, value in pairs}


async def _session_fields(request: Request) -> Fields:
    fields = await _fields(request)
    if not service.is_form_token(request.cookies.get(COOKIE, ""), fields.get("form_token", "")):
        raise errors.Refused("foreign_form")
    return fields


def _to(address: str) -> Response:
    """After a form: a page to be fetched, so that reloading it sends nothing again."""
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


def _own(address: str) -> str:
    """An address inside the cabinet, so that a forged link leads nowhere else."""
    return address if address.startswith(f"{PATH}/") and not set(address) & set("\\\r\n\t") else lines.LIST


def _id(request: Request, name: str) -> str:
    """An identifier out of the path. One with NUL is none, and PostgreSQL would not even look for it."""
    value = str(request.path_params[name])
    if "\0" in value:
        raise errors.NotFound
    return value


def _page(request: Request, user: User, template: str, status: int = 200, **values: Any) -> Response:
    return http.html(
        request,
        f"cabinet/{template}",
        status,
        language=_language(request, user),
        user=user,
        form_token=service.form_token(request.cookies[COOKIE]),
        **values,
    )


# --- coming and going ----------------------------------------------------------------------------------------------


async def sign_in_page(request: Request) -> Response:
    if await service.session_user(http.context(request).database, request.cookies.get(COOKIE)) is not None:
        return _to(_own(request.query_params.get("next", "")))
    return _sign_in(request, {"next": request.query_params.get("next", "")})


def _sign_in(request: Request, given: Fields, status: int = 200, error: str = "") -> Response:
    values = {"email": given.get("email", ""), "next": _own(given.get("next", ""))}
    return http.html(request, "cabinet/sign_in.html", status, given=values, error=error, private=True)


async def sign_in(request: Request) -> Response:
    fields = await _fields(request)
    context, language = http.context(request), http.language(request)
    email, password = fields.get("email", ""), fields.get("password", "")
    try:
        await context.limits.hit("sign_in", http.client_address(request))
        await context.limits.hit("sign_in_account", service.normalised_email(email)[:254])
    except errors.TooMany as error:
        sentence = i18n.text(language, "cabinet.sign_in.too_many", retry_after=error.retry_after)
        response = _sign_in(request, fields, 429, sentence)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    chosen = request.query_params.get("lang") or request.cookies.get("lang")  # on this page or on another of ours
    token = await service.sign_in(context.database, email, password, i18n.known(chosen) if chosen else None)
    if token is None:
        return _sign_in(request, fields, 403, i18n.text(language, "cabinet.sign_in.wrong"))
    response = _to(_own(fields.get("next", "")))
    response.set_cookie(
        COOKIE,
        token,
        max_age=service.SESSION_SECONDS,
        path=PATH,
        secure=context.settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )
    return response


async def sign_out(request: Request, user: User) -> Response:
    await _session_fields(request)
    context = http.context(request)
    await service.sign_out(context.database, request.cookies[COOKIE])
    response = _to(SIGN_IN)
    response.delete_cookie(COOKIE, PATH, secure=context.settings.secure_cookies, httponly=True, samesite="lax")
    return response


async def choose_language(request: Request, user: User) -> Response:
    fields, context = await _session_fields(request), http.context(request)
    language = i18n.known(fields.get("language"))
    await service.set_language(context.database, user, language)
    response = _to(_own(fields.get("next", "")))
    http.remember_language(response, language, secure=context.settings.secure_cookies)
    return response


# --- the list ------------------------------------------------------------------------------------------------------


async def inbox(request: Request, user: User) -> Response:
    return _page(request, user, "list.html", **await _list(request, user))


async def _list(request: Request, user: User) -> dict[str, Any]:
    """What the list shows, alone or beside a problem."""
    context, language = http.context(request), _language(request, user)
    found = await service.read_inbox(context.database, user, Selection.read(request.query_params))
    of_rows = await _sites(request, {str(row["site_id"]) for row in found.rows})
    return {
        "found": found,
        "lines": lines.lines(language, found, of_rows),
        "thumbs": {row["id"]: pictures.thumb(context, row["photos"]) for row in found.rows},
        "tabs": lines.tabs(found),
        "poll": lines.address_of(found.selection, "/cabinet/version"),
        "here": lines.address_of(found.selection),
        "older": lines.older(found),
        "newest": lines.newest(found),
    }


async def _sites(request: Request, site_ids: set[str]) -> dict[str, Site]:
    return {site_id: await sites.by_id(http.context(request).database, site_id) for site_id in site_ids}


async def version(request: Request) -> Response:
    """Whether the list may look different by now; asked for every second or so, answered with 304 if not."""
    database = http.context(request).database
    user = await service.session_user(database, request.cookies.get(COOKIE))
    if user is None:
        return Response(status_code=401, headers={"Cache-Control": "no-store"})
    text = await service.inbox_version(database, user, Selection.read(request.query_params))
    headers = {"ETag": f'"{text}"', "Cache-Control": "private, no-cache", "Vary": "Cookie"}
    if f'"{text}"' in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(text, headers=headers, media_type="text/plain")


# --- one report ----------------------------------------------------------------------------------------------------


async def problem(request: Request, user: User) -> Response:
    return await _problem(request, user)


async def _problem(
    request: Request,
    user: User,
    status: int = 200,
    *,
    given: Fields | None = None,
    wrong: errors.Invalid | None = None,
    conflict: bool = False,
    refused: str = "",
) -> Response:
    context, language = http.context(request), _language(request, user)
    database = context.database
    dossier = await service.read_problem(database, user, _id(request, "problem_id"))
    site = await sites.by_id(database, dossier.site.id)
    given, photos = given or {}, await _photos(request, dossier.row["id"])
    selection, path = Selection.read(request.query_params), f"/cabinet/problems/{dossier.row['id']}"
    return _page(
        request,
        user,
        "problem.html",
        status,
        **await _list(request, user),
        dossier=dossier,
        problem=view.problem(language, dossier, site),
        photos=[one for one in photos if one["role"] == "report"],
        every_photo=photos,
        action=lines.address_of(selection, path),
        spam_action=lines.address_of(selection, f"{path}/spam"),
        needs=NEEDS,
        entries=view.entries(language, dossier),
        sent=view.sent(language, dossier.deliveries),
        ask_action=lines.address_of(selection, f"{path}/ask"),
        read_action=lines.address_of(selection, f"{path}/read"),
        given={name: given.get(name, "") for name in (*DECISION_FIELDS, "question")},
        refused=refused,
        errors=view.field_errors(language, wrong),
        conflict=view.latest_status(language, dossier) if conflict else None,
        done="done" in request.query_params,
    )


async def _photos(request: Request, problem_id: str) -> list[dict[str, Any]]:
    context = http.context(request)
    return pictures.gallery(context, await pictures.of(context.database, problem_id))


async def decide(request: Request, user: User) -> Response:
    fields = await _session_fields(request)
    problem_id = _id(request, "problem_id")
    try:
        wish = read_change(fields)
        await service.decide(http.context(request).database, user, problem_id, wish, seen=fields.get("seen", ""))
    except errors.Invalid as error:
        return await _problem(request, user, 422, given=fields, wrong=error)
    except errors.Conflict as error:
        if error.code != "problem_changed":
            raise
        return await _problem(request, user, 409, given=fields, conflict=True)
    return _to(_done(request, problem_id))


async def ask(request: Request, user: User) -> Response:
    fields = await _session_fields(request)
    problem_id = _id(request, "problem_id")
    try:
        await service.ask(http.context(request).database, user, problem_id, fields.get("question", ""))
    except errors.Invalid as error:
        return await _problem(request, user, 422, given=fields, wrong=error)
    except errors.Refused as error:
        if error.code == "refused":
            raise
        return await _problem(request, user, 409, given=fields, refused=http.detail(_language(request, user), error))
    return _to(_done(request, problem_id))


async def read_reply(request: Request, user: User) -> Response:
    await _session_fields(request)
    problem_id = _id(request, "problem_id")
    await service.read_reply(http.context(request).database, user, problem_id)
    return _to(_done(request, problem_id))


async def mark_spam(request: Request, user: User) -> Response:
    fields = await _session_fields(request)
    problem_id = _id(request, "problem_id")
    await service.mark_spam(http.context(request).database, user, problem_id, fields.get("spam") == "yes")
    return _to(_done(request, problem_id))


def _done(request: Request, problem_id: str) -> str:
    return lines.address_of(Selection.read(request.query_params), f"/cabinet/problems/{problem_id}", done="1")


# --- what could not be delivered -----------------------------------------------------------------------------------


async def stuck(request: Request, user: User) -> Response:
    return await _stuck(request, user)


async def _stuck(request: Request, user: User, status: int = 200, wrong: errors.Invalid | None = None) -> Response:
    language = _language(request, user)
    rows = await service.stuck_deliveries(http.context(request).database, user)
    return _page(
        request,
        user,
        "deliveries.html",
        status,
        stuck=list(zip(rows, view.sent(language, rows), strict=True)),
        errors=view.field_errors(language, wrong),
        wrong_id=request.path_params.get("delivery_id", ""),
        here="/cabinet/deliveries",
    )


async def retry(request: Request, user: User) -> Response:
    fields = await _session_fields(request)
    await service.retry_delivery(http.context(request).database, user, _id(request, "delivery_id"))
    return _to(_own(fields.get("next", "")))


async def drop(request: Request, user: User) -> Response:
    fields = await _session_fields(request)
    delivery_id = _id(request, "delivery_id")
    try:
        await service.drop_delivery(http.context(request).database, user, delivery_id, fields.get("reason", "").strip())
    except errors.Invalid as error:
        return await _stuck(request, user, 422, error)
    return _to(_own(fields.get("next", "")))


async def root(request: Request) -> Response:
    return _to(lines.LIST)


routes: list[BaseRoute] = [
    Route("/cabinet", root),
    Route("/cabinet/", signed_in(inbox)),
    Route("/cabinet/sign-in", sign_in_page),
    Route("/cabinet/sign-in", sign_in, methods=["POST"]),
    Route("/cabinet/sign-out", signed_in(sign_out), methods=["POST"]),
    Route("/cabinet/language", signed_in(choose_language), methods=["POST"]),
    Route("/cabinet/version", version),
    Route("/cabinet/problems/{problem_id}", signed_in(problem)),
    Route("/cabinet/problems/{problem_id}", signed_in(decide), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/ask", signed_in(ask), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/read", signed_in(read_reply), methods=["POST"]),
    Route("/cabinet/problems/{problem_id}/spam", signed_in(mark_spam), methods=["POST"]),
    Route("/cabinet/deliveries", signed_in(stuck)),
    Route("/cabinet/deliveries/{delivery_id}/retry", signed_in(retry), methods=["POST"]),
    Route("/cabinet/deliveries/{delivery_id}/drop", signed_in(drop), methods=["POST"]),
]
