"""Serve a report's private page /t/{token} and the actions of its author, all without scripts.

The token in the address authorises, so no form here needs a cookie.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.context import Context
from widget_api.database import Row
from widget_api.errors import Conflict, Invalid, NotFound, Refused
from widget_api.mail import links
from widget_api.participation import service as participation
from widget_api.problems import dialogue, forms, lifecycle, report_photos
from widget_api.problems.forms import Form
from widget_api.problems.model import Change, Photo
from widget_api.problems.store import contacts, records
from widget_api.residents import my_reports as reports
from widget_api.residents import private_page_view, service
from widget_api.residents.participation import author_values
from widget_api.residents.report import read_form
from widget_api.signing import Purpose
from widget_api.sites.model import Site

EXPLAINED_STEPS = ("withdraw", "erase", "link")  # irreversible, so that each is explained on a page of its own first


@dataclass(frozen=True)
class ActionRequest:
    """The report an author acts on, and the form that was sent."""

    context: Context
    site: Site
    problem: Row
    form: Form


# Each performs one action and returns the name of its notice in the dictionary.
Action = Callable[[ActionRequest], Awaitable[str]]


async def resend_confirmation(sent: ActionRequest) -> str:
    return "again" if await service.resend_confirmation(sent.context, sent.problem["id"]) else "capped"


async def confirm_solved(sent: ActionRequest) -> str:
    await service.judge_solution(sent.context, sent.site, sent.problem, solved=True)
    return "confirmed"


async def rate_answer(sent: ActionRequest) -> str:
    mark = sent.form.one("mark")
    given = int(mark) if mark.isascii() and mark.isdigit() and len(mark) == 1 else 0
    await dialogue.rate(sent.context.database, sent.site.id, sent.problem["id"], given, sent.form.one("opinion"))
    return "rated"


async def stop_letters(sent: ActionRequest) -> str:
    await service.stop_letters(sent.context.database, sent.problem["id"])
    return "stopped"


async def start_letters(sent: ActionRequest) -> str:
    await sent.context.database.write(lambda tx: contacts.start_letters(tx, sent.problem["id"]))
    return "started"


async def mail_reports_link(sent: ActionRequest) -> str:
    await reports.request_link_for_author(sent.context, sent.problem["id"])
    return "reports"


async def hide_name(sent: ActionRequest) -> str:
    await service.hide_name(sent.context, sent.problem)
    return "unnamed"


async def withdraw(sent: ActionRequest) -> str:
    await lifecycle.change(
        sent.context.database, service.AUTHOR, sent.site.id, sent.problem["id"], Change(to="withdrawn")
    )
    return "withdrawn"


async def erase(sent: ActionRequest) -> str:
    await lifecycle.erase(sent.context.database, service.AUTHOR, sent.site.id, sent.problem["id"])
    return "erased"


async def write_to_participants(sent: ActionRequest) -> str:
    await participation.write_to_participants(sent.context.database, sent.site, sent.problem, sent.form.one("message"))
    return "messaged"


ACTIONS: dict[str, Action] = {
    "again": resend_confirmation,
    "confirmed": confirm_solved,
    "rated": rate_answer,
    "stopped": stop_letters,
    "started": start_letters,
    "reports": mail_reports_link,
    "unnamed": hide_name,
    "messaged": write_to_participants,
    "withdrawn": withdraw,
    "erased": erase,
}
_OUTCOMES = (*ACTIONS, "clarified", "reopened", "capped", "link", "link_mailed")
_RETURNED_FIELDS = ("reason", "words", "opinion", "mark", "message")  # shown again in a rejected form


async def show_page(request: Request) -> Response:
    """GET /t/{token}"""
    return await _render_page(request)


async def _render_page(request: Request, status: int = 200, form: Form | None = None, **more: Any) -> Response:
    context, token = web.context(request), request.path_params["token"]
    site, problem = await service.read_private_link(context, token)
    language = web.negotiate_language(request, problem["language"])
    done = request.query_params.get("done")
    values = await private_page_view.page_values(context, site, problem, language)
    values["joined"] = await author_values(context, site, problem, language)
    given = {name: form.one(name) if form else "" for name in _RETURNED_FIELDS}
    return web.html_response(
        request,
        "resident/problem.html",
        status,
        language=language,
        private=True,
        policy=web.PHOTO_POLICY,
        address=f"/t/{token}",
        done=done if done in _OUTCOMES else None,
        form_id=private_page_view.issue_form_id(context.signer, problem),
        **{"errors": {}, "message": None, "given": given, "taken": (), **values, **more},
    )


async def show_step(request: Request) -> Response:
    """GET /t/{token}/{step}: explain an irreversible action and ask for confirmation."""
    context, token, name = web.context(request), request.path_params["token"], request.path_params["step"]
    if name not in EXPLAINED_STEPS:
        raise NotFound
    site, problem = await service.read_private_link(context, token)
    language = web.negotiate_language(request, problem["language"])
    values = await private_page_view.step_values(context, site, problem, language)
    if not values["possible" if name == "withdraw" else "erasable"]:
        return web.see_other(f"/t/{token}{web.language_query(request)}")
    return web.html_response(
        request,
        f"resident/{name}.html",
        language=language,
        private=True,
        address=f"/t/{token}",
        form_id=private_page_view.issue_form_id(context.signer, problem),
        **values,
    )


async def change_link(request: Request) -> Response:
    """POST /t/{token}/link-changed: replace the private link by the one that the form's identifier names.

    A second press of the button succeeds as well, although the old address is invalid by then: only the same form
    contains the new identifier.
    """
    context, token = web.context(request), request.path_params["token"]
    form = forms.parse_form(await web.read_body(request, forms.MAX_FORM_SIZE))
    named = links.read_link(context, Purpose.TRACK, token)
    problem = await records.find(context.database, named.identifier) if named else None
    link_id = private_page_view.read_form_id(context.signer, problem, form.one("form")) if problem else None
    done = "link"
    if problem is None or problem["link_id"] != link_id:
        _, problem = await service.read_private_link(context, token)
        await context.limits.hit("confirmations", web.client_address(request))
        link_id = private_page_view.read_form_id(context.signer, problem, form.one("form"))
        try:
            done = "link_mailed" if await service.change_link(context, problem, link_id) else "link"
        except Conflict as error:
            return await _render_page(
                request, 409, message=web.error_detail(web.negotiate_language(request, problem["language"]), error)
            )
    address = links.track_url(context, problem["id"], link_id)
    return web.see_other(f"{address}?done={done}" + web.language_query(request).replace("?", "&"))


@dataclass
class Upload:
    """The photos of a form: those received in earlier attempts, and the files that came with this one."""

    request: Request
    site: Site
    language: str
    received: list[report_photos.ReceivedPhoto]
    files: list[web.UploadedFile]
    refused: list[str] = field(default_factory=list)  # why files were not received

    async def receive(self) -> tuple[Photo, ...]:
        """Store the files. Raises Invalid without fields where one is refused: `refused` says why."""
        context, sender = web.context(self.request), web.client_address(self.request)
        for _ in self.files[: self.site.photos]:
            await context.limits.hit("photos", sender, self.site.id)
        receiving = report_photos.receive_photos(context, self.site, self.received, self.files, self.language, sender)
        self.received, self.refused = await web.cancel_on_disconnect(self.request, receiving)
        self.files = []
        if self.refused:
            raise Invalid(())
        return report_photos.to_photos(context, self.site, self.received)


# Performs an action whose form may carry photos, and receives them when nothing else refuses it.
ActionWithPhotos = Callable[[ActionRequest, Upload], Awaitable[None]]


async def _perform_with_photos(request: Request, done: str, action: ActionWithPhotos) -> Response:
    """A rejected form is shown again with its text and its photos."""
    context, token = web.context(request), request.path_params["token"]
    site, problem = await service.read_private_link(context, token)
    await context.limits.hit("confirmations", web.client_address(request))
    language = web.negotiate_language(request, problem["language"])
    form, files = await read_form(request)
    with web.closing_files(files):
        chosen = [one for one in files if one.name or one.size]  # browsers send empty file fields too
        upload = Upload(request, site, language, await report_photos.list_received(context, site, form), chosen)
        show_again = partial(_render_page, request, form=form)
        try:
            await action(ActionRequest(context, site, problem, form), upload)
        except Invalid as error:
            errors = _field_errors(language, error)
            if upload.refused:
                errors["photos"] = " ".join(upload.refused)
            return await show_again(422, errors=errors, taken=upload.received)
        except (Conflict, Refused) as error:
            return await show_again(409, message=web.error_detail(language, error), taken=upload.received)
    return web.see_other(f"/t/{token}?done={done}" + web.language_query(request).replace("?", "&"))


async def clarify(request: Request) -> Response:
    """POST /t/{token}/clarified: add text, photos or both."""
    return await _perform_with_photos(request, "clarified", _clarify)


async def _clarify(sent: ActionRequest, upload: Upload) -> None:
    database, problem, words = sent.context.database, sent.problem, sent.form.one("words")
    form_id = private_page_view.read_form_id(sent.context.signer, problem, sent.form.one("form"))
    many = len(upload.received) + len(upload.files)
    if await dialogue.is_duplicate(database, problem, form_id, words, many):
        return
    await dialogue.check_can_clarify(database, problem)
    addition = dialogue.Clarification(id=form_id, text=words, photos=await upload.receive())
    await dialogue.clarify(database, sent.site, problem["id"], addition)


async def reopen(request: Request) -> Response:
    """POST /t/{token}/reopened: the problem is not solved, with the reason and photos of what is left."""
    return await _perform_with_photos(request, "reopened", _reopen)


async def _reopen(sent: ActionRequest, upload: Upload) -> None:
    photos: tuple[Photo, ...] = ()
    if "reopened" in service.possible_statuses(sent.problem, clock.now()):  # else it is refused, without its photos
        photos = await upload.receive()
    await service.judge_solution(
        sent.context, sent.site, sent.problem, solved=False, reason=sent.form.one("reason"), photos=photos
    )


async def perform_action(request: Request) -> Response:
    """POST /t/{token}/{action}"""
    context, token = web.context(request), request.path_params["token"]
    action = ACTIONS.get(request.path_params["action"])
    if action is None:
        raise NotFound
    site, problem = await service.read_private_link(context, token)
    await context.limits.hit("confirmations", web.client_address(request))
    language = web.negotiate_language(request, problem["language"])
    form = forms.parse_form(await web.read_body(request, forms.MAX_FORM_SIZE))
    try:
        done = await action(ActionRequest(context, site, problem, form))
    except Invalid as error:
        return await _render_page(request, 422, form, errors=_field_errors(language, error))
    except (Conflict, Refused) as error:  # clicked twice, or the agency was faster: show the current page
        return await _render_page(request, 409, form, message=web.error_detail(language, error))
    return web.see_other(f"/t/{token}?done={done}" + web.language_query(request).replace("?", "&"))


def _field_errors(language: str, error: Invalid) -> dict[str, str]:
    return {wrong.field: i18n.field_error(language, wrong.field, wrong.code, wrong.values) for wrong in error.fields}


routes: list[BaseRoute] = [
    Route("/t/{token}", show_page, methods=["GET"]),
    Route("/t/{token}/{step}", show_step, methods=["GET"]),
    Route("/t/{token}/clarified", clarify, methods=["POST"]),
    Route("/t/{token}/reopened", reopen, methods=["POST"]),
    Route("/t/{token}/link-changed", change_link, methods=["POST"]),
    Route("/t/{token}/{action}", perform_action, methods=["POST"]),
]
