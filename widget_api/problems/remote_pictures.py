"""Fetch pictures of which another system sends only the URL.

They are enqueued in the transaction of the event, and fetched later through the guarded client and the same checks as
uploaded photos. If they were fetched before the response, a slow server would delay the report, and a dead link would
lose it (docs/decisions/0032-pictures-by-their-address.md).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from widget_api import clock, events
from widget_api.attachments.photos import service as photos
from widget_api.attachments.photos.model import MAX_FILE_SIZE, PUBLIC_ROLES
from widget_api.clock import new_id
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import enqueue, sinks
from widget_api.deliveries.model import NEWS, Delivery, Retry
from widget_api.errors import Invalid, Unavailable, WrongType
from widget_api.events import Event
from widget_api.outbound import Answer, Failed, Forbidden, TooLong
from widget_api.problems import pictures
from widget_api.problems.model import RemotePhoto
from widget_api.problems.store import history, records

TAKEN = "taken"
HIDDEN = "hidden"  # its source does not show it any more
RETRYABLE = frozenset({408, 425, 429})  # like 5xx: by these statuses the URL itself is not at fault
SENDER = "media"  # all downloads queue for decoding as one sender beside those who upload photos
log = logging.getLogger(__name__)


async def enqueue_pictures(tx: Transaction, event: Event, addresses: Sequence[str], first: int, now: int) -> None:
    """Enqueue the pictures at `addresses`, in the transaction of the event that came with `first` pictures itself.

    They get the lowest priority, so that servers that never answer delay no letter and no platform.
    """
    if not addresses:
        return
    for place, url in enumerate(addresses, first):
        await _insert_source(tx, event.site_id, event.problem_id, event.id, place, url, now)
    await enqueue.enqueue_event(tx, event, sinks.MEDIA, now, priority=NEWS)


async def forget(tx: Transaction, problem_id: str, reason: str) -> None:
    """Delete the URLs, which may identify a person; a download in progress is then discarded."""
    await tx.run("DELETE FROM media_sources WHERE problem_id = :id", id=problem_id)
    await enqueue.drop_for_problem(tx, problem_id, sinks.MEDIA, reason)


async def follow(tx: Transaction, problem: Row, shown: Sequence[RemotePhoto], now: int) -> bool:
    """Hide the pictures of a report that its source no longer shows, and show again those it had hidden.

    Pictures that are new, such as one with a covered face, are stored to be fetched. What was hidden here stays hidden.
    Pictures of other systems are recognised by their host and left alone. Returns whether anything changes.
    """
    sources = await tx.rows(
        "SELECT m.*, e.kind FROM media_sources m JOIN events e ON e.site_id = m.site_id AND e.id = m.event_id"
        " WHERE m.problem_id = :id",
        id=problem["id"],
    )
    listed = {_locate(photo.url): photo for photo in shown}
    hosts = {host for host, _ in listed} | {_locate(row["url"])[0] for row in sources if row["kind"] == "received"}
    known, changed = {_locate(row["url"]): row for row in sources}, False
    for location, row in known.items():
        if location not in listed and location[0] in hosts and row["outcome"] in (None, TAKEN):
            await _set_outcome(tx, row["id"], HIDDEN)
            changed |= await _show(tx, row, shown=False)
        elif location in listed and row["outcome"] == HIDDEN:
            again = await _show(tx, row, shown=True)
            await _set_outcome(tx, row["id"], TAKEN if again else None)
            changed = True
    events_here = {row["id"] for row in await history.timeline(tx, problem["id"])}
    for location, photo in listed.items():
        if location not in known and photo.event_id in events_here:
            await _insert_source(tx, problem["site_id"], problem["id"], photo.event_id, photo.place, photo.url, now)
            changed = True
    return changed


def _locate(url: str) -> tuple[str, str]:
    """The host and the path of a URL; its query is a signature that ends."""
    parts = urlsplit(url)
    return parts.netloc, parts.path


async def _show(tx: Transaction, source: Row, *, shown: bool) -> bool:
    """Show or hide the picture of a source; False if it was not fetched, or is so already."""
    before = ("hidden",) if shown else PUBLIC_ROLES
    fetched = [
        row["id"]
        for row in await pictures.list_pictures(tx, source["problem_id"])
        if row["role"] in before and (row["id"] == source["photo_id"] if source["photo_id"] else _is_of(row, source))
    ]
    for photo_id in fetched[:1]:
        await (pictures.unhide if shown else pictures.hide)(tx, source["problem_id"], photo_id)
    return bool(fetched)


def _is_of(photo: Row, source: Row) -> bool:
    """Whether a photo fetched by an earlier version, which did not record it, is of this source."""
    return bool(photo["event_id"] == source["event_id"] and photo["place"] == source["place"])


async def _insert_source(
    tx: Transaction, site_id: str, problem_id: str, event_id: str, place: int, url: str, now: int
) -> None:
    await tx.insert(
        "media_sources",
        id=new_id(),
        site_id=site_id,
        problem_id=problem_id,
        event_id=event_id,
        place=place,
        url=url,
        created_at=now,
    )


async def _set_outcome(tx: Transaction, source_id: str, outcome: str | None) -> None:
    await tx.run("UPDATE media_sources SET outcome = :outcome WHERE id = :id", id=source_id, outcome=outcome)


async def list_waiting(database: Database, problem_id: str) -> Sequence[Row]:
    """List the pictures still to be fetched, in the sender's order, with the kind and actor of their event."""
    return await database.rows(
        "SELECT m.id, m.url, m.place, m.event_id, e.kind, e.actor FROM media_sources m"
        " JOIN events e ON e.site_id = m.site_id AND e.id = m.event_id"
        " WHERE m.problem_id = :problem_id AND m.outcome IS NULL ORDER BY e.position, m.place",
        problem_id=problem_id,
    )


