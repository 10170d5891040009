"""Serve a site's configuration, border, challenges and tickets to the widget, and its consent documents."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from dataclasses import asdict
from typing import Annotated, Any

import orjson
from pydantic import Field
from pydantic.json_schema import WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import __version__, clock, i18n, validation, web
from widget_api.errors import Malformed, NotFound, Refused, TooMany
from widget_api.sites import consent, origins, service, tickets, view
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site
from widget_api.validation import Body, Point, Query

CACHE_CONTROL = "max-age=0, s-maxage=10"
_MAX_TICKET_BODY = 8192  # bytes; an altcha payload is 600
_STRING = WithJsonSchema({"type": "string"})


class Solution(Body):
    challenge: str = Field(description="Base64 of the solved challenge's JSON.")


class Seen(Query):
    """Of a challenge."""

    v: str = Field("", description="The release of the widget.")
    failed: Annotated[str | None, _STRING] = Field(None, description="What of the widget failed.")
    seen: Annotated[str | None, _STRING] = Field(
        None, description="The widget shows the city: nothing is to be solved."
    )


async def get_configuration(request: Request) -> Response:
    """GET /api/v1/sites/{key}: everything that a form needs, in one response.

    The widget asks for nothing else where the key is not valid, so an expired one is counted here.
    """
    context = web.context(request)
    try:
        site, version = await service.by_key_with_version(context.database, request.path_params["key"])
    except NotFound:
        await _count_expired(request, request.headers.get("origin"))
        raise
    language = web.negotiate_language(request, site.language)
    document = await consent.current_document(context.database, site, context.settings, language)
    of_name = await consent.current_document(context.database, site, context.settings, language, "publish_name")
    now = clock.now()
    day = local_date(now, site.time_zone)
    tag = f'"{__version__}.{version}.{day:%Y%m%d}.{language}.{document.version}.{of_name.version}.{site.key[-8:]}"'
    headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": "Accept-Language", "Content-Language": language}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return web.json_response(
        view.configuration_values(site, context.settings, document, of_name, language, now), headers=headers
    )


async def _count_expired(request: Request, origin: str | None, version: str = "") -> None:
    """Count the sighting of a widget whose key was valid once; without an origin no page asked."""
    context = web.context(request)
    expired = await service.find_expired(context.database, request.path_params["key"]) if origin else None
    if origin and expired is not None:
        context.sightings.note(expired, "key_expired", origin, version)


async def check_place(request: Request) -> Response:
    """GET /api/v1/sites/{key}/place?lat&lng: whether a point lies in the site's territory.

    Otherwise the response contains the error of a report there, and the site to which the point belongs.
    """
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    point = validation.parse_query(Point, request.query_params)
    where = point.lat, point.lng
    other = await service.find_other_site(context.database, site, where, context.settings.public_url)
    receiver = await service.find_receiver(context.database, site, where)
    language = web.negotiate_language(request, site.language)
    inside = site.covers(*where)
    named = (("other", other.name),) if other else ()
    detail = None if inside else i18n.field_error(language, "location", "outside", (("site", site.name), *named))
    content = {"inside": inside, "detail": detail, "other": other and asdict(other)}
    if receiver:
        values = {"site": site.name, "receiver": receiver.name}
        track = view.receiver_text(receiver.site, receiver.name, language, clock.now())
        content |= {"detail": i18n.text(language, "form.handed", **values), "receiver": receiver.name, "track": track}
    return _tagged_response(request, content, {"Vary": "Accept-Language", "Content-Language": language})


async def get_area(request: Request) -> Response:
    """GET /api/v1/sites/{key}/area: the simplified border for maps, without lines where the site has no area.

    Separate from the configuration, since it is large and only an open map needs it.
    """
    site = await service.by_key(web.context(request).database, request.path_params["key"])
    found = site.area
    rings = await asyncio.to_thread(lambda: found.outline) if found else []
    return _tagged_response(request, {"type": "MultiLineString", "coordinates": rings}, {})


def _tagged_response(request: Request, value: dict[str, Any], more: dict[str, str]) -> Response:
    """A response whose entity tag is the hash of its content."""
    content = orjson.dumps(value)
    tag = f'"{hashlib.sha256(content).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, **more}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return web.json_response(content, headers=headers)


async def issue_challenge(request: Request) -> Response:
    """GET /api/v1/sites/{key}/challenge: check the origin, count the sighting, and issue a proof-of-work challenge.

    `v` is the widget's release, for the installation check. With `failed` the widget reports a failure, and with `seen`
    that it shows the list only; neither gets a challenge (1.0 sent `failed=seen` for the latter).
    """
    context = web.context(request)
    query = validation.parse_query(Seen, request.query_params)
    key, version = request.path_params["key"], query.v
    sent_origin = request.headers.get("origin")
    try:
        site = await service.by_key(context.database, key)
    except NotFound:
        await _count_expired(request, sent_origin or origins.origin_of_url(context.settings.public_url), version)
        raise
    try:
        origin = origins.admit_origin(site, sent_origin, context.settings.public_url)
    except Refused:
        context.sightings.note(site, "origin_refused", sent_origin or "", version)
        raise
    address, reported = web.client_address(request), query.failed if query.seen is None else "seen"
    if reported in (None, "seen"):
        context.sightings.note(site, "seen", origin, version)
        if key != site.key:
            context.sightings.note(site, "key_old", origin, version)
    else:
        with contextlib.suppress(TooMany):
            await context.limits.hit("failures", address, site.id)
            context.sightings.note_failure(site, reported, origin, version)
    if reported is not None:
        return Response(status_code=204, headers={"Cache-Control": "no-store", "Vary": "Origin"})
    await context.limits.hit("challenges", address, site.id)
    issued = context.challenges.issue(site.id, origin, address)
    return web.json_response(issued, headers={"Cache-Control": "no-store", "Vary": "Origin"})


async def issue_ticket(request: Request) -> Response:
    """POST /api/v1/sites/{key}/tickets: exchange a solved challenge for a ticket."""
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    origin = origins.admit_origin(site, request.headers.get("origin"), context.settings.public_url)
    body, _ = validation.read(Solution, await web.read_json_object(request, _MAX_TICKET_BODY))
    if body is None:
        raise Malformed("challenge_malformed")
    await context.limits.hit("tickets", web.client_address(request), site.id)
    token, expires = await tickets.exchange_solution(
        context.database, context.signer, context.challenges, body.challenge, site, origin
    )
    return web.json_response({"ticket": token, "expires_at": clock.rfc3339(expires)}, 201)


async def consent_page(request: Request) -> Response:
    """GET /s/{key}/consent and /s/{key}/consent/{version}: a consent document.

    /s/{key}/consent/name is the current one for publishing a name.
    """
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    language = web.negotiate_language(request, site.language)
    wanted: str | None = request.path_params.get("version")
    purpose: consent.Purpose = "publish_name" if wanted == "name" else "processing"
    if wanted in (None, "name"):
        document = await consent.current_document(context.database, site, context.settings, language, purpose)
        return _consent_page(request, site, document, document, purpose)
    for purpose in ("processing", "publish_name"):
        found = await consent.find_document(context.database, site, wanted, purpose)
        if found is not None:
            newest = await consent.current_document(context.database, site, context.settings, found.language, purpose)
            return _consent_page(request, site, found, newest, purpose)
    raise NotFound("consent_not_found", current=f"{context.settings.public_url}/s/{site.key}/consent")


def _consent_page(
    request: Request, site: Site, document: consent.Document, newest: consent.Document, purpose: consent.Purpose
) -> Response:
    return web.html_response(
        request,
        "sites/consent.html",
        site=site,
        document=document,
        newest=document.version == newest.version,
        current="consent/name" if purpose == "publish_name" else "consent",
        intro=f"sites.{'name_consent' if purpose == 'publish_name' else 'consent'}.page_intro",
        language=document.language,
    )


routes: list[BaseRoute] = [
    Route("/api/v1/sites/{key}", get_configuration, methods=["GET"]),
    Route("/api/v1/sites/{key}/place", check_place, methods=["GET"]),
    Route("/api/v1/sites/{key}/area", get_area, methods=["GET"]),
    Route("/api/v1/sites/{key}/challenge", issue_challenge, methods=["GET"]),
    Route("/api/v1/sites/{key}/tickets", issue_ticket, methods=["POST"]),
    Route("/s/{key}/consent", consent_page, methods=["GET"]),
    Route("/s/{key}/consent/{version}", consent_page, methods=["GET"]),
]
