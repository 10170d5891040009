"""Delete many rows in small transactions, so that the process's single writer can serve requests in between."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from widget_api.database import Database, Transaction

BATCH_SIZE = 500  # rows; a few milliseconds a batch


async def in_batches(database: Database, work: Callable[[Transaction, int], Awaitable[int]]) -> int:
    """Run `work(tx, BATCH_SIZE)` until it deletes fewer rows than that. Returns the number of deleted rows."""

    async def step(tx: Transaction) -> int:
        deleted = await work(tx, BATCH_SIZE)
        if deleted:
            tx.mark_erasure()
        return deleted

    total, deleted = 0, BATCH_SIZE
    while deleted >= BATCH_SIZE:
        deleted = await database.write(step)
        total += deleted
    return total


async def delete_in_batches(database: Database, table: str, condition: str, *, key: str = "id", **values: Any) -> int:
    """Delete the rows of `table` that match `condition`. Returns their number.

    `table`, `condition` and `key` are SQL written by the caller, never input; values go through `values`.
    """
    chosen = f"SELECT {key} FROM {table} WHERE {condition} LIMIT :part"

    async def work(tx: Transaction, part: int) -> int:
        return await tx.run(f"DELETE FROM {table} WHERE {key} IN ({chosen})", part=part, **values)

    return await in_batches(database, work)
