"""Routes of the OpenAPI document and of its readable page."""

from __future__ import annotations

import asyncio
from functools import lru_cache

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import openapi, web
from widget_api.openapi import reference
from widget_api.web import pages

_KEPT_SIZE = 4 * 1024 * 1024  # bytes: the document, and 300 kB for each language and theme of the page
_kept = web.Answers(_KEPT_SIZE)


@web.at_once
async def description(request: Request) -> Response:
    """GET /api/v1/openapi.json"""
    public_url = web.context(request).settings.public_url
    content = await _kept.get(public_url, lambda: asyncio.to_thread(openapi.content, public_url))
    tag = _tag_of(content)
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    return web.cacheable_response(content, tag)


@web.at_once
async def reference_page(request: Request) -> Response:
    """GET /api/v1/docs: the same for people, with the changelog; no script, nothing from elsewhere."""
    public_url, language = web.context(request).settings.public_url, web.negotiate_language(request)
    cookie = web.cookie(request, "theme")
    theme = cookie if cookie in pages.THEMES else None
    content = await _kept.get(
        f"{public_url} {language} {theme}", lambda: asyncio.to_thread(_render, public_url, language, theme)
    )
    return web.kept_page_response(request, content, _tag_of(content), language)


def _render(public_url: str, language: str, theme: str | None) -> bytes:
    built, changelog = reference.build(public_url), reference.read_changelog()
    return pages.render("api_docs.html", language, theme=theme, reference=built, changelog=changelog).encode()


@lru_cache(maxsize=16)
def _tag_of(content: bytes) -> str:
    """Return the ETag of kept bytes, computed once: the same object is found again without comparing it."""
    return web.make_etag(content.decode())


routes: list[BaseRoute] = [
    Route("/api/v1/openapi.json", description, methods=["GET"]),
    Route("/api/v1/docs", reference_page, methods=["GET"]),
]
