"""Send one event to one platform: the request first, then each change, and none to the platform it came from."""

from __future__ import annotations

from dataclasses import replace

import orjson

from widget_api import clock
from widget_api.clock import rfc3339
from widget_api.context import Context
from widget_api.database import Database, Row
from widget_api.deliveries import circuit, enqueue, sinks
from widget_api.deliveries.model import UNPUBLISHED, Delivery, GiveUp, Retry, Withheld
from widget_api.open311 import present
from widget_api.open311.statuses import UPDATE_STATUS, parse_exact
from widget_api.outbound import Failed
from widget_api.platform import client, discovery, erasure, payload, request, webhook
from widget_api.platform.client import Client
from widget_api.platform.model import Platform
from widget_api.platform.request import extended_form_fields
from widget_api.platform.store import links, platforms
from widget_api.problems import pictures, routing
from widget_api.problems.store import history, records
from widget_api.sites import moving
from widget_api.sites import service as sites
from widget_api.sites import store as site_store
from widget_api.sites.model import Site

TOKEN_PAUSE = 60.0  # seconds between two queries for the request id of a token


async def deliver(context: Context, delivery: Delivery) -> None:
    """Handle a delivery of the sinks `platform:<id>`. Returning means delivered. Raises Retry and GiveUp."""
    platform = await platforms.find_platform(context.database, delivery.sink.removeprefix(sinks.PLATFORM))
    if platform is None or delivery.source == platform.id or not await _may_send(context, platform, delivery):
        return
    try:
        await _send_event(context, platform, delivery)
    except client.TemporaryFailure as error:
        raise await handle_temporary_failure(context, platform, delivery, error) from error
    except client.PermanentFailure as error:
        await record_answer(context, platform)
        if delivery.kind == "received" and error.status == 404:  # the operator can correct a wrong root or jurisdiction
            raise Retry(str(error)) from error
        if delivery.kind != "erased":
            raise GiveUp(str(error)) from error
        await erasure.send_letter(context, platform, delivery)  # the call or the request is unknown there
        return
    await record_answer(context, platform)
    if delivery.kind == "erased":
        await erasure.complete_delivery(context, platform, delivery)


async def _may_send(context: Context, platform: Platform, delivery: Delivery) -> bool:
    """Whether the event has to be sent. Requests what has to be asked for otherwise. Raises GiveUp and Retry."""
    if delivery.kind == "erased":
        await erasure.record_erasure(context.database, platform, delivery)
        if platform.disabled:
            await erasure.send_letter(context, platform, delivery)
        return not platform.disabled
    gone = None
    if platform.disabled:
        gone = "the platform is switched off"
    elif platform.id not in await platforms.platforms_of_site(context.database, delivery.site_id):
        gone = "the reports of this site go to another platform now"
    if gone is not None and delivery.kind == "corrected":  # it keeps what it has
        await erasure.request_correction(context, platform, delivery)
        return False
    if gone is not None:
        raise GiveUp(gone)
    unpublished = await site_store.is_unpublished_collection(context.database, delivery.site_id)
    # What the platform has already is corrected there meanwhile. It has no entry older than its connection.
    if unpublished and (delivery.kind == "received" or not await _may_be_known(context.database, platform, delivery)):
        await moving.require_published(context.database, delivery.site_id)
    return True


async def _may_be_known(database: Database, platform: Platform, delivery: Delivery) -> bool:
    """Whether the platform has the report, or may have it."""
    if platform.id in await history.list_informed_platforms(database, delivery.problem_id):
        return True
    return await links.find_link(database, delivery.problem_id, platform.id) is not None


async def handle_temporary_failure(
    context: Context, platform: Platform, delivery: Delivery, error: client.TemporaryFailure
) -> Retry:
    """Record a temporary failure in the platform's circuit breaker. Returns the Retry to raise for the delivery."""
    now = clock.now()
    opened = error.away and await circuit.record_failure(
        context.database, platform.id, delivery.problem_id, now, str(error), error.after, probe=delivery.probe
    )
    # No response to this event, but to another request: the platform fails on this event, so the attempt counts.
    event_at_fault = opened and delivery.probe and error.silent and await _is_reachable(context, platform)
    return Retry(str(error), error.after, counted=not opened or event_at_fault)


async def _is_reachable(context: Context, platform: Platform) -> bool:
    """Whether the platform responds to a harmless request, with any status."""
    url = platform.url if platform.protocol == "webhook" else f"{platform.url}/services.xml"
    try:
        await context.outbound.request("GET", url, operator=True)
    except Failed:
        return False
    return True


async def record_answer(context: Context, platform: Platform) -> None:
    """Close the platform's circuit breaker after a response that accepted or rejected an event."""
    if platform.failures:
        await circuit.record_success(context.database, platform.id)


