"""Serve the comment form without scripts, and the mailed pages that confirm and withdraw a comment."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, validation, web
from widget_api.comments import api, service, store
from widget_api.database import Row
from widget_api.errors import NotFound
from widget_api.mail import links
from widget_api.problems import bodies, personal_data, persons
from widget_api.problems.model import parse_number
from widget_api.problems.store import records
from widget_api.residents import problem_forms
from widget_api.signing import Purpose
from widget_api.sites import service as sites
from widget_api.sites import tickets
from widget_api.sites.model import Site


async def show_comment_form(request: Request) -> Response:
    """GET /s/{key}/problems/{number}/comment"""
    site, problem = await _find_problem(request)
    return await problem_forms.show_form(request, site, "comment", problem["number"])


async def send_comment(request: Request) -> Response:
    """POST /s/{key}/problems/{number}/comment"""
    context = web.context(request)
    site, problem = await _find_problem(request)
    number = problem["number"]

    async def take(sent: problem_forms.Submission) -> None:
        body = validation.parse(api.NewComment, sent.data, bodies.ValidationContext(site=site))
        address = web.client_address(request)
        person = await persons.read_person(context.database, site, context.settings, body, sent.language, address)
        if personal_data.is_unseen(sent.form):
            notice = i18n.text(sent.language, "form.personal.again")
            raise problem_forms.SubmissionRejected(422, notice, keeps_token=True)
        once = partial(tickets.use_form, form_id=sent.id)
        await service.post_comment(context.database, site, number, body.comment, person, once)

    return await problem_forms.handle_form(request, site, "comment", number, take)


async def _find_problem(request: Request) -> tuple[Site, Row]:
    """The problem of the path, if it accepts comments. Raises NotFound, Conflict (merged)."""
    database = web.context(request).database
    site = await sites.by_key(database, request.path_params["key"])
    return site, await service.find_open_problem(database, site, parse_number(request.path_params["number"]))


# --- the mailed pages ----------------------------------------------------------------------------------------------


async def _read_link(request: Request, purpose: Purpose) -> Row | None:
    """The comment of the signed link, None where it was withdrawn. Raises NotFound («link_invalid»)."""
    context = web.context(request)
    comment_id = context.signer.read(purpose, request.path_params["token"])
    if not isinstance(comment_id, str):
        raise NotFound("link_invalid")
    return await store.find_comment(context.database, comment_id)


async def _render_page(request: Request, template: str, purpose: Purpose) -> Response:
    context, comment, action = web.context(request), await _read_link(request, purpose), request.url.path
    if comment is None:
        language = web.negotiate_language(request)
        return web.html_response(request, template, private=True, language=language, state="gone", action=action)
    problem = await records.find(context.database, comment["problem_id"])
    commenter = await store.find_commenter(context.database, comment["id"])
    assert problem is not None, "a comment without its problem"
    assert commenter is not None, "a link to a comment nobody wrote"
    site = await sites.by_id(context.database, problem["site_id"])
    return web.html_response(
        request,
        template,
        private=True,
        language=web.negotiate_language(request, commenter["language"]),
        site=site,
        problem=problem,
        comment=comment,
        state=comment["state"] if problem["published"] else "gone",
        action=action,
        page_url=links.problem_url(context, site, problem["number"]),
        own_url=links.own_comment_url(context, comment["id"]),
    )


async def show_confirmation(request: Request) -> Response:
    """GET /comment/{token}. Only the button confirms, since mail scanners follow links."""
    return await _render_page(request, "resident/comment.html", Purpose.COMMENT)


async def confirm_comment(request: Request) -> Response:
    """POST /comment/{token}"""
    context, comment = web.context(request), await _read_link(request, Purpose.COMMENT)
    await context.limits.hit("confirmations", web.client_address(request))
    if comment is not None:
        await service.confirm_comment(context.database, comment)
    return web.see_other(request.url.path + web.language_query(request))


async def show_own_comment(request: Request) -> Response:
    """GET /my-comment/{token}: the comment's state."""
    return await _render_page(request, "resident/own_comment.html", Purpose.OWN_COMMENT)


async def withdraw_comment(request: Request) -> Response:
    """POST /my-comment/{token}: erase the comment."""
    comment = await _read_link(request, Purpose.OWN_COMMENT)
    if comment is not None:
        await service.withdraw_comment(web.context(request).database, comment)
    return web.see_other(request.url.path + web.language_query(request))


async def hide_commenter_name(request: Request) -> Response:
    """POST /my-comment/{token}/name: hide the author's name; the text stays."""
    comment = await _read_link(request, Purpose.OWN_COMMENT)
    if comment is not None:
        await service.hide_commenter_name(web.context(request).database, comment)
    return web.see_other(f"/my-comment/{request.path_params['token']}{web.language_query(request)}")


routes: list[BaseRoute] = [
    Route("/s/{key}/problems/{number}/comment", show_comment_form, methods=["GET"]),
    Route("/s/{key}/problems/{number}/comment", send_comment, methods=["POST"]),
    Route("/comment/{token}", show_confirmation, methods=["GET"]),
    Route("/comment/{token}", confirm_comment, methods=["POST"]),
    Route("/my-comment/{token}", show_own_comment, methods=["GET"]),
    Route("/my-comment/{token}", withdraw_comment, methods=["POST"]),
    Route("/my-comment/{token}/name", hide_commenter_name, methods=["POST"]),
]
