"""Many rows deleted in small transactions: the one writer of a process serves residents in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from widget_api.database import Database, Transaction

PART = 500  # rows: some milliseconds


async def repeat(database: Database, work: Callable[[Transaction, int], Awaitable[int]]) -> int:
    """Have `work` do at most PART at a time until it does less. Returns how many it did altogether."""
    done, part = 0, PART
    while part >= PART:
        part = await database.write(lambda tx: work(tx, PART))
        done += part
    return done


async def delete(database: Database, table: str, condition: str, *, key: str = "id", **values: Any) -> int:
    """Delete the rows of a condition. Returns how many."""
    chosen = f"SELECT {key} FROM {table} WHERE {condition} LIMIT :part"

    async def work(tx: Transaction, part: int) -> int:
        deleted = await tx.run(f"DELETE FROM {table} WHERE {key} IN ({chosen})", part=part, **values)
        if deleted:
            tx.mark_erasure()
        return deleted

    return await repeat(database, work)
