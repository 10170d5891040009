"""Serve GET and POST /s/{key}/report: the report form without scripts, validated by the API's parser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.addresses import typed
from widget_api.attachments.photos import service as photo_service
from widget_api.errors import FieldError, Invalid, NotFound, TooMany
from widget_api.problems import bodies, forms, intake, personal_data, persons, report_photos, submit, wording
from widget_api.problems.forms import Form
from widget_api.problems.store import records
from widget_api.problems.submit import Idempotency
from widget_api.residents import problem_forms
from widget_api.sites import collection, entry_links, presets, service
from widget_api.sites.model import ORGANISATION, Site


async def show_report_form(request: Request) -> Response:
    """GET /s/{key}/report?category&lat&lng&address&description: a link may fill in what its page knows."""
    context, key = web.context(request), request.path_params["key"]
    try:
        site = await service.by_key(context.database, key)
    except NotFound:
        expired = await service.find_expired(context.database, key)
        if expired is not None:
            context.sightings.note(expired, "key_expired", _linking_origin(request, expired))
        raise
    token = request.query_params.get("by", "")
    site, organisation = await entry_links.open_for(context.database, context.signer, site, token)
    collection.require_open(site)
    if key != site.key:
        context.sightings.note(site, "key_old", _linking_origin(request, site))
    given = request.query_params
    form = Form(
        {name: [given.get(name, "")] for name in ("category", "address", "description")}
        | {
            "coordinates": [f"{given['lat']}, {given['lng']}" if given.get("lat") and given.get("lng") else ""],
            "page_url": [_referring_page(request, site)],
            "by": [token],
            f"answers.{ORGANISATION}": [organisation or ""],
        }
    )
    return await _render_form(request, site, form)


async def send_report(request: Request) -> Response:
    """POST /s/{key}/report"""
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    web.require_same_origin(request)
    form, files = await read_form(request, lambda token: forms.read_form_id(context.signer, site, token) is not None)
    with web.closing_files(files):
        chosen = [one for one in files if one.name or one.size]  # browsers send empty file fields too
        site, organisation = await entry_links.open_for(context.database, context.signer, site, form.one("by"))
        received = await report_photos.list_received(context, site, form)
        return await _handle_form(request, site, form, received, chosen, organisation)


async def read_form(request: Request, is_ours: Callable[[str], bool] = bool) -> tuple[Form, list[web.UploadedFile]]:
    """A form and the files of its photo field; close them when done.

    Files are read only if the form's identifier precedes them and `is_ours` accepts it.
    """

    async def admit(fields: Mapping[str, str]) -> bool:
        return is_ours(fields.get("form", ""))

    if web.media_type(request) == "application/x-www-form-urlencoded":
        return forms.parse_form(await web.read_body(request, forms.MAX_FORM_SIZE)), []
    fields, files = await web.read_multipart(
        request,
        report_photos.MAX_UPLOAD_SIZE,
        files=report_photos.MAX_FILES,
        fields=forms.MAX_FIELDS,
        part=forms.MAX_FORM_SIZE,
        admit=admit,
    )
    with web.closing_files(sent for name, sent in files if name != report_photos.FILE_FIELD):
        return forms.from_fields(fields), [sent for name, sent in files if name == report_photos.FILE_FIELD]


async def _handle_form(
    request: Request,
    site: Site,
    form: Form,
    taken: list[report_photos.ReceivedPhoto],
    files: list[web.UploadedFile],
    organisation: str | None,
) -> Response:
    context = web.context(request)
    language = web.negotiate_language(request, site.language)
    again = partial(_render_form, request, site, form, moved=personal_data.move_contacts(form))
    lost = partial(again, taken=taken, lost=bool(files))
    form_id = forms.read_form_id(context.signer, site, form.one("form"))
    if form.has("update") and not files:  # another category was chosen: show its questions and date
        return await again(taken=taken)
    if form_id is None:
        return await lost(422, notice="form.stale")
    data = forms.to_api_body(form, language)
    entry_links.name_organisation(site, data, organisation)
    named = await asyncio.to_thread(report_photos.fingerprint, form, files)
    idempotency = Idempotency(key=form_id.idempotency_key, fingerprint=forms.fingerprint(data | named))
    earlier = await records.find_submission(context.database, site.id, idempotency.key)
    if earlier is not None:
        if earlier["fingerprint"] == idempotency.fingerprint:
            return _render_receipt(request, site, earlier["response"].encode())
        number = orjson.loads(earlier["response"])["number"]
        return await lost(422, notice="form.sent_before", number=number)
    suspicion = forms.find_suspicion(form, form_id, clock.now())
    if suspicion is not None and not form.has("update"):
        return await lost(422, notice=f"form.suspicion.{suspicion}")
    again = partial(again, token=form.one("form"))
    try:
        await context.limits.hit("forms", web.client_address(request), site.id)
    except TooMany as error:
        response = await lost(429, notice="form.too_many", token=form.one("form"), count=error.retry_after // 60 + 1)
        response.headers["Retry-After"] = str(error.retry_after)
        return response
    paused = bool(files) and await photo_service.are_paused(context, site.id)
    if paused:
        again, files = partial(again, paused=True), []
    receiving = report_photos.receive_photos(context, site, taken, files, language, web.client_address(request))
    taken, refused = await web.cancel_on_disconnect(request, receiving)
    if form.has("update"):
        return await again(taken=taken, refused=refused)
    if offered := await typed.complete_form(context.database, site, form):
        return await again(422, taken=taken, refused=refused, wrong=(typed.UNCLEAR,), offered=offered)
    data["location"] = forms.to_api_body(form, language)["location"]
    try:
        data["photos"] = [one.token for one in taken]
        where = intake.parse_point(data)
        other = await service.find_other_site(context.database, site, where, context.settings.public_url)
        receiver = await service.find_receiver(context.database, site, where)
        checked, agreed_to = bodies.report(
            site,
            data,
            language=language,
            source="form",
            signer=context.signer,
            other=other,
            handed_on=receiver.site if receiver else None,
            photos_paused=await report_photos.are_waived(context, site, taken),
        )
        agreed = await persons.with_consent(
            context.database, site, context.settings, checked, agreed_to, web.client_address(request)
        )
        if refused:
            return await again(422, taken=taken, refused=refused)
        if receiver and form.one("receiver") != receiver.name:  # who gets it is said before it is sent
            return await again(422, receiver=receiver, taken=taken)
        if personal_data.is_unseen(form):
            return await again(422, notice="form.personal.again", taken=taken)
        receipt = await submit.submit(
            context.database,
            site,
            agreed,
            signer=context.signer,
            public_url=context.settings.public_url,
            idempotency=idempotency,
            receiver=receiver,
        )
    except Invalid as error:
        return await again(422, wrong=error.fields, taken=taken, refused=refused)
    return _render_receipt(request, site, receipt.body, paused=paused)


def _referring_page(request: Request, site: Site) -> str:
    """The referring page, where it belongs to one of the site's origins."""
    referer = request.headers.get("referer", "")
    return referer if any(referer.startswith(f"{origin}/") for origin in site.origins) else ""


