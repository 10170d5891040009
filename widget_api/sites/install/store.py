"""All SQL of sightings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from widget_api.database import Database, Transaction
from widget_api.sites.install.model import Sighting

_COLUMNS = ("site_id", "day", "origin", "version", "kind", "count", "last_at")
_AT_ONCE = 100  # rows a statement


async def origins(tx: Transaction, site_id: str, day: str) -> set[str]:
    """Those that stand in the day already."""
    rows = await tx.rows(
        "SELECT DISTINCT origin FROM site_sightings WHERE site_id = :site_id AND day = :day", site_id=site_id, day=day
    )
    return {row[0] for row in rows}


async def add(tx: Transaction, counted: Sequence[Mapping[str, Any]]) -> None:
    """Add counts to what is there. No two of them may be of the same site, day, origin, version and kind."""
    for start in range(0, len(counted), _AT_ONCE):
        some = counted[start : start + _AT_ONCE]
        rows = ", ".join(f"({', '.join(f':{name}_{index}' for name in _COLUMNS)})" for index in range(len(some)))
        await tx.run(
            f"""
            INSERT INTO site_sightings ({", ".join(_COLUMNS)}) VALUES {rows}
            ON CONFLICT (site_id, day, origin, version, kind) DO UPDATE SET
              count = site_sightings.count + excluded.count,
              last_at = CASE WHEN excluded.last_at > site_sightings.last_at
                        THEN excluded.last_at ELSE site_sightings.last_at END
            """,
            **{f"{name}_{index}": one[name] for index, one in enumerate(some) for name in _COLUMNS},
        )


async def since(database: Database, site_id: str, day: str) -> list[Sighting]:
    """From that day on, newest day first."""
    rows = await database.rows(
        """
        SELECT day, origin, version, kind, count, last_at FROM site_sightings
        WHERE site_id = :site_id AND day >= :day ORDER BY day DESC, origin, version, kind
        """,
        site_id=site_id,
        day=day,
    )
    names = ("day", "origin", "version", "kind", "count", "last_at")
    return [Sighting(**{name: row[name] for name in names}) for row in rows]


async def forget(tx: Transaction, before: str) -> int:
    """Returns how many rows of earlier days went."""
    return await tx.run("DELETE FROM site_sightings WHERE day < :before", before=before)
