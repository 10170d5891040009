"""Serve what makes a town's page an application: manifest, icons, a form that waits for a network, shared photos.

The service worker (widget_js/pages/worker.ts) is one file for all towns; its scope, /s/{key}, says which one it serves.
"""

from __future__ import annotations

from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.attachments.photos.model import MAX_FILE_SIZE
from widget_api.errors import NotFound, TooLarge
from widget_api.residents import icons
from widget_api.sites import service
from widget_api.sites.model import Site
from widget_api.web.tokens import TOKENS

_ACCENT = TOKENS["accent"]["light"]  # of the service's own icon, for sites without a colour of theirs
_GROUND = "#ffffff"
_PHOTOS = ("image/jpeg", "image/png", "image/webp", "image/heic", "image/heif")  # as widget_js/report/photos/camera.tsx
_MOST_LABEL = 12  # characters that launchers show below an icon
_MOST_TEXT = 65_536  # bytes of a shared text, and of what stands around the photos


def page_values(site: Site) -> dict[str, Any]:
    """Values for the head of a page that belongs to the application (templates/city/application.html)."""
    accent = site.accent or _ACCENT
    return {"town": f"/s/{site.key}", "colour": accent, "icon": _icon_path(site, "apple-180", accent)}


def _icon_path(site: Site, name: str, accent: str) -> str:
    """The address of an icon. It changes with the colour, by which browsers notice that it is another picture."""
    return f"/s/{site.key}/icon-{name}.png?v={accent.removeprefix('#')}"


async def show_manifest(request: Request) -> Response:
    """GET /s/{key}/manifest.webmanifest (W3C Web Application Manifest). In the site's language: one town is one
    application, whoever installs it.
    """
    context = web.context(request)
    site, version = await service.by_key_with_version(context.database, request.path_params["key"])
    etag = web.make_etag("manifest", site.key, version)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if web.is_not_modified(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(orjson.dumps(_describe(site)), headers=headers, media_type="application/manifest+json")


def _describe(site: Site) -> dict[str, Any]:
    town, accent, language = f"/s/{site.key}", site.accent or _ACCENT, i18n.supported_language(site.language)
    report = i18n.text(language, "form.title")
    return {
        "id": town,
        "name": site.name,
        "short_name": site.name if len(site.name) <= _MOST_LABEL else i18n.text(language, "city.application"),
        "description": i18n.text(language, "city.lead", site=site.name),
        "lang": language,
        "start_url": town,
        "scope": town,
        "display": "standalone",
        "theme_color": accent,
        "background_color": _GROUND,
        "icons": [
            {
                "src": _icon_path(site, name, accent),
                "sizes": f"{size}x{size}",
                "type": "image/png",
                "purpose": "maskable" if name.startswith("maskable") else "any",
            }
            for name, size in (("192", 192), ("512", 512), ("maskable-512", 512))
        ],
        "shortcuts": [{"name": report, "url": f"{town}/form"}],
        "share_target": {
            "action": f"{town}/share",
            "method": "POST",
            "enctype": "multipart/form-data",
            "params": {"text": "text", "files": [{"name": "photos", "accept": list(_PHOTOS)}]},
        },
    }


async def show_icon(request: Request) -> Response:
    """GET /s/{key}/icon-{name}.png"""
    context, name = web.context(request), request.path_params["name"]
    site = await service.by_key(context.database, request.path_params["key"])
    if name not in icons.NAMES:
        raise NotFound
    picture = icons.colour_icon(name, site.accent or _ACCENT)
    return Response(picture, media_type="image/png", headers={"Cache-Control": "public, max-age=86400"})


async def show_form(request: Request) -> Response:
    """GET /s/{key}/form: the widget's form, which keeps what is written until there is a network."""
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    return web.html_response(
        request,
        "city/form.html",
        policy=web.WIDGET_POLICY,
        language=web.negotiate_language(request, site.language),
        site=site,
        application=page_values(site),
        canonical=f"{context.settings.public_url}/s/{site.key}/report",
    )


async def refuse_shared(request: Request) -> Response:
    """POST /s/{key}/share: a photo from another application that no service worker took: it was erased, or is off.

    Nothing of it is kept: it came without the person having seen a form. The page tells that it did not arrive. What
    one report can have is read to its end, since a browser that is cut off while it sends shows an error of its own.
    """
    site = await service.by_key(web.context(request).database, request.path_params["key"])
    left = max(site.photos, 1) * MAX_FILE_SIZE + _MOST_TEXT
    async for piece in request.stream():
        left -= len(piece)
        if left < 0:
            raise TooLarge
    return web.see_other(f"/s/{site.key}/form?shared")


routes: list[BaseRoute] = [
    Route("/s/{key}/manifest.webmanifest", show_manifest, methods=["GET"]),
    Route("/s/{key}/icon-{name}.png", show_icon, methods=["GET"]),
    Route("/s/{key}/form", show_form, methods=["GET"]),
    Route("/s/{key}/share", refuse_shared, methods=["POST"]),
]
