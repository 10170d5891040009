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
from widget_api.attachments.photos.model import MAX_FILE_SIZE
from widget_api.clock import new_id
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries import enqueue, sinks
from widget_api.deliveries.model import NEWS, Delivery, Retry
from widget_api.errors import Invalid, Unavailable, WrongType
from widget_api.events import Event
from widget_api.outbound import Answer, Failed, Forbidden, TooLong
from widget_api.problems import pictures
from widget_api.problems.store import records

TAKEN = "taken"
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
        await tx.insert(
            "media_sources",
            id=new_id(),
            site_id=event.site_id,
            problem_id=event.problem_id,
            event_id=event.id,
            place=place,
            url=url,
            created_at=now,
        )
    await enqueue.enqueue_event(tx, event, sinks.MEDIA, now, priority=NEWS)


async def forget(tx: Transaction, problem_id: str, reason: str) -> None:
    """Delete the URLs, which may identify a person; a download in progress is then discarded."""
    await tx.run("DELETE FROM media_sources WHERE problem_id = :id", id=problem_id)
    await enqueue.drop_for_problem(tx, problem_id, sinks.MEDIA, reason)


async def list_waiting(database: Database, problem_id: str, event_id: str) -> Sequence[Row]:
    """List the pictures still to be fetched, in the sender's order: id, url, place."""
    return await database.rows(
        "SELECT id, url, place FROM media_sources WHERE problem_id = :problem_id AND event_id = :event_id"
        " AND outcome IS NULL ORDER BY place",
        problem_id=problem_id,
        event_id=event_id,
    )


async def is_waiting(database: Database, source_id: str) -> bool:
    """Whether a picture is still to be fetched."""
    row = await database.row("SELECT 1 FROM media_sources WHERE id = :id AND outcome IS NULL", id=source_id)
    return row is not None


async def settle(tx: Transaction, source_id: str, outcome: str) -> bool:
    """Record the outcome of a picture; False if it has one already or was deleted."""
    return bool(
        await tx.run(
            "UPDATE media_sources SET outcome = :outcome WHERE id = :id AND outcome IS NULL",
            id=source_id,
            outcome=outcome,
        )
    )


async def deliver(context: Context, delivery: Delivery) -> None:
    """Handle the sink `media`: store pictures, settle URLs that will never give one, raise Retry for the others."""
    retry: Retry | None = None
    for source in await list_waiting(context.database, delivery.problem_id, delivery.event_id):
        if not await is_waiting(context.database, source["id"]):
            continue  # withdrawn or erased while the one before it was fetched
        try:
            await _fetch(context, delivery, source["id"], source["url"], source["place"])
        except Retry as reason:
            retry = reason
    if retry is not None:
        raise retry


async def _fetch(context: Context, delivery: Delivery, source_id: str, url: str, place: int) -> None:
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
    await _settle(context, delivery, source_id, photo_id, place, refusal or TAKEN)


async def _receive(context: Context, delivery: Delivery, content: bytes) -> str:
    return (await photos.receive(context, delivery.site_id, content, sender=SENDER)).id


def _refusal(answer: Answer) -> str:
    """Return why a response will never be a picture; empty if it may be one. Raises Retry."""
    if answer.status in RETRYABLE or answer.status >= 500:
        raise Retry(f"a picture cannot be fetched: {answer.status}", answer.retry_after)
    if 300 <= answer.status < 400:
        return "redirected"
    return "" if 200 <= answer.status < 300 else f"status_{answer.status}"


async def _settle(
    context: Context, delivery: Delivery, source_id: str, photo_id: str | None, place: int, outcome: str
) -> None:
    """Attach the picture to the problem and settle its URL, in one transaction."""

    async def work(tx: Transaction) -> bool:
        if not await settle(tx, source_id, outcome):
            return False  # withdrawn or erased meanwhile, or another worker took over the lease and was faster
        if photo_id is not None:
            problem_id, role = delivery.problem_id, pictures.choose_role(delivery.kind, delivery.actor)
            await pictures.join(tx, delivery.site_id, problem_id, delivery.event_id, role, photo_id, place)
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
