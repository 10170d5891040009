"""Which problem of ours is which request of a platform's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from widget_api import clock
from widget_api.database import Database, Row, Transaction


async def link(database: Database, problem_id: str, platform_id: str) -> Row | None:
    return await database.row(
        "SELECT * FROM platform_links WHERE problem_id = :problem_id AND platform_id = :platform_id",
        problem_id=problem_id,
        platform_id=platform_id,
    )


async def put_link(
    tx: Transaction,
    *,
    problem_id: str,
    platform_id: str,
    site_id: str,
    remote_id: str | None,
    remote_token: str | None,
    remote_url: str | None,
) -> None:
    """Within the transaction that tells the log of it."""
    await tx.run(
        "INSERT INTO platform_links (problem_id, platform_id, site_id, remote_id, remote_token, remote_url, linked_at)"
        " VALUES (:problem_id, :platform_id, :site_id, :remote_id, :remote_token, :remote_url, :now)"
        " ON CONFLICT (problem_id, platform_id) DO UPDATE SET"
        " remote_id = :remote_id, remote_token = :remote_token, remote_url = :remote_url",
        problem_id=problem_id,
        platform_id=platform_id,
        site_id=site_id,
        remote_id=remote_id,
        remote_token=remote_token,
        remote_url=remote_url,
        now=clock.now(),
    )


async def resolve(database: Database, problem_id: str, platform_id: str, remote_id: str) -> None:
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


async def linked_sites(database: Database, platform_id: str) -> Mapping[str, int]:
    """Sites with something to hear about from this platform, and when the first of it was linked."""
    rows = await database.rows(
        "SELECT site_id, MIN(linked_at) AS first FROM platform_links WHERE platform_id = :id GROUP BY site_id",
        id=platform_id,
    )
    return {row["site_id"]: row["first"] for row in rows}


async def problems_of(
    database: Database, platform_id: str, site_id: str, remote_ids: Sequence[str]
) -> Mapping[str, str]:
    """Our problem's id by the platform's."""
    if not remote_ids:
        return {}
    names = {f"id_{index}": remote_id for index, remote_id in enumerate(remote_ids)}
    rows = await database.rows(
        "SELECT remote_id, problem_id FROM platform_links WHERE platform_id = :platform_id AND site_id = :site_id"
        f" AND remote_id IN ({', '.join(f':{name}' for name in names)})",
        platform_id=platform_id,
        site_id=site_id,
        **names,
    )
    return {row["remote_id"]: row["problem_id"] for row in rows}


async def taken(tx: Transaction, platform_id: str, site_id: str, remote_id: str | None) -> bool:
    """Whether this request of the platform's is a problem of ours already."""
    row = await tx.row(
        "SELECT 1 FROM platform_links WHERE platform_id = :platform_id AND site_id = :site_id AND remote_id = :id",
        platform_id=platform_id,
        site_id=site_id,
        id=remote_id,
    )
    return row is not None


async def unresolved(database: Database, platform_id: str, site_id: str, limit: int) -> Sequence[Row]:
    """Links that have a token and no id yet."""
    return await database.rows(
        "SELECT problem_id, remote_token FROM platform_links WHERE platform_id = :platform_id AND site_id = :site_id"
        " AND remote_id IS NULL AND remote_token IS NOT NULL ORDER BY linked_at DESC LIMIT :limit",
        platform_id=platform_id,
        site_id=site_id,
        limit=limit,
    )