async def is_waiting(database: Database, source_id: str) -> bool:
    """Whether a picture is still to be fetched."""
    row = await database.row("SELECT 1 FROM media_sources WHERE id = :id AND outcome IS NULL", id=source_id)
    return row is not None


async def settle(tx: Transaction, source_id: str, outcome: str, photo_id: str | None) -> bool:
    """Record the outcome of a picture; False if it has one already or was deleted."""
    return bool(
        await tx.run(
            "UPDATE media_sources SET outcome = :outcome, photo_id = :photo_id WHERE id = :id AND outcome IS NULL",
            id=source_id,
            outcome=outcome,
            photo_id=photo_id,
        )
    )


async def deliver(context: Context, delivery: Delivery) -> None:
    """Handle the sink `media`: store pictures, settle URLs that will never give one, raise Retry for the others."""
    retry: Retry | None = None
    for source in await list_waiting(context.database, delivery.problem_id):
        if not await is_waiting(context.database, source["id"]):
            continue  # withdrawn or erased while the one before it was fetched
        try:
            await _fetch(context, delivery, source)
        except Retry as reason:
            retry = reason
    if retry is not None:
        raise retry


async def _fetch(context: Context, delivery: Delivery, source: Row) -> None:
    url = source["url"]
    async with context.fetching:  # each download holds a whole file in memory
        try:
            answer = await context.outbound.request(
                "GET", in_ascii(url), operator=False, loopback=True, limit=MAX_FILE_SIZE
            )
            refusal = _refusal(answer)
            photo_id = None if refusal else await _receive(context, delivery, answer.body)
        except Forbidden:
            photo_id, refusal = None, "forbidden"
        except TooLong:
            photo_id, refusal = None, "photo_too_large"
        except (WrongType, Invalid) as error:
            photo_id, refusal = None, error.code
        except Failed as error:  # operators can read the error after an erasure: it must not contain URL or host
            host = urlsplit(in_ascii(url)).hostname or url
            raise Retry(f"a picture cannot be fetched: {error}".replace(url, "…").replace(host, "…")) from error
        except Unavailable as error:
            raise Retry("a picture cannot be stored now") from error
    if refusal:
        log.info("a picture of problem %s was not fetched: %s", delivery.problem_id, refusal)
    await _settle(context, delivery, source, photo_id, refusal or TAKEN)


async def _receive(context: Context, delivery: Delivery, content: bytes) -> str:
    return (await photos.receive(context, delivery.site_id, content, sender=SENDER)).id


def _refusal(answer: Answer) -> str:
    """Return why a response will never be a picture; empty if it may be one. Raises Retry."""
    if answer.status in RETRYABLE or answer.status >= 500:
        raise Retry(f"a picture cannot be fetched: {answer.status}", answer.retry_after)
    if 300 <= answer.status < 400:
        return "redirected"
    return "" if 200 <= answer.status < 300 else f"status_{answer.status}"


async def _settle(context: Context, delivery: Delivery, source: Row, photo_id: str | None, outcome: str) -> None:
    """Attach the picture to the problem and settle its URL, in one transaction."""

    async def work(tx: Transaction) -> bool:
        if not await settle(tx, source["id"], outcome, photo_id):
            return False  # withdrawn or erased meanwhile, or another worker took over the lease and was faster
        if photo_id is not None:
            problem_id, role = delivery.problem_id, pictures.choose_role(source["kind"], source["actor"])
            place, event_id = source["place"], source["event_id"]
            await pictures.join(tx, delivery.site_id, problem_id, event_id, role, photo_id, place)
            await records.update(tx, problem_id, {"updated_at": clock.now()})
            await events.advance(tx, delivery.site_id)  # lists open in browsers reload
        return True

    if not await context.database.write(work, delivery.site_id) and photo_id is not None:
        await photos.discard_unattached(context.database, photo_id)


def in_ascii(url: str) -> str:
    """Return a URL with its host («пример.рф») encoded by IDNA. Returns an invalid URL unchanged."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        if host == parts.hostname or "@" in parts.netloc:
            return url
        return urlunsplit(parts._replace(netloc=f"{host}:{parts.port}" if parts.port else host))
    except ValueError:
        return url
