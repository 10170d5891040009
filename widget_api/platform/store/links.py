"""Store the links between problems here and requests at platforms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.model import PRIORITIES
from widget_api.platform.store.log import chunks
from widget_api.problems.model import OPEN

SCAN_LIMIT = 1000  # links a query: a few milliseconds, however many of them are closed


async def find_link(database: Database, problem_id: str, platform_id: str) -> Row | None:
    return await database.row_at_once(
        "SELECT * FROM platform_links WHERE problem_id = :problem_id AND platform_id = :platform_id",
        problem_id=problem_id,
        platform_id=platform_id,
    )


async def insert_link(
    tx: Transaction,
    *,
    problem_id: str,
    platform_id: str,
    site_id: str,
    remote_id: str | None,
    remote_token: str | None,
    remote_url: str | None,
    born: Literal["here", "there"] = "here",
) -> None:
    """Link a problem to a request. Call in the transaction that records the event."""
    await tx.run(
        "INSERT INTO platform_links"
        " (problem_id, platform_id, site_id, remote_id, remote_token, remote_url, born, linked_at, updates_read)"
        " VALUES (:problem_id, :platform_id, :site_id, :remote_id, :remote_token, :remote_url, :born, :now, :read)"
        " ON CONFLICT (problem_id, platform_id) DO UPDATE SET remote_id = :remote_id,"
        " remote_token = :remote_token, remote_url = :remote_url, updates_read = :read",
        problem_id=problem_id,
        platform_id=platform_id,
        site_id=site_id,
        remote_id=remote_id,
        remote_token=remote_token,
        remote_url=remote_url,
        born=born,
        now=clock.now(),
        read=born == "there",  # read by whoever mirrors it
    )


async def set_remote_id(database: Database, problem_id: str, platform_id: str, remote_id: str) -> None:
    """Record the request id that the platform assigned to a token."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "UPDATE platform_links SET remote_id = :remote_id"
            " WHERE problem_id = :problem_id AND platform_id = :platform_id",
            problem_id=problem_id,
            platform_id=platform_id,
            remote_id=remote_id,
        )

    await database.write(work)


@dataclass(frozen=True, kw_only=True)
class Linked:
    """A problem here that is linked to a request of the platform."""

    problem_id: str
    born_there: bool
    remote_state: str | None


async def first_linked_at(database: Database, platform_id: str, site_id: str) -> int | None:
    """Return when the first problem of a site was linked to the platform, or None."""
    row = await database.row(
        "SELECT MIN(linked_at) AS first FROM platform_links WHERE platform_id = :platform_id AND site_id = :site_id",
        platform_id=platform_id,
        site_id=site_id,
    )
    return None if row is None else row["first"]


async def find_by_remote_ids(
    database: Database, platform_id: str, site_id: str, remote_ids: Sequence[str]
) -> Mapping[str, Linked]:
    """Return the linked problems by the platform's request ids."""
    linked: dict[str, Linked] = {}
    for part in chunks(remote_ids):
        names = {f"id_{index}": remote_id for index, remote_id in enumerate(part)}
        rows = await database.rows(
            "SELECT remote_id, problem_id, born, remote_state FROM platform_links"
            " WHERE platform_id = :platform_id AND site_id = :site_id"
            f" AND remote_id IN ({', '.join(f':{name}' for name in names)})",
            platform_id=platform_id,
            site_id=site_id,
            **names,
        )
        linked |= {row["remote_id"]: _linked(row) for row in rows}
    return linked


def _linked(row: Row) -> Linked:
    return Linked(problem_id=row["problem_id"], born_there=row["born"] == "there", remote_state=row["remote_state"])


async def list_unread(database: Database, platform_id: str, site_id: str, limit: int) -> Sequence[str]:
    """Return request ids of reports linked since, of which the updates from before the link were not read."""
    rows = await database.rows(
        "SELECT remote_id FROM platform_links WHERE platform_id = :platform_id AND site_id = :site_id"
        " AND NOT updates_read AND remote_id IS NOT NULL LIMIT :limit",
        platform_id=platform_id,
        site_id=site_id,
        limit=limit,
    )
    return [row["remote_id"] for row in rows]


