"""Serve the writing calls of the public API: report a problem, support one."""

from __future__ import annotations

import hashlib
import re
from functools import partial
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, validation, web
from widget_api.errors import Invalid, Malformed
from widget_api.problems import bodies, intake, persons, report_photos, submit, support
from widget_api.problems.model import parse_number
from widget_api.problems.store import records
from widget_api.sites import entry_links, origins, service, tickets

_KEY = re.compile(r"[\x20-\x7e]{1,255}")


async def report(request: Request) -> Response:
    """Handle POST /sites/{key}/problems.

    Checks are made in the contract's order: 404, 403, 413/415, 400, replay, 429, 403, 422.
    """
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    origin = origins.admit_origin(site, request.headers.get("origin"), context.settings.public_url)
    data = await web.read_json_object(request)
    idempotency = submit.Idempotency(key=_key(request), fingerprint=_fingerprint(data))
    earlier = await records.find_submission(context.database, site.id, idempotency.key)
    if earlier is not None:
        return web.json_response(submit.replay_receipt(earlier, idempotency).body, 201)
    address = web.client_address(request)
    await context.limits.hit("reports", address, site.id)
    site, organisation = await entry_links.open_for(context.database, context.signer, site, str(data.get("by") or ""))
    entry_links.name_organisation(site, data, organisation)
    ticket = tickets.read_ticket(context.signer, data.get("ticket"), site, origin, required=context.settings.challenge)
    where = intake.parse_point(data)
    other = await service.find_other_site(context.database, site, where, context.settings.public_url)
    receiver = await service.find_receiver(context.database, site, where)
    language = i18n.requested_language(data.get("lang"), web.negotiate_language(request, site.language))
    checked, consent = bodies.report(
        site,
        data,
        language=language,
        source="widget",
        signer=context.signer,
        other=other,
        handed_on=receiver.site if receiver else None,
        photos_paused=await report_photos.are_waived(context, site, data.get("photos")),
    )
    receipt = await submit.submit(
        context.database,
        site,
        await persons.with_consent(context.database, site, context.settings, checked, consent, address),
        signer=context.signer,
        public_url=context.settings.public_url,
        idempotency=idempotency,
        spend=partial(tickets.spend_ticket, ticket_id=ticket) if ticket else None,
        receiver=receiver,
    )
    return web.json_response(receipt.body, 201)


def _key(request: Request) -> str:
    key = request.headers.get("idempotency-key", "")
    if not _KEY.fullmatch(key):
        raise Malformed("idempotency_key_missing" if not key else "idempotency_key_wrong")
    return key


def _fingerprint(data: dict[str, Any]) -> str:
    """Hash the body without its ticket: a retry may need a fresh one. Raises Malformed if it is nested too deep."""
    body = {name: value for name, value in data.items() if name != "ticket"}
    try:
        return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    except orjson.JSONEncodeError:  # orjson reads up to 1,024 levels of nesting and writes at most 254
        raise Malformed from None


async def add_support(request: Request) -> Response:
    """Handle POST /sites/{key}/problems/{number}/support. A supporter who is counted already needs no fresh ticket."""
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    origin = origins.admit_origin(site, request.headers.get("origin"), context.settings.public_url)
    data = await web.read_json_object(request)
    number = parse_number(request.path_params["number"])
    body, errors = validation.read(bodies.Support, data)
    voice = support.hash_voice(site.id, body.supporter) if body else None
    supporters, known = await support.count(context.database, site.id, number, voice)
    if not known:
        await context.limits.hit("supports", web.client_address(request), site.id)
        ticket = tickets.read_ticket(
            context.signer, data.get("ticket"), site, origin, required=context.settings.challenge
        )
        if voice is None:
            raise Invalid(errors)
        spend = partial(tickets.spend_ticket, ticket_id=ticket) if ticket else None
        supporters = await support.support(context.database, site.id, number, voice, spend)
    return web.json_response({"supporters": supporters})


routes: list[BaseRoute] = [
    Route("/api/v1/sites/{key}/problems", report, methods=["POST"]),
    Route("/api/v1/sites/{key}/problems/{number}/support", add_support, methods=["POST"]),
]
