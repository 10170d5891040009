"""The public JSON API of problems: report one, list the published, read one."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, http, i18n, validation
from widget_api.errors import Invalid, Malformed
from widget_api.problems import bodies, clusters, detail, intake, listing, numbers, persons, similar, submit, support
from widget_api.problems.answers import Answers
from widget_api.problems.queries import Near
from widget_api.problems.store import submissions
from widget_api.sites import origin_check, service, territory, tickets
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_answers = Answers()


async def report(request: Request) -> Response:
    """POST /sites/{key}/problems. Refusals in the contract's order: 404, 403, 413/415, 400, replay, 429, 403, 422."""
    context = http.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    origin = origin_check.admit(site, request.headers.get("origin"), context.settings.public_url)
    data = await http.json_object(request)
    idempotency = submit.Idempotency(key=_key(request), fingerprint=_fingerprint(data))
    earlier = await submissions.find(context.database, site.id, idempotency.key)
    if earlier is not None:
        return http.json(submit.replayed(earlier, idempotency).body, 201)
    address = http.client_address(request)
    await context.limits.hit("reports", address, site.id)
    ticket = tickets.read(context.signer, data.get("ticket"), site, origin, required=context.settings.challenge)
    other = await territory.other(context.database, site, intake.point(data), context.settings.public_url)
    language = i18n.chosen(data.get("lang"), http.language(request, site.language))
    checked, consent = bodies.report(site, data, language=language, source="widget", signer=context.signer, other=other)
    receipt = await submit.submit(
        context.database,
        site,
        await persons.with_consent(context.database, site, context.settings, checked, consent, address),
        signer=context.signer,
        public_url=context.settings.public_url,
        idempotency=idempotency,
        spend=partial(tickets.spend, ticket_id=ticket) if ticket else None,
    )
    return http.json(receipt.body, 201)


def _key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        raise Malformed("idempotency_key_missing" if not key else "idempotency_key_wrong")
    return key


def _fingerprint(data: dict[str, Any]) -> str:
    """Of everything but the ticket: a retry may need a fresh one."""
    body = {name: value for name, value in data.items() if name != "ticket"}
    try:
        return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except orjson.JSONEncodeError:  # orjson reads what is nested 1,024 deep and writes 254
        raise Malformed from None


async def problems(request: Request) -> Response:
    """GET /sites/{key}/problems"""
    context = http.context(request)
    site, version = await service.current(context.database, request.path_params["key"])
    filters = listing.parse(http.pairs(request.scope["query_string"]), site)
    today = local_date(clock.now(), site.time_zone)
    return await _read(
        request,
        http.tag(version, today, "list", filters.fingerprint(site.id), filters.limit, filters.after),
        site,
        lambda: listing.page_json(context.database, site, filters, today, context.settings.public_url),
        cost=filters.cost,
        keep=filters.narrow or filters.after is None,  # further pages are made sooner than they are found
        beside=lambda content: http.next_page(request, listing.cursor_of(content)),
    )


async def clusters_of(request: Request) -> Response:
    """GET /sites/{key}/clusters?bbox&zoom"""
    context = http.context(request)
    site, version = await service.current(context.database, request.path_params["key"])
    view = clusters.parse(http.pairs(request.scope["query_string"]), site)
    today = local_date(clock.now(), site.time_zone)
    return await _read(
        request,
        http.tag(site.id, version, today, "clusters", view),
        site,
        lambda: clusters.clusters(context.database, site.id, view, today),
        cost=clusters.cost(view),
        media_type="application/geo+json",
    )


async def _read(
    request: Request,
    tag: str,
    site: Site,
    make: Callable[[], Awaitable[Any]],
    *,
    cost: int,
    keep: bool = True,
    media_type: str = "application/json",
    beside: Callable[[Any], dict[str, str]] = lambda content: {},
) -> Response:
    """304, what is kept, or what `make` returns. What it costs is counted where it has to be made."""
    if http.unchanged(request, tag):
        return http.cacheable(b"", tag, 304)
    async with http.costly(request, site.id, 0 if tag in _answers else cost):
        content = await (_answers.get(tag, make) if keep else make())
    return http.cacheable(content, tag, headers=beside(content), media_type=media_type)


async def problem(request: Request) -> Response:
    """GET /sites/{key}/problems/{number}"""
    context = http.context(request)
    site, version = await service.current(context.database, request.path_params["key"])
    number = numbers.parse(request.path_params["number"])
    language = http.language(request, site.language)
    today = local_date(clock.now(), site.time_zone)
    tag = http.tag(site.id, version, today, number, language)
    if http.unchanged(request, tag, there=False):
        return http.cacheable(b"", tag, 304)
    content = await detail.read(context, site, number, today, language)
    if http.unchanged(request, tag):
        return http.cacheable(b"", tag, 304)
    return http.cacheable(content, tag, headers={"Content-Language": language, "Vary": "Accept-Language"})


async def similar_ones(request: Request) -> Response:
    """GET /sites/{key}/similar?lat&lng&category"""
    context = http.context(request)
    site, version = await service.current(context.database, request.path_params["key"])
    asked = validation.parse_query(Near, request.query_params)
    where, code = (asked.lat, asked.lng), asked.category
    today = local_date(clock.now(), site.time_zone)
    tag = http.tag(site.id, version, today, "similar", where, code)
    if http.unchanged(request, tag):
        return http.cacheable(b"", tag, 304)
    async with http.costly(request, site.id, similar.COST):
        found = await similar.near(context.database, site, where, code, today, context.settings.public_url)
    return http.cacheable(found, tag)


async def support_one(request: Request) -> Response:
    """POST /sites/{key}/problems/{number}/support. A voice that is counted already needs no fresh ticket."""
    context = http.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    origin = origin_check.admit(site, request.headers.get("origin"), context.settings.public_url)
    data = await http.json_object(request)
    number = numbers.parse(request.path_params["number"])
    body, errors = validation.read(bodies.Support, data)
    voice = support.voice_of(site.id, body.supporter) if body else None
    many, known = await support.count(context.database, site.id, number, voice)
    if not known:
        await context.limits.hit("supports", http.client_address(request), site.id)
        ticket = tickets.read(context.signer, data.get("ticket"), site, origin, required=context.settings.challenge)
        if voice is None:
            raise Invalid(errors)
        spend = partial(tickets.spend, ticket_id=ticket) if ticket else None
        many = await support.support(context.database, site.id, number, voice, spend)
    return http.json({"supporters": many})


routes: list[BaseRoute] = [
    Route("/api/v1/sites/{key}/problems", problems, methods=["GET"]),
    Route("/api/v1/sites/{key}/problems", report, methods=["POST"]),
    Route("/api/v1/sites/{key}/problems/{number}", problem, methods=["GET"]),
    Route("/api/v1/sites/{key}/problems/{number}/support", support_one, methods=["POST"]),
    Route("/api/v1/sites/{key}/clusters", clusters_of, methods=["GET"]),
    Route("/api/v1/sites/{key}/similar", similar_ones, methods=["GET"]),
]
