"""Serve the mailed page that asks whether an entry is still up to date."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import web
from widget_api.database import Row
from widget_api.errors import NotFound
from widget_api.problems.model import split_entry
from widget_api.problems.store import contacts, records
from widget_api.renewals import service, store
from widget_api.signing import Purpose
from widget_api.sites import service as sites


async def _read_link(request: Request) -> tuple[Row, Row]:
    """The renewal and the entry of a signed link. Raises NotFound («link_invalid»)."""
    context = web.context(request)
    problem_id = context.signer.read(Purpose.RENEW, request.path_params["token"])
    if isinstance(problem_id, str):
        renewal = await store.find(context.database, problem_id)
        problem = await records.find(context.database, problem_id)
        if renewal is not None and problem is not None:
            return renewal, problem
    raise NotFound("link_invalid")


async def show_question(request: Request) -> Response:
    """GET /renew/{token}. Only the button confirms, since mail scanners follow links."""
    context, (renewal, problem) = web.context(request), await _read_link(request)
    site = await sites.by_id(context.database, problem["site_id"])
    contact = await contacts.find(context.database, problem["id"])
    return web.html_response(
        request,
        "resident/renew.html",
        private=True,
        language=web.negotiate_language(request, contact["language"] if contact else site.language),
        site=site,
        title=split_entry(problem["description"])[0],
        number=problem["number"],
        state=service.find_state(renewal, problem),
        action=f"/renew/{request.path_params['token']}",
    )


async def confirm(request: Request) -> Response:
    """POST /renew/{token}"""
    context, (_, problem) = web.context(request), await _read_link(request)
    await context.limits.hit("confirmations", web.client_address(request))
    await service.confirm(context.database, problem["site_id"], problem["id"])
    return web.see_other(f"/renew/{request.path_params['token']}{web.language_query(request)}")


routes: list[BaseRoute] = [
    Route("/renew/{token}", show_question, methods=["GET"]),
    Route("/renew/{token}", confirm, methods=["POST"]),
]
