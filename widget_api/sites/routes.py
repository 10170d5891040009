"""What a widget asks before it shows anything: configuration, challenge, ticket; the border; the consent document."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from dataclasses import asdict
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import __version__, clock, i18n, validation, web
from widget_api.errors import Malformed, NotFound, Refused, TooMany
from widget_api.sites import consent, origin_check, origins, service, territory, tickets, view
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site
from widget_api.sites.requests import Point, Seen, Solution

CACHED = "max-age=0, s-maxage=10"
_TICKET_LIMIT = 8192  # bytes; an altcha payload is 600


async def configuration(request: Request) -> Response:
    """GET /api/v1/sites/{key}: everything a form needs, in one answer."""
    context = web.context(request)
    site, version = await service.current(context.database, request.path_params["key"])
    language = web.negotiate_language(request, site.language)
    document = await consent.current(context.database, site, context.settings, language)
    of_name = await consent.current(context.database, site, context.settings, language, "publish_name")
    now = clock.now()
    day = local_date(now, site.time_zone)
    tag = f'"{__version__}.{version}.{day:%Y%m%d}.{language}.{document.version}.{of_name.version}.{site.key[-8:]}"'
    headers = {"ETag": tag, "Cache-Control": CACHED, "Vary": "Accept-Language", "Content-Language": language}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return web.json_response(
        view.configuration(site, context.settings, document, of_name, language, now), headers=headers
    )


async def place(request: Request) -> Response:
    """GET /api/v1/sites/{key}/place?lat&lng: whether a point lies in the site's territory; if not, what to do and whose
    it is. What to do is what the refusal of a report would say."""
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    asked = validation.parse_query(Point, request.query_params)
    where = asked.lat, asked.lng
    other = await territory.other(context.database, site, where, context.settings.public_url)
    language = web.negotiate_language(request, site.language)
    inside = site.covers(*where)
    named = (("other", other.name),) if other else ()
    detail = None if inside else i18n.field_error(language, "location", "outside", (("site", site.name), *named))
    said = {"inside": inside, "detail": detail, "other": other and asdict(other)}
    return _tagged(request, said, {"Vary": "Accept-Language", "Content-Language": language})


async def area(request: Request) -> Response:
    """GET /api/v1/sites/{key}/area: the border as a map draws it, without what no screen shows; no lines where a site
    has no area. Apart from the configuration: it is large, and only an open map wants it."""
    site = await service.by_key(web.context(request).database, request.path_params["key"])
    found = site.area
    rings = await asyncio.to_thread(lambda: found.outline) if found else []
    return _tagged(request, {"type": "MultiLineString", "coordinates": rings}, {})


def _tagged(request: Request, value: dict[str, Any], more: dict[str, str]) -> Response:
    """An answer that is told by what it says."""
    content = orjson.dumps(value)
    tag = f'"{hashlib.sha256(content).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": CACHED, **more}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return web.json_response(content, headers=headers)


async def challenge(request: Request) -> Response:
    """GET /api/v1/sites/{key}/challenge: the gate, and the work that opens it.

    A widget says its release (`v`), so that the install check can tell where which one was seen. With `failed` it says
    what broke, and gets nothing; neither does one that shows the city, whose reader needs no work to do (`seen`;
    `failed=seen` is how 1.0 first said it).
    """
    context = web.context(request)
    asked = validation.parse_query(Seen, request.query_params)
    key, version = request.path_params["key"], asked.v
    sent_origin = request.headers.get("origin")
    try:
        site = await service.by_key(context.database, key)
    except NotFound:
        lapsed = await service.lapsed(context.database, key)
        if lapsed is not None:
            own = origins.of_url(context.settings.public_url)
            context.sightings.note(lapsed, "key_expired", sent_origin or own, version)
        raise
    try:
        origin = origin_check.admit(site, sent_origin, context.settings.public_url)
    except Refused:
        context.sightings.note(site, "origin_refused", sent_origin or "", version)
        raise
    address, told = web.client_address(request), asked.failed if asked.seen is None else "seen"
    if told in (None, "seen"):
        context.sightings.note(site, "seen", origin, version)
        if key != site.key:
            context.sightings.note(site, "key_old", origin, version)
    else:
        with contextlib.suppress(TooMany):
            await context.limits.hit("failures", address, site.id)
            context.sightings.failed(site, told, origin, version)
    if told is not None:
        return Response(status_code=204, headers={"Cache-Control": "no-store", "Vary": "Origin"})
    await context.limits.hit("challenges", address, site.id)
    issued = context.challenges.issue(site.id, origin, address)
    return web.json_response(issued, headers={"Cache-Control": "no-store", "Vary": "Origin"})


async def ticket(request: Request) -> Response:
    """POST /api/v1/sites/{key}/tickets: a solved challenge for a ticket."""
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    origin = origin_check.admit(site, request.headers.get("origin"), context.settings.public_url)
    body, _ = validation.read(Solution, await web.read_json_object(request, _TICKET_LIMIT))
    if body is None:
        raise Malformed("challenge_malformed")
    await context.limits.hit("tickets", web.client_address(request), site.id)
    token, expires = await tickets.exchange(
        context.database, context.signer, context.challenges, body.challenge, site, origin
    )
    return web.json_response({"ticket": token, "expires_at": clock.rfc3339(expires)}, 201)


async def consent_page(request: Request) -> Response:
    """GET /s/{key}/consent and /s/{key}/consent/{version}: the document a resident is asked to agree to.

    /s/{key}/consent/name is that of publishing a name.
    """
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    language = web.negotiate_language(request, site.language)
    wanted: str | None = request.path_params.get("version")
    purpose: consent.Purpose = "publish_name" if wanted == "name" else "processing"
    if wanted in (None, "name"):
        document = await consent.current(context.database, site, context.settings, language, purpose)
        return _consent_page(request, site, document, document, purpose)
    for purpose in ("processing", "publish_name"):
        found = await consent.find(context.database, site, wanted, purpose)
        if found is not None:
            newest = await consent.current(context.database, site, context.settings, found.language, purpose)
            return _consent_page(request, site, found, newest, purpose)
    raise NotFound("consent_not_found", current=f"{context.settings.public_url}/s/{site.key}/consent")


def _consent_page(
    request: Request, site: Site, document: consent.Document, newest: consent.Document, purpose: consent.Purpose
) -> Response:
    return _page(
        request,
        "sites/consent.html",
        site=site,
        document=document,
        newest=document.version == newest.version,
        current="consent/name" if purpose == "publish_name" else "consent",
        intro=f"sites.{'name_consent' if purpose == 'publish_name' else 'consent'}.page_intro",
        language=document.language,
    )


async def new_site_page(request: Request) -> Response:
    """GET /sites/new: where a webmaster whose origin is refused learns what to do."""
    return _page(
        request,
        "sites/new.html",
        origin=request.query_params.get("origin", "")[:300],
        language=web.negotiate_language(request),
        here=web.context(request).settings.public_url,
    )


def _page(request: Request, template: str, **values: Any) -> Response:
    return web.html_response(request, template, **values)


routes: list[BaseRoute] = [
    Route("/api/v1/sites/{key}", configuration, methods=["GET"]),
    Route("/api/v1/sites/{key}/place", place, methods=["GET"]),
    Route("/api/v1/sites/{key}/area", area, methods=["GET"]),
    Route("/api/v1/sites/{key}/challenge", challenge, methods=["GET"]),
    Route("/api/v1/sites/{key}/tickets", ticket, methods=["POST"]),
    Route("/s/{key}/consent", consent_page, methods=["GET"]),
    Route("/s/{key}/consent/{version}", consent_page, methods=["GET"]),
    Route("/sites/new", new_site_page, methods=["GET"]),
]
