"""Serve the addresses of a town: suggestions for what is typed, and the houses beside a point."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import validation, web
from widget_api.addresses import search, spelling
from widget_api.sites import service as sites
from widget_api.sites.http import in_collection
from widget_api.validation import LATITUDE, LONGITUDE, Language, Parameter, clean

COST = 3  # the same as a search (browse/listing)
MAX_AGE = 300  # seconds


class Wanted(Language):
    """Which addresses: those that a text can mean, or those beside a point."""

    q: Annotated[
        str,
        Parameter(
            lambda text, _: clean(text) if len(text) <= spelling.LONGEST else None,
            {"type": "string", "maxLength": spelling.LONGEST},
        ),
    ] = Field("", description="An address as people type it.")
    lat: Annotated[float | None, LATITUDE] = Field(None, description="Degrees in plain decimals, with `lng`.")
    lng: Annotated[float | None, LONGITUDE] = Field(None, description="Degrees in plain decimals, with `lat`.")


@web.at_once
async def addresses(request: Request) -> Response:
    """Handle GET /sites/{key}/addresses?q or ?lat&lng. Collections have the addresses of their site."""
    context = web.context(request)
    site = await sites.by_key(context.database, request.path_params["key"])
    query = validation.parse_query(Wanted, request.query_params)
    if (query.lat is None) != (query.lng is None):
        raise validation.wrong_parameter("lng" if query.lng is None else "lat")
    owner = site.parent_id or site.id
    async with web.expensive_read(request, site.id, COST):
        if query.lat is not None and query.lng is not None:
            items = await search.find_near(context.database, owner, query.lat, query.lng)
        else:
            items = await search.find(context.database, owner, query.q)
    # Not for shared caches: a person types where they live.
    return web.json_response({"items": items}, headers={"Cache-Control": f"private, max-age={MAX_AGE}"})


_PATH = "/api/v1/sites/{key}"
routes: list[BaseRoute] = [
    Route(f"{_PATH}/addresses", addresses, methods=["GET"]),
    Route(f"{_PATH}/collections/{{slug}}/addresses", in_collection(addresses), methods=["GET"]),
]
