"""Carries one event to one platform: the request first, then each change, and never back to where it came from."""

from __future__ import annotations

from widget_api import clock
from widget_api.clock import rfc3339
from widget_api.context import Context
from widget_api.database import Database, Row
from widget_api.deliveries import circuit
from widget_api.deliveries.model import Delivery, GiveUp, Retry
from widget_api.open311.statuses import UPDATE_STATUS, exact
from widget_api.platform import client, erasing, request, telling, webhook
from widget_api.platform.client import Client
from widget_api.platform.model import Platform
from widget_api.platform.request import extended
from widget_api.platform.store import links, platforms
from widget_api.problems import gate, pictures
from widget_api.problems.store import records
from widget_api.sites import service as sites
from widget_api.sites.model import Site

TOKEN_PAUSE = 60.0  # seconds between two questions what became of a token


async def deliver(context: Context, delivery: Delivery) -> None:
    """The handler of the sinks `platform:<id>`. Returning means delivered. Raises Retry, GiveUp."""
    database = context.database
    platform = await platforms.find(database, delivery.sink.removeprefix(gate.PLATFORM))
    if platform is None or delivery.source == platform.id:
        return
    if delivery.kind == "erased":
        await erasing.begin(database, platform, delivery)
    if platform.disabled:
        if delivery.kind != "erased":
            raise GiveUp("the platform is switched off")
        await erasing.by_letter(context, platform, delivery)
        return
    try:
        await _tell(context, platform, delivery)
    except client.Later as error:
        opened = error.away and await circuit.failed(
            database, platform.id, delivery.problem_id, clock.now(), str(error), error.after, probe=delivery.probe
        )
        raise Retry(str(error), error.after, counted=not opened) from error
    except client.Refused as error:
        await _answered(database, platform)
        if delivery.kind == "received" and error.status == 404:  # a wrong root or jurisdiction can be mended
            raise Retry(str(error)) from error
        if delivery.kind != "erased":
            raise GiveUp(str(error)) from error
        await erasing.by_letter(context, platform, delivery)  # it does not know the call, or not the request any more
        return
    await _answered(database, platform)
    if delivery.kind == "erased":
        await erasing.told(context, platform, delivery)


async def _answered(database: Database, platform: Platform) -> None:
    if platform.failures:
        await circuit.answered(database, platform.id)


async def _tell(context: Context, platform: Platform, delivery: Delivery) -> None:
    problem = await records.full(context.database, delivery.site_id, delivery.problem_id)
    if problem is None:
        raise GiveUp("the problem is gone")
    if delivery.kind == "received" and problem["erased_at"] is not None:
        return  # it was erased before it was told; nothing is left to tell
    site = await sites.by_id(context.database, delivery.site_id)
    if platform.protocol == "webhook":
        await webhook.send(context, platform, site, problem, delivery)
        return
    caller = Client(context.outbound, platform, platform.jurisdiction or site.jurisdiction)
    if delivery.kind == "received":
        await request.send(context, caller, delivery, problem)
    else:
        await _update(context, caller, delivery, problem, site)


async def _update(context: Context, caller: Client, delivery: Delivery, problem: Row, site: Site) -> None:
    database = context.database
    remote_id = await _remote_id(database, caller, delivery)
    if remote_id is None:
        return
    news = await telling.news(database, delivery)
    status = exact(news.tale.get("status_code")) or exact(problem["status"])
    assert status is not None, "a status outside the table"
    fields = [
        ("service_request_id", remote_id),
        ("update_id", delivery.event_id),
        ("status", UPDATE_STATUS[status]),
        ("updated_datetime", rfc3339(delivery.at)),
        ("description", news.text or telling.label(news, delivery.kind, status, site.language)),
    ]
    if delivery.data.get("photos") and delivery.kind == "status":
        rows = await pictures.of(database, delivery.problem_id)
        fields += [
            ("media_url", address) for address in pictures.of_answer(context, rows, delivery.event_id, delivery.at)
        ]
    tale = news.tale if news.text else {**news.tale, "without_text": "true"}
    await caller.send_update(fields + extended(tale), delivery.event_id)


async def _remote_id(database: Database, caller: Client, delivery: Delivery) -> str | None:
    """None where an erased problem never reached this platform. Raises Retry, GiveUp, and what the client raises."""
    link = await links.link(database, delivery.problem_id, caller.platform.id)
    if link is None:
        if delivery.kind == "erased":
            return None
        raise GiveUp("the request itself never reached the platform")
    if link["remote_id"]:
        return str(link["remote_id"])
    remote_id = await caller.id_of(link["remote_token"])
    if remote_id is None:
        raise Retry("the platform has not given its token an id yet", TOKEN_PAUSE)
    await links.resolve(database, delivery.problem_id, caller.platform.id, remote_id)
    return remote_id
