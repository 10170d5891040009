"""How the exchange with each platform stands, for the operator's doctor and for metrics alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from widget_api.database import Database, Row

ACKNOWLEDGE_WITHIN = 30 * 86_400  # 152-FZ, article 21: what must be destroyed is destroyed within thirty days


@dataclass(frozen=True, kw_only=True)
class PlatformStatus:
    """One platform. Times are None where nothing has happened or nothing waits."""

    id: str
    name: str
    enabled: bool
    paused_until: int | None  # its circuit is open
    pause_reason: str
    polled_at: int | None  # of its sites the one whose news were read last the longest ago
    unread: int  # sites whose news could not be read at the last try
    unread_reason: str
    waiting: int
    waiting_since: int | None
    dead: int
    unacknowledged: int  # erasures
    unacknowledged_since: int | None


async def read_platform_statuses(database: Database, now: int) -> list[PlatformStatus]:
    """Each platform that is not switched off, and each that still owes word of an erasure."""
    waiting = await _by(
        database,
        "SELECT sink AS id, COUNT(*) AS many, MIN(created_at) AS since FROM deliveries"
        " WHERE state IN ('pending', 'leased') AND sink LIKE 'platform:%' GROUP BY sink",
    )
    dead = await _by(
        database,
        "SELECT sink AS id, COUNT(*) AS many FROM deliveries"
        " WHERE state = 'dead' AND sink LIKE 'platform:%' GROUP BY sink",
    )
    erasures = await _by(
        database,
        "SELECT platform_id AS id, COUNT(*) AS many, MIN(owed_at) AS since FROM platform_erasures"
        " WHERE acknowledged_at IS NULL GROUP BY platform_id",
    )
    polled = await _by(
        database,
        "SELECT c.platform_id AS id, MIN(c.polled_at) AS polled_at, MAX(c.last_error) AS error,"
        " COUNT(c.last_error) AS many FROM platform_cursors c JOIN sites s ON s.id = c.site_id"
        " LEFT JOIN platform_sites m ON m.platform_id = c.platform_id AND m.site_id = c.site_id"
        " WHERE s.disabled_at IS NULL AND COALESCE(m.serves, TRUE) GROUP BY c.platform_id",
    )
    rows = await database.rows(
        "SELECT id, name, disabled_at, paused_until, pause_reason FROM platforms ORDER BY created_at, id"
    )
    return [
        _build_status(row, now, waiting, dead, erasures, polled)
        for row in rows
        if row["disabled_at"] is None or row["id"] in erasures
    ]


def _build_status(
    row: Row,
    now: int,
    waiting: Mapping[str, Mapping[str, Any]],
    dead: Mapping[str, Mapping[str, Any]],
    erasures: Mapping[str, Mapping[str, Any]],
    polled: Mapping[str, Mapping[str, Any]],
) -> PlatformStatus:
    platform_id, sink = str(row["id"]), f"platform:{row['id']}"
    owed, told, read = waiting.get(sink, {}), erasures.get(platform_id, {}), polled.get(platform_id, {})
    paused = row["paused_until"] is not None and row["paused_until"] > now
    return PlatformStatus(
        id=platform_id,
        name=row["name"],
        enabled=row["disabled_at"] is None,
        paused_until=row["paused_until"] if paused else None,
        pause_reason=(row["pause_reason"] or "") if paused else "",
        polled_at=read.get("polled_at"),
        unread=read.get("many", 0),
        unread_reason=read.get("error") or "",
        waiting=owed.get("many", 0),
        waiting_since=owed.get("since"),
        dead=dead.get(sink, {}).get("many", 0),
        unacknowledged=told.get("many", 0),
        unacknowledged_since=told.get("since"),
    )


async def _by(database: Database, sql: str) -> dict[str, Mapping[str, Any]]:
    return {
        str(row["id"]): {name: row[name] for name in row.keys()}  # noqa: SIM118 - rows yield values
        for row in await database.rows(sql)
    }
