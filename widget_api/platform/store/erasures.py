"""Record which platforms were asked to erase a problem, and which acknowledged it.

152-FZ, article 21: the operator ensures the erasure at the processors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from widget_api.database import Database, Row, Transaction
from widget_api.deliveries.enqueue import MAY_BE_KNOWN
from widget_api.deliveries.model import Delivery

_KNOWS = f"SELECT 1 FROM deliveries WHERE problem_id = :problem_id AND sink = :sink AND {MAY_BE_KNOWN}"


async def insert_erasure(database: Database, platform_id: str, delivery: Delivery, method: str) -> None:
    """Record an erasure to request, unless the platform never had the report. `method` is "call" or "letter"."""

    async def work(tx: Transaction) -> None:
        known = await tx.row(_KNOWS, problem_id=delivery.problem_id, sink=delivery.sink)
        if known is not None:
            await tx.run(
                "INSERT INTO platform_erasures (problem_id, platform_id, site_id, event_id, way, owed_at)"
                " VALUES (:problem_id, :platform_id, :site_id, :event_id, :way, :at)"
                " ON CONFLICT (problem_id, platform_id) DO NOTHING",
                problem_id=delivery.problem_id,
                platform_id=platform_id,
                site_id=delivery.site_id,
                event_id=delivery.event_id,
                way=method,
                at=delivery.at,
            )

    await database.write(work)


async def reset_unsent_letters(tx: Transaction, platform_id: str, now: int) -> None:
    """Make the erasures due again whose letter lacked an address. Call in the transaction that sets the address."""
    await tx.run(
        "UPDATE deliveries SET state = 'pending', attempts = 0, next_at = :now, delivered_at = NULL"
        " WHERE sink = :sink AND state IN ('delivered', 'dead') AND (site_id, event_id) IN ("
        "SELECT site_id, event_id FROM platform_erasures WHERE platform_id = :id AND way = 'letter'"
        " AND told_at IS NULL AND acknowledged_at IS NULL)",
        sink=f"platform:{platform_id}",
        id=platform_id,
        now=now,
    )


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
    """List the erasures that were not acknowledged, or all, oldest first."""
    rows = await database.rows(
        "SELECT e.*, p.number, f.name AS platform, f.contact, l.remote_id FROM platform_erasures e"
        " JOIN problems p ON p.id = e.problem_id JOIN platforms f ON f.id = e.platform_id"
        " LEFT JOIN platform_links l ON l.problem_id = e.problem_id AND l.platform_id = e.platform_id"
        f" WHERE {'TRUE' if everything else 'e.acknowledged_at IS NULL'} ORDER BY e.owed_at, e.problem_id",
    )
    return [dict(row) for row in rows]
