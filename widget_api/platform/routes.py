"""Routes for central platforms beside GeoReport: one receives signed updates, the other serves the event feed."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import validation, web
from widget_api.errors import NotFound, Unauthenticated
from widget_api.open311 import service as georeport
from widget_api.open311.raw_parameters import Parameters
from widget_api.platform import service, webhook
from widget_api.platform.queries import Events
from widget_api.sites import service as sites

MAX_MESSAGE_SIZE = 1_048_576


async def receive_updates(request: Request) -> Response:
    """POST /platform/updates: one CloudEvent or a list, signed according to Standard Webhooks."""
    body = await web.read_body(request, MAX_MESSAGE_SIZE)
    taken = await service.receive_message(web.context(request).database, request.headers, body)
    return web.json_response({"taken": taken}, 202)


async def list_events(request: Request) -> Response:
    """GET /platform/events?site&after: the events after a position, for a token of scope `platform`."""
    context = web.context(request)
    query = Parameters(request.query_params.multi_items())
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    sender = await georeport.find_sender(context.database, token.strip() if scheme.lower() == "bearer" else None, None)
    if sender is None or not sender.trusted:
        raise Unauthenticated("token")
    site = await sites.by_id(context.database, sender.site_id)
    if query.first("site") not in (None, site.key, site.id, site.jurisdiction):
        raise NotFound("site_not_found")
    parameters = validation.parse(Events, query.first_values())
    events, following = await webhook.read_feed(
        context.database, site, context.settings.public_url, parameters.after, parameters.limit
    )
    return web.json_response({"events": events, "next": following}, 200, _HEADERS)


_HEADERS = {"Cache-Control": "no-store"}
routes: list[BaseRoute] = [
    Route("/api/v1/platform/updates", receive_updates, methods=["POST"]),
    Route("/api/v1/platform/events", list_events, methods=["GET"]),
]
