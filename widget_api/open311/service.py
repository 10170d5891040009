"""What a GeoReport client can do here: find its site, read what it may see, send requests and updates."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import orjson

from widget_api import clock
from widget_api.database import Database, Row
from widget_api.errors import FieldError, Invalid, Malformed, NotFound, Refused, Unauthenticated
from widget_api.open311 import intake, presenting, store
from widget_api.open311.georeport import Fields
from widget_api.open311.intake import Sender
from widget_api.open311.parameters import Parameters
from widget_api.photos.model import address
from widget_api.problems import service as problems
from widget_api.problems import submission
from widget_api.problems.model import CLOSED, OPEN, Actor
from widget_api.problems.store import submissions
from widget_api.signing import Signer
from widget_api.sites import service as sites
from widget_api.sites.model import Site

DAY = 86_400
LONGEST_SPAN = 90 * DAY
MOST = 1000
_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}")


async def site_of(database: Database, parameters: Parameters) -> Site | None:
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


async def reading_site(database: Database, parameters: Parameters) -> Site:
    """Raises Malformed where several sites share the endpoint and none was named, NotFound."""
    site = await site_of(database, parameters)
    if site is None:
        raise Malformed("jurisdiction_missing")
    return site


async def sender(database: Database, key: str | None, site_id: str | None) -> Sender | None:
    """Whose key this is, or None where it is nobody's, expired, revoked or another site's."""
    if not key:
        return None
    row = await store.token(database, hashlib.sha256(key.encode()).hexdigest())
    if row is None or row["revoked_at"] is not None or site_id not in (None, row["site_id"]):
        return None
    if row["expires_at"] is not None and row["expires_at"] <= clock.now():
        return None
    return Sender(token_id=row["id"], site_id=row["site_id"], scope=row["scope"])


async def writing(database: Database, parameters: Parameters) -> tuple[Site, Sender]:
    """The site and who writes to it; an unknown jurisdiction is told first, then a bad key, then a missing one.

    Raises NotFound, Unauthenticated, Malformed.
    """
    site = await site_of(database, parameters)
    found = await sender(database, parameters.one("api_key"), site.id if site else None)
    if found is None:
        raise Unauthenticated("api_key")
    if site is None:
        raise Malformed("jurisdiction_missing")
    return site, found


# --- reading -------------------------------------------------------------------------------------------------------


async def requests(database: Database, site: Site, asker: Sender | None, parameters: Parameters) -> Sequence[Row]:
    """By the filters of GeoReport v2. Raises Invalid."""
    token_id = asker.token_id if asker else None
    size = parameters.whole("page_size", MOST, MOST)
    offset = (parameters.whole("page", 1, 10_000) - 1) * size
    if parameters.one("service_request_id") is not None:
        numbers = [n for text in parameters.listed("service_request_id") if (n := number(text)) is not None]
        return await store.requests(database, site.id, token_id=token_id, numbers=numbers, limit=size, offset=offset)
    since, until = _span(parameters)
    return await store.requests(
        database,
        site.id,
        token_id=token_id,
        codes=parameters.listed("service_code"),
        statuses=_statuses(parameters),
        since=since,
        until=until,
        limit=size,
        offset=offset,
    )


async def request(database: Database, site: Site, asker: Sender | None, text: str) -> Row:
    """Raises NotFound, for what is not this asker's to see too."""
    wanted = number(text)
    token_id = asker.token_id if asker else None
    rows = (
        await store.requests(database, site.id, token_id=token_id, numbers=[wanted], limit=1)
        if wanted is not None
        else []
    )
    if not rows:
        raise NotFound("request_not_found")
    return rows[0]


async def updates(
    database: Database, site: Site, asker: Sender | None, parameters: Parameters, public_url: str
) -> list[Fields]:
    """FixMyStreet's extension: what changed since `start_date`, in commit order. Raises Invalid."""
    size = parameters.whole("page_size", MOST, MOST)
    until = parameters.moment("end_date") or 2**40
    rows = await store.updates(
        database,
        site.id,
        token_id=asker.token_id if asker else None,
        everything=asker is not None and asker.trusted,
        since=parameters.moment("start_date") or clock.now() - LONGEST_SPAN,
        until=until,
        after=parameters.whole("after", 0, store.LARGEST_NUMBER, 0) if parameters.one("after") else None,
        limit=size,
        offset=(parameters.whole("page", 1, 10_000) - 1) * size,
    )
    texts = await store.texts(database, presenting.responsible_texts(rows))
    photos = await store.first_photos(database, site.id, [row["id"] for row in rows])
    trusted = asker is not None and asker.trusted
    return [
        presenting.update(row, texts, photo and f"{public_url}{address(photo)}", trusted=trusted)
        for row in rows
        for photo in [photos.get(row["id"])]
    ]


