"""Serve /sites/new and /sites/application: the application for a site, from its first form to the operator's answer.

A page of an application is found by the token of the letter alone. Without scripts everything works but the drawing of
a territory and the buttons that copy.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, errors, i18n, web
from widget_api.attachments.documents import model as documents
from widget_api.browse.border_map import draw_wrong_border
from widget_api.database import Row
from widget_api.errors import FieldError, Invalid
from widget_api.geo import geojson
from widget_api.mail.sender import can_send
from widget_api.problems.store.contacts import mailbox_hash
from widget_api.registration import hosts, service, store, time_zones
from widget_api.registration.mail import PATH
from widget_api.registration.model import KEPT_DAYS, METHODS, PROOF_PATH, Sight, proof_text
from widget_api.sites import origins
from widget_api.sites import service as sites
from widget_api.web.limits import enclosing_networks

NEW_PATH = "/sites/new"
_MAX_FORM_SIZE = 65_536  # bytes of a form without files
_MAX_FIELDS = 40
_MAX_SHOWN = 60_000  # characters of a border in a field; longer ones are sent as files
_OUTCOMES = ("confirmed", "saved", "found", "letter", "sent", "withdrawn")
Fields = dict[str, str]
Handler = Callable[[Request, Row], Awaitable[Response]]


async def _read_fields(request: Request) -> Fields:
    web.require_same_origin(request)
    if web.media_type(request) != "application/x-www-form-urlencoded":
        raise errors.WrongType
    sent = (await web.read_body(request, _MAX_FORM_SIZE)).decode("utf-8", "replace")
    try:
        return _clean(parse_qsl(sent, keep_blank_values=True, max_num_fields=_MAX_FIELDS))
    except ValueError:
        raise errors.Malformed from None


def _clean(pairs: list[tuple[str, str]]) -> Fields:
    return {name: value.replace("\0", "") for name, value in pairs}


async def _read_upload(request: Request, limit: int) -> tuple[Fields, web.UploadedFile | None]:
    """The fields of a form, and its file if one was chosen; close it when done."""
    if web.media_type(request) != "multipart/form-data":
        return await _read_fields(request), None
    web.require_same_origin(request)
    fields, sent = await web.read_multipart(request, limit, files=1, fields=_MAX_FIELDS, part=geojson.MAX_SIZE)
    file = next((one for name, one in sent if name == "file" and one.size), None)
    for _, one in sent:
        if one is not file:
            one.close()
    return _clean(fields), file


def _texts_of(language: str, wrong: Invalid | None) -> dict[str, str]:
    """The sentence of each wrong field, in the order of the form."""
    found: dict[str, str] = {}
    for one in wrong.fields if wrong else ():
        found.setdefault(one.field, i18n.field_error(language, one.field, one.code, one.values))
    return found


def _limit_notice(language: str, error: errors.TooMany) -> str:
    return i18n.text(language, "registration.too_many", count=error.retry_after // 60 + 1)


# --- the first form --------------------------------------------------------------------------------------------------


async def show_new(request: Request) -> Response:
    """GET /sites/new?origin: the form, or whom to ask where the service sends no letters."""
    return _render_new(request, {"origin": request.query_params.get("origin", "")[:300]})


def _render_new(
    request: Request, given: Mapping[str, str], status: int = 200, *, wrong: Invalid | None = None, notice: str = ""
) -> Response:
    context, language = web.context(request), web.negotiate_language(request)
    template = "registration/begin.html" if can_send(context.settings) else "sites/new.html"
    return web.html_response(
        request,
        template,
        status,
        language=language,
        origin=given.get("origin", ""),
        here=context.settings.public_url,
        given=dict.fromkeys((*service.DETAILS, "consent"), "") | dict(given),
        errors=_texts_of(language, wrong),
        notice=notice,
        fixed=False,
    )


async def begin(request: Request) -> Response:
    """POST /sites/new: keep a draft and send its link. Nothing else happens before the address is confirmed."""
    context, language, fields = web.context(request), web.negotiate_language(request), await _read_fields(request)
    if not can_send(context.settings):
        raise errors.NotFound
    wrong = None if fields.get("consent") == "yes" else FieldError("consent", "missing")
    checked: dict[str, Any] = {}
    try:
        checked = await service.check_details(context.database, context.settings, fields)
    except Invalid as error:
        return _render_new(request, fields, 422, wrong=Invalid((*error.fields, *([wrong] if wrong else []))))
    if wrong:
        return _render_new(request, fields, 422, wrong=Invalid((wrong,)))
    address = web.client_address(request)
    try:
        await context.limits.hit("applications", address)
        await context.limits.hit("application_hosts", checked["host"], enclosing_networks(address)[-1])
    except errors.TooMany as error:
        response = _render_new(request, fields, 429, notice=_limit_notice(language, error))
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    try:  # who uses up another person's letters must not lock them out, nor see that a limit is reached
        await context.limits.hit("application_letters", mailbox_hash(checked["contact_email"]))
        by_letter = True
    except errors.TooMany:
        by_letter = False
    document = service.consent_document(context.settings, language)
    await service.begin(context, checked, document, address, language, by_letter=by_letter)
    return web.see_other(f"{NEW_PATH}/mailed{web.language_query(request)}")


async def show_mailed(request: Request) -> Response:
    """GET /sites/new/mailed"""
    return web.html_response(request, "registration/mailed.html", private=True, days=KEPT_DAYS)


async def show_consent(request: Request) -> Response:
    """GET /sites/new/consent: what the contact person agrees to."""
    language = web.negotiate_language(request)
    document = service.consent_document(web.context(request).settings, language)
    return web.html_response(request, "registration/consent.html", language=language, document=document)


# --- an application --------------------------------------------------------------------------------------------------


def _with_application(handler: Handler, *, confirmed: bool = True) -> Callable[[Request], Awaitable[Response]]:
    """Find the application of the token. Before its address is confirmed, everything leads to that button."""

    async def guarded(request: Request) -> Response:
        row = await service.read_link(web.context(request), request.path_params["token"])
        if confirmed and row["confirmed_at"] is None:
            return web.see_other(_path(request))
        try:
            return await handler(request, row)
        except errors.Conflict as error:  # decided or changed meanwhile: its page says so, and what comes next
            row = await service.read_link(web.context(request), request.path_params["token"])
            return await _render_application(request, row, 409, notice=web.error_detail(_language(request, row), error))

    return guarded


def _path(request: Request, step: str = "", done: str = "") -> str:
    query = web.language_query(request)
    more = f"{'&' if query else '?'}done={done}" if done else ""
    return f"{PATH}/{request.path_params['token']}{step}{query}{more}"


def _language(request: Request, row: Row) -> str:
    return web.negotiate_language(request, row["language"])


async def _render_application(
    request: Request, row: Row, status: int = 200, *, notice: str = "", wrong: Invalid | None = None
) -> Response:
    language, database = _language(request, row), web.context(request).database
    handovers = await service.list_answers(database, row) if row["state"] == "sent" else ()
    return _render_step(
        request,
        row,
        "registration/application.html",
        status,
        notice=notice,
        errors=_texts_of(language, wrong),
        host=hosts.to_unicode(row["host"]),
        handovers=handovers,
        time_zone=service.time_zone_of(row),
        has_account=row["confirmed_at"] is not None and await store.has_account(database, row["contact_email"]),
        seen=service.mark_details(row),
        purge_at=row["updated_at"] + KEPT_DAYS * clock.DAY,
    )


def _render_step(request: Request, row: Row, template: str, status: int = 200, **values: Any) -> Response:
    done = request.query_params.get("done", "")
    shown = {"errors": {}, "notice": "", "done": done if done in _OUTCOMES and status == 200 else ""} | values
    return web.html_response(
        request,
        template,
        status,
        private=True,
        language=_language(request, row),
        row=row,
        here=f"{PATH}/{request.path_params['token']}",
        query=web.language_query(request),
        **shown,
    )


async def show_application(request: Request, row: Row) -> Response:
    """GET /sites/application/{token}"""
    return await _render_application(request, row)


async def confirm(request: Request, row: Row) -> Response:
    """POST /sites/application/{token}/confirm: the button, since mail scanners follow links."""
    fields = await _read_fields(request)
    await service.confirm(web.context(request).database, row, fields.get("seen", ""))
    return web.see_other(_path(request, "/work" if row["state"] == "draft" else "", "confirmed"))


async def show_details(request: Request, row: Row) -> Response:
    """GET /sites/application/{token}/details"""
    return _render_details(request, row, given={name: row[name] or "" for name in service.DETAILS})


_render_details = partial(_render_step, template="registration/details.html", fixed=True)


async def change_details(request: Request, row: Row) -> Response:
    """POST /sites/application/{token}/details"""
    fields = await _read_fields(request)
    try:
        await service.change_details(web.context(request), row, fields)
    except Invalid as error:
        given = {name: fields.get(name, "") for name in service.DETAILS} | {"contact_email": row["contact_email"]}
        return _render_details(request, row, status=422, given=given, errors=_texts_of(_language(request, row), error))
    return web.see_other(_path(request, done="saved"))


async def show_work(request: Request, row: Row) -> Response:
    """GET /sites/application/{token}/work: how the agency will work, and its territory."""
    area = row["area"] or ""
    fits = len(area) <= _MAX_SHOWN
    given = {name: row[name] or "" for name in ("mode", "registry_number")}
    given |= {"time_zone": service.time_zone_of(row), "area": area if fits else ""}
    return await _render_work(request, row, given, fits=fits)


async def _render_work(
    request: Request, row: Row, given: Mapping[str, str], status: int = 200, **values: Any
) -> Response:
    """The map begins where the sites of this service are."""
    settings, database, language = web.context(request).settings, web.context(request).database, _language(request, row)
    boxes = [one.territory.box for one in await sites.list_sites(database) if one.territory is not None]
    around = [[[west, south], [east, north]] for west, south, east, north in boxes]
    zoom = settings.tiles_zoom if settings.tiles else None
    drawing: dict[str, Any] = {"territory": [], "districts": [], "zoom": zoom, "around": around}
    return _render_step(
        request,
        row,
        "registration/work.html",
        status,
        given=given,
        zones=[(zone, time_zones.name_zone(language, zone)) for zone in time_zones.ZONES],
        drawing=orjson.dumps(drawing).decode(),
        can_draw=bool(settings.tiles),
        attribution=settings.tiles_attribution,
        **{"fits": True, "picture": None} | values,
    )


async def change_work(request: Request, row: Row) -> Response:
    """POST /sites/application/{token}/work"""
    fields, file = await _read_upload(request, geojson.MAX_SIZE + _MAX_FORM_SIZE)
    area: bytes | str = fields.get("area", "").strip()
    if file is not None:
        with web.closing_files([file]):
            file.file.seek(0)
            area = file.file.read()
    elif not area and fields.get("keep") == "yes":  # it is too long to be shown
        area = row["area"] or ""
    mode, number = fields.get("mode", ""), fields.get("registry_number", "").strip()
    zone = fields.get("time_zone", "") or service.time_zone_of(row)
    context, language = web.context(request), _language(request, row)
    text = area if isinstance(area, str) else area.decode(errors="replace").replace("\0", "")
    given = {"mode": mode, "registry_number": number, "time_zone": zone}
    given["area"] = text if len(text) <= _MAX_SHOWN else ""
    try:
        if area:
            await context.limits.hit("borders", web.client_address(request))
        swap = fields.get("swap") == "yes"
        if swap and not area:
            raise Invalid((FieldError("area", "file_again"),))
        await service.change_work(context.database, row, mode, number, zone, area, latitude_first=swap)
    except errors.TooMany as error:
        return await _render_work(request, row, given, 429, notice=_limit_notice(language, error))
    except Invalid as error:
        zoom = context.settings.tiles_zoom if context.settings.tiles else None
        picture = await draw_wrong_border(error, zoom)
        return await _render_work(request, row, given, 422, errors=_texts_of(language, error), picture=picture)
    return web.see_other(_path(request, "" if row["proven_at"] or row["letter_id"] else "/proof", "saved"))


async def show_proof(request: Request, row: Row) -> Response:
    """GET /sites/application/{token}/proof: three ways to prove the domain, and the letter instead."""
    return _render_proof(request, row)


def _render_proof(
    request: Request, row: Row, status: int = 200, *, method: str = "", seen: Sight | None = None, **values: Any
) -> Response:
    return _render_step(
        request,
        row,
        "registration/proof.html",
        status,
        method=method,
        seen=seen,
        texts={one: proof_text(one, row["proof_token"]) for one in METHODS},
        file_url=row["origin"] + PROOF_PATH,
        host=origins.host_of(row["origin"]),
        largest=documents.MAX_FILE_SIZE,
        **values,
    )


async def check_proof(request: Request, row: Row) -> Response:
    """POST /sites/application/{token}/proof: look now, and say what was seen."""
    context, method = web.context(request), (await _read_fields(request)).get("method", "")
    if row["state"] not in ("draft", "sent"):
        raise errors.Conflict("application_decided")
    try:
        await context.limits.hit("proofs", web.client_address(request), row["id"])
    except errors.TooMany as error:
        return _render_proof(request, row, 429, notice=_limit_notice(_language(request, row), error))
    seen = await service.check_proof(context.database, context.settings, context.outbound, row, method)
    if seen.proven:
        return web.see_other(_path(request, done="found"))
    return _render_proof(request, row, method=method, seen=seen)


async def take_letter(request: Request, row: Row) -> Response:
    """POST /sites/application/{token}/letter: an official letter, for the operator."""
    context = web.context(request)
    _, file = await _read_upload(request, documents.MAX_FILE_SIZE + _MAX_FORM_SIZE)
    language = _language(request, row)
    try:
        if file is None:
            raise Invalid((FieldError("file", "missing"),))
        with web.closing_files([file]):
            await context.limits.hit("proofs", web.client_address(request), row["id"])
            await service.keep_letter(context, row, file.name, file.file, web.client_address(request))
    except Invalid as error:
        return _render_proof(request, row, 422, errors=_texts_of(language, error))
    except errors.TooMany as error:
        return _render_proof(request, row, 429, notice=_limit_notice(language, error))
    except (errors.TooLarge, errors.WrongType) as error:
        return _render_proof(request, row, 422, errors={"file": web.error_detail(language, error)})
    return web.see_other(_path(request, done="letter"))


async def send(request: Request, row: Row) -> Response:
    """POST /sites/application/{token}/send"""
    web.require_same_origin(request)
    try:
        await service.send(web.context(request).database, row)
    except Invalid as error:
        return await _render_application(request, row, 422, wrong=error)
    return web.see_other(_path(request, done="sent"))


async def withdraw(request: Request, row: Row) -> Response:
    """POST /sites/application/{token}/withdraw: delete the application with all that it says of a person."""
    fields, context = await _read_fields(request), web.context(request)
    if fields.get("sure") != "yes":
        return await _render_application(request, row, 422, wrong=Invalid((FieldError("sure", "missing"),)))
    await service.withdraw(context.database, context.storage, row)
    return web.html_response(request, "registration/withdrawn.html", language=_language(request, row), private=True)


_ONE = PATH + "/{token}"
routes: list[BaseRoute] = [
    Route(NEW_PATH, show_new, methods=["GET"]),
    Route(NEW_PATH, begin, methods=["POST"]),
    Route(NEW_PATH + "/mailed", show_mailed, methods=["GET"]),
    Route(NEW_PATH + "/consent", show_consent, methods=["GET"]),
    Route(_ONE, _with_application(show_application, confirmed=False), methods=["GET"]),
    Route(_ONE + "/confirm", _with_application(confirm, confirmed=False), methods=["POST"]),
    Route(_ONE + "/details", _with_application(show_details), methods=["GET"]),
    Route(_ONE + "/details", _with_application(change_details), methods=["POST"]),
    Route(_ONE + "/work", _with_application(show_work), methods=["GET"]),
    Route(_ONE + "/work", _with_application(change_work), methods=["POST"]),
    Route(_ONE + "/proof", _with_application(show_proof), methods=["GET"]),
    Route(_ONE + "/proof", _with_application(check_proof), methods=["POST"]),
    Route(_ONE + "/letter", _with_application(take_letter), methods=["POST"]),
    Route(_ONE + "/send", _with_application(send), methods=["POST"]),
    Route(_ONE + "/withdraw", _with_application(withdraw), methods=["POST"]),
]
