"""What a problem depends on around it: how its site works, its deadlines, the platforms that are told of it."""

from __future__ import annotations

from collections.abc import Sequence

from widget_api.database import Database, Row, Transaction


async def links(reader: Database | Transaction, problem_id: str) -> Sequence[Row]:
    """Where the problem stands on platforms: name, remote_id, remote_url."""
    return await reader.rows(
        "SELECT l.*, f.name FROM platform_links l JOIN platforms f ON f.id = l.platform_id WHERE l.problem_id = :id",
        id=problem_id,
    )


async def platforms_of(tx: Transaction, site_id: str) -> list[str]:
    rows = await tx.rows(
        "SELECT id FROM platforms WHERE disabled_at IS NULL AND (site_id IS NULL OR site_id = :site_id) ORDER BY id",
        site_id=site_id,
    )
    return [row["id"] for row in rows]


async def agency_by_mail(tx: Transaction, site_id: str) -> bool:
    row = await tx.row(
        "SELECT a.mode FROM sites s JOIN agencies a ON a.id = s.agency_id WHERE s.id = :site_id", site_id=site_id
    )
    return row is not None and row["mode"] == "email"


async def moderation(tx: Transaction, site_id: str) -> str:
    row = await tx.row("SELECT moderation FROM sites WHERE id = :id", id=site_id)
    assert row is not None, "a problem without its site"
    return str(row["moderation"])


async def time_zone(tx: Transaction, site_id: str) -> str:
    row = await tx.row("SELECT time_zone FROM sites WHERE id = :id", id=site_id)
    assert row is not None, "a problem without its site"
    return str(row["time_zone"])


async def working_days(tx: Transaction, site_id: str, category: str) -> tuple[int | None, str]:
    """The category's own deadline, where it has one, and the site's time zone."""
    row = await tx.row(
        "SELECT deadline_days FROM site_categories WHERE site_id = :site_id AND code = :code",
        site_id=site_id,
        code=category,
    )
    return row["deadline_days"] if row else None, await time_zone(tx, site_id)
