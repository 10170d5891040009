"""Routes of GeoReport v2: services, requests, tokens, updates and discovery, as XML or JSON."""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import BaseRoute, Route

from widget_api import errors, i18n, web
from widget_api.open311 import georeport, parameters, present, render, service
from widget_api.open311.georeport import Document
from widget_api.open311.http import Answer, StreamedList, answer_not_found, answer_options, make_endpoint, read_form
from widget_api.open311.intake import Sender
from widget_api.open311.parameters import Parameters
from widget_api.sites import service as site_service
from widget_api.sites.model import Site

MAX_JURISDICTIONS = 1_000  # listed in the discovery document, the oldest first
CHANGESET = "2026-11-26T00:00:00Z"  # time of the last change to this endpoint; raise it with each change


async def list_services(request: Request, language: str) -> Document:
    site = await service.find_site_to_read(web.context(request).database, _query_parameters(request))
    return georeport.services_document([present.service_fields(category, language) for category in site.categories])


async def show_definition(request: Request, language: str) -> Document:
    site = await service.find_site_to_read(web.context(request).database, _query_parameters(request))
    category = site.category(request.path_params["code"])
    if category is None:
        raise errors.NotFound("service_not_found")
    questions = sorted(category.questions, key=lambda question: question.order)
    return georeport.definition_document(category.code, [present.attribute_fields(question) for question in questions])


async def list_requests(request: Request, language: str) -> StreamedList:
    context, query = web.context(request), _query_parameters(request)
    site, reader = await _identify_reader(request, query)
    url, request_query = context.settings.public_url, parameters.parse_requests(query)
    chunks = render.stream_requests(context.database, site, reader, request_query, language, url)
    token = reader.token_id if reader else None
    return StreamedList("service_requests", "request", chunks, token, site.id, request_query.cost)


async def show_request(request: Request, language: str) -> Document:
    context, query = web.context(request), _query_parameters(request)
    site = await service.find_site_to_read(context.database, query)
    reader = await service.find_sender(context.database, query.first("api_key"), site.id)
    number, notes = parameters.parse_number(request.path_params["id"]), parameters.wants_extensions(query)
    url = context.settings.public_url
    requests = number and await render.read_request(context.database, site, reader, number, language, url, notes=notes)
    if not requests:
        raise errors.NotFound("request_not_found")
    return georeport.requests_document(requests)


async def resolve_token(request: Request, language: str) -> Document:
    """Resolve a token. Requests get their ids at once here, so a token is the id itself."""
    context, query = web.context(request), _query_parameters(request)
    site = await service.find_site_to_read(context.database, query)
    reader = await service.find_sender(context.database, query.first("api_key"), site.id)
    number = await service.find_request_number(context.database, site, reader, request.path_params["id"])
    return georeport.requests_document([{"service_request_id": number, "token": number}])


async def send_request(request: Request, language: str) -> Document:
    context = web.context(request)
    async with read_form(request) as (fields, pictures):
        site, sender = await _identify_writer(request, fields)
        key = request.headers.get("idempotency-key")
        number = await service.submit_request(context, site, sender, fields, pictures, idempotency_key=key)
    reply: dict[str, georeport.Value] = {
        "service_request_id": str(number),
        "service_notice": None,
        "account_id": fields.first("account_id"),
    }
    if sender.trusted:
        reply["extended_attributes"] = {"url": present.problem_url(context.settings.public_url, site, number)}
    return georeport.requests_document([reply])


async def list_updates(request: Request, language: str) -> StreamedList:
    context, query = web.context(request), _query_parameters(request)
    site, reader = await _identify_reader(request, query)
    url, update_query = context.settings.public_url, parameters.parse_updates(query)
    chunks = render.stream_updates(context.database, site, reader, update_query, url)
    token = reader.token_id if reader else None
    return StreamedList("service_request_updates", "request_update", chunks, token, site.id, update_query.cost)


async def send_update(request: Request, language: str) -> Document:
    context = web.context(request)
    async with read_form(request) as (fields, pictures):
        site, sender = await _identify_writer(request, fields)
        update_id = await service.submit_update(context, site, sender, fields, pictures)
    return georeport.updates_document([{"update_id": update_id}])


async def show_discovery(request: Request, language: str) -> Document:
    context = web.context(request)
    settings, sites = context.settings, await site_service.list_sites(context.database)
    return georeport.discovery_document(
        changeset=CHANGESET,
        contact=settings.contact,
        key_service=i18n.text(language, "open311.key_service", contact=settings.contact),
        url=f"{settings.public_url}/open311/v2",
        test=not settings.production,
        jurisdictions=[site.jurisdiction for site in sites[:MAX_JURISDICTIONS]],
    )


def _query_parameters(request: Request) -> Parameters:
    return Parameters(request.query_params.multi_items())


async def _identify_reader(request: Request, query: Parameters) -> tuple[Site, Sender | None]:
    """Return the site and the sender of a key that reads it. Reads without a key are limited in number.

    Raises NotFound, Malformed and TooMany.
    """
    context = web.context(request)
    site = await service.find_site_to_read(context.database, query)
    reader = await service.find_sender(context.database, query.first("api_key"), site.id)
    if reader is None:
        await context.limits.hit("georeport_reads", web.client_address(request), site.id)
    return site, reader


async def _identify_writer(request: Request, fields: Parameters) -> tuple[Site, Sender]:
    context = web.context(request)
    site, sender = await service.authorise_writer(context.database, fields)
    if not sender.trusted:
        await context.limits.hit("georeport", sender.token_id)
    return site, sender


def _route(path: str, get: Answer, post: Answer | None = None) -> Route:
    return Route(path, make_endpoint(get=get, post=post), methods=["GET", "POST"] if post else ["GET"])


_EVERY = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_ROOT = "/open311/v2"
routes: list[BaseRoute] = [
    _route("/open311/discovery.{form}", show_discovery),
    _route(f"{_ROOT}/discovery.{{form}}", show_discovery),
    _route(f"{_ROOT}/services.{{form}}", list_services),
    _route(f"{_ROOT}/services/{{code}}.{{form}}", show_definition),
    _route(f"{_ROOT}/requests.{{form}}", list_requests, send_request),
    _route(f"{_ROOT}/requests/{{id}}.{{form}}", show_request),
    _route(f"{_ROOT}/tokens/{{id}}.{{form}}", resolve_token),
    _route(f"{_ROOT}/servicerequestupdates.{{form}}", list_updates, send_update),
    Route("/open311/{rest:path}", answer_options, methods=["OPTIONS"]),
    Route("/open311/{rest:path}", make_endpoint(get=answer_not_found, post=answer_not_found), methods=_EVERY),
]
