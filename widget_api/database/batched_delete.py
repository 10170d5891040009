"""Many rows deleted in small transactions: the one writer of a process serves residents in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from widget_api.database import Database, Transaction

PART = 500  # rows: some milliseconds


async def repeat(database: Database, work: Callable[[Transaction, int], Awaitable[int]]) -> int:
    """Have `work` delete at most PART rows at a time until it deletes fewer. Returns how many went altogether."""

    async def step(tx: Transaction) -> int:
        deleted = await work(tx, PART)
        if deleted:
            tx.mark_erasure()
        return deleted

    done, part = 0, PART
    while part >= PART:
        part = await database.write(step)
        done += part
    return done


async def delete(database: Database, table: str, condition: str, *, key: str = "id", **values: Any) -> int:
    """Delete the rows of a condition. Returns how many."""
    chosen = f"SELECT {key} FROM {table} WHERE {condition} LIMIT :part"

    async def work(tx: Transaction, part: int) -> int:
        return await tx.run(f"DELETE FROM {table} WHERE {key} IN ({chosen})", part=part, **values)

    return await repeat(database, work)
