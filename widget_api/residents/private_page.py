"""Serve a report's private page /t/{token} and the actions of its author, all without scripts.

The token in the address authorises, so no form here needs a cookie.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.context import Context
from widget_api.database import Row
from widget_api.errors import Conflict, Invalid, NotFound, Refused
from widget_api.mail import links
from widget_api.participation import service as participation
from widget_api.problems import dialogue, forms, lifecycle, report_photos
from widget_api.problems.forms import Form
from widget_api.problems.model import Change
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


async def reopen(sent: ActionRequest) -> str:
    await service.judge_solution(sent.context, sent.site, sent.problem, solved=False, reason=sent.form.one("reason"))
    return "reopened"


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
    "reopened": reopen,
    "rated": rate_answer,
    "stopped": stop_letters,
    "started": start_letters,
    "reports": mail_reports_link,
    "unnamed": hide_name,
    "messaged": write_to_participants,
    "withdrawn": withdraw,
    "erased": erase,
}
_OUTCOMES = (*ACTIONS, "clarified", "capped", "link", "link_mailed")
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


async def clarify(request: Request) -> Response:
    """POST /t/{token}/clarified: add text, photos or both. A rejected form is shown again with both."""
    context, token = web.context(request), request.path_params["token"]
    site, problem = await service.read_private_link(context, token)
    await context.limits.hit("confirmations", web.client_address(request))
    language = web.negotiate_language(request, problem["language"])
    form, files = await read_form(request)
    with web.closing_files(files):
        chosen = [one for one in files if one.name or one.size]  # browsers send empty file fields too
        photos = await report_photos.list_received(context, site, form)
        form_id = private_page_view.read_form_id(context.signer, problem, form.one("form"))
        show_again = partial(_render_page, request, form=form)
        try:
            many = len(photos) + len(chosen)
            if not await dialogue.is_duplicate(context.database, problem, form_id, form.one("words"), many):
                await dialogue.check_can_clarify(context.database, problem)
                for _ in chosen[: site.photos]:
                    await context.limits.hit("photos", web.client_address(request), site.id)
                receiving = report_photos.receive_photos(
                    context, site, photos, chosen, language, web.client_address(request)
                )
                photos, refused = await web.cancel_on_disconnect(request, receiving)
                if refused:
                    return await show_again(422, errors={"photos": " ".join(refused)}, taken=photos)
                clarification = dialogue.Clarification(
                    id=form_id, text=form.one("words"), photos=report_photos.to_photos(context, site, photos)
                )
                await dialogue.clarify(context.database, site, problem["id"], clarification)
        except Invalid as error:
            return await show_again(422, errors=_field_errors(language, error), taken=photos)
        except (Conflict, Refused) as error:
            return await show_again(409, message=web.error_detail(language, error), taken=photos)
    return web.see_other(f"/t/{token}?done=clarified" + web.language_query(request).replace("?", "&"))


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
    Route("/t/{token}/link-changed", change_link, methods=["POST"]),
    Route("/t/{token}/{action}", perform_action, methods=["POST"]),
]
