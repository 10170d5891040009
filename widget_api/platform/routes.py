"""Serve central platforms beside GeoReport: import the signed updates that they post, each once, and list events."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, validation, web
from widget_api.browse import published_figures, queries, statistics
from widget_api.context import Context
from widget_api.database import Database
from widget_api.errors import Malformed, NotFound, Unauthenticated
from widget_api.events import UPDATES_PATH
from widget_api.open311 import service as georeport
from widget_api.open311.parameters import Parameters
from widget_api.open311.parse import RemoteUpdate
from widget_api.platform import documents, entries, signature, update_import, webhook
from widget_api.platform.documents import MAX_LIMIT, AfterNumber, DocumentNumbers, whole
from widget_api.platform.model import Platform
from widget_api.platform.store import log, platforms
from widget_api.platform.store.links import Linked
from widget_api.problems import registration
from widget_api.problems.registration import Registration
from widget_api.problems.store import records
from widget_api.sites import service as sites
from widget_api.sites.model import Site, collection_key
from widget_api.validation import Query

LARGEST_POSITION = 2**31 - 1
MAX_NUMBER = 2**31 - 1
MAX_MESSAGE_SIZE = 1_048_576
_HEADERS = {"Cache-Control": "no-store"}


class Events(Query):
    site: str = Field("", description="Key, identifier or jurisdiction of the token's site.")
    collection: str = Field("", description="The slug of one of the site's collections; none: the problems.")
    after: Annotated[int, whole(0, LARGEST_POSITION)] = Field(0, description="A position.")
    limit: Annotated[int, whole(1, MAX_LIMIT)] = Field(100, description="How many; 100 if left out.")


async def receive_updates(request: Request) -> Response:
    """POST /platform/updates: one CloudEvent or a list, signed according to Standard Webhooks."""
    body = await web.read_body(request, MAX_MESSAGE_SIZE)
    imported = await receive_message(web.context(request), request.headers, body)
    return web.json_response({"taken": imported}, 202)


async def find_token_site(request: Request) -> Site:
    """The site of the request's token. Raises Unauthenticated."""
    database = web.context(request).database
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    sender = await georeport.find_sender(database, token.strip() if scheme.lower() == "bearer" else None, None)
    if sender is None or not sender.trusted:
        raise Unauthenticated("token")
    return await sites.by_id(database, sender.site_id)


async def list_events(request: Request) -> Response:
    """GET /platform/events?site&collection&after: the events after a position, for a token of scope `platform`."""
    context = web.context(request)
    query = Parameters(request.query_params.multi_items())
    site = await find_token_site(request)
    if query.first("site") not in (None, site.key, site.id, site.jurisdiction):
        raise NotFound("site_not_found")
    parameters = validation.parse(Events, query.first_values())
    if parameters.collection:
        site = await sites.by_key(context.database, collection_key(site.key, parameters.collection))
    events, following = await webhook.read_feed(
        context.database, site, context.settings.public_url, parameters.after, parameters.limit
    )
    return web.json_response({"events": events, "next": following}, 200, _HEADERS)


async def show_stats(request: Request) -> Response:
    """GET /platform/stats?from&to: the figures of the token's sites together, and the main ones of each."""
    database = web.context(request).database
    asked = queries.parse_period(queries.Period, request.query_params.multi_items())
    covered = (await find_token_site(request),)  # a token belongs to one site
    query, now = statistics.Query(sites=covered, first=asked.first, last=asked.last), clock.now()
    found = await published_figures.read(database, query, now, web.negotiate_language(request, covered[0].language))
    of_sites = await statistics.read_by(database, query, "site_id", now)
    return web.json_response(found | {"sites": published_figures.by_site(covered, of_sites)}, 200, _HEADERS)


