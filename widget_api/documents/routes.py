"""Routes of the documents: the index with its search, each document, the files beside them, and the CMS packages."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.documents import library, search
from widget_api.errors import NotFound
from widget_api.sites.install import packages
from widget_api.web import pages

_MAX_QUERY = 200  # characters


async def index(request: Request) -> Response:
    """GET /docs: all documents and packages; with ?q= what was found in them."""
    language = web.negotiate_language(request)
    query = request.query_params.get("q", "").strip()[:_MAX_QUERY]
    if query:
        found = await asyncio.to_thread(search.search, query, language)
        return web.html_response(
            request,
            "documents/search.html",
            language=language,
            public=True,
            private=True,  # search engines list documents, not what is found in them
            kept=urlencode({"q": query}),
            query=query,
            found=found,
        )
    groups = [
        (group, [library.get(name, language) for name in names if library.has(name)]) for group, names in library.GROUPS
    ]
    return _page(request, "documents/index.html", language, groups=groups, packages=packages.PACKAGES)


async def document(request: Request) -> Response:
    """GET /docs/{path}: a document, or a file that one refers to."""
    path, language = request.path_params["path"], web.negotiate_language(request)
    if library.has(path):
        found = library.get(path, language)
        html, contents = await asyncio.to_thread(lambda: (library.render(found), found.contents))
        key = f"documents.about.{path}"
        about = key if i18n.has(key) else None
        shown = {"document": found, "html": html, "contents": contents if len(contents) > 3 else []}
        return _page(request, "documents/document.html", language, about=about, **shown)
    content, media_type = await asyncio.to_thread(library.read_file, path)
    return _file(request, content, media_type)


async def package(request: Request) -> Response:
    """GET /docs/packages/{file}: a plugin for a content management system, of this version."""
    found = next((one for one in packages.PACKAGES if one.file_name == request.path_params["file"]), None)
    if found is None:
        raise NotFound
    content = await asyncio.to_thread(packages.build_package, found)
    headers = {"Content-Disposition": f'attachment; filename="{found.file_name}"'}
    return _file(request, content, "application/zip", headers)


def _page(request: Request, template: str, language: str, **values: Any) -> Response:
    contact = web.context(request).settings.operator_contact
    theme = web.cookie(request, "theme")
    page = pages.render(template, language, theme=theme, operator_contact=contact, query="", **values)
    return web.kept_page_response(request, page.encode(), web.make_etag(page), language)


def _file(request: Request, content: bytes, media_type: str, headers: dict[str, str] | None = None) -> Response:
    tag = web.make_etag(content)
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    return web.cacheable_response(content, tag, headers=headers, media_type=media_type)


routes: list[BaseRoute] = [
    Route("/docs", index, methods=["GET"]),
    Route("/docs/packages/{file}", package, methods=["GET"]),
    Route("/docs/{path:path}", document, methods=["GET"]),
]
