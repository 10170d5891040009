"""Route of the OpenAPI document."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import openapi, web


async def description(request: Request) -> Response:
    """GET /api/v1/openapi.json"""
    public_url = web.context(request).settings.public_url
    content = await asyncio.to_thread(openapi.content, public_url)
    tag = web.make_etag(content.decode())
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    return web.cacheable_response(content, tag)


routes: list[BaseRoute] = [Route("/api/v1/openapi.json", description, methods=["GET"])]
