"""GeoReport v2 over HTTP: services, requests, tokens, updates and discovery, as XML or JSON."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from widget_api import errors, i18n, web
from widget_api.open311 import georeport, parameters, present, render, service
from widget_api.open311.georeport import Document
from widget_api.open311.http import Answer, Listing, allowed, endpoint, nothing, read
from widget_api.open311.intake import Sender
from widget_api.open311.raw_parameters import Parameters
from widget_api.sites import service as site_service
from widget_api.sites.model import Site

MOST_JURISDICTIONS = 1_000  # named by discovery, the oldest first
CHANGESET = "2026-11-26T00:00:00Z"  # of what this endpoint offers; move it when that changes


async def services(request: Request, language: str) -> Document:
    site = await service.reading_site(web.context(request).database, _query(request))
    return georeport.services([present.service(category, language) for category in site.categories])


async def definition(request: Request, language: str) -> Document:
    site = await service.reading_site(web.context(request).database, _query(request))
    category = site.category(request.path_params["code"])
    if category is None:
        raise errors.NotFound("service_not_found")
    questions = sorted(category.questions, key=lambda question: question.order)
    return georeport.definition(category.code, [present.attribute(question) for question in questions])


async def listed(request: Request, language: str) -> Listing:
    context, query = web.context(request), _query(request)
    site, asker = await _reader(request, query)
    url, asked = context.settings.public_url, parameters.requests(query)
    chunks = render.requests(context.database, site, asker, asked, language, url)
    return Listing("service_requests", "request", chunks, asker.token_id if asker else None)


async def single(request: Request, language: str) -> Document:
    context, query = web.context(request), _query(request)
    site = await service.reading_site(context.database, query)
    asker = await service.sender(context.database, query.one("api_key"), site.id)
    number, notes = parameters.number(request.path_params["id"]), parameters.extensions(query)
    url = context.settings.public_url
    found = number and await render.request(context.database, site, asker, number, language, url, notes=notes)
    if not found:
        raise errors.NotFound("request_not_found")
    return georeport.requests(found)


async def token(request: Request, language: str) -> Document:
    """Nothing waits here for its id, so a token is the id itself."""
    context, query = web.context(request), _query(request)
    site = await service.reading_site(context.database, query)
    asker = await service.sender(context.database, query.one("api_key"), site.id)
    found = await service.request_id(context.database, site, asker, request.path_params["id"])
    return georeport.requests([{"service_request_id": found, "token": found}])


async def send_request(request: Request, language: str) -> Document:
    context = web.context(request)
    async with read(request) as (fields, pictures):
        site, sender = await _writer(request, fields)
        key = request.headers.get("idempotency-key")
        number = await service.take_request(context, site, sender, fields, pictures, idempotency_key=key)
    reply: dict[str, georeport.Value] = {
        "service_request_id": str(number),
        "service_notice": None,
        "account_id": fields.one("account_id"),
    }
    if sender.trusted:
        reply["extended_attributes"] = {"url": present.problem_url(context.settings.public_url, site, number)}
    return georeport.requests([reply])


async def updates(request: Request, language: str) -> Listing:
    context, query = web.context(request), _query(request)
    site, asker = await _reader(request, query)
    url, asked = context.settings.public_url, parameters.updates(query)
    chunks = render.updates(context.database, site, asker, asked, url)
    return Listing("service_request_updates", "request_update", chunks, asker.token_id if asker else None)


async def send_update(request: Request, language: str) -> Document:
    context = web.context(request)
    async with read(request) as (fields, pictures):
        site, sender = await _writer(request, fields)
        update_id = await service.take_update(context, site, sender, fields, pictures)
    return georeport.updates([{"update_id": update_id}])


async def discovery(request: Request, language: str) -> Document:
    context = web.context(request)
    settings, sites = context.settings, await site_service.all_sites(context.database)
    return georeport.discovery(
        changeset=CHANGESET,
        contact=settings.mail_from,
        key_service=i18n.text(language, "open311.key_service", contact=settings.mail_from),
        url=f"{settings.public_url}/open311/v2",
        test=not settings.production,
        jurisdictions=[site.jurisdiction for site in sites[:MOST_JURISDICTIONS]],
    )


def _query(request: Request) -> Parameters:
    return Parameters(request.query_params.multi_items())


async def _reader(request: Request, query: Parameters) -> tuple[Site, Sender | None]:
    """Who reads lists of what; those who give no key are counted. Raises NotFound, Malformed, TooMany."""
    context = web.context(request)
    site = await service.reading_site(context.database, query)
    asker = await service.sender(context.database, query.one("api_key"), site.id)
    if asker is None:
        await context.limits.hit("georeport_reads", web.client_address(request), site.id)
    return site, asker


async def _writer(request: Request, fields: Parameters) -> tuple[Site, Sender]:
    context = web.context(request)
    site, sender = await service.writing(context.database, fields)
    if not sender.trusted:
        await context.limits.hit("georeport", sender.token_id)
    return site, sender


def _route(path: str, get: Answer, post: Answer | None = None) -> Route:
    return Route(path, endpoint(get=get, post=post), methods=["GET", "POST"] if post else ["GET"])


_EVERY = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_ROOT = "/open311/v2"
routes: list[BaseRoute] = [
    _route("/open311/discovery.{form}", discovery),
    _route(f"{_ROOT}/discovery.{{form}}", discovery),
    _route(f"{_ROOT}/services.{{form}}", services),
    _route(f"{_ROOT}/services/{{code}}.{{form}}", definition),
    _route(f"{_ROOT}/requests.{{form}}", listed, send_request),
    _route(f"{_ROOT}/requests/{{id}}.{{form}}", single),
    _route(f"{_ROOT}/tokens/{{id}}.{{form}}", token),
    _route(f"{_ROOT}/servicerequestupdates.{{form}}", updates, send_update),
    Route("/open311/{rest:path}", allowed, methods=["OPTIONS"]),
    Route("/open311/{rest:path}", endpoint(get=nothing, post=nothing), methods=_EVERY),
]