async def _send_event(context: Context, platform: Platform, delivery: Delivery) -> None:
    problem = await records.full(context.database, delivery.site_id, delivery.problem_id)
    if problem is None:
        raise GiveUp("the problem is gone")
    site = await sites.by_id(context.database, delivery.site_id)
    caller = Client(context.outbound, platform, await platforms.jurisdiction(context.database, platform, site))
    if routing.find_obstacle(problem) is None and _find_obstacle(caller, problem) is not None:
        caller = replace(caller, platform=await discovery.read_first(context.database, caller))
    withheld = _find_obstacle(caller, problem)
    if delivery.kind == "received" and withheld is not None:
        await _link_earlier_request(context, caller, delivery, problem, withheld)
        return
    if delivery.kind != "erased" and withheld == "erased":  # it was being sent when the others were dropped
        raise Withheld(withheld)
    if platform.protocol == "webhook":
        await webhook.post_events(
            context, platform, [await webhook.build_event(context, platform, site, problem, delivery)]
        )
    elif delivery.kind == "received":
        await request.send_report(context, caller, delivery, problem)
    else:
        if delivery.kind == "corrected":
            caller = replace(caller, platform=await discovery.read_first(context.database, caller))
        if delivery.kind != "corrected" or caller.platform.exact:
            await _send_update(context, caller, delivery, problem, site, withheld)
        elif caller.platform.discovered:
            await erasure.request_correction(context, platform, delivery)
        else:
            raise Retry("the platform does not say whether it knows corrections")


def _find_obstacle(caller: Client, problem: Row) -> str | None:
    return routing.find_obstacle(problem, foreign=caller.platform.is_foreign, waits=caller.platform.waits)


async def _link_earlier_request(
    context: Context, caller: Client, delivery: Delivery, problem: Row, withheld: str
) -> None:
    """Handle a report that must not be sent any more, but may have been sent by an earlier attempt.

    If so, the later events, such as its erasure, have to follow. Raises Withheld if the platform does not have the
    report, TemporaryFailure and Retry.
    """
    if delivery.repeated and caller.platform.protocol == "webhook":
        return  # there is nothing to look up: the later events erase or withdraw what the receiver may have
    try:
        if delivery.repeated and await request.link_earlier_request(context, caller, delivery, problem):
            return
    except client.PermanentFailure:
        return  # the platform does not support the query, so assume that it has the report
    raise Withheld(withheld)


async def _send_update(
    context: Context, caller: Client, delivery: Delivery, problem: Row, site: Site, withheld: str | None
) -> None:
    database = context.database
    remote_id = await _find_remote_id(database, caller, delivery, withheld)
    if remote_id is None:
        return
    content = await payload.read_event_content(database, delivery)
    status = parse_exact(content.fields.get("status_code")) or parse_exact(problem["status"])
    assert status is not None, "a status outside the table"
    fields = [
        ("service_request_id", remote_id),
        ("update_id", delivery.event_id),
        ("status", UPDATE_STATUS[status]),
        ("updated_datetime", rfc3339(delivery.at)),
        ("description", content.text or payload.describe_event(content, delivery.kind, status, site.language)),
    ]
    if delivery.data.get("photos") and delivery.kind == "status":
        rows = await pictures.list_pictures(database, delivery.problem_id)
        fields += [
            ("media_url", address) for address in pictures.list_of_answer(context, rows, delivery.event_id, delivery.at)
        ]
    extended = {**content.fields, **({} if content.text else {"without_text": "true"})}
    if caller.platform.exact:
        extended |= present.reason_fields(delivery.kind, delivery.data)
    if payload.carries_report(delivery) and caller.platform.exact:
        extended["report"] = orjson.dumps(await payload.read_report(context, site, problem, delivery)).decode()
    await caller.send_update(fields + extended_form_fields(extended), delivery.event_id)


async def _find_remote_id(database: Database, caller: Client, delivery: Delivery, withheld: str | None) -> str | None:
    """Return the request id of a problem, or None if it was erased or marked as spam before it was sent.

    Raises Withheld if the request itself waits for its publication, Retry, GiveUp, TemporaryFailure and
    PermanentFailure.
    """
    link = await links.find_link(database, delivery.problem_id, caller.platform.id)
    if link is None:
        if withheld == UNPUBLISHED:
            raise Withheld(withheld)
        if delivery.kind == "erased" or await enqueue.is_opening_dropped(database, delivery.problem_id, delivery.sink):
            return None
        raise GiveUp("the request itself never reached the platform")
    if link["remote_id"]:
        return str(link["remote_id"])
    remote_id = await caller.id_of(link["remote_token"])
    if remote_id is None:
        raise Retry("the platform has not given its token an id yet", TOKEN_PAUSE)
    await links.set_remote_id(database, delivery.problem_id, caller.platform.id, remote_id)
    return remote_id
