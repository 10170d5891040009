"""The protocol `webhook`: events as CloudEvents 1.0, signed and posted, several at once; and the same to be fetched."""

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
from widget_api.platform import client, signature, telling
from widget_api.platform.client import PermanentFailure, TemporaryFailure
from widget_api.platform.model import Platform
from widget_api.problems import pictures
from widget_api.sites.model import Site

TYPE = "ru.igrajdanin.problem"


async def build_event(
    context: Context, platform: Platform, site: Site, problem: Row, delivery: Delivery
) -> dict[str, Any]:
    """The event a delivery carries."""
    database = context.database
    data: dict[str, Any] = {"number": problem["number"], "jurisdiction": site.jurisdiction}
    if delivery.kind == "received":
        data |= _report_data(problem) | await telling.read_personal_data(
            database, platform, delivery.site_id, delivery.problem_id
        )
        if photos := pictures.list_platform_urls(context, problem):
            data["photos"] = photos
        data["url"] = present.problem_url(context.settings.public_url, site, problem["number"])
    news = await telling.news(database, delivery)
    data |= news.tale | ({"text": news.text} if news.text else {})
    return _cloud_event(
        context.settings.public_url, site, delivery.event_id, delivery.kind, delivery.at, delivery.position, data
    )


async def post_events(context: Context, platform: Platform, events: Sequence[Mapping[str, Any]]) -> None:
    """One event as itself, several as a batch (CloudEvents 1.0, HTTP binding, 3.2 and 3.3). Raises Later, Refused."""
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
    text = f"{answer.status}: {parse.parse_error(answer.body, answer.content_type)}"
    if 400 <= answer.status < 500 and answer.status not in client.RETRY_STATUSES:
        raise PermanentFailure(answer.status, text)
    raise TemporaryFailure(text, answer.retry_after, away=answer.status in client.UNAVAILABLE_STATUSES)


def _message_id(event_ids: Sequence[str]) -> str:
    """The same events sent again are the same message (Standard Webhooks, «webhook-id»)."""
    if len(event_ids) == 1:
        return event_ids[0]
    return f"batch_{hashlib.sha256(','.join(event_ids).encode()).hexdigest()[:32]}"


async def read_feed(
    database: Database, site: Site, public_url: str, after: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """The pull twin: what happened past a position, in commit order, personal data never among it; and past which
    position to ask next. What is not told is passed over once, and not each time anew."""
    reached = await events.last_position(database, site.id)  # before: what comes meanwhile is told now or the next time
    rows = await events.read_feed(database, site.id, after, limit)
    texts = await store.read_texts(database, present.responsible_texts(rows))
    found = []
    for row in rows:
        data: dict[str, Any] = {"number": row["number"], "jurisdiction": site.jurisdiction}
        details: dict[str, Any] = orjson.loads(row["data"])
        data |= present.extended_fields(
            row["kind"], row["status"], row["actor"], details, texts.get(details.get("responsible", ""))
        )
        if row["text"]:
            data["text"] = row["text"]
        found.append(_cloud_event(public_url, site, row["id"], row["kind"], row["at"], row["position"], data))
    last = rows[-1]["position"] if rows else after
    return found, last if len(rows) == limit else max(last, reached)


def parse_event(event: Mapping[str, Any]) -> RemoteUpdate | None:
    """A CloudEvent from a platform as an update, or None where it is none. `request_id` is our own number."""
    data = event.get("data")
    if not isinstance(data, Mapping) or not isinstance(data.get("number"), int | str):
        return None
    extended = {name: value for name in present.EXTENDED_FIELDS if isinstance(value := data.get(name), str)}
    identifier, text, status, at = event.get("id"), data.get("text"), data.get("status"), event.get("time")
    return RemoteUpdate(
        id=identifier if isinstance(identifier, str) else None,
        request_id=str(data["number"]),
        status=status if isinstance(status, str) else None,
        at=parse.parse_moment(at) if isinstance(at, str) else None,
        description=text if isinstance(text, str) else None,
        extended=extended,
    )


def _report_data(problem: Row) -> dict[str, Any]:
    return {
        "category": problem["category"],
        "description": problem["description"],
        "address": problem["address"],
        "lat": problem["lat"],
        "lng": problem["lng"],
        "answers": orjson.loads(problem["answers"]),
    }


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
