"""Serve POST …/follow. The response is the same whether or not the address follows already."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import validation, web
from widget_api.followers import service
from widget_api.problems import bodies, merges, persons
from widget_api.problems.model import parse_number
from widget_api.sites import origins, tickets
from widget_api.sites import service as sites
from widget_api.sites.http import in_collection


async def follow_problem(request: Request) -> Response:
    """POST /sites/{key}/problems/{number}/follow.

    Errors are checked in the contract's order: 404, 403, 413/415, 400, 404, 429, 403 (ticket), 422.
    """
    context = web.context(request)
    site = await sites.by_key(context.database, request.path_params["key"])
    origin = origins.admit_origin(site, request.headers.get("origin"), context.settings.public_url)
    data = await web.read_json_object(request)
    number = parse_number(request.path_params["number"])
    await merges.find_target(context.database, site.id, number)
    address = web.client_address(request)
    await context.limits.hit("follows", address, site.id)
    ticket = tickets.read_ticket(context.signer, data.get("ticket"), site, origin, required=context.settings.challenge)
    body, language = validation.parse(bodies.Follow, data), web.negotiate_language(request, site.language)
    person = await persons.read_person(context.database, site, context.settings, body, language, address)
    spend = partial(tickets.spend_ticket, ticket_id=ticket) if ticket else None
    await service.follow_problem(context.database, site.id, number, person, spend)
    return web.json_response({}, 202)


_ENTRY = "/api/v1/sites/{key}/collections/{slug}/entries/{number}"
routes: list[BaseRoute] = [
    Route("/api/v1/sites/{key}/problems/{number}/follow", follow_problem, methods=["POST"]),
    Route(f"{_ENTRY}/follow", in_collection(follow_problem), methods=["POST"]),
]
