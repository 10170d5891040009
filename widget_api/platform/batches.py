"""Send many events in one message to a webhook receiver, without letting a rejected event fail the others.

A batch holds at most one event of a problem, since a later one is not claimed before the earlier is delivered. The
order of each problem's events is therefore preserved. Events that failed before are sent alone.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import orjson

from widget_api.context import Context
from widget_api.database import Database
from widget_api.deliveries.model import Delivery, GiveUp
from widget_api.deliveries.sinks import PLATFORM
from widget_api.platform import client, push, webhook
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms
from widget_api.problems import routing
from widget_api.problems.store import records
from widget_api.sites import service as sites
from widget_api.sites import store as site_store

MAX_EVENTS = 100  # events
MAX_BYTES = 524_288
Outcome = tuple[Delivery, Exception | None]
EncodedEvent = tuple[Delivery, dict[str, Any]]


async def batch_sinks(database: Database) -> frozenset[str]:
    """Return the sinks that accept batches."""
    enabled = await platforms.list_enabled(database)
    return frozenset(PLATFORM + platform.id for platform in enabled if platform.protocol == "webhook")


def can_batch(delivery: Delivery) -> bool:
    """Whether a delivery may share a message. Sent alone are probes, erasures, whose response confirms the erasure
    itself, and deliveries that failed before, which may fail again."""
    return not delivery.probe and delivery.kind != "erased" and delivery.attempts == 1


async def deliver_batch(context: Context, deliveries: Sequence[Delivery]) -> AsyncIterator[Outcome]:
    """Deliver events of one sink. Yields each delivery with its error, or None, as soon as the outcome is known."""
    platform = await platforms.find_platform(context.database, deliveries[0].sink.removeprefix(PLATFORM))
    events: list[EncodedEvent] = []
    site_ids = {delivery.site_id for delivery in deliveries}
    serving = {site_id: await platforms.platforms_of_site(context.database, site_id) for site_id in site_ids}
    for delivery in deliveries:
        served = platform is not None and platform.id in serving[delivery.site_id]
        event = await _build_event(context, platform, delivery) if platform is not None and served else None
        if event is not None:
            events.append((delivery, event))
            continue
        try:  # `push.deliver` decides between dropping, giving up and sending an erasure
            await push.deliver(context, delivery)
            yield delivery, None
        except Exception as reason:
            yield delivery, reason
    if platform is not None:
        for part in _split(events):
            async for outcome in _post_in_halves(context, platform, part):
                yield outcome


async def _build_event(context: Context, platform: Platform, delivery: Delivery) -> dict[str, Any] | None:
    """Build the event of a delivery. Returns None if the delivery needs more than posting the event."""
    if platform.disabled or delivery.source == platform.id:
        return None
    problem = await records.full(context.database, delivery.site_id, delivery.problem_id)
    if problem is None or routing.find_obstacle(problem) is not None:
        return None
    if await site_store.is_unpublished_collection(context.database, delivery.site_id):
        return None
    site = await sites.by_id(context.database, delivery.site_id)
    return await webhook.build_event(context, platform, site, problem, delivery)


def _split(events: Sequence[EncodedEvent]) -> list[list[EncodedEvent]]:
    """Split events into messages of at most MAX_EVENTS events and, unless one event is larger, MAX_BYTES bytes."""
    parts, size = list[list[EncodedEvent]](), 0
    for event in events:
        length = len(orjson.dumps(event[1])) + 1
        if not parts or size + length > MAX_BYTES or len(parts[-1]) == MAX_EVENTS:
            parts.append([])
            size = 0
        parts[-1].append(event)
        size += length
    return parts


async def _post_in_halves(
    context: Context, platform: Platform, events: Sequence[EncodedEvent]
) -> AsyncIterator[Outcome]:
    """Post events, halving the message as long as it is rejected, so that the faulty event ends up alone."""
    try:
        await webhook.post_events(context, platform, [event for _, event in events])
    except client.TemporaryFailure as error:
        for delivery, _ in events:
            yield delivery, await push.handle_temporary_failure(context, platform, delivery, error)
    except client.PermanentFailure as error:
        await push.record_answer(context, platform)
        if len(events) == 1:
            yield events[0][0], GiveUp(str(error))
            return
        middle = len(events) // 2
        for half in (events[:middle], events[middle:]):
            async for outcome in _post_in_halves(context, platform, half):
                yield outcome
    else:
        await push.record_answer(context, platform)
        for delivery, _ in events:
            yield delivery, None
