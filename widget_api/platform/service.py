"""Takes in what a platform posts to us, once each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from widget_api import clock
from widget_api.database import Database
from widget_api.errors import Malformed, Unauthenticated
from widget_api.open311.reading import RemoteUpdate
from widget_api.platform import pull, signature, webhook
from widget_api.platform.model import Platform
from widget_api.platform.store import platforms
from widget_api.problems.store import records
from widget_api.sites import service as sites

LARGEST_NUMBER = 2**31 - 1


async def receive(database: Database, headers: Mapping[str, str], body: bytes) -> int:
    """One CloudEvent or a list; returns how many concern a problem of ours. Raises Unauthenticated, Malformed."""
    platform = await _signed_by(database, headers, body)
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed from None
    found = content if isinstance(content, list) else [content]
    by_site: dict[str, list[tuple[str, RemoteUpdate]]] = {}
    for event in found:
        update = webhook.told(event) if isinstance(event, Mapping) else None
        place = None if update is None else await _problem(database, platform, event["data"], update)
        if place is not None and update is not None:
            by_site.setdefault(place[0], []).append((place[1], update))
    for site_id, pairs in by_site.items():
        await pull.take_in(database, platform, site_id, pairs)
    return sum(map(len, by_site.values()))


async def _signed_by(database: Database, headers: Mapping[str, str], body: bytes) -> Platform:
    now = clock.now()
    for platform in await platforms.enabled(database):
        if signature.valid(platform.key, headers, body, now):
            return platform
    raise Unauthenticated("signature")


async def _problem(
    database: Database, platform: Platform, data: Mapping[str, Any], update: RemoteUpdate
) -> tuple[str, str] | None:
    """Site and problem, where the platform may speak of that site at all."""
    jurisdiction = data.get("jurisdiction")
    site = await sites.by_jurisdiction(database, jurisdiction) if isinstance(jurisdiction, str) else None
    if site is None or platform.site_id not in (None, site.id) or not update.request_id.isdecimal():
        return None
    number = int(update.request_id) if len(update.request_id) < 11 else 0
    problem = await records.by_number(database, site.id, number) if 0 < number <= LARGEST_NUMBER else None
    return None if problem is None else (site.id, problem["id"])
