"""The only package that knows a database library: connect, read, and one writer that commits many works at once.

Why not `databases` as it comes: on SQLite it opens a connection a statement, and its transactions are deferred, which
makes concurrent writers fail at once; a cancelled transaction can wedge its pool. So connections are held, and every
write of the process goes through one task (docs/decisions/0002-one-writer.md).
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
    """Readers and the writer of one process. `dialect` is `sqlite` or `postgresql`."""

    def __init__(self, url: str, *, readers: int = 3) -> None:
        self.url = url
        self.dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
        self._readers = [PersistentConnection(url, read_only=True) for _ in range(readers)]
        self._writer: Writer = SqliteWriter(url) if self.dialect == "sqlite" else PostgresWriter(url)
        self._free: asyncio.LifoQueue[PersistentConnection] = asyncio.LifoQueue()
        self._at_once = SqliteReader(sqlite_path(url)) if self.dialect == "sqlite" else None

    async def connect(self) -> None:
        await self._writer.start()
        if self._at_once is not None:
            self._at_once.open()
        for reader in self._readers:
            await reader.open()
            self._free.put_nowait(reader)

    async def disconnect(self) -> None:
        """Finish what was handed in, then close. aiosqlite's threads are no daemons: an unclosed one hangs the exit."""
        await self._writer.stop()
        if self._at_once is not None:
            self._at_once.close()
        for reader in self._readers:
            await reader.close()

    async def rows(self, sql: str, **values: Any) -> Sequence[Row]:
        """Read outside any transaction; SQL names its parameters `:so`. Raises Unavailable where nobody answers."""
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
        """`rows` for a statement that an index leads to a few rows: on SQLite too short to be worth another thread."""
        if self._at_once is not None:
            with contextlib.suppress(sqlite3.OperationalError):  # it would mean waiting, or worse: `rows` finds out
                return self._at_once.rows(sql, values)
        return await self.rows(sql, **values)

    async def row_at_once(self, sql: str, **values: Any) -> Row | None:
        rows = await self.rows_at_once(sql, **values)
        return rows[0] if rows else None

    def in_threads(self) -> Database:
        """The same database for whoever reads much in a row: nothing of it is read at once, others go on meanwhile."""
        patient = copy.copy(self)
        patient._at_once = None
        return patient

    async def write(self, work: Work[Result], *sites: str) -> Result:
        """Run `work` in the next transaction and return its result after the commit.

        `sites` are the identifiers whose counter the work moves; they are locked first and in order, so that processes
        sharing a database cannot wait for each other in a circle. A work that raises is rolled back alone. A work may
        be run again (another broke a rule, a deadlock) and may await its transaction only. Being cancelled here does
        not stop it.

        Raises what `work` raises, or Unavailable where the commit did not happen.
        """
        return await self._writer.write(work, sites)
