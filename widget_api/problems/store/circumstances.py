"""Query the settings and links a problem depends on: its site's moderation and deadlines, its platforms."""

from __future__ import annotations

from collections.abc import Sequence

from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.enqueue import MAY_BE_KNOWN


async def links(reader: Database | Transaction, problem_id: str) -> Sequence[Row]:
    """List the problem's counterparts on platforms: name, remote_id, remote_url."""
    return await reader.rows(
        "SELECT l.*, f.name FROM platform_links l JOIN platforms f ON f.id = l.platform_id WHERE l.problem_id = :id",
        id=problem_id,
    )


async def list_platforms(tx: Transaction, site_id: str) -> list[str]:
    """List the ids of the platforms that get the site's reports.

    By default those are the platforms of all sites and of this one; `platform_sites` overrides it.
    """
    rows = await tx.rows(
        "SELECT p.id FROM platforms p LEFT JOIN platform_sites o ON o.platform_id = p.id AND o.site_id = :site_id"
        " WHERE p.disabled_at IS NULL AND COALESCE(o.serves, p.site_id IS NULL OR p.site_id = :site_id) ORDER BY p.id",
        site_id=site_id,
    )
    return [row["id"] for row in rows]


async def speaks_for_agency(tx: Transaction, site_id: str, source: str) -> bool:
    """Whether events of a platform or a token are official, as if the site's agency had made them.

    The site decides (agency_voices). By default the platform of the settings is official, a platform assigned to this
    site, and a token of scope `platform`, which belongs to one site. A token of scope `georeport` never is.
    """
    row = await tx.row(
        """
        SELECT COALESCE(
            (SELECT v.speaks FROM agency_voices v WHERE v.site_id = :site_id AND v.source = c.id), c.speaks
        ) AS speaks
        FROM (
            SELECT p.id,
                p.id = 'default' OR COALESCE(o.serves, p.site_id IS NOT NULL AND p.site_id = :site_id) AS speaks
            FROM platforms p LEFT JOIN platform_sites o ON o.platform_id = p.id AND o.site_id = :site_id
            WHERE p.id = :source
            UNION ALL
            SELECT t.id, TRUE FROM tokens t WHERE t.id = :source AND t.site_id = :site_id AND t.scope = 'platform'
        ) c
        """,
        site_id=site_id,
        source=source,
    )
    return row is not None and bool(row["speaks"])


async def list_informed_platforms(tx: Transaction, problem_id: str) -> list[str]:
    """List the platforms that have the report, or may have it, even if they no longer get its news."""
    rows = await tx.rows(
        f"SELECT DISTINCT sink FROM deliveries WHERE problem_id = :id AND {MAY_BE_KNOWN} ORDER BY sink",
        id=problem_id,
    )
    return [row["sink"].removeprefix("platform:") for row in rows]


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
    """Return the category's deadline in working days, None if it has none of its own, and the site's time zone."""
    row = await tx.row(
        "SELECT deadline_days FROM site_categories WHERE site_id = :site_id AND code = :code",
        site_id=site_id,
        code=category,
    )
    return row["deadline_days"] if row else None, await time_zone(tx, site_id)
