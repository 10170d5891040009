"""Carries one event to one platform: the request first, then each change, and never back to where it came from."""

from __future__ import annotations

from widget_api import clock
from widget_api.clock import rfc3339
from widget_api.context import Context
from widget_api.database import Database, Row
from widget_api.deliveries import circuit, enqueue, sinks
from widget_api.deliveries.model import Delivery, GiveUp, Retry, Withheld
from widget_api.open311.statuses import UPDATE_STATUS, parse_exact
from widget_api.outbound import Failed
from widget_api.platform import client, erasing, request, telling, webhook
from widget_api.platform.client import Client
from widget_api.platform.model import Platform
from widget_api.platform.request import extended_form_fields
from widget_api.platform.store import links, platforms
from widget_api.problems import pictures
from widget_api.problems.store import records
from widget_api.sites import service as sites
from widget_api.sites.model import Site

TOKEN_PAUSE = 60.0  # seconds between two questions what became of a token


async def deliver(context: Context, delivery: Delivery) -> None:
    """The handler of the sinks `platform:<id>`. Returning means delivered. Raises Retry, GiveUp."""
    platform = await platforms.find_platform(context.database, delivery.sink.removeprefix(sinks.PLATFORM))
    if platform is None or delivery.source == platform.id or not await _may_send(context, platform, delivery):
        return
    try:
        await _send_event(context, platform, delivery)
    except client.TemporaryFailure as error:
        raise await handle_temporary_failure(context, platform, delivery, error) from error
    except client.PermanentFailure as error:
        await record_answer(context, platform)
        if delivery.kind == "received" and error.status == 404:  # a wrong root or jurisdiction can be mended
            raise Retry(str(error)) from error
        if delivery.kind != "erased":
            raise GiveUp(str(error)) from error
        await erasing.send_letter(context, platform, delivery)  # it does not know the call, or not the request any more
        return
    await record_answer(context, platform)
    if delivery.kind == "erased":
        await erasing.complete_delivery(context, platform, delivery)


async def _may_send(context: Context, platform: Platform, delivery: Delivery) -> bool:
    """Whether it is to be sent at all. An erasure is on record before anything is sent. Raises GiveUp, Retry."""
    if delivery.kind == "erased":
        await erasing.record_erasure(context.database, platform, delivery)
        if platform.disabled:
            await erasing.send_letter(context, platform, delivery)
        return not platform.disabled
    if platform.disabled:
        raise GiveUp("the platform is switched off")
    if platform.id not in await platforms.platforms_of_site(context.database, delivery.site_id):
        raise GiveUp("the reports of this site go to another platform now")
    return True


async def handle_temporary_failure(
    context: Context, platform: Platform, delivery: Delivery, error: client.TemporaryFailure
) -> Retry:
    """What it means for this delivery that the platform did not take it now, and for the platform's circuit."""
    now = clock.now()
    opened = error.away and await circuit.record_failure(
        context.database, platform.id, delivery.problem_id, now, str(error), error.after, probe=delivery.probe
    )
    # Hung up on, and anybody else is answered: then it is this event that the platform cannot bear.
    unbearable = opened and delivery.probe and error.silent and await _is_reachable(context, platform)
    return Retry(str(error), error.after, counted=not opened or unbearable)


async def _is_reachable(context: Context, platform: Platform) -> bool:
    """Whether the platform answers a harmless question, whatever it says."""
    url = platform.url if platform.protocol == "webhook" else f"{platform.url}/services.xml"
    try:
        await context.outbound.request("GET", url, operator=True)
    except Failed:
        return False
    return True


async def record_answer(context: Context, platform: Platform) -> None:
    """It took something, or refused it in so many words."""
    if platform.failures:
        await circuit.record_success(context.database, platform.id)


async def _send_event(context: Context, platform: Platform, delivery: Delivery) -> None:
    problem = await records.full(context.database, delivery.site_id, delivery.problem_id)
    if problem is None:
        raise GiveUp("the problem is gone")
    withheld = "erased" if problem["erased_at"] is not None else "spam" if problem["spam"] else None
    site = await sites.by_id(context.database, delivery.site_id)
    if delivery.kind == "received" and withheld is not None:
        await _link_earlier_request(context, platform, site, delivery, problem, withheld)
        return
    if platform.protocol == "webhook":
        await webhook.post_events(
            context, platform, [await webhook.build_event(context, platform, site, problem, delivery)]
        )
        return
    caller = Client(context.outbound, platform, await platforms.jurisdiction(context.database, platform, site))
    if delivery.kind == "received":
        await request.send_report(context, caller, delivery, problem)
    else:
        await _send_update(context, caller, delivery, problem, site)


async def _link_earlier_request(
    context: Context, platform: Platform, site: Site, delivery: Delivery, problem: Row, withheld: str
) -> None:
    """A report that is not to be told any more: an earlier try may have told it, and then what follows must follow.

    Raises Withheld where the platform does not have it, Later, Retry.
    """
    if delivery.repeated and platform.protocol == "webhook":
        return  # an event has no number there: what follows is told, and forgets or takes back what may be known
    caller = Client(context.outbound, platform, await platforms.jurisdiction(context.database, platform, site))
    try:
        if delivery.repeated and await request.link_earlier_request(context, caller, delivery, problem):
            return
    except client.PermanentFailure:
        return  # it cannot be asked, so it counts as one that knows
    raise Withheld(withheld)


async def _send_update(context: Context, caller: Client, delivery: Delivery, problem: Row, site: Site) -> None:
    database = context.database
    remote_id = await _find_remote_id(database, caller, delivery)
    if remote_id is None:
        return
    news = await telling.news(database, delivery)
    status = parse_exact(news.tale.get("status_code")) or parse_exact(problem["status"])
    assert status is not None, "a status outside the table"
    fields = [
        ("service_request_id", remote_id),
        ("update_id", delivery.event_id),
        ("status", UPDATE_STATUS[status]),
        ("updated_datetime", rfc3339(delivery.at)),
        ("description", news.text or telling.describe_event(news, delivery.kind, status, site.language)),
    ]
    if delivery.data.get("photos") and delivery.kind == "status":
        rows = await pictures.list_pictures(database, delivery.problem_id)
        fields += [
            ("media_url", address) for address in pictures.list_of_answer(context, rows, delivery.event_id, delivery.at)
        ]
    tale = news.tale if news.text else {**news.tale, "without_text": "true"}
    await caller.send_update(fields + extended_form_fields(tale), delivery.event_id)


async def _find_remote_id(database: Database, caller: Client, delivery: Delivery) -> str | None:
    """None where a problem was erased, or marked as spam, before it reached this platform: nothing is left to tell.

    Raises Retry, GiveUp, and what the client raises.
    """
    link = await links.find_link(database, delivery.problem_id, caller.platform.id)
    if link is None:
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
