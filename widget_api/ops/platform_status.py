"""Read the state of the exchange with each platform, for the doctor and the metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from widget_api import clock
from widget_api.database import Database, Row

ACKNOWLEDGE_WITHIN = 30 * clock.DAY  # 152-FZ, article 21: data are destroyed within thirty days


@dataclass(frozen=True, kw_only=True)
class PlatformStatus:
    """The state of one platform. Times are None if nothing has happened or nothing waits."""

    id: str
    name: str
    enabled: bool
    undecided: bool  # nobody has chosen when it gets reports that are moderated
    paused_until: int | None  # the circuit breaker is open until then
    pause_reason: str
    polled_at: int | None  # the time of the last successful poll, of the site polled least recently
    unread: int  # sites whose last poll failed
    unread_reason: str
    waiting: int
    waiting_since: int | None
    dead: int
    unacknowledged: int  # erasures and corrections
    unacknowledged_since: int | None


async def read_platform_statuses(database: Database, now: int) -> list[PlatformStatus]:
    """Return the state of each enabled platform, and of each that has not acknowledged an erasure."""
    waiting = await _rows_by_id(
        database,
        "SELECT sink AS id, COUNT(*) AS count, MIN(created_at) AS since FROM deliveries"
        " WHERE state IN ('pending', 'leased') AND sink LIKE 'platform:%' GROUP BY sink",
    )
    dead = await _rows_by_id(
        database,
        "SELECT sink AS id, COUNT(*) AS count FROM deliveries"
        " WHERE state = 'dead' AND sink LIKE 'platform:%' GROUP BY sink",
    )
    erasures = await _rows_by_id(
        database,
        "SELECT platform_id AS id, COUNT(*) AS count, MIN(owed_at) AS since FROM platform_erasures"
        " WHERE acknowledged_at IS NULL GROUP BY platform_id",
    )
    polled = await _rows_by_id(
        database,
        "SELECT c.platform_id AS id, MIN(c.polled_at) AS polled_at, MAX(c.last_error) AS error,"
        " COUNT(c.last_error) AS count FROM platform_cursors c JOIN sites s ON s.id = c.site_id"
        " LEFT JOIN platform_sites m ON m.platform_id = c.platform_id AND m.site_id = c.site_id"
        " WHERE s.disabled_at IS NULL AND COALESCE(m.serves, TRUE) GROUP BY c.platform_id",
    )
    rows = await database.rows(
        "SELECT id, name, disabled_at, paused_until, pause_reason,"
        " sends_when IS NULL AND protocol = 'georeport' AND NOT exact AS undecided"
        " FROM platforms ORDER BY created_at, id"
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
    queue, unacknowledged = waiting.get(sink, {}), erasures.get(platform_id, {})
    poll = polled.get(platform_id, {})
    paused = row["paused_until"] is not None and row["paused_until"] > now
    return PlatformStatus(
        id=platform_id,
        name=row["name"],
        enabled=row["disabled_at"] is None,
        undecided=bool(row["undecided"]) and row["disabled_at"] is None,
        paused_until=row["paused_until"] if paused else None,
        pause_reason=(row["pause_reason"] or "") if paused else "",
        polled_at=poll.get("polled_at"),
        unread=poll.get("count", 0),
        unread_reason=poll.get("error") or "",
        waiting=queue.get("count", 0),
        waiting_since=queue.get("since"),
        dead=dead.get(sink, {}).get("count", 0),
        unacknowledged=unacknowledged.get("count", 0),
        unacknowledged_since=unacknowledged.get("since"),
    )


async def _rows_by_id(database: Database, sql: str) -> dict[str, Mapping[str, Any]]:
    return {
        str(row["id"]): {name: row[name] for name in row.keys()}  # noqa: SIM118 - rows yield values
        for row in await database.rows(sql)
    }
