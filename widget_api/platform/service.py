"""Import the updates that a platform posts, each once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson

from widget_api import clock
from widget_api.database import Database
from widget_api.errors import Malformed, Unauthenticated
from widget_api.open311.parse import RemoteUpdate
from widget_api.platform import signature, update_import, webhook
from widget_api.platform.model import Platform
from widget_api.platform.store import log, platforms
from widget_api.platform.store.links import Linked
from widget_api.problems.store import records
from widget_api.sites import service as sites

MAX_NUMBER = 2**31 - 1


async def receive_message(database: Database, headers: Mapping[str, str], body: bytes) -> int:
    """Import one CloudEvent or a list. Returns how many concern a known problem. Raises Unauthenticated and Malformed.

    A message that is repeated, by its sender or by an eavesdropper, is imported once: while its signature is valid, it
    is recognized by its id and body (Standard Webhooks, «webhook-id»), and later by the ids of its events.
    """
    signers = await _find_signers(database, headers, body)
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Malformed from None
    message = f"{headers['webhook-id']} {hashlib.sha256(body).hexdigest()}"
    events = content if isinstance(content, list) else [content]
    updates: dict[tuple[str, str], list[tuple[Linked, RemoteUpdate]]] = {}
    by_id = {platform.id: platform for platform in signers}
    for event in events:
        update = webhook.parse_event(event) if isinstance(event, Mapping) else None
        found = None if update is None else await _find_problem(database, by_id, event["data"], update)
        if found is not None and update is not None:
            platform_id, site_id, problem_id = found
            linked = Linked(problem_id=problem_id, born_there=False, remote_state=None)
            updates.setdefault((platform_id, site_id), []).append((linked, update))
    repeated = await log.is_message_received(database, message)
    for (platform_id, site_id), pairs in updates.items() if not repeated else ():
        await update_import.record_updates(database, by_id[platform_id], site_id, pairs)
    await log.record_message(database, message, clock.now() + 2 * signature.TOLERANCE)
    return sum(map(len, updates.values()))


async def _find_signers(database: Database, headers: Mapping[str, str], body: bytes) -> list[Platform]:
    """Return the platforms whose key signed the message. One system may be the platform of several sites, each with a
    row of its own. Raises Unauthenticated if there is none."""
    now = clock.now()
    candidates = [platform for platform in await platforms.list_enabled(database) if _has_signing_key(platform)]
    signers = [platform for platform in candidates if signature.is_valid(platform.key, headers, body, now)]
    if not signers:
        raise Unauthenticated("signature")
    return signers


def _has_signing_key(platform: Platform) -> bool:
    """Whether the platform's key may sign. API keys of GeoReport servers can often be guessed, since they were not
    chosen for signing, so a weak key is accepted from webhook receivers only."""
    return signature.is_strong(platform.key) or (
        platform.protocol == "webhook" and bool(signature.decode_secret(platform.key))
    )


async def _find_problem(
    database: Database, signers: Mapping[str, Platform], data: Mapping[str, Any], update: RemoteUpdate
) -> tuple[str, str, str] | None:
    """Return the ids of platform, site and problem, or None unless one of the signers may update the problem."""
    jurisdiction = data.get("jurisdiction")
    named = isinstance(jurisdiction, str) and "\0" not in jurisdiction  # PostgreSQL rejects a NUL in text
    site = await sites.by_jurisdiction(database, str(jurisdiction)) if named else None
    if site is None or not update.request_id.isdecimal():
        return None
    serving = await platforms.platforms_of_site(database, site.id)
    signer = next((platform_id for platform_id in serving if platform_id in signers), None)
    number = int(update.request_id) if len(update.request_id) < 11 else 0
    problem = await records.by_number(database, site.id, number) if 0 < number <= MAX_NUMBER else None
    if problem is None or signer is None or problem["mirror_of"] not in (None, signer):
        return None  # a problem mirrored from another platform is updated by that one only
    if problem["mirror_of"] is None and problem["released_at"] is None:
        return None  # it was never sent to a platform
    return signer, site.id, problem["id"]
