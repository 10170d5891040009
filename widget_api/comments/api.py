"""GET and POST …/comments: what is published under a problem, and a word of one's own."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import validation, web
from widget_api.comments import bodies as comments_bodies
from widget_api.comments import listing, service
from widget_api.problems import bodies, numbers, persons
from widget_api.problems.store.contacts import email_hash
from widget_api.sites import origin_check, tickets
from widget_api.sites import service as sites


async def comments(request: Request) -> Response:
    """GET /sites/{key}/problems/{number}/comments?cursor"""
    context = web.context(request)
    site, version = await sites.current(context.database, request.path_params["key"])
    service.check_on(site)
    number = numbers.parse(request.path_params["number"])
    cursor = request.query_params.get("cursor", "")
    tag = web.make_etag(site.id, version, "comments", number, cursor)
    if web.is_not_modified(request, tag, there=False):
        return web.cacheable_response(b"", tag, 304)
    found = await listing.page(context.database, site, number, cursor)
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    return web.cacheable_response(found, tag, headers=web.next_page_header(request, found["next"]))


async def post(request: Request) -> Response:
    """POST /sites/{key}/problems/{number}/comments. Refusals in the contract's order: 404, 403, 413/415, 400, 404, 409,

    429, 403 (ticket), 422.
    """
    context = web.context(request)
    site = await sites.by_key(context.database, request.path_params["key"])
    service.check_on(site)
    origin = origin_check.admit(site, request.headers.get("origin"), context.settings.public_url)
    data = await web.read_json_object(request)
    number, address = numbers.parse(request.path_params["number"]), web.client_address(request)
    await service.open_to(context.database, site, number)
    await context.limits.hit("comments", address, site.id)
    ticket = tickets.read(context.signer, data.get("ticket"), site, origin, required=context.settings.challenge)
    body = validation.parse(comments_bodies.NewComment, data, bodies.ValidationContext(site=site))
    language = web.negotiate_language(request, site.language)
    person = await persons.read_person(context.database, site, context.settings, body, language, address)
    purchase = f"{number} {email_hash(person.email)} {body.name}\n{body.text}"
    once = partial(tickets.spend_once, ticket_id=ticket, purchase=purchase) if ticket else None
    await service.post(context.database, site, number, body.comment, person, once)
    return web.json_response({}, 202)


routes: list[BaseRoute] = [
    Route("/api/v1/sites/{key}/problems/{number}/comments", comments, methods=["GET"]),
    Route("/api/v1/sites/{key}/problems/{number}/comments", post, methods=["POST"]),
]
