"""Which problem of ours is which request of a platform's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.model import LANES
from widget_api.platform.store.log import chunks
from widget_api.problems.model import OPEN

LOOKED_THROUGH = 1000  # links at once: some milliseconds, however many of them are closed


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
    """Within the transaction that tells the log of it."""
    await tx.run(
        "INSERT INTO platform_links"
        " (problem_id, platform_id, site_id, remote_id, remote_token, remote_url, born, linked_at)"
        " VALUES (:problem_id, :platform_id, :site_id, :remote_id, :remote_token, :remote_url, :born, :now)"
        " ON CONFLICT (problem_id, platform_id) DO UPDATE SET"
        " remote_id = :remote_id, remote_token = :remote_token, remote_url = :remote_url",
        problem_id=problem_id,
        platform_id=platform_id,
        site_id=site_id,
        remote_id=remote_id,
        remote_token=remote_token,
        remote_url=remote_url,
        born=born,
        now=clock.now(),
    )


async def set_remote_id(database: Database, problem_id: str, platform_id: str, remote_id: str) -> None:
    """A token became an id."""

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
    """A problem of ours that is a request of the platform's."""

    problem_id: str
    born_there: bool
    remote_state: str | None


async def first_linked_at(database: Database, platform_id: str, site_id: str) -> int | None:
    """When the first problem of a site was linked to the platform."""
    row = await database.row(
        "SELECT MIN(linked_at) AS first FROM platform_links WHERE platform_id = :platform_id AND site_id = :site_id",
        platform_id=platform_id,
        site_id=site_id,
    )
    return None if row is None else row["first"]


async def find_by_remote_ids(
    database: Database, platform_id: str, site_id: str, remote_ids: Sequence[str]
) -> Mapping[str, Linked]:
    """Our problems by the platform's identifiers."""
    found: dict[str, Linked] = {}
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
        found |= {row["remote_id"]: _linked(row) for row in rows}
    return found


def _linked(row: Row) -> Linked:
    return Linked(problem_id=row["problem_id"], born_there=row["born"] == "there", remote_state=row["remote_state"])


async def list_open(
    database: Database, platform_id: str, site_id: str, after: str, limit: int
) -> tuple[Sequence[str], str]:
    """Identifiers there of problems that are open here, in their order past `after`; and past which the next ones are,
    empty where these were the last."""
    rows = await database.rows(
        "SELECT l.remote_id, p.status FROM (SELECT remote_id, problem_id FROM platform_links"
        " WHERE platform_id = :platform_id AND site_id = :site_id AND remote_id > :after"
        " ORDER BY remote_id LIMIT :most) l JOIN problems p ON p.id = l.problem_id ORDER BY l.remote_id",
        platform_id=platform_id,
        site_id=site_id,
        after=after,
        most=LOOKED_THROUGH,
    )
    found = [row["remote_id"] for row in rows if row["status"] in OPEN][:limit]
    if len(found) == limit:
        return found, found[-1]
    return found, rows[-1]["remote_id"] if len(rows) == LOOKED_THROUGH else ""


async def set_remote_state(database: Database, problem_id: str, platform_id: str, state: str) -> None:
    """What the platform said last of a request that has no updates."""

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
    """Reports that were sent there, or may have been, under an identifier we do not know: description, lat, lng,
    and whether one is under way this moment."""
    # By the state, of which few are left: the site would lead through all that was ever delivered. And by the index
    # that knows the sink (the time makes SQLite take it), which passes over what waits for another platform.
    sent = (
        " UNION ALL SELECT p.description, p.lat, p.lng, d.state = 'leased' AS under_way"
        " FROM deliveries d CROSS JOIN problems p WHERE p.id = d.problem_id AND p.site_id = :site_id"
        " AND d.sink = :sink AND d.opens AND (d.state = 'leased' OR d.leases > 0 OR d.last_error IS NOT NULL)"
    )
    return await database.rows(
        "SELECT p.description, p.lat, p.lng, FALSE AS under_way FROM platform_links l"
        " JOIN problems p ON p.id = l.problem_id"
        " WHERE l.platform_id = :platform_id AND l.site_id = :site_id AND l.remote_id IS NULL"
        f"{sent} AND d.lane IN {LANES} AND d.next_at > 0 AND d.state IN ('pending', 'leased')"
        f"{sent} AND d.state = 'dead'",
        platform_id=platform_id,
        sink=f"platform:{platform_id}",
        site_id=site_id,
    )


async def is_linked(tx: Transaction, platform_id: str, site_id: str, remote_id: str | None) -> bool:
    """Whether this request of the platform's is a problem of ours already."""
    row = await tx.row(
        "SELECT 1 FROM platform_links WHERE platform_id = :platform_id AND site_id = :site_id AND remote_id = :id",
        platform_id=platform_id,
        site_id=site_id,
        id=remote_id,
    )
    return row is not None


async def list_unresolved(database: Database, platform_id: str, site_id: str, limit: int) -> Sequence[Row]:
    """Some of the links that have a token and no id yet: any, so that tokens nobody answers are in no other's way."""
    return await database.rows(
        "SELECT problem_id, remote_token FROM platform_links WHERE platform_id = :platform_id AND site_id = :site_id"
        " AND remote_id IS NULL AND remote_token IS NOT NULL ORDER BY RANDOM() LIMIT :limit",
        platform_id=platform_id,
        site_id=site_id,
        limit=limit,
    )
