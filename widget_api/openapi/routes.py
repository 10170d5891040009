"""Routes of the OpenAPI document and of its readable page."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import openapi, web
from widget_api.openapi import reference


async def description(request: Request) -> Response:
    """GET /api/v1/openapi.json"""
    public_url = web.context(request).settings.public_url
    content = await asyncio.to_thread(openapi.content, public_url)
    tag = web.make_etag(content.decode())
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    return web.cacheable_response(content, tag)


async def reference_page(request: Request) -> Response:
    """GET /api/v1/docs: the same for people, with the changelog; no script, nothing from elsewhere."""
    built = await asyncio.to_thread(reference.build, web.context(request).settings.public_url)
    changelog = reference.read_changelog()
    return web.html_response(request, "api_docs.html", reference=built, changelog=changelog, public=True)


routes: list[BaseRoute] = [
    Route("/api/v1/openapi.json", description, methods=["GET"]),
    Route("/api/v1/docs", reference_page, methods=["GET"]),
]
