"""GET /api/v1/openapi.json."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import http, openapi


async def description(request: Request) -> Response:
    """GET /api/v1/openapi.json"""
    public_url = http.context(request).settings.public_url
    content = await asyncio.to_thread(openapi.content, public_url)
    tag = http.tag(content.decode())
    if http.unchanged(request, tag):
        return http.cacheable(b"", tag, 304)
    return http.cacheable(content, tag)


routes: list[BaseRoute] = [Route("/api/v1/openapi.json", description, methods=["GET"])]
