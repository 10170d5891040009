"""GET /t/{token} and what its author can do there, all of it with forms alone.

The token in the address is the authority, so no form here needs a cookie.
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
from widget_api.problems import dialogue
from widget_api.problems.store import records
from widget_api.residents import forms, private_page_view, report_photos, service
from widget_api.residents import my_reports_service as reports
from widget_api.residents.forms import Form
from widget_api.residents.report import read
from widget_api.signing import Purpose
from widget_api.sites.model import Site

STEPS = ("withdraw", "erase", "link")  # what cannot be undone is explained on a page of its own first


@dataclass(frozen=True)
class Act:
    """An action of the author on their report, with what they sent."""

    context: Context
    site: Site
    problem: Row
    form: Form


# Each does one thing and names what was done; «done» is a text of the dictionary.
Action = Callable[[Act], Awaitable[str]]


async def again(act: Act) -> str:
    return "again" if await service.send_again(act.context, act.problem["id"]) else "capped"


async def solved(act: Act) -> str:
    await service.judge(act.context, act.site, act.problem, solved=True)
    return "confirmed"


async def not_solved(act: Act) -> str:
    await service.judge(act.context, act.site, act.problem, solved=False, reason=act.form.one("reason"))
    return "reopened"


async def rate(act: Act) -> str:
    mark = act.form.one("mark")
    given = int(mark) if mark.isascii() and mark.isdigit() and len(mark) == 1 else 0
    await dialogue.rate(act.context.database, act.site.id, act.problem["id"], given, act.form.one("opinion"))
    return "rated"


async def stop(act: Act) -> str:
    await service.stop_letters(act.context, act.problem["id"])
    return "stopped"


async def start(act: Act) -> str:
    await service.start_letters(act.context, act.problem["id"])
    return "started"


async def ask_reports(act: Act) -> str:
    await reports.ask_from(act.context, act.problem["id"])
    return "reports"


async def hide_name(act: Act) -> str:
    await service.hide_name(act.context, act.problem)
    return "unnamed"


async def withdraw(act: Act) -> str:
    await service.withdraw(act.context, act.site, act.problem)
    return "withdrawn"


async def erase(act: Act) -> str:
    await service.erase(act.context, act.site, act.problem)
    return "erased"


ACTIONS: dict[str, Action] = {
    "again": again,
    "confirmed": solved,
    "reopened": not_solved,
    "rated": rate,
    "stopped": stop,
    "started": start,
    "reports": ask_reports,
    "unnamed": hide_name,
    "withdrawn": withdraw,
    "erased": erase,
}
_DONE = (*ACTIONS, "clarified", "capped", "link", "link_mailed")
_TYPED = ("reason", "words", "opinion", "mark")  # what a refused form gives back


async def page(request: Request) -> Response:
    """GET /t/{token}"""
    return await _page(request)


async def _page(request: Request, status: int = 200, form: Form | None = None, **more: Any) -> Response:
    context, token = web.context(request), request.path_params["token"]
    site, problem = await service.by_private_link(context, token)
    language = web.negotiate_language(request, problem["language"])
    done = request.query_params.get("done")
    values = await private_page_view.view(context, site, problem, language)
    given = {name: form.one(name) if form else "" for name in _TYPED}
    return web.html_response(
        request,
        "resident/problem.html",
        status,
        language=language,
        private=True,
        address=f"/t/{token}",
        done=done if done in _DONE else None,
        form_id=private_page_view.issue_form_id(context.signer, problem),
        **{"errors": {}, "message": None, "given": given, "taken": (), **values, **more},
    )


async def step(request: Request) -> Response:
    """GET /t/{token}/{step}: says what will be gone and what stays, and asks once more."""
    context, token, name = web.context(request), request.path_params["token"], request.path_params["step"]
    if name not in STEPS:
        raise NotFound
    site, problem = await service.by_private_link(context, token)
    language = web.negotiate_language(request, problem["language"])
    values = await private_page_view.step(context, site, problem, language)
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
    """POST /t/{token}/link-changed: what the form names becomes the link, so a second press of its button is the first.

    The old address is dead by then, and only whoever pressed the button knows what the form names.
    """
    context, token = web.context(request), request.path_params["token"]
    form = forms.parse(await web.read_body(request, forms.LIMIT))
    named = links.read_link(context, Purpose.TRACK, token)
    problem = await records.find(context.database, named.identifier) if named else None
    link_id = private_page_view.read_form_id(context.signer, problem, form.one("form")) if problem else None
    done = "link"
    if problem is None or problem["link_id"] != link_id:
        _, problem = await service.by_private_link(context, token)
        await context.limits.hit("confirmations", web.client_address(request))
        link_id = private_page_view.read_form_id(context.signer, problem, form.one("form"))
        try:
            done = "link_mailed" if await service.change_link(context, problem, link_id) else "link"
        except Conflict as error:
            return await _page(
                request, 409, message=web.error_detail(web.negotiate_language(request, problem["language"]), error)
            )
    address = links.track_url(context, problem["id"], link_id)
    return web.see_other(f"{address}?done={done}" + web.language_query(request).replace("?", "&"))


async def clarify(request: Request) -> Response:
    """POST /t/{token}/clarified: words, photos or both; a refused form gives back both."""
    context, token = web.context(request), request.path_params["token"]
    site, problem = await service.by_private_link(context, token)
    await context.limits.hit("confirmations", web.client_address(request))
    language = web.negotiate_language(request, problem["language"])
    form, files = await read(request)
    with web.closing_files(files):
        chosen = [one for one in files if one.name or one.size]  # a field left empty is sent all the same
        taken = await report_photos.kept(context, site, form)
        form_id = private_page_view.read_form_id(context.signer, problem, form.one("form"))
        again = partial(_page, request, form=form)
        try:
            many = len(taken) + len(chosen)
            if not await dialogue.is_duplicate(context.database, problem, form_id, form.one("words"), many):
                await dialogue.check_can_clarify(context.database, problem)
                for _ in chosen[: site.photos]:
                    await context.limits.hit("photos", web.client_address(request), site.id)
                taking = report_photos.take(context, site, taken, chosen, language, web.client_network(request))
                taken, refused = await web.cancel_on_disconnect(request, taking)
                if refused:
                    return await again(422, errors={"photos": " ".join(refused)}, taken=taken)
                said = dialogue.Clarification(
                    id=form_id, text=form.one("words"), photos=report_photos.attachable(context, site, taken)
                )
                await dialogue.clarify(context.database, site, problem["id"], said)
        except Invalid as error:
            return await again(422, errors=_errors(language, error), taken=taken)
        except (Conflict, Refused) as error:
            return await again(409, message=web.error_detail(language, error), taken=taken)
    return web.see_other(f"/t/{token}?done=clarified" + web.language_query(request).replace("?", "&"))


async def act(request: Request) -> Response:
    """POST /t/{token}/{action}"""
    context, token = web.context(request), request.path_params["token"]
    action = ACTIONS.get(request.path_params["action"])
    if action is None:
        raise NotFound
    site, problem = await service.by_private_link(context, token)
    await context.limits.hit("confirmations", web.client_address(request))
    language = web.negotiate_language(request, problem["language"])
    form = forms.parse(await web.read_body(request, forms.LIMIT))
    try:
        done = await action(Act(context, site, problem, form))
    except Invalid as error:
        return await _page(request, 422, form, errors=_errors(language, error))
    except (Conflict, Refused) as error:  # clicked twice, or the agency was faster: the page as it is now says more
        return await _page(request, 409, form, message=web.error_detail(language, error))
    return web.see_other(f"/t/{token}?done={done}" + web.language_query(request).replace("?", "&"))


def _errors(language: str, error: Invalid) -> dict[str, str]:
    return {wrong.field: i18n.field_error(language, wrong.field, wrong.code, wrong.values) for wrong in error.fields}


routes: list[BaseRoute] = [
    Route("/t/{token}", page, methods=["GET"]),
    Route("/t/{token}/{step}", step, methods=["GET"]),
    Route("/t/{token}/clarified", clarify, methods=["POST"]),
    Route("/t/{token}/link-changed", change_link, methods=["POST"]),
    Route("/t/{token}/{action}", act, methods=["POST"]),
]
