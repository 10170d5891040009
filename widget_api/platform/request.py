"""Send a report to a GeoReport platform exactly once, although the protocol has no idempotency.

The lease of the delivery is recorded before each attempt, so a later attempt knows that a response may have been lost,
and looks the request up before sending it again. The event id is sent as Idempotency-Key and as an extended attribute,
which some platforms return.
"""

from __future__ import annotations

import contextlib
from urllib.parse import urlsplit

from widget_api import clock
from widget_api.clock import rfc3339
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.model import Delivery, Retry
from widget_api.open311.parse import RemoteRequest
from widget_api.platform import client, lookup, payload, update_import
from widget_api.platform.client import Client
from widget_api.platform.model import Platform
from widget_api.platform.store import cursors, links, services
from widget_api.problems import pictures, traces
from widget_api.problems.model import Actor
from widget_api.problems.record import record
from widget_api.problems.store import records

_MAX_URL_LENGTH = 2000


async def send_report(context: Context, caller: Client, delivery: Delivery, problem: Row) -> None:
    """Send the report and link its request. Raises TemporaryFailure, PermanentFailure and Retry."""
    platform, database = caller.platform, context.database
    before = await cursors.cursor(database, platform.id, delivery.site_id)
    await _post_report(context, caller, delivery, problem)
    # Updates that were polled before the link existed were skipped, since they belonged to no known request.
    if delivery.repeated or await cursors.cursor(database, platform.id, delivery.site_id) != before:
        await _catch_up(database, caller, delivery)


async def _catch_up(database: Database, caller: Client, delivery: Delivery) -> None:
    platform, linked = caller.platform, await links.find_link(database, delivery.problem_id, caller.platform.id)
    if platform.exact and linked is not None and linked["remote_id"]:  # others are polled with an overlap of an hour
        await update_import.import_updates(
            database, platform, delivery.site_id, await caller.updates_of([linked["remote_id"]])
        )


async def _post_report(context: Context, caller: Client, delivery: Delivery, problem: Row) -> None:
    platform, database = caller.platform, context.database
    if await links.find_link(database, delivery.problem_id, platform.id) is not None:
        return
    # Another instance of this service recognizes the event id, so a repetition is harmless there.
    if delivery.repeated and not platform.exact:
        with contextlib.suppress(client.PermanentFailure):  # the platform does not support the query
            if await link_earlier_request(context, caller, delivery, problem):
                return
    code = await services.service_code(database, platform.id, delivery.site_id, problem["category"])
    fields = await _build_fields(database, platform, delivery, problem, code)
    fields += [("media_url", address) for address in pictures.list_platform_urls(context, problem)]
    await _link_request(database, platform, delivery, await caller.send_request(fields, delivery.event_id))


async def link_earlier_request(context: Context, caller: Client, delivery: Delivery, problem: Row) -> bool:
    """Find the request that an earlier attempt created, and link it. Returns False if there is none.

    Raises TemporaryFailure, PermanentFailure and Retry.
    """
    database = context.database
    if await links.find_link(database, delivery.problem_id, caller.platform.id) is not None:
        return True
    text_hash = await traces.find_trace(database, delivery.id) if problem["erased_at"] is not None else None
    reply = await lookup.find_earlier_request(database, caller, delivery, problem, text_hash)
    if reply is not None:
        await _link_request(database, caller.platform, delivery, reply, looked_up=True)
    return reply is not None


async def _build_fields(
    database: Database, platform: Platform, delivery: Delivery, problem: Row, code: str
) -> list[tuple[str, str]]:
    fields = [("service_code", code), ("description", problem["description"])]
    if problem["lat"] is not None and problem["lng"] is not None:
        fields += [("lat", f"{problem['lat']:.6f}"), ("long", f"{problem['lng']:.6f}")]
    if problem["address"]:
        fields.append(("address_string", problem["address"]))
    fields += payload.answer_fields(problem)
    fields += (await payload.read_personal_data(database, platform, delivery.site_id, delivery.problem_id)).items()
    extended = {
        "event_id": delivery.event_id,
        "status_code": delivery.status or "moderation",
        "requested_datetime": rfc3339(delivery.at),
        "language": problem["language"],
    }
    return fields + extended_form_fields(extended)


def extended_form_fields(attributes: dict[str, str]) -> list[tuple[str, str]]:
    """Return the attributes that instances of this service exchange beside the specification, as form fields."""
    return [(f"extended_attributes[{name}]", value) for name, value in attributes.items()]


async def _link_request(
    database: Database, platform: Platform, delivery: Delivery, reply: RemoteRequest, *, looked_up: bool = False
) -> None:
    """Record the request id and the timeline entry, in one transaction.

    A request that was looked up may be linked once only: two similar reports, both without a response, must not be
    linked to the same request. Raises Retry for the second.
    """

    async def work(tx: Transaction) -> bool:
        if looked_up and await links.is_linked(tx, platform.id, delivery.site_id, reply.id):
            return False
        await links.insert_link(
            tx,
            problem_id=delivery.problem_id,
            platform_id=platform.id,
            site_id=delivery.site_id,
            remote_id=reply.id,
            remote_token=reply.token,
            remote_url=remote_url(reply),
        )
        problem = await records.full(tx, delivery.site_id, delivery.problem_id)
        assert problem is not None, "problems are never deleted"
        linked = {"platform": platform.id}
        await record(tx, problem, Actor(kind="system"), kind="linked", data=linked, now=clock.now())
        return True

    if not await database.write(work, delivery.site_id):
        raise Retry("a request like this one turned out to be another report's")


def remote_url(reply: RemoteRequest) -> str | None:
    """Return the platform's page of the request, or None unless it is a safe web address: it becomes a link on our
    pages."""
    url = reply.extended.get("url", "").strip()
    try:
        parts = urlsplit(url)
        valid_host = bool(parts.hostname) and parts.username is None  # «https://gorod.ru@evil.test» leads to evil.test
    except ValueError:
        return None
    valid_text = url.startswith(("https://", "http://")) and url.isprintable() and " " not in url
    return url if valid_host and valid_text and len(url) <= _MAX_URL_LENGTH else None
