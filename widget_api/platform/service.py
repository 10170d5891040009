"""Takes in what a platform posts to us, once each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from widget_api import clock
from widget_api.database import Database
from widget_api.errors import Malformed, Unauthenticated
from widget_api.open311.parse import RemoteUpdate
from widget_api.platform import news, signature, webhook
from widget_api.platform.model import Platform
from widget_api.platform.store import log, platforms
from widget_api.platform.store.links import Linked
from widget_api.problems.store import records
from widget_api.sites import service as sites

MAX_NUMBER = 2**31 - 1


async def receive_message(database: Database, headers: Mapping[str, str], body: bytes) -> int:
    """One CloudEvent or a list; returns how many concern a problem of ours. Raises Unauthenticated, Malformed.

    A message that comes again, from its sender or from somebody who listened, is taken once: as long as its signature
    is good by its id and its body (Standard Webhooks, «webhook-id»), and at any time by the ids of its events.
    """
    signers = await _find_signers(database, headers, body)
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed from None
    message = f"{headers['webhook-id']} {hashlib.sha256(body).hexdigest()}"
    found = content if isinstance(content, list) else [content]
    told: dict[tuple[str, str], list[tuple[Linked, RemoteUpdate]]] = {}
    by_id = {platform.id: platform for platform in signers}
    for event in found:
        update = webhook.parse_event(event) if isinstance(event, Mapping) else None
        place = None if update is None else await _find_problem(database, by_id, event["data"], update)
        if place is not None and update is not None:
            platform_id, site_id, problem_id = place
            linked = Linked(problem_id=problem_id, born_there=False, remote_state=None)
            told.setdefault((platform_id, site_id), []).append((linked, update))
    again = await log.is_message_received(database, message)
    for (platform_id, site_id), pairs in told.items() if not again else ():
        await news.record_updates(database, by_id[platform_id], site_id, pairs)
    await log.record_message(database, message, clock.now() + 2 * signature.TOLERANCE)
    return sum(map(len, told.values()))


async def _find_signers(database: Database, headers: Mapping[str, str], body: bytes) -> list[Platform]:
    """Those whose key signed it: one system may be the platform of several sites, each with a row of its own."""
    now, asked = clock.now(), await platforms.list_enabled(database)
    found = [one for one in asked if _has_signing_key(one) and signature.is_valid(one.key, headers, body, now)]
    if not found:
        raise Unauthenticated("signature")
    return found


def _has_signing_key(platform: Platform) -> bool:
    """Many a GeoReport server has a key that can be guessed: nobody chose it to sign with, so it signs nothing."""
    return signature.is_strong(platform.key) or (
        platform.protocol == "webhook" and bool(signature.decode_secret(platform.key))
    )


async def _find_problem(
    database: Database, signers: Mapping[str, Platform], data: Mapping[str, Any], update: RemoteUpdate
) -> tuple[str, str, str] | None:
    """Platform, site and problem, where one of the signers may speak of that site at all."""
    jurisdiction = data.get("jurisdiction")
    named = isinstance(jurisdiction, str) and "\0" not in jurisdiction  # PostgreSQL would not even look for it
    site = await sites.by_jurisdiction(database, str(jurisdiction)) if named else None
    if site is None or not update.request_id.isdecimal():
        return None
    speaks = next((one for one in await platforms.platforms_of_site(database, site.id) if one in signers), None)
    number = int(update.request_id) if len(update.request_id) < 11 else 0
    problem = await records.by_number(database, site.id, number) if 0 < number <= MAX_NUMBER else None
    if problem is None or speaks is None or problem["mirror_of"] not in (None, speaks):
        return None  # what another platform shows here is decided there
    if problem["mirror_of"] is None and problem["released_at"] is None:
        return None  # it was never told of it
    return speaks, site.id, problem["id"]