async def mark_read(database: Database, platform_id: str, site_id: str, remote_ids: Sequence[str]) -> None:
    """Record that all updates of these requests up to now were read."""

    async def work(tx: Transaction) -> None:
        for remote_id in remote_ids:
            await tx.run(
                "UPDATE platform_links SET updates_read = TRUE"
                " WHERE platform_id = :platform_id AND site_id = :site_id AND remote_id = :remote_id",
                platform_id=platform_id,
                site_id=site_id,
                remote_id=remote_id,
            )

    await database.write(work)


async def list_open(
    database: Database, platform_id: str, site_id: str, after: str, limit: int
) -> tuple[Sequence[str], str]:
    """Return the request ids after `after` whose problems are open here, in order, and the id to continue from, empty
    after the last one."""
    rows = await database.rows(
        "SELECT l.remote_id, p.status FROM (SELECT remote_id, problem_id FROM platform_links"
        " WHERE platform_id = :platform_id AND site_id = :site_id AND remote_id > :after"
        " ORDER BY remote_id LIMIT :most) l JOIN problems p ON p.id = l.problem_id ORDER BY l.remote_id",
        platform_id=platform_id,
        site_id=site_id,
        after=after,
        most=SCAN_LIMIT,
    )
    open_ids = [row["remote_id"] for row in rows if row["status"] in OPEN][:limit]
    if len(open_ids) == limit:
        return open_ids, open_ids[-1]
    return open_ids, rows[-1]["remote_id"] if len(rows) == SCAN_LIMIT else ""


async def set_remote_state(database: Database, problem_id: str, platform_id: str, state: str) -> None:
    """Record the last state of a request at a platform without updates."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "UPDATE platform_links SET remote_state = :state"
            " WHERE problem_id = :problem_id AND platform_id = :platform_id",
            problem_id=problem_id,
            platform_id=platform_id,
            state=state,
        )

    await database.write(work)


async def list_unlinked(database: Database, platform_id: str, site_id: str) -> Sequence[Row]:
    """Return reports that were sent to the platform, or may have been, and whose request id is not known.

    The columns are description, lat, lng, reason (see `problems.traces`) and under_way: whether the report is being
    sent now.
    """
    # The condition on the state keeps the scan short: the site's index would lead through every past delivery. The
    # condition on next_at makes SQLite choose the index with the sink, which skips deliveries to other platforms.
    sent = (
        " UNION ALL SELECT p.description, p.lat, p.lng, d.reason, d.state = 'leased' AS under_way"
        " FROM deliveries d CROSS JOIN problems p WHERE p.id = d.problem_id AND p.site_id = :site_id"
        " AND d.sink = :sink AND d.opens AND (d.state = 'leased' OR d.leases > 0 OR d.last_error IS NOT NULL)"
    )
    return await database.rows(
        "SELECT p.description, p.lat, p.lng, NULL AS reason, FALSE AS under_way FROM platform_links l"
        " JOIN problems p ON p.id = l.problem_id"
        " WHERE l.platform_id = :platform_id AND l.site_id = :site_id AND l.remote_id IS NULL"
        f"{sent} AND d.lane IN {PRIORITIES} AND d.next_at > 0 AND d.state IN ('pending', 'leased')"
        f"{sent} AND d.state = 'dead'",
        platform_id=platform_id,
        sink=f"platform:{platform_id}",
        site_id=site_id,
    )


async def is_linked(tx: Transaction, platform_id: str, site_id: str, remote_id: str | None) -> bool:
    """Whether this request of the platform is already linked to a problem."""
    row = await tx.row(
        "SELECT 1 FROM platform_links WHERE platform_id = :platform_id AND site_id = :site_id AND remote_id = :id",
        platform_id=platform_id,
        site_id=site_id,
        id=remote_id,
    )
    return row is not None


async def list_unresolved(database: Database, platform_id: str, site_id: str, limit: int) -> Sequence[Row]:
    """Return some links with a token and no request id, in random order, so that unanswered tokens block no others."""
    return await database.rows(
        "SELECT problem_id, remote_token FROM platform_links WHERE platform_id = :platform_id AND site_id = :site_id"
        " AND remote_id IS NULL AND remote_token IS NOT NULL ORDER BY RANDOM() LIMIT :limit",
        platform_id=platform_id,
        site_id=site_id,
        limit=limit,
    )
