"""Serve the mailed page of an invitation to a visit: accept or decline, until it begins."""

from __future__ import annotations

from typing import cast, get_args

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, web
from widget_api.database import Row
from widget_api.errors import Malformed, NotFound
from widget_api.problems import forms
from widget_api.signing import Purpose
from widget_api.sites import service as sites
from widget_api.visits import service, store
from widget_api.visits.model import Answer


async def _read_link(request: Request) -> Row:
    """The invitation of a signed link. Raises NotFound («link_invalid»)."""
    context = web.context(request)
    invitation_id = context.signer.read(Purpose.VISIT, request.path_params["token"])
    found = await store.find_invitation(context.database, invitation_id) if isinstance(invitation_id, str) else None
    if found is None:
        raise NotFound("link_invalid")
    return found


async def show_invitation(request: Request) -> Response:
    """GET /invited/{token}. Only a button answers, since mail scanners follow links."""
    found = await _read_link(request)
    site = await sites.by_id(web.context(request).database, found["site_id"])
    return web.html_response(
        request,
        "resident/invited.html",
        private=True,
        language=web.negotiate_language(request, found["language"] or site.language),
        site=site,
        visit=found,
        state=service.find_state(found, clock.now()),
        action=f"/invited/{request.path_params['token']}",
    )


async def answer_invitation(request: Request) -> Response:
    """POST /invited/{token}: `answer` is accepted or declined."""
    context, found = web.context(request), await _read_link(request)
    await context.limits.hit("confirmations", web.client_address(request))
    given = forms.parse_form(await web.read_body(request, forms.MAX_FORM_SIZE)).one("answer")
    if given not in get_args(Answer):
        raise Malformed
    await service.answer(context.database, found["id"], cast(Answer, given))
    return web.see_other(f"/invited/{request.path_params['token']}{web.language_query(request)}")


routes: list[BaseRoute] = [
    Route("/invited/{token}", show_invitation, methods=["GET"]),
    Route("/invited/{token}", answer_invitation, methods=["POST"]),
]
