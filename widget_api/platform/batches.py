"""Sends many events in one message to a receiver of webhooks; one that is refused takes no other along.

A batch holds one event of a problem at most, since a later one is not claimed before the earlier is delivered: so the
order of each problem stands. What failed before goes alone.
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
from widget_api.problems.store import records
from widget_api.sites import service as sites

MAX_EVENTS = 100  # events
MAX_BYTES = 524_288
Outcome = tuple[Delivery, Exception | None]
EncodedEvent = tuple[Delivery, dict[str, Any]]


async def batch_sinks(database: Database) -> frozenset[str]:
    """The sinks that take batches."""
    return frozenset(PLATFORM + one.id for one in await platforms.list_enabled(database) if one.protocol == "webhook")


def can_batch(delivery: Delivery) -> bool:
    """Alone go a probe, an erasure, whose answer is a promise of its own, and what may be the one that fails."""
    return not delivery.probe and delivery.kind != "erased" and delivery.attempts == 1


async def deliver_batch(context: Context, deliveries: Sequence[Delivery]) -> AsyncIterator[Outcome]:
    """Of one sink; each with the error it ended in, as soon as that is known."""
    platform = await platforms.find_platform(context.database, deliveries[0].sink.removeprefix(PLATFORM))
    told: list[EncodedEvent] = []
    of_sites = {delivery.site_id for delivery in deliveries}
    serving = {site_id: await platforms.platforms_of_site(context.database, site_id) for site_id in of_sites}
    for delivery in deliveries:
        served = platform is not None and platform.id in serving[delivery.site_id]
        event = await _build_event(context, platform, delivery) if platform is not None and served else None
        if event is not None:
            told.append((delivery, event))
            continue
        try:  # what there is to say about it, the way of a single one knows
            await push.deliver(context, delivery)
            yield delivery, None
        except Exception as reason:
            yield delivery, reason
    if platform is not None:
        for part in _split(told):
            async for ended in _post_in_halves(context, platform, part):
                yield ended


async def _build_event(context: Context, platform: Platform, delivery: Delivery) -> dict[str, Any] | None:
    """None where it is not simply sent."""
    if platform.disabled or delivery.source == platform.id:
        return None
    problem = await records.full(context.database, delivery.site_id, delivery.problem_id)
    if problem is None or problem["erased_at"] is not None or problem["spam"]:
        return None
    site = await sites.by_id(context.database, delivery.site_id)
    return await webhook.build_event(context, platform, site, problem, delivery)


def _split(told: Sequence[EncodedEvent]) -> list[list[EncodedEvent]]:
    parts, size = list[list[EncodedEvent]](), 0
    for one in told:
        length = len(orjson.dumps(one[1])) + 1
        if not parts or size + length > MAX_BYTES or len(parts[-1]) == MAX_EVENTS:
            parts.append([])
            size = 0
        parts[-1].append(one)
        size += length
    return parts


async def _post_in_halves(context: Context, platform: Platform, told: Sequence[EncodedEvent]) -> AsyncIterator[Outcome]:
    """Halved as long as it is refused, so that at the end the bad one stands alone."""
    try:
        await webhook.post_events(context, platform, [event for _, event in told])
    except client.TemporaryFailure as error:
        for delivery, _ in told:
            yield delivery, await push.handle_temporary_failure(context, platform, delivery, error)
    except client.PermanentFailure as error:
        await push.record_answer(context, platform)
        if len(told) == 1:
            yield told[0][0], GiveUp(str(error))
            return
        middle = len(told) // 2
        for half in (told[:middle], told[middle:]):
            async for ended in _post_in_halves(context, platform, half):
                yield ended
    else:
        await push.record_answer(context, platform)
        for delivery, _ in told:
            yield delivery, None
