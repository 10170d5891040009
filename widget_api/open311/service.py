"""What a GeoReport client can do here: find its site, send requests and updates; lists are read in telling.py."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
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
from widget_api.open311.parameters import parse_number
from widget_api.open311.raw_parameters import Parameters
from widget_api.problems import change as problems
from widget_api.problems import submit
from widget_api.problems.model import Actor, Photo
from widget_api.problems.store import submissions
from widget_api.sites import service as sites
from widget_api.sites.model import Site

# What a sender may make of a request of its own that nobody sees: the moderator's decision is no other's to make. As an
# author here may, it asks once more after a rejection, which publishes nothing.
_UNSEEN: dict[str, tuple[str | None, ...]] = {
    "moderation": (None, "withdrawn"),
    "rejected": (None, "withdrawn", "reopened"),
    "reopened": (None, "withdrawn"),
}
_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}")


async def find_site(database: Database, parameters: Parameters) -> Site | None:
    """The jurisdiction's site; without one the only site there is, None where there are several.

    Raises NotFound for an unknown jurisdiction.
    """
    name = parameters.one("jurisdiction_id")
    if name is not None:
        site = await sites.by_jurisdiction(database, name.lower()) or await sites.by_jurisdiction(database, name)
        if site is None:
            raise NotFound("jurisdiction_unknown")
        return site
    found = await sites.all_sites(database)
    if not found:
        raise NotFound("jurisdiction_unknown")
    return found[0] if len(found) == 1 else None


async def find_site_to_read(database: Database, parameters: Parameters) -> Site:
    """Raises Malformed where several sites share the endpoint and none was named, NotFound."""
    site = await find_site(database, parameters)
    if site is None:
        raise await _unnamed(database)
    return site


async def find_sender(database: Database, key: str | None, site_id: str | None) -> Sender | None:
    """Whose key this is, or None where it is nobody's, expired, revoked or another site's."""
    if not key:
        return None
    row = await store.find_token(database, hashlib.sha256(key.encode()).hexdigest())
    if row is None or row["revoked_at"] is not None or site_id not in (None, row["site_id"]):
        return None
    if row["expires_at"] is not None and row["expires_at"] <= clock.now():
        return None
    return Sender(token_id=row["id"], site_id=row["site_id"], scope=row["scope"])


async def authorise_writer(database: Database, parameters: Parameters) -> tuple[Site, Sender]:
    """The site and who writes to it; an unknown jurisdiction is told first, then a bad key, then a missing one.

    Raises NotFound, Unauthenticated, Malformed.
    """
    site = await find_site(database, parameters)
    found = await find_sender(database, parameters.one("api_key"), site.id if site else None)
    if found is None:
        raise Unauthenticated("api_key")
    if site is None:
        raise await _unnamed(database)
    return site, found


async def _unnamed(database: Database) -> Malformed:
    known = tuple(site.jurisdiction for site in await sites.all_sites(database))
    return Malformed("jurisdiction_missing", allowed=known)


async def find_request_number(database: Database, site: Site, asker: Sender | None, text: str) -> str:
    """Raises NotFound, for what is not this asker's to see too."""
    wanted = parse_number(text)
    token_id = asker.token_id if asker else None
    if wanted is None or not await store.visible_numbers(database, site.id, token_id, [wanted]):
        raise NotFound("request_not_found")
    return str(wanted)


# --- writing -------------------------------------------------------------------------------------------------------


class Pictures(Protocol):
    """The files that came with a form."""

    def __len__(self) -> int: ...
    async def digest(self) -> str: ...
    async def taken_in(self, site: Site) -> tuple[Photo, ...]: ...


async def submit_request(
    context: Context, site: Site, by: Sender, fields: Parameters, pictures: Pictures, *, idempotency_key: str | None
) -> int:
    """The number of the problem this request became; sent again, it is the same one. Raises Invalid, Malformed."""
    database, idempotency = context.database, None
    if idempotency_key is not None:
        if not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
            raise Malformed("idempotency_key")
        # A tab stands in no key that a widget may send, and tokens do not share keys.
        idempotency = submit.Idempotency(
            key=f"georeport\t{by.token_id}\t{idempotency_key}", fingerprint=fields.fingerprint(await pictures.digest())
        )
    known = await _find_existing(database, site, by, fields, idempotency)
    if known is not None:
        return known
    report = intake.parse_report(site, by, fields)
    photos = await pictures.taken_in(site)
    report = replace(report, photos=photos, media=report.media[: site.photos - len(photos)])
    try:
        receipt = await submit.submit(
            database,
            site,
            report,
            signer=context.signer,
            public_url=context.settings.public_url,
            idempotency=idempotency,
            actor=Actor(kind="resident" if by.trusted else "source", source=by.token_id),
        )
    except Conflict:  # the same birth id, at the same moment
        known = await _find_existing(database, site, by, fields, idempotency)
        if known is None:
            raise
        return known
    finally:
        await photo_service.discard_unattached(database, *(photo.id for photo in photos))
    return receipt.number


async def _find_existing(
    database: Database, site: Site, by: Sender, parameters: Parameters, idempotency: submit.Idempotency | None
) -> int | None:
    """A birth id says more than a key: it outlives erasure, and the request may have been told a little differently."""
    event_id = intake.parse_event_id(parameters.extended().get("event_id")) if by.trusted else None
    if event_id is not None:
        found = await store.find_number_by_event(database, site.id, event_id)
        if found is not None:
            return found
    if idempotency is None:
        return None
    earlier = await submissions.find(database, site.id, idempotency.key)
    return None if earlier is None else int(orjson.loads(submit.replay_receipt(earlier, idempotency).body)["number"])


async def submit_update(context: Context, site: Site, by: Sender, fields: Parameters, pictures: Pictures) -> str:
    """The id this update has here; sent again, it changes nothing and has the same one.

    A token of scope `georeport` changes what it sent, and nothing else. Raises Invalid, NotFound, Forbidden (a request
    that everybody sees and somebody else sent), Refused (not the sender's to say), Conflict (erased).
    """
    database = context.database
    told = fields.one("service_request_id")
    if told is None:
        raise Invalid((FieldError("service_request_id", "required"),))
    wanted = parse_number(told)
    problem = await store.find_problem(database, site.id, wanted) if wanted is not None else None
    own = problem is not None and problem["received_from"] == by.token_id
    if problem is None or not (problem["published"] or own or by.trusted):
        raise NotFound("request_not_found")
    if not (own or by.trusted):
        raise Forbidden("request_not_yours")
    update = intake.parse_update(by, fields, problem, clock.now(), await pictures.digest())
    if update.status is None and not update.text and not update.erased and not update.media and not pictures:
        return update.id  # it says nothing we do not know
    if await store.is_event_known(database, site.id, update.id):
        return update.id
    if not by.trusted and not problem["published"] and update.status not in _UNSEEN.get(problem["status"], (None,)):
        raise Refused("in_moderation")
    photos = await pictures.taken_in(site)
    update = replace(update, photos=photos, media=update.media[: site.photos - len(photos)])
    # Where the report came in by GeoReport its sender speaks for the author, else it is one more body at work on it.
    came_in = problem["source"] in ("georeport", "platform")
    actor = Actor(kind="source" if came_in else "platform", source=by.token_id)
    try:
        await problems.import_update(database, actor, site.id, problem["id"], update)
    finally:
        await photo_service.discard_unattached(database, *(photo.id for photo in photos))
    return update.id
