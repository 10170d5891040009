"""Request the erasure or the correction of a problem at a platform, by a letter if the platform has no call for it.

Each request stays on record until the platform acknowledges it: the operator ensures the erasure at the processors
(152-FZ, article 21). A platform has one request for a problem: a later correction replaces an earlier one, and an
erasure replaces both. Corrections that a platform supports are events like any other and are not recorded here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from widget_api import clock
from widget_api.context import Context
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.enqueue import MAY_BE_KNOWN
from widget_api.deliveries.model import Delivery
from widget_api.mail import messages, sender
from widget_api.mail.messages import Thread
from widget_api.open311 import present
from widget_api.platform.model import Platform
from widget_api.platform.store import links, platforms
from widget_api.problems.store import records
from widget_api.sites import service as sites

Asks = Literal["erase", "correct"]
_KNOWS = f"SELECT 1 FROM deliveries WHERE problem_id = :problem_id AND sink = :sink AND {MAY_BE_KNOWN}"

_LATER = (
    "SELECT 1 FROM deliveries d JOIN events e ON e.site_id = d.site_id AND e.id = d.event_id"
    " WHERE d.problem_id = :problem_id AND d.sink = :sink AND d.position > :at AND d.state = 'pending'"
    " AND e.kind IN ('corrected', 'erased')"
)


def erases_by_call(platform: Platform) -> bool:
    """Whether a successful response to the event `erased` means that the platform erases the data.

    True for another instance of this service and for webhook receivers, which are written for these events. GeoReport
    has no such call (georeport.md).
    """
    return not platform.disabled and (platform.exact or platform.protocol == "webhook")


async def record_erasure(database: Database, platform: Platform, delivery: Delivery) -> None:
    """Record that the platform has to be asked for an erasure, before anything is sent."""
    await insert_erasure(database, platform.id, delivery, "call" if erases_by_call(platform) else "letter")


async def request_correction(context: Context, platform: Platform, delivery: Delivery) -> None:
    """Ask a platform that knows no corrections to correct what it has. Raises Retry and GiveUp.

    One correction may be several events; the last one sends the letter.
    """
    await insert_erasure(context.database, platform.id, delivery, "letter", asks="correct")
    if await context.database.row(_LATER, problem_id=delivery.problem_id, sink=delivery.sink, at=delivery.position):
        return
    await send_letter(context, platform, delivery)


async def complete_delivery(context: Context, platform: Platform, delivery: Delivery) -> None:
    """Complete an erasure whose event was delivered. Raises Retry or GiveUp if a letter has to follow and cannot be
    sent."""
    link = await links.find_link(context.database, delivery.problem_id, platform.id)
    not_called = platform.protocol == "georeport" and link is None  # without a request id there is nothing to call
    if not_called or not erases_by_call(platform):
        await send_letter(context, platform, delivery)
        return
    now = clock.now()
    values = {"way": "call", "told_at": now, "acknowledged_at": now}
    await update_erasure(context.database, delivery.problem_id, platform.id, values)


async def send_letter(context: Context, platform: Platform, delivery: Delivery) -> None:
    """Send the letter, once. Raises Retry and GiveUp.

    Without an address of the platform the erasure stays open, and `platform erasures` and `doctor` report it.
    """
    database = context.database
    pending = await find_erasure(database, delivery.problem_id, platform.id)
    if pending is None or pending["told_at"] is not None:
        return
    await update_erasure(database, delivery.problem_id, platform.id, {"way": "letter"})
    if platform.contact is None:
        return
    site = await sites.by_id(database, delivery.site_id)
    problem = await records.find(database, delivery.problem_id)
    assert problem is not None, "problems are never deleted"
    link = await links.find_link(database, delivery.problem_id, platform.id)
    message_id = messages.message_id(context.settings.public_url, delivery.event_id, platform.id)
    shown = pending["asks"] == "correct" and problem["published"]
    values = {
        "request": pending["asks"],
        "page_url": present.problem_url(context.settings.public_url, site, problem["number"]) if shown else None,
        "site_name": site.name,
        "agency": site.agency.name,
        "agency_email": site.agency.email,
        "problem_number": problem["number"],
        "remote_id": link["remote_id"] or link["remote_token"] if link is not None else None,
        "remote_url": link["remote_url"] if link is not None else None,
        "jurisdiction": await platforms.jurisdiction(database, platform, site),
    }
    letter = messages.compose(
        "platform_erasure",
        site.language,
        to=platform.contact,
        mail_from=context.settings.mail_from,
        sender_name=site.name,
        thread=Thread(root=message_id, own=message_id),
        values=values,
    )
    await sender.send_message(context.settings, letter)
    await update_erasure(database, delivery.problem_id, platform.id, {"told_at": clock.now()})


async def insert_erasure(
    database: Database, platform_id: str, delivery: Delivery, method: str, *, asks: Asks = "erase"
) -> None:
    """Record a request, unless the platform never had the report. `method` is "call" or "letter"."""

    async def work(tx: Transaction) -> None:
        known = await tx.row(_KNOWS, problem_id=delivery.problem_id, sink=delivery.sink)
        if known is not None:
            await tx.run(
                "INSERT INTO platform_erasures (problem_id, platform_id, site_id, event_id, asks, way, owed_at)"
                " VALUES (:problem_id, :platform_id, :site_id, :event_id, :asks, :way, :at)"
                " ON CONFLICT (problem_id, platform_id) DO UPDATE SET event_id = excluded.event_id,"
                " asks = excluded.asks, way = excluded.way, owed_at = excluded.owed_at, told_at = NULL,"
                " acknowledged_at = NULL, note = NULL"
                " WHERE platform_erasures.asks = 'correct' AND platform_erasures.event_id <> excluded.event_id",
                problem_id=delivery.problem_id,
                platform_id=platform_id,
                site_id=delivery.site_id,
                event_id=delivery.event_id,
                asks=asks,
                way=method,
                at=delivery.at,
            )

    await database.write(work)


async def find_erasure(database: Database, problem_id: str, platform_id: str) -> Row | None:
    return await database.row(
        "SELECT * FROM platform_erasures WHERE problem_id = :problem_id AND platform_id = :platform_id",
        problem_id=problem_id,
        platform_id=platform_id,
    )


async def update_erasure(database: Database, problem_id: str, platform_id: str, values: Mapping[str, Any]) -> bool:
    """Update `way`, `told_at`, `acknowledged_at` or `note` of an erasure. Returns False if there is no such erasure."""

    async def work(tx: Transaction) -> bool:
        return bool(
            await tx.run(
                f"UPDATE platform_erasures SET {', '.join(f'{name} = :{name}' for name in values)}"
                " WHERE problem_id = :problem_id AND platform_id = :platform_id",
                **values,
                problem_id=problem_id,
                platform_id=platform_id,
            )
        )

    return await database.write(work)


async def list_erasures(database: Database, *, everything: bool) -> list[Mapping[str, Any]]:
    """List the requests that were not acknowledged, or all, oldest first."""
    rows = await database.rows(
        "SELECT e.*, p.number, f.name AS platform, f.contact, l.remote_id FROM platform_erasures e"
        " JOIN problems p ON p.id = e.problem_id JOIN platforms f ON f.id = e.platform_id"
        " LEFT JOIN platform_links l ON l.problem_id = e.problem_id AND l.platform_id = e.platform_id"
        f" WHERE {'TRUE' if everything else 'e.acknowledged_at IS NULL'} ORDER BY e.owed_at, e.problem_id",
    )
    return [dict(row) for row in rows]
