"""Carries one event to one platform: the request first, then each change, and never back to where it came from."""

from __future__ import annotations

from urllib.parse import urlsplit

from widget_api import clock
from widget_api.clock import rfc3339
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.model import Delivery, GiveUp, Retry
from widget_api.open311.reading import RemoteRequest
from widget_api.open311.statuses import UPDATE_STATUS, exact
from widget_api.platform import client, store, telling, webhook
from widget_api.platform.client import Client
from widget_api.platform.model import Platform
from widget_api.problems import gate, pictures
from widget_api.problems.model import Actor
from widget_api.problems.recording import record
from widget_api.problems.store import records
from widget_api.sites import service as sites
from widget_api.sites.model import Site

DAY = 86_400
TOKEN_PAUSE = 60.0  # seconds between two questions what became of a token
_LONGEST_URL = 2000
NEAR = 0.0001  # degrees; about ten metres


async def deliver(context: Context, delivery: Delivery) -> None:
    """The handler of the sinks `platform:<id>`. Returning means delivered. Raises Retry, GiveUp."""
    database = context.database
    platform = await store.get(database, delivery.sink.removeprefix(gate.PLATFORM))
    if platform is None:
        raise GiveUp("the platform is switched off")
    if delivery.source == platform.id:
        return
    problem = await records.full(database, delivery.site_id, delivery.problem_id)
    if problem is None:
        raise GiveUp("the problem is gone")
    if delivery.kind == "received" and problem["erased_at"] is not None:
        return  # it was erased before it was told; nothing is left to tell
    site = await sites.by_id(database, delivery.site_id)
    try:
        if platform.protocol == "webhook":
            await webhook.send(context, platform, site, problem, delivery)
        else:
            caller = Client(context.outbound, platform, platform.jurisdiction or site.jurisdiction)
            if delivery.kind == "received":
                await _request(context, caller, delivery, problem)
            else:
                await _update(context, caller, delivery, problem, site)
    except client.Later as error:
        raise Retry(str(error), error.after) from error
    except client.Refused as error:
        if delivery.kind == "received" and error.status == 404:  # a wrong root or jurisdiction can be mended
            raise Retry(str(error)) from error
        raise GiveUp(str(error)) from error


# --- the request ---------------------------------------------------------------------------------------------------


async def _request(context: Context, caller: Client, delivery: Delivery, problem: Row) -> None:
    platform, database = caller.platform, context.database
    if await store.link(database, delivery.problem_id, platform.id) is not None:
        return
    reply = await _sent_before(database, caller, delivery, problem) if delivery.repeated else None
    if reply is None:
        fields = await _fields(database, platform, delivery, problem)
        fields += [("media_url", address) for address in pictures.for_platforms(context, problem)]
        reply = await caller.send_request(fields, delivery.event_id)
    await _link(database, platform, delivery, reply)


async def _fields(database: Database, platform: Platform, delivery: Delivery, problem: Row) -> list[tuple[str, str]]:
    fields = [("service_code", problem["category"]), ("description", problem["description"])]
    if problem["lat"] is not None and problem["lng"] is not None:
        fields += [("lat", f"{problem['lat']:.6f}"), ("long", f"{problem['lng']:.6f}")]
    if problem["address"]:
        fields.append(("address_string", problem["address"]))
    fields += telling.answers(problem)
    fields += (await telling.personal_data(database, platform, delivery.problem_id)).items()
    extended = {
        "event_id": delivery.event_id,
        "status_code": delivery.status or "moderation",
        "requested_datetime": rfc3339(delivery.at),
        "language": problem["language"],
    }
    return fields + _extended(extended)


async def _sent_before(database: Database, caller: Client, delivery: Delivery, problem: Row) -> RemoteRequest | None:
    """An earlier answer may have been lost, and not every platform knows Idempotency-Key: look before sending again."""
    since = max(delivery.at - DAY, clock.now() - 89 * DAY)
    query = {"service_code": problem["category"], "start_date": rfc3339(since)}
    try:
        found = await caller.requests(query)
    except client.Refused:
        return None  # it cannot be asked
    alike = [one for one in found if one.id and _alike(one, problem)]
    taken = await store.problems_of(database, caller.platform.id, delivery.site_id, [one.id for one in alike if one.id])
    return next((one for one in alike if one.id not in taken), None)


def _alike(remote: RemoteRequest, problem: Row) -> bool:
    if not remote.description or remote.description.split() != problem["description"].split():
        return False
    if problem["lat"] is None or problem["lng"] is None:
        return True
    if remote.lat is None or remote.long is None:
        return False
    return bool(max(abs(remote.lat - problem["lat"]), abs(remote.long - problem["lng"])) < NEAR)


async def _link(database: Database, platform: Platform, delivery: Delivery, reply: RemoteRequest) -> None:
    """Remember its number there and say so in the timeline, both or neither."""

    async def work(tx: Transaction) -> None:
        await store.put_link(
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

    await database.write(work, delivery.site_id)


def remote_url(reply: RemoteRequest) -> str | None:
    """Where the platform shows the request; it becomes a link on our pages, so nothing but the web will do."""
    url = reply.extended.get("url", "")
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return url if host and url.startswith(("https://", "http://")) and len(url) <= _LONGEST_URL else None


# --- what happened to it -------------------------------------------------------------------------------------------


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
    extended = news.tale if news.text else {**news.tale, "without_text": "true"}
    await caller.send_update(fields + _extended(extended), delivery.event_id)


async def _remote_id(database: Database, caller: Client, delivery: Delivery) -> str | None:
    """None where an erased problem never reached this platform. Raises Retry, GiveUp, and what the client raises."""
    link = await store.link(database, delivery.problem_id, caller.platform.id)
    if link is None:
        if delivery.kind == "erased":
            return None
        raise GiveUp("the request itself never reached the platform")
    if link["remote_id"]:
        return str(link["remote_id"])
    remote_id = await caller.id_of(link["remote_token"])
    if remote_id is None:
        raise Retry("the platform has not given its token an id yet", TOKEN_PAUSE)
    await store.resolve(database, delivery.problem_id, caller.platform.id, remote_id)
    return remote_id


def _extended(attributes: dict[str, str]) -> list[tuple[str, str]]:
    return [(f"extended_attributes[{name}]", value) for name, value in attributes.items()]
