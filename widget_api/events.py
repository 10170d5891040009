"""Store the append-only log of events, from which timelines, the feed for platforms and deliveries are made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from widget_api.database import Database, Row, Transaction

_AT_ONCE = 500  # parameters of a query
# A decision on its way to a head's approval. The agency within which it goes (`data["agency"]`) alone sees them.
APPROVAL = frozenset({"approval_requested", "approval_returned", "approved"})
# Within the agency and its services: neither the author nor the public sees them.
INTERNAL = APPROVAL | {"assigned", "work_reported", "assignment_returned"}
# These, messages between the agency and the author, and what a report said before it was corrected: sent to no other
# system, and not in the feed.
CONFIDENTIAL = INTERNAL | {"asked", "clarified", "rated", "corrected"}
# `received` and `status` have a status, the others have none.
# How many act on an entry here: in the feed, and for other instances.
COUNTED = "counted"
UPDATES_PATH = "/api/v1/platform/updates"  # where an instance takes what others send by webhook
KINDS = CONFIDENTIAL | {COUNTED, "received", "confirmed_email", "status", "note", "spam", "unspam", "linked", "erased"}


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event. `id` is the same on every instance, `at` a Unix time; `data` has codes, dates and references only.

    `position` is its place in the log of its site, from `advance`.
    """

    id: str
    site_id: str
    position: int
    problem_id: str
    kind: str
    at: int
    actor: str
    status: str | None = None
    user_id: str | None = None
    source: str | None = None
    text_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Counters:
    """The counters of a site after `advance`."""

    number: int
    position: int
    version: int


async def advance(tx: Transaction, site_id: str, *, problems: int = 0, events: int = 0) -> Counters:
    """Increment the site's counters. The row lock makes the order of positions the order of commits."""
    return Counters(*await tx.advance(site_id, problems, events))


async def append(tx: Transaction, event: Event) -> None:
    await tx.insert(
        "events",
        id=event.id,
        site_id=event.site_id,
        position=event.position,
        problem_id=event.problem_id,
        kind=event.kind,
        status=event.status,
        at=event.at,
        actor=event.actor,
        user_id=event.user_id,
        source=event.source,
        text_id=event.text_id,
        data=orjson.dumps(event.data).decode(),
    )


async def exists(tx: Transaction, site_id: str, event_id: str) -> bool:
    return (
        await tx.row("SELECT 1 FROM events WHERE site_id = :site_id AND id = :id", site_id=site_id, id=event_id)
        is not None
    )


async def find_known(database: Database, site_id: str, event_ids: Sequence[str]) -> set[str]:
    """Those of the identifiers that a site has events with."""
    known = set[str]()
    for start in range(0, len(event_ids), _AT_ONCE):
        values = {f"id{place}": one for place, one in enumerate(event_ids[start : start + _AT_ONCE])}
        rows = await database.rows(
            f"SELECT id FROM events WHERE site_id = :site_id AND id IN ({', '.join(f':{name}' for name in values)})",
            site_id=site_id,
            **values,
        )
        known |= {row["id"] for row in rows}
    return known


def from_row(row: Row) -> Event:
    return Event(
        id=row["id"],
        site_id=row["site_id"],
        problem_id=row["problem_id"],
        kind=row["kind"],
        at=row["at"],
        actor=row["actor"],
        status=row["status"],
        user_id=row["user_id"],
        source=row["source"],
        text_id=row["text_id"],
        position=row["position"],
        data=orjson.loads(row["data"]),
    )


async def last_position(database: Database, site_id: str) -> int:
    """Return the position of the site's newest event, 0 if there is none."""
    row = await database.row("SELECT position FROM site_counters WHERE site_id = :site_id", site_id=site_id)
    return int(row["position"]) if row is not None else 0


async def read_feed(database: Database, site_id: str, after: int, limit: int) -> Sequence[Row]:
    """Read events of a site after a position, in commit order, with the problem's `number` and the event's `text`.

    Confidential events and those of mirrored problems are left out, so positions have gaps.
    """
    confidential = ", ".join(f"'{kind}'" for kind in sorted(CONFIDENTIAL))
    return await database.rows(
        "SELECT e.*, p.number, t.body AS text FROM events e JOIN problems p ON p.id = e.problem_id"
        " LEFT JOIN texts t ON t.id = e.text_id"
        " WHERE e.site_id = :site_id AND e.position > :after AND p.mirror_of IS NULL"
        f" AND e.kind NOT IN ({confidential}) ORDER BY e.position LIMIT :limit",
        site_id=site_id,
        after=after,
        limit=limit,
    )