def _linking_origin(request: Request, site: Site) -> str:
    """The site's origin from which a link led here; empty for others, bookmarks and printed codes."""
    return next((one for one in site.origins if f"{request.headers.get('referer', '')}/".startswith(f"{one}/")), "")


async def _render_form(
    request: Request,
    site: Site,
    form: Form,
    status: int = 200,
    *,
    wrong: tuple[FieldError, ...] = (),
    notice: str | None = None,
    token: str | None = None,
    taken: Sequence[report_photos.ReceivedPhoto] = (),
    refused: Sequence[str] = (),
    lost: bool = False,
    paused: bool = False,
    receiver: service.Receiver | None = None,
    offered: Sequence[str] = (),
    moved: Sequence[personal_data.Finding] = (),
    **values: Any,
) -> Response:
    """The form with its values. `token` keeps the identifier of a repeated attempt.

    `taken` are its photos; `refused` lists errors of others, `lost` says that files were ignored, `paused` that none
    are accepted now. A `receiver` outside the territory is named, and has to be agreed to by sending the form again.
    `moved` went from the text to the contacts.
    """
    context = web.context(request)
    language = web.negotiate_language(request, site.language)
    if receiver is not None:
        notice, values = "form.handed_again", {"site_name": site.name, "receiver": receiver.name}
    return web.html_response(
        request,
        "report/form.html",
        status,
        language=language,
        policy=web.PHOTO_POLICY,
        errors=forms.error_texts(language, site, wrong, refused),
        taken=taken,
        lost="form.photos_paused" if paused else "form.photos_again" if lost else "",
        elsewhere=next((dict(error.values) for error in wrong if error.code == "outside"), {}),
        notice=i18n.text(language, notice, **values) if notice else None,
        receiver=receiver.name if receiver else "",
        suggested=await typed.find_source(context.database, site),
        offered=offered,
        personal=personal_data.describe(form, language, moved),
        token=token or forms.issue_form_id(context.signer, site),
        **await problem_forms.read_consent_values(context, site, language, form, wrong),
        **forms.page_values(
            presets.localize(site, language), form, language, context.settings.public_url, clock.now(), receiver
        ),
    )


def _render_receipt(request: Request, site: Site, body: bytes, *, paused: bool = False) -> Response:
    """The receipt. Sending the same form again shows it again. `paused`: the photos were left out."""
    receipt = orjson.loads(body)
    code = receipt.get("code")
    language = web.negotiate_language(request, site.language)
    return web.html_response(
        request,
        "report/done.html",
        language=language,
        site=site,
        receipt=receipt,
        paused=paused,
        steps=_next_steps(site, receipt, language),
        code=f"{code[:4]}-{code[4:]}" if code else None,
        private=True,
    )


def _next_steps(site: Site, receipt: dict[str, Any], language: str) -> list[dict[str, Any]]:
    """The expected next steps, as dated entries of a timeline."""
    received = site.calendar.local_date(clock.parse_rfc3339(receipt["received_at"]))
    moderated = site.calendar.add_working_days(received, 1)
    steps = [] if receipt.get("code") else [(received, "form.done.step_confirm")]
    if receipt.get("code") or site.moderation == "before":
        steps.append((moderated, "form.done.step_moderation"))
    if receipt["answer_due"] is not None:
        steps.append((date.fromisoformat(receipt["answer_due"]), "form.done.step_answer"))
    return [
        {
            "day": i18n.format_date(language, day),
            "clock": None,
            "title": wording.say(site, language, key, agency=receipt.get("receiver", site.agency.name)),
            "shape": None,
            "text": None,
            "official": False,
            "hollow": True,
        }
        for day, key in steps
    ]


routes: list[BaseRoute] = [
    Route("/s/{key}/report", show_report_form, methods=["GET"]),
    Route("/s/{key}/report", send_report, methods=["POST"]),
]