async def receive_message(context: Context, headers: Mapping[str, str], body: bytes) -> int:
    """Import one CloudEvent or a list. Returns how many concern a known problem. Raises Unauthenticated and Malformed.

    A message that is repeated, by its sender or by an eavesdropper, is imported once: while its signature is valid, it
    is recognized by its id and body (Standard Webhooks, «webhook-id»), and later by the ids of its events.
    """
    database = context.database
    signers = await _find_signers(database, headers, body)
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed from None
    message = f"{headers['webhook-id']} {hashlib.sha256(body).hexdigest()}"
    events = content if isinstance(content, list) else [content]
    updates: dict[tuple[str, str], list[tuple[Linked, RemoteUpdate]]] = {}
    by_id = {platform.id: platform for platform in signers}
    for event in events:
        update = webhook.parse_event(event) if isinstance(event, Mapping) else None
        if update is None:
            continue
        if event["data"].get("collection"):
            found = await entries.find_or_import(context, by_id, event)
        else:
            found = await _find_problem(database, by_id, event["data"], update)
        if found is not None:
            platform_id, site_id, linked = found
            updates.setdefault((platform_id, site_id), []).append((linked, update))
    repeated = await log.is_message_received(database, message)
    for (platform_id, site_id), pairs in updates.items() if not repeated else ():
        await update_import.record_updates(database, by_id[platform_id], site_id, pairs)
    await log.record_message(database, message, clock.now() + 2 * signature.TOLERANCE)
    return sum(map(len, updates.values()))


async def _find_signers(database: Database, headers: Mapping[str, str], body: bytes) -> list[Platform]:
    """Return the platforms whose key signed the message. One system may be the platform of several sites, each with a
    row of its own. Raises Unauthenticated if there is none."""
    now = clock.now()
    candidates = [platform for platform in await platforms.list_enabled(database) if _has_signing_key(platform)]
    signers = [platform for platform in candidates if signature.is_valid(platform.key, headers, body, now)]
    if not signers:
        raise Unauthenticated("signature")
    return signers


def _has_signing_key(platform: Platform) -> bool:
    """Whether the platform's key may sign. API keys of GeoReport servers can often be guessed, since they were not
    chosen for signing, so a weak key is accepted from webhook receivers only."""
    return signature.is_strong(platform.key) or (
        platform.protocol == "webhook" and bool(signature.decode_secret(platform.key))
    )


async def _find_problem(
    database: Database, signers: Mapping[str, Platform], data: Mapping[str, Any], update: RemoteUpdate
) -> tuple[str, str, Linked] | None:
    """Return the ids of platform and site, and the problem; None unless one of the signers may update it."""
    jurisdiction = data.get("jurisdiction")
    named = isinstance(jurisdiction, str) and "\0" not in jurisdiction  # PostgreSQL rejects a NUL in text
    site = await sites.by_jurisdiction(database, str(jurisdiction)) if named else None
    if site is None or not update.request_id.isdecimal():
        return None
    serving = await platforms.platforms_of_site(database, site.id)
    signer = next((platform_id for platform_id in serving if platform_id in signers), None)
    number = int(update.request_id) if len(update.request_id) < 11 else 0
    problem = await records.by_number(database, site.id, number) if 0 < number <= MAX_NUMBER else None
    if problem is None or signer is None or problem["mirror_of"] not in (None, signer):
        return None  # a problem mirrored from another platform is updated by that one only
    if problem["mirror_of"] is None and problem["released_at"] is None:
        return None  # it was never sent to a platform
    return signer, site.id, Linked(problem_id=problem["id"], born_there=False, remote_state=None)


async def put_documents(request: Request) -> Response:
    """PUT /platform/documents: record numbers, all or none of the list."""
    database = web.context(request).database
    site = await find_token_site(request)
    body = validation.parse(DocumentNumbers, await web.read_json_object(request, documents.MAX_SIZE))
    registrations = [
        Registration(
            number=one.number,
            document_number=one.document_number,
            document_date=one.document_date,
        )
        for one in body.items
    ]
    return web.json_response({"registered": await registration.register(database, site.id, registrations)})


async def list_documents(request: Request) -> Response:
    """GET /platform/documents?after: the recorded numbers, in the order of reports."""
    site = await find_token_site(request)
    parameters = validation.parse(AfterNumber, Parameters(request.query_params.multi_items()).first_values())
    rows = await registration.list_registered(
        web.context(request).database, site.id, parameters.after, parameters.limit
    )
    names = ("number", "document_number", "document_date")
    following = rows[-1]["number"] if len(rows) == parameters.limit else None
    body = {"items": [{name: row[name] for name in names} for row in rows], "next": following}
    return web.json_response(body, 200, _HEADERS)


routes: list[BaseRoute] = [
    Route(UPDATES_PATH, receive_updates, methods=["POST"]),
    Route("/api/v1/platform/events", list_events, methods=["GET"]),
    Route("/api/v1/platform/documents", list_documents, methods=["GET"]),
    Route("/api/v1/platform/stats", show_stats, methods=["GET"]),
    Route("/api/v1/platform/documents", put_documents, methods=["PUT"]),
]
