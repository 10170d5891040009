"""Deletes from the storage what was removed: a row says what is true, its file follows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from widget_api.database import Database, Row, Transaction

_BATCH = 200


async def sweep(
    database: Database,
    removed: Callable[[Database, int], Awaitable[Sequence[Row]]],
    delete: Callable[[str], Awaitable[None]],
    forget: Callable[[Transaction, str], Awaitable[None]],
) -> int:
    """Delete the files of what was removed, then its rows; stopped half-way, the next sweep goes on."""
    swept = 0
    while rows := await removed(database, _BATCH):
        for row in rows:
            await delete(row["id"])

        async def work(tx: Transaction, ids: tuple[str, ...] = tuple(row["id"] for row in rows)) -> None:
            for one in ids:
                await forget(tx, one)

        await database.write(work)
        swept += len(rows)
    return swept
