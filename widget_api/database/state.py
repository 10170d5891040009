"""Tells whether anything was committed since an earlier moment, by whichever process, without reading it anew.

Equal states mean equal contents: what was read after the first is what would be read now. Both databases know this
exactly, so nothing here depends on clocks, on file times or on messages that arrive when they arrive.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from widget_api.database.connection import Row


class SqliteState:
    """A connection of the event loop's own thread: what it is asked takes less than handing it to another thread.

    `PRAGMA data_version` differs wherever another connection, of this process or any other, committed in between
    (sqlite.org/pragma.html); it compares what every read transaction compares at its start.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    async def open(self) -> None:
        # No timeout: rather than make everybody wait, the event loop does without an answer.
        self._connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        for setting in ("query_only=ON", "temp_store=MEMORY", "cache_size=-4096"):
            self._connection.execute(f"PRAGMA {setting}")
        self._versions = self._connection.cursor()  # kept: it is asked more often than anything

    async def close(self) -> None:
        self._connection.close()

    def at_once(self) -> object | None:
        try:
            version: int = self._versions.execute("PRAGMA data_version").fetchall()[0][0]
        except sqlite3.OperationalError:
            return None  # locked for a moment, by a recovery after a crash
        return version

    async def now(self) -> object | None:
        return self.at_once()

    def rows(self, sql: str, values: Mapping[str, Any]) -> Sequence[Row]:
        """Raises OperationalError where an answer would mean waiting."""
        return self._connection.execute(sql, values).fetchall()


class PostgresState:
    """Snapshots: two equal ones see the same transactions (PostgreSQL, System Information Functions).

    Whoever asks while an answer is under way waits for the next one, since a commit may fall in between; so any number
    of requests that come together share one question.
    """

    def __init__(self, ask: Callable[[str], Awaitable[Row | None]]) -> None:
        self._ask = ask
        self._asking = asyncio.Lock()
        self._next: asyncio.Task[object | None] | None = None

    async def now(self) -> object | None:
        if self._next is None:
            self._next = asyncio.create_task(self._snapshot(), name="database state")
        return await asyncio.shield(self._next)

    async def _snapshot(self) -> object | None:
        async with self._asking:
            self._next = None
            row = await self._ask("SELECT CAST(pg_current_snapshot() AS TEXT)")
            return None if row is None else str(row[0])
