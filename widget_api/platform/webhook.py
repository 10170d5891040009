"""Send events as signed CloudEvents 1.0 (the protocol `webhook`), and serve the same events as a feed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from widget_api import clock, events
from widget_api.clock import rfc3339
from widget_api.context import Context
from widget_api.database import Database, Row
from widget_api.deliveries.model import Delivery
from widget_api.open311 import parse, present, store
from widget_api.open311.parse import RemoteUpdate
from widget_api.outbound import Failed
from widget_api.platform import client, payload, signature
from widget_api.platform.client import PermanentFailure, TemporaryFailure
from widget_api.platform.model import Platform
from widget_api.platform.store import log
from widget_api.problems import counts, pictures
from widget_api.sites.model import Site

TYPE = "ru.igrajdanin.problem"


async def build_event(
    context: Context, platform: Platform, site: Site, problem: Row, delivery: Delivery
) -> dict[str, Any]:
    """Build the CloudEvent of a delivery."""
    database = context.database
    data: dict[str, Any] = {"number": problem["number"], "jurisdiction": site.jurisdiction}
    if site.collection:
        data |= {"collection": site.collection.slug, "entry": await log.find_birth_id(database, problem["id"])}
        if platform.adds_counts and problem["erased_at"] is None:
            data["counts"] = await counts.read_own(database, problem["id"])
    if delivery.kind == "received":
        data |= payload.report_fields(problem, entry=site.collection is not None)
        data |= {"answers": orjson.loads(problem["answers"])} | await payload.read_personal_data(
            database, platform, delivery.site_id, delivery.problem_id
        )
        if photos := pictures.list_platform_urls(context, problem):
            data["photos"] = photos
        data["url"] = present.problem_url(context.settings.public_url, site, problem["number"])
    if payload.carries_report(delivery) and problem["erased_at"] is None:
        data["report"] = await payload.read_report(context, site, problem, delivery)
    content = await payload.read_event_content(database, delivery)
    data |= content.fields | ({"text": content.text} if content.text else {})
    return _cloud_event(
        context.settings.public_url, site, delivery.event_id, delivery.kind, delivery.at, delivery.position, data
    )


async def post_events(context: Context, platform: Platform, events: Sequence[Mapping[str, Any]]) -> None:
    """Post one event in structured mode, several as a batch (CloudEvents 1.0, HTTP binding, 3.2 and 3.3).

    Raises TemporaryFailure and PermanentFailure.
    """
    single = len(events) == 1
    body = orjson.dumps(events[0] if single else events)
    headers = {"Content-Type": f"application/cloudevents{'' if single else '-batch'}+json"}
    headers |= signature.sign(platform.key, _message_id([event["id"] for event in events]), clock.now(), body)
    try:
        answer = await context.outbound.request("POST", platform.url, operator=True, body=body, headers=headers)
    except Failed as error:
        raise TemporaryFailure(str(error), away=True, silent=True) from error
    if 200 <= answer.status < 300:
        return
    text = client.describe_error(answer)
    if 400 <= answer.status < 500 and answer.status not in client.RETRY_STATUSES:
        raise PermanentFailure(answer.status, text)
    raise TemporaryFailure(text, answer.retry_after, away=answer.status in client.UNAVAILABLE_STATUSES)


def _message_id(event_ids: Sequence[str]) -> str:
    """Return an id that is the same whenever the same events are sent (Standard Webhooks, «webhook-id»)."""
    if len(event_ids) == 1:
        return event_ids[0]
    return f"batch_{hashlib.sha256(','.join(event_ids).encode()).hexdigest()[:32]}"


async def read_feed(
    database: Database, site: Site, public_url: str, after: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """Return the events after a position in commit order, without personal data, and the position to continue from.

    The position also covers events that are not published, so that the next query does not scan them again.
    """
    reached = await events.last_position(database, site.id)  # first, so that no event committed meanwhile is skipped
    rows = await events.read_feed(database, site.id, after, limit)
    texts = await store.read_texts(database, present.responsible_texts(rows))
    feed = []
    for row in rows:
        data: dict[str, Any] = {"number": row["number"], "jurisdiction": site.jurisdiction}
        data |= {"collection": site.collection.slug} if site.collection else {}
        details: dict[str, Any] = orjson.loads(row["data"])
        data |= present.extended_fields(
            row["kind"], row["status"], row["actor"], details, texts.get(details.get("responsible", ""))
        )
        data |= {name: details[name] for name in counts.NAMES if name in details}
        if row["text"]:
            data["text"] = row["text"]
        feed.append(_cloud_event(public_url, site, row["id"], row["kind"], row["at"], row["position"], data))
    last = rows[-1]["position"] if rows else after
    return feed, last if len(rows) == limit else max(last, reached)


def parse_event(event: Mapping[str, Any]) -> RemoteUpdate | None:
    """Return a platform's CloudEvent as an update whose `request_id` is our own number, or None if it is not one."""
    data = event.get("data")
    if not isinstance(data, Mapping) or not isinstance(data.get("number"), int | str):
        return None
    extended = {
        name: value
        for name in (*present.EXTENDED_FIELDS, present.REASON_FIELD)
        if isinstance(value := data.get(name), str)
    }
    if isinstance(report := data.get("report"), Mapping):
        extended["report"] = orjson.dumps(report).decode()
    identifier, text, status, at = event.get("id"), data.get("text"), data.get("status"), event.get("time")
    return RemoteUpdate(
        id=identifier if isinstance(identifier, str) else None,
        request_id=str(data["number"]),
        status=status if isinstance(status, str) else None,
        at=parse.parse_moment(at) if isinstance(at, str) else None,
        description=text if isinstance(text, str) else None,
        extended=extended,
    )


def _cloud_event(
    public_url: str, site: Site, event_id: str, kind: str, at: int, position: int, data: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": f"{public_url}/sites/{site.jurisdiction}",
        "type": f"{TYPE}.{kind}",
        "subject": str(data["number"]),
        "time": rfc3339(at),
        "sequence": str(position),
        "datacontenttype": "application/json",
        "data": data,
    }
