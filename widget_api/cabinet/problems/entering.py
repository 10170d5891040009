"""Serve /cabinet/new-report: an official enters a report for a caller, a visitor, or the sender of a letter."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.addresses import typed
from widget_api.cabinet.http import language_of, render_page, require_user, session_form
from widget_api.cabinet.problems.inbox_rows import LIST_PATH
from widget_api.cabinet.sites.districts import map_values
from widget_api.database import Transaction
from widget_api.errors import FieldError, Invalid, NotFound, Refused
from widget_api.people import store
from widget_api.people.model import User, VisibleSite
from widget_api.problems import (
    entered,
    forms,
    intake,
    lifecycle,
    personal_data,
    persons,
    report_photos,
    submit,
    wording,
)
from widget_api.problems.forms import Form
from widget_api.problems.model import Actor
from widget_api.problems.store import records
from widget_api.problems.submit import Idempotency
from widget_api.sites import consent, service
from widget_api.sites.deadlines import NO_DUE_DATE, local_date
from widget_api.sites.model import Site

PATH = "/cabinet/new-report"


async def _list_sites(request: Request, user: User) -> list[VisibleSite]:
    """The sites for which the user may enter reports. Raises Refused, NotFound where there is none."""
    if not user.may("problems.answer"):
        raise Refused
    found = await store.list_visible_sites(web.context(request).database, user)
    if not found:
        raise NotFound
    return found


async def find_chosen_site(request: Request, user: User) -> tuple[VisibleSite, Site] | None:
    """The site for which something is brought in; None while it is to be chosen.

    Raises Refused, NotFound, also for another agency's.
    """
    found = await _list_sites(request, user)
    wanted = request.query_params.get("site", "")
    chosen = found[0] if len(found) == 1 and not wanted else next((one for one in found if one.id == wanted), None)
    if chosen is None:
        if wanted:
            raise NotFound("site_not_found")
        return None
    return chosen, await service.by_id(web.context(request).database, chosen.id)


async def show_form(request: Request, user: User) -> Response:
    """GET /cabinet/new-report?site=…, without a site where there are several: the choice of one."""
    found = await find_chosen_site(request, user)
    if found is None:
        return await render_choice(request, user, PATH, "channels.enter")
    visible, site = found
    return await _render(request, user, visible, site, Form({}))


async def render_choice(request: Request, user: User, path: str, title: str) -> Response:
    sites = await _list_sites(request, user)
    return render_page(request, user, "enter_site.html", sites=sites, title=title, section="list", here=path)


async def _render(
    request: Request,
    user: User,
    visible: VisibleSite,
    site: Site,
    form: Form,
    status: int = 200,
    *,
    wrong: tuple[FieldError, ...] = (),
    notice: str = "",
    token: str = "",
    taken: Sequence[report_photos.ReceivedPhoto] = (),
    refused: Sequence[str] = (),
    offered: Sequence[str] = (),
    moved: Sequence[personal_data.Finding] = (),
) -> Response:
    """The form with its values. `token` keeps the identifier of a repeated attempt."""
    context, language = web.context(request), language_of(request, user)
    today = local_date(clock.now(), site.time_zone)
    document = await consent.current_document(context.database, site, context.settings, site.language)
    errors = forms.error_texts(language, site, wrong, refused)
    if any(error.code == "required" and error.field.startswith("consent") for error in wrong):
        errors["consent"] = i18n.text(language, "channels.consent_missing")
    category = site.category(form.one("category"))
    return render_page(
        request,
        user,
        "enter.html",
        status,
        **await map_values(request, site),
        site=site,
        form=form,
        category=category,
        errors=errors,
        notice=notice,
        taken=taken,
        offered=offered,
        personal=personal_data.describe(form, language, moved),
        elsewhere=next((dict(error.values) for error in wrong if error.code == "outside"), {}),
        token=token or forms.issue_form_id(context.signer, site),
        channels=[(one, i18n.text(language, f"channels.{one}")) for one in entered.CHANNELS],
        days=[(today - timedelta(days=entered.MAX_AGE)).isoformat(), today.isoformat()],
        consent_version=document.version,
        agreed=form.one("consent") == "yes" and not any(error.code == "consent_version" for error in wrong),
        due=i18n.format_date(language, site.calendar.answer_due(clock.now(), category.working_days))
        if category and site.is_due
        else "",
        may_accept=user.may("problems.moderate", visible),
        limits=intake,
        section="list",
        here=f"{PATH}?site={site.id}",
    )


async def enter_report(request: Request, user: User) -> Response:
    """POST /cabinet/new-report?site=…: store the report, accept it, and show its number and code."""
    given, sent = await session_form(request, report_photos.MAX_UPLOAD_SIZE, report_photos.MAX_FILES)
    with web.closing_files(one for _, one in sent):
        found = await find_chosen_site(request, user)
        if found is None:
            raise NotFound("site_not_found")
        files = [one for name, one in sent if name == report_photos.FILE_FIELD and (one.name or one.size)]
        return await _handle_form(request, user, *found, forms.from_fields(given), files)


async def _handle_form(
    request: Request, user: User, visible: VisibleSite, site: Site, form: Form, files: list[web.UploadedFile]
) -> Response:
    context, language = web.context(request), language_of(request, user)
    moved = personal_data.move_contacts(form)
    data = forms.to_api_body(form, site.language)
    data |= {name: form.one(name) for name in ("channel", "received_on")}
    named = await asyncio.to_thread(report_photos.fingerprint, form, files)
    taken = await report_photos.list_received(context, site, form)
    receiving = report_photos.receive_photos(context, site, taken, files, language, web.client_address(request))
    taken, refused = await web.cancel_on_disconnect(request, receiving)
    again = partial(_render, request, user, visible, site, form, taken=taken, refused=refused, moved=moved)
    form_id = forms.read_form_id(context.signer, site, form.one("form"))
    if form.has("update") or form_id is None:  # another category was chosen: show its questions
        return await again(200 if form_id else 422, notice="" if form_id else i18n.text(language, "channels.stale"))
    again = partial(again, token=form.one("form"))
    idempotency = Idempotency(key=form_id.idempotency_key, fingerprint=forms.fingerprint(data | named))
    if offered := await typed.complete_form(context.database, site, form):
        return await again(422, wrong=(typed.UNCLEAR,), offered=offered)
    data["location"] = forms.to_api_body(form, site.language)["location"]
    data["photos"] = [one.token for one in taken]
    accepting = user.may("problems.moderate", visible) and form.one("later") != "yes"

    async def accept(tx: Transaction, problem_id: str) -> None:
        await lifecycle.accept(tx, user.actor, site.id, problem_id, clock.now())

    try:
        point = intake.parse_point(data)
        other = await service.find_other_site(context.database, site, point, context.settings.public_url)
        report, agreed = entered.read_report(site, data, signer=context.signer, now=clock.now(), other=other)
        # The address of the official's computer is not the author's.
        report = await persons.with_consent(context.database, site, context.settings, report, agreed, None)
        if refused:
            return await again(422)
        if personal_data.is_unseen(form):
            return await again(422, notice=i18n.text(language, "form.personal.again"))
        receipt = await submit.submit(
            context.database,
            site,
            report,
            signer=context.signer,
            public_url=context.settings.public_url,
            idempotency=idempotency,
            actor=Actor(kind="resident", user_id=user.id),
            along=accept if accepting else None,
        )
    except Invalid as error:
        if error.code != "idempotency_key_reused":
            return await again(422, wrong=error.fields)
        earlier = await records.find_submission(context.database, site.id, idempotency.key)
        number = orjson.loads(earlier["response"])["number"] if earlier else 0
        return await again(422, token="", notice=i18n.text(language, "channels.sent_before", number=number))
    return _render_receipt(request, user, site, receipt, bool(form.one("email")))


def _render_receipt(request: Request, user: User, site: Site, receipt: submit.Receipt, letter: bool) -> Response:
    """The number, and the code to read out where there is no e-mail. Sending the same form again shows it again."""
    answer: dict[str, Any] = orjson.loads(receipt.body)
    language, code = language_of(request, user), answer.get("code", "")
    return render_page(
        request,
        user,
        "entered.html",
        site=site,
        number=answer["number"],
        code=f"{code[:4]}-{code[4:]}" if code else "",
        letter=letter,
        due=wording.due_text(language, answer["answer_due"] or NO_DUE_DATE),
        problem_path=f"{LIST_PATH}/{receipt.problem_id}",
        another=f"{PATH}?site={site.id}",
        section="list",
        here=f"{PATH}?site={site.id}",
    )


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_form)),
    Route(PATH, require_user(enter_report), methods=["POST"]),
]
