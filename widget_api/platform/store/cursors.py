"""Store the position up to which each platform was read, for each site."""

from __future__ import annotations

import orjson

from widget_api import clock
from widget_api.database import Database, Transaction
from widget_api.platform.model import Cursor


async def cursor(database: Database, platform_id: str, site_id: str) -> Cursor | None:
    row = await database.row(
        "SELECT cursor FROM platform_cursors WHERE platform_id = :platform_id AND site_id = :site_id",
        platform_id=platform_id,
        site_id=site_id,
    )
    if row is None or not row["cursor"]:
        return None
    return Cursor(**orjson.loads(row["cursor"]))


async def write_cursor(
    database: Database, platform_id: str, site_id: str, cursor: Cursor | None, error: str | None
) -> None:
    """Record the cursor and the time of a poll or, with `error`, why it failed; None keeps the cursor."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "INSERT INTO platform_cursors (platform_id, site_id, cursor, polled_at, last_error)"
            " VALUES (:platform_id, :site_id, :cursor, :now, :error) ON CONFLICT (platform_id, site_id) DO UPDATE SET"
            " cursor = COALESCE(:cursor, platform_cursors.cursor), last_error = :error,"
            " polled_at = COALESCE(:now, platform_cursors.polled_at)",
            platform_id=platform_id,
            site_id=site_id,
            cursor=None if cursor is None else orjson.dumps(cursor).decode(),
            now=clock.now() if error is None else None,
            error=error,
        )

    await database.write(work)
