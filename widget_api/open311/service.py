"""Authorise GeoReport clients, and take in their requests and updates. Lists are read in `render`."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from functools import partial
from typing import Protocol

import orjson

from widget_api import clock
from widget_api.attachments.photos import service as photo_service
from widget_api.context import Context
from widget_api.database import Database
from widget_api.errors import (
    Conflict,
    FieldError,
    Forbidden,
    Invalid,
    Malformed,
    NotFound,
    Refused,
    Unauthenticated,
)
from widget_api.open311 import intake, store
from widget_api.open311.intake import Sender
from widget_api.open311.parameters import Parameters, parse_number
from widget_api.problems import lifecycle, submit
from widget_api.problems.model import Actor, Photo
from widget_api.problems.store import records
from widget_api.sites import service as sites
from widget_api.sites.model import Site

# The statuses that a sender may set on its own unpublished request, by the current status: deciding on publication is
# up to the moderator. After a rejection it may reopen the request, as an author may; that does not publish it.
_UNSEEN: dict[str, tuple[str | None, ...]] = {
    "moderation": (None, "withdrawn"),
    "rejected": (None, "withdrawn", "reopened"),
    "reopened": (None, "withdrawn"),
}
_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}")


async def find_site(database: Database, parameters: Parameters) -> Site | None:
    """Return the site of the jurisdiction; without one the only site, or None if there are several.

    Raises NotFound for an unknown jurisdiction.
    """
    name = parameters.first("jurisdiction_id")
    if name is not None:
        site = await sites.by_jurisdiction(database, name.lower()) or await sites.by_jurisdiction(database, name)
        if site is None:
            raise NotFound("jurisdiction_unknown")
        return site
    every_site = await sites.list_sites(database)
    if not every_site:
        raise NotFound("jurisdiction_unknown")
    return every_site[0] if len(every_site) == 1 else None


async def find_site_to_read(database: Database, parameters: Parameters) -> Site:
    """Return the site to read. Raises NotFound, and Malformed if several sites exist and none is named."""
    site = await find_site(database, parameters)
    if site is None:
        raise await _jurisdiction_missing(database)
    return site


async def find_sender(database: Database, key: str | None, site_id: str | None) -> Sender | None:
    """Return the sender of a key, or None if the key is unknown, expired, revoked or belongs to another site."""
    if not key:
        return None
    now = clock.now()
    row = await store.find_token(database, hashlib.sha256(key.encode()).hexdigest(), now)
    if row is None or row["revoked_at"] is not None or site_id not in (None, row["site_id"]):
        return None
    if row["expires_at"] is not None and row["expires_at"] <= now:
        return None
    if row["last_used_on"] != (today := clock.rfc3339(now)[:10]):
        await database.write(partial(store.note_use, token_id=row["id"], day=today))
    return Sender(token_id=row["id"], site_id=row["site_id"], scope=row["scope"])


async def authorise_writer(database: Database, parameters: Parameters) -> tuple[Site, Sender]:
    """Return the site and the sender of a request or update.

    Raises NotFound for an unknown jurisdiction, Unauthenticated for a bad or missing key and, after these, Malformed if
    several sites exist and none is named.
    """
    site = await find_site(database, parameters)
    sender = await find_sender(database, parameters.first("api_key"), site.id if site else None)
    if sender is None:
        raise Unauthenticated("api_key")
    if site is None:
        raise await _jurisdiction_missing(database)
    return site, sender


async def _jurisdiction_missing(database: Database) -> Malformed:
    known = tuple(site.jurisdiction for site in await sites.list_sites(database))
    return Malformed("jurisdiction_missing", allowed=known)


async def find_request_number(database: Database, site: Site, reader: Sender | None, text: str) -> str:
    """Return the number in a request id. Raises NotFound, also if the reader may not see the request."""
    number = parse_number(text)
    token_id = reader.token_id if reader else None
    if number is None or not await store.visible_numbers(database, site.id, token_id, [number]):
        raise NotFound("request_not_found")
    return str(number)


# --- writing -------------------------------------------------------------------------------------------------------


class Pictures(Protocol):
    """The pictures uploaded with a form."""

    def __len__(self) -> int: ...
    async def digest(self) -> str: ...
    async def store_photos(self, site: Site) -> tuple[Photo, ...]: ...


async def submit_request(
    context: Context, site: Site, sender: Sender, fields: Parameters, pictures: Pictures, *, idempotency_key: str | None
) -> int:
    """Create a problem from a request and return its number. A repeated request returns the same number.

    Raises Invalid and Malformed.
    """
    database, idempotency = context.database, None
    if idempotency_key is not None:
        if not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
            raise Malformed("idempotency_key")
        # Tabs cannot occur in a widget's key, and the token's id separates the keys of senders.
        idempotency = submit.Idempotency(
            key=f"georeport\t{sender.token_id}\t{idempotency_key}",
            fingerprint=fields.fingerprint(await pictures.digest()),
        )
    known = await _find_existing(database, site, sender, fields, idempotency)
    if known is not None:
        return known
    report = intake.parse_report(site, sender, fields)
    photos = await pictures.store_photos(site)
    report = replace(report, photos=photos, media=report.media[: site.photos - len(photos)])
    try:
        receipt = await submit.submit(
            database,
            site,
            report,
            signer=context.signer,
            public_url=context.settings.public_url,
            idempotency=idempotency,
            actor=Actor(kind="resident" if sender.trusted else "source", source=sender.token_id),
        )
    except Conflict:  # the same event id was submitted concurrently
        known = await _find_existing(database, site, sender, fields, idempotency)
        if known is None:
            raise
        return known
    finally:
        await photo_service.discard_unattached(database, *(photo.id for photo in photos))
    return receipt.number


async def _find_existing(
    database: Database, site: Site, sender: Sender, parameters: Parameters, idempotency: submit.Idempotency | None
) -> int | None:
    """Return the number of the problem that this request created earlier, or None.

    The event id is checked before the idempotency key: it survives erasure, and the fields of the request may differ.
    """
    event_id = intake.parse_event_id(parameters.extended().get("event_id")) if sender.trusted else None
    if event_id is not None:
        number = await store.find_number_by_event(database, site.id, event_id)
        if number is not None:
            return number
    if idempotency is None:
        return None
    earlier = await records.find_submission(database, site.id, idempotency.key)
    return None if earlier is None else int(orjson.loads(submit.replay_receipt(earlier, idempotency).body)["number"])


async def submit_update(context: Context, site: Site, sender: Sender, fields: Parameters, pictures: Pictures) -> str:
    """Import an update and return its id. A repeated update changes nothing and returns the same id.

    A token of scope `georeport` may update only the requests it sent. Raises Invalid, NotFound, Forbidden (a public
    request of another sender), Refused (a change that the sender may not make), and Conflict (an erased problem).
    """
    database = context.database
    request_id = fields.first("service_request_id")
    if request_id is None:
        raise Invalid((FieldError("service_request_id", "required"),))
    number = parse_number(request_id)
    problem = await store.find_problem(database, site.id, number) if number is not None else None
    own = problem is not None and problem["received_from"] == sender.token_id
    if problem is None or not (problem["published"] or own or sender.trusted):
        raise NotFound("request_not_found")
    if not (own or sender.trusted):
        raise Forbidden("request_not_yours")
    update = intake.parse_update(sender, fields, problem, clock.now(), await pictures.digest())
    if update.status is None and not update.text and not (update.erased or update.content or update.media or pictures):
        return update.id  # it contains no change
    if await store.is_event_known(database, site.id, update.id):
        return update.id
    if not sender.trusted and not problem["published"] and update.status not in _UNSEEN.get(problem["status"], (None,)):
        raise Refused("in_moderation")
    photos = await pictures.store_photos(site)
    update = replace(update, photos=photos, media=update.media[: site.photos - len(photos)])
    # The sender acts for the author of a report that came in by GeoReport, otherwise as a body that works on it.
    from_georeport = problem["source"] in ("georeport", "platform")
    actor = Actor(kind="source" if from_georeport else "platform", source=sender.token_id)
    try:
        await lifecycle.import_update(database, actor, site.id, problem["id"], update)
    finally:
        await photo_service.discard_unattached(database, *(photo.id for photo in photos))
    return update.id