def _span(parameters: Parameters) -> tuple[int, int]:
    """On requested_datetime: at most 90 days, and the last 90 by default."""
    start, end = parameters.moment("start_date"), parameters.moment("end_date")
    until = end if end is not None else clock.now() if start is None else min(clock.now(), start + LONGEST_SPAN)
    since = start if start is not None else until - LONGEST_SPAN
    if until - since > LONGEST_SPAN:
        raise Invalid((FieldError("end_date", "span"),))
    return since, until


def _statuses(parameters: Parameters) -> list[str]:
    chosen: set[str] = set()
    for name in parameters.listed("status"):
        if name.lower() not in ("open", "closed"):
            raise Invalid((FieldError("status", "unknown"),))
        chosen |= OPEN if name.lower() == "open" else CLOSED
    return sorted(chosen)


def number(text: str) -> int | None:
    """A request's number from its id, or None where it cannot be one."""
    if not re.fullmatch(r"[0-9]{1,10}", text):
        return None
    return value if 0 < (value := int(text)) <= store.LARGEST_NUMBER else None


# --- writing -------------------------------------------------------------------------------------------------------


async def take_request(
    database: Database,
    site: Site,
    by: Sender,
    parameters: Parameters,
    *,
    idempotency_key: str | None,
    signer: Signer,
    public_url: str,
) -> int:
    """The number of the problem this request became; sent again, it is the same one. Raises Invalid, Malformed."""
    idempotency = None
    if idempotency_key is not None:
        if not _IDEMPOTENCY_KEY.fullmatch(idempotency_key):
            raise Malformed("idempotency_key")
        # A tab stands in no key that a widget may send, and tokens do not share keys.
        idempotency = submission.Idempotency(
            key=f"georeport\t{by.token_id}\t{idempotency_key}", fingerprint=parameters.fingerprint()
        )
    known = await _known(database, site, by, parameters, idempotency)
    if known is not None:
        return known
    report = intake.report(site, by, parameters)
    receipt = await submission.submit(
        database,
        site,
        report,
        signer=signer,
        public_url=public_url,
        idempotency=idempotency,
        actor=Actor(kind="resident" if by.trusted else "source", source=by.token_id),
    )
    return receipt.number


async def _known(
    database: Database, site: Site, by: Sender, parameters: Parameters, idempotency: submission.Idempotency | None
) -> int | None:
    """A birth id says more than a key: it outlives erasure, and the request may have been told a little differently."""
    event_id = intake.birth_id(parameters.extended().get("event_id")) if by.trusted else None
    if event_id is not None:
        found = await store.number_born_as(database, site.id, event_id)
        if found is not None:
            return found
    if idempotency is None:
        return None
    earlier = await submissions.find(database, site.id, idempotency.key)
    return None if earlier is None else int(orjson.loads(submission.replayed(earlier, idempotency).body)["number"])


async def take_update(database: Database, site: Site, by: Sender, parameters: Parameters) -> str:
    """The id this update has here; sent again, it changes nothing and has the same one.

    Raises Invalid, NotFound, Refused (not the sender's to say), Conflict (erased).
    """
    told = parameters.one("service_request_id")
    if told is None:
        raise Invalid((FieldError("service_request_id", "required"),))
    wanted = number(told)
    problem = await store.problem(database, site.id, wanted) if wanted is not None else None
    own = problem is not None and problem["received_from"] == by.token_id
    if problem is None or not (problem["published"] or own or by.trusted):
        raise NotFound("request_not_found")
    update = intake.update(by, parameters, problem, clock.now())
    if update.status is None and not update.text and not update.erased:
        return update.id  # it says nothing we do not know
    if not by.trusted and problem["status"] == "moderation" and update.status not in (None, "withdrawn"):
        raise Refused("in_moderation")
    # Where the report came in by GeoReport its sender speaks for the author, else it is one more body at work on it.
    came_in = problem["source"] in ("georeport", "platform") and (own or by.trusted)
    actor = Actor(kind="source" if came_in else "platform", source=by.token_id)
    await problems.import_update(database, actor, site.id, problem["id"], update)
    return update.id
