"""Access the database: connect, read, and write through one task that commits many writes together.

This is the only package that imports a database library. `databases` is not used directly: on SQLite it opens a
connection for each statement, and its transactions are deferred, which makes concurrent writers fail at once; a
cancelled transaction can block its pool. Connections are therefore kept open, and all writes of the process go through
one task (docs/decisions/0002-one-writer.md).
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import sqlite3
from collections.abc import Sequence
from typing import Any, TypeVar

from widget_api.database.connection import PersistentConnection, Row, SqliteReader, engine_url, is_lost, sqlite_path
from widget_api.database.transaction import Transaction
from widget_api.database.writer import PostgresWriter, SqliteWriter, Work, Writer
from widget_api.errors import Unavailable

__all__ = ["Database", "Row", "Transaction", "Work", "engine_url", "sqlite_path"]

Result = TypeVar("Result")


class Database:
    """The readers and the writer of one process. `dialect` is `sqlite` or `postgresql`."""

    def __init__(self, url: str, *, readers: int = 3) -> None:
        self.url = url
        self.dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
        self._readers = [PersistentConnection(url, read_only=True) for _ in range(readers)]
        self._writer: Writer = SqliteWriter(url) if self.dialect == "sqlite" else PostgresWriter(url)
        self._free: asyncio.LifoQueue[PersistentConnection] = asyncio.LifoQueue()
        self._inline_reader = SqliteReader(sqlite_path(url)) if self.dialect == "sqlite" else None
        self._step: Work[None] | None = None

    async def connect(self) -> None:
        await self._writer.start()
        if self._inline_reader is not None:
            self._inline_reader.open()
        for reader in self._readers:
            await reader.open()
            self._free.put_nowait(reader)

    async def disconnect(self) -> None:
        """Finish pending writes, then close. aiosqlite's threads are not daemons: an open one would block the exit."""
        await self._writer.stop()
        if self._inline_reader is not None:
            self._inline_reader.close()
        for reader in self._readers:
            await reader.close()

    async def rows(self, sql: str, **values: Any) -> Sequence[Row]:
        """Read outside any transaction; parameters are written `:name`. Raises Unavailable if the database is down."""
        reader = await self._free.get()
        try:
            return await reader.fetch(sql, values)
        except Exception as error:
            if not is_lost(error):
                raise
            try:
                await reader.reopen()
                return await reader.fetch(sql, values)
            except Exception as second:
                raise Unavailable from second
        finally:
            self._free.put_nowait(reader)

    async def row(self, sql: str, **values: Any) -> Row | None:
        rows = await self.rows(sql, **values)
        return rows[0] if rows else None

    async def rows_at_once(self, sql: str, **values: Any) -> Sequence[Row]:
        """`rows` for a statement that reads a few rows by an index. On SQLite it runs in the event loop's thread, which
        takes less time than handing it to another one."""
        if self._inline_reader is not None:
            with contextlib.suppress(sqlite3.OperationalError):  # it would block or failed: `rows` waits or raises
                return self._inline_reader.rows(sql, values)
        return await self.rows(sql, **values)

    async def row_at_once(self, sql: str, **values: Any) -> Row | None:
        rows = await self.rows_at_once(sql, **values)
        return rows[0] if rows else None

    def in_threads(self) -> Database:
        """Return a view of the database that never reads in the event loop's thread, for long sequences of reads."""
        threaded = copy.copy(self)
        threaded._inline_reader = None
        return threaded

    def with_step(self, step: Work[None]) -> Database:
        """Return a view of the database whose every write ends with `step`, in the same transaction."""
        view = copy.copy(self)
        view._step = step
        return view

    async def write(self, work: Work[Result], *sites: str) -> Result:
        """Run `work` in the next transaction and return its result after the commit.

        `sites` are the ids whose counters `work` advances; they are locked first and in order, so that processes
        sharing a database cannot deadlock. If `work` raises, only its own changes are rolled back. It may be run again
        (after another one of its batch violated a constraint, or a deadlock), and may await nothing but its
        transaction. Cancelling the caller does not stop it.

        Raises what `work` raises, or Unavailable if the commit failed.
        """
        step = self._step
        if step is None:
            return await self._writer.write(work, sites)

        async def both(tx: Transaction) -> Result:
            result = await work(tx)
            await step(tx)
            return result

        return await self._writer.write(both, sites)
