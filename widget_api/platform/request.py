"""Sends the report itself to a GeoReport platform, once in effect though the protocol has no idempotency of its own.

Before each try the lease of the delivery is on record, so whoever takes it up again knows that an answer may have been
lost, and looks the request up before sending it once more. The event's birth id goes along as Idempotency-Key and as an
extended attribute, which comes back where the platform keeps such things.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from widget_api import clock
from widget_api.clock import rfc3339
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.model import Delivery, Retry
from widget_api.open311.reading import RemoteRequest
from widget_api.platform import client, news, telling
from widget_api.platform.client import PAGE, Client
from widget_api.platform.model import Platform
from widget_api.platform.store import cursors, links, services
from widget_api.problems import pictures
from widget_api.problems.model import Actor
from widget_api.problems.recording import record
from widget_api.problems.store import records

DAY = 86_400
LONGEST_SPAN = 89 * DAY  # GeoReport: 90 days at most
MOST_PAGES = 50
NEAR = 0.0001  # degrees; about ten metres
_LONGEST_URL = 2000


async def send(context: Context, caller: Client, delivery: Delivery, problem: Row) -> None:
    """Raises Later, Refused, Retry."""
    platform, database = caller.platform, context.database
    before = await cursors.cursor(database, platform.id, delivery.site_id)
    await _send(context, caller, delivery, problem)
    # What the platform said of it while we knew no number there was read past: it belonged to nothing of ours.
    if delivery.repeated or await cursors.cursor(database, platform.id, delivery.site_id) != before:
        await _catch_up(database, caller, delivery)


async def _catch_up(database: Database, caller: Client, delivery: Delivery) -> None:
    platform, linked = caller.platform, await links.link(database, delivery.problem_id, caller.platform.id)
    if platform.exact and linked is not None and linked["remote_id"]:  # others are read with an overlap of an hour
        await news.take(database, platform, delivery.site_id, await caller.updates_of([linked["remote_id"]]))


async def _send(context: Context, caller: Client, delivery: Delivery, problem: Row) -> None:
    platform, database = caller.platform, context.database
    if await links.link(database, delivery.problem_id, platform.id) is not None:
        return
    code = await services.code_of(database, platform.id, delivery.site_id, problem["category"])
    # Another instance of this service knows the birth id: there a repeat is harmless.
    found = delivery.repeated and not platform.exact
    reply = await _sent_before(database, caller, delivery, problem, code) if found else None
    if reply is not None:
        await _link(database, platform, delivery, reply, looked_up=True)
        return
    fields = await _fields(database, platform, delivery, problem, code)
    fields += [("media_url", address) for address in pictures.for_platforms(context, problem)]
    await _link(database, platform, delivery, await caller.send_request(fields, delivery.event_id))


async def _fields(
    database: Database, platform: Platform, delivery: Delivery, problem: Row, code: str
) -> list[tuple[str, str]]:
    fields = [("service_code", code), ("description", problem["description"])]
    if problem["lat"] is not None and problem["lng"] is not None:
        fields += [("lat", f"{problem['lat']:.6f}"), ("long", f"{problem['lng']:.6f}")]
    if problem["address"]:
        fields.append(("address_string", problem["address"]))
    fields += telling.answers(problem)
    fields += (await telling.personal_data(database, platform, delivery.problem_id)).items()
    told = {
        "event_id": delivery.event_id,
        "status_code": delivery.status or "moderation",
        "requested_datetime": rfc3339(delivery.at),
        "language": problem["language"],
    }
    return fields + extended(told)


def extended(attributes: dict[str, str]) -> list[tuple[str, str]]:
    """What instances of this service tell each other beside the specification, as fields of a form."""
    return [(f"extended_attributes[{name}]", value) for name, value in attributes.items()]


async def _sent_before(
    database: Database, caller: Client, delivery: Delivery, problem: Row, code: str
) -> RemoteRequest | None:
    """The request an earlier try has made there, if it did. The birth id tells it, else what it says and where."""
    since = max(delivery.at - DAY, clock.now() - LONGEST_SPAN)
    query = {"service_code": code, "start_date": rfc3339(since), "extensions": "true", "page_size": str(PAGE)}
    seen: set[str] = set()
    similar: list[RemoteRequest] = []
    for page in range(1, MOST_PAGES):
        try:
            found = [one for one in await caller.requests({**query, "page": str(page)}) if one.id]
        except client.Refused:
            break  # it cannot be asked
        born = next((one for one in found if one.extended.get("event_id") == delivery.event_id), None)
        if born is not None:
            return born
        fresh = [one for one in found if one.id not in seen]
        seen |= {one.id for one in found if one.id}
        # What tells a birth id is the report with that one, however much it looks like ours.
        similar += [one for one in fresh if "event_id" not in one.extended and alike(one, problem)]
        if len(found) < PAGE or not fresh:  # a platform that does not page tells the same again
            break
    taken = await links.by_remote(database, caller.platform.id, delivery.site_id, [one.id for one in similar if one.id])
    return next((one for one in similar if one.id not in taken), None)


def alike(remote: RemoteRequest, problem: Row) -> bool:
    """Whether a request of a platform says what a report of ours says, of the same place."""
    if not remote.description or remote.description.split() != problem["description"].split():
        return False
    if problem["lat"] is None or problem["lng"] is None:
        return True
    if remote.lat is None or remote.long is None:
        return False
    return bool(max(abs(remote.lat - problem["lat"]), abs(remote.long - problem["lng"])) < NEAR)


async def _link(
    database: Database, platform: Platform, delivery: Delivery, reply: RemoteRequest, *, looked_up: bool = False
) -> None:
    """Remember its number there and say so in the timeline, both or neither.

    What was looked up belongs to whoever links it first: two reports alike, both sent without an answer, must not end
    as one. Raises Retry then.
    """

    async def work(tx: Transaction) -> bool:
        if looked_up and await links.taken(tx, platform.id, delivery.site_id, reply.id):
            return False
        await links.put_link(
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
    """Where the platform shows the request; it becomes a link on our pages, so nothing but the web will do."""
    url = reply.extended.get("url", "")
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return None
    return url if host and url.startswith(("https://", "http://")) and len(url) <= _LONGEST_URL else None
