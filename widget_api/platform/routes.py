"""Routes for central platforms beside GeoReport: one receives signed updates, the other serves the event feed."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import validation, web
from widget_api.errors import NotFound, Unauthenticated
from widget_api.open311 import service as georeport
from widget_api.open311.parameters import Parameters
from widget_api.platform import service, webhook
from widget_api.sites import service as sites
from widget_api.validation import Parameter, Query, wrong

MAX_LIMIT = 500
LARGEST_POSITION = 2**31 - 1
# A value of white space only counts as absent. Python's white space, in the syntax of ECMA-262.
_SPACE = r"^[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$"
MAX_MESSAGE_SIZE = 1_048_576
_HEADERS = {"Cache-Control": "no-store"}


def _whole(smallest: int, largest: int) -> Parameter:
    def read(text: str, _: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", text.strip()) or not smallest <= int(text) <= largest:
            raise wrong("between", min=smallest, max=largest)
        return int(text)

    bounds = {"type": "integer", "minimum": smallest, "maximum": largest}
    return Parameter(read, {"anyOf": [bounds, {"type": "string", "pattern": _SPACE}]})


class Events(Query):
    site: str = Field("", description="Key, identifier or jurisdiction of the token's site.")
    after: Annotated[int, _whole(0, LARGEST_POSITION)] = Field(0, description="A position.")
    limit: Annotated[int, _whole(1, MAX_LIMIT)] = Field(100, description="How many; 100 if left out.")


async def receive_updates(request: Request) -> Response:
    """POST /platform/updates: one CloudEvent or a list, signed according to Standard Webhooks."""
    body = await web.read_body(request, MAX_MESSAGE_SIZE)
    imported = await service.receive_message(web.context(request).database, request.headers, body)
    return web.json_response({"taken": imported}, 202)


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


routes: list[BaseRoute] = [
    Route("/api/v1/platform/updates", receive_updates, methods=["POST"]),
    Route("/api/v1/platform/events", list_events, methods=["GET"]),
]
