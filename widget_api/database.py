"""The only file that knows the database library: connect, read, and the one writer that commits many works at once.

Why not `databases` as it comes: on SQLite it opens a connection a statement, and its transactions are deferred, which
makes concurrent writers fail at once; a cancelled transaction can wedge its pool. So connections are held, and every
write of the process goes through one task (docs/decisions/0002-one-writer.md).
"""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, cast

import databases

from widget_api.errors import Unavailable

Result = TypeVar("Result")
Parameters = Mapping[str, Any]
LARGEST_BATCH = 128
BUSY_TIMEOUT = 30.0  # seconds a statement waits for another process's transaction (SQLite)
_log = logging.getLogger(__name__)
_NAME = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")


class Row(Protocol):
    """What both databases hand back: values by position and by column name; dict(row) works."""

    def __getitem__(self, key: str | int) -> Any: ...
    def keys(self) -> Any: ...


@lru_cache(maxsize=2048)
def _numbered(sql: str) -> tuple[str, tuple[str, ...]]:
    """`:name` → `$1` for PostgreSQL, and the names in the order of their numbers."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return _NAME.sub(number, sql), tuple(names)


class _SQLiteFactory(sqlite3.Connection):
    """Sets what each connection needs, since SQLite forgets most pragmas with the connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row_factory = sqlite3.Row
        self.create_function("casefold", 1, str.casefold, deterministic=True)  # SQLite's lower() knows ASCII only
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-8192",
        ):
            self.execute(f"PRAGMA {pragma}")


class Transaction:
    """What a work is handed: statements inside the batch's transaction. SQL names its parameters `:so`."""

    def __init__(self, connection: _Held) -> None:
        self._connection = connection

    async def rows(self, sql: str, **values: Any) -> Sequence[Row]:
        return await self._connection.fetch(sql, values)

    async def row(self, sql: str, **values: Any) -> Row | None:
        rows = await self._connection.fetch(sql, values)
        return rows[0] if rows else None

    async def run(self, sql: str, **values: Any) -> int:
        """Returns the number of rows changed."""
        return await self._connection.run(sql, values)

    async def insert(self, table: str, **values: Any) -> None:
        columns = ", ".join(values)
        await self._connection.run(
            f"INSERT INTO {table} ({columns}) VALUES ({', '.join(f':{name}' for name in values)})", values
        )

    @property
    def dialect(self) -> str:
        return self._connection.dialect


Work = Callable[[Transaction], Awaitable[Result]]


@dataclass
class _Waiting(Generic[Result]):
    work: Work[Result]
    sites: tuple[str, ...]
    done: asyncio.Future[Result]
    outcome: Result | BaseException | None = field(default=None)

    @property
    def failed(self) -> bool:
        return isinstance(self.outcome, BaseException)


class _Held:
    """One connection, kept open through the library, spoken to directly (five times faster than through it)."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
        self._url = url
        self._read_only = read_only

    async def open(self) -> None:
        if self.dialect == "sqlite":
            self._library = databases.Database(self._url, factory=_SQLiteFactory, timeout=BUSY_TIMEOUT)
        else:
            self._library = databases.Database(self._url, min_size=1, max_size=1, command_timeout=60)
        await self._library.connect()
        self._connection = self._library.connection()
        await self._connection.__aenter__()
        self.raw: Any = self._connection.raw_connection
        if self._read_only and self.dialect == "sqlite":
            await self.raw.execute_fetchall("PRAGMA query_only=ON")

    async def close(self) -> None:
        await self._connection.__aexit__()
        await self._library.disconnect()

    async def reopen(self) -> None:
        try:
            await asyncio.wait_for(self.close(), 5)
        except Exception as error:
            _log.warning("closing a broken connection failed: %s", error)
        await self.open()

    async def fetch(self, sql: str, values: Parameters) -> Sequence[Row]:
        if self.dialect == "sqlite":
            return cast(Sequence[Row], await self.raw.execute_fetchall(sql, values))
        text, names = _numbered(sql)
        return cast(Sequence[Row], await self.raw.fetch(text, *[values[name] for name in names]))

    async def run(self, sql: str, values: Parameters) -> int:
        if self.dialect == "sqlite":
            cursor = await self.raw.execute(sql, values)
            return int(cursor.rowcount)
        text, names = _numbered(sql)
        status = await self.raw.execute(text, *[values[name] for name in names])
        last = status.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0

    async def command(self, sql: str) -> None:
        await self.raw.execute(sql)


class Database:
    """Readers and the writer of one process. `dialect` is `sqlite` or `postgresql`."""

    def __init__(self, url: str, *, readers: int = 3) -> None:
        self.url = url
        self.dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
        self._readers = [_Held(url, read_only=True) for _ in range(readers)]
        self._writer = _Held(url)
        self._free: asyncio.LifoQueue[_Held] = asyncio.LifoQueue()
        self._waiting: asyncio.Queue[_Waiting[Any] | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        if self.dialect == "sqlite":
            sqlite_path(self.url).parent.mkdir(parents=True, exist_ok=True)
        await self._writer.open()
        for reader in self._readers:
            await reader.open()
            self._free.put_nowait(reader)
        self._task = asyncio.create_task(self._write_batches(), name="database writer")

    async def disconnect(self) -> None:
        """Finish what was handed in, then close. aiosqlite's threads are no daemons: an unclosed one hangs the exit."""
        if self._task is not None:
            self._waiting.put_nowait(None)
            await self._task
            self._task = None
        for held in (*self._readers, self._writer):
            await held.close()

    async def rows(self, sql: str, **values: Any) -> Sequence[Row]:
        """Read outside any transaction. Raises Unavailable where the database does not answer."""
        reader = await self._free.get()
        try:
            return await reader.fetch(sql, values)
        except Exception as error:
            if not _lost(error):
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

    async def write(self, work: Work[Result], *sites: str) -> Result:
        """Run `work` in the next transaction and return its result after the commit.

        `sites` are the identifiers whose counter the work moves; they are locked first and in order, so that processes
        sharing a database cannot wait for each other in a circle. A work that raises is rolled back alone. A work may
        be run again (deadlock), so it must touch nothing but its transaction. Being cancelled here does not stop it.

        Raises what `work` raises, or Unavailable where the commit did not happen.
        """
        waiting: _Waiting[Result] = _Waiting(work, sites, asyncio.get_running_loop().create_future())
        self._waiting.put_nowait(waiting)
        return await asyncio.shield(waiting.done)

    async def _write_batches(self) -> None:
        while True:
            first = await self._waiting.get()
            batch: list[_Waiting[Any]] = []
            last = first is None
            if first is not None:
                batch.append(first)
            while len(batch) < LARGEST_BATCH and not self._waiting.empty():
                further = self._waiting.get_nowait()
                if further is None:
                    last = True
                else:
                    batch.append(further)
            if batch:
                await self._commit(batch)
                for waiting in batch:
                    _answer(waiting)
            if last:
                return

    async def _commit(self, batch: list[_Waiting[Any]]) -> None:
        try:
            await self._attempt(batch)
        except Exception as error:
            _log.warning("a batch of %d writes failed: %s", len(batch), error)
            await self._recover(error)
            if len(batch) > 1 and not _lost(error):  # one of them may be to blame: each for itself
                for waiting in batch:
                    await self._commit([waiting])
                return
            for waiting in batch:
                waiting.outcome = Unavailable()
                waiting.outcome.__cause__ = error

    async def _attempt(self, batch: list[_Waiting[Any]]) -> None:
        await self._writer.command("BEGIN IMMEDIATE" if self.dialect == "sqlite" else "BEGIN")
        sites = sorted({site for waiting in batch for site in waiting.sites})
        if sites and self.dialect == "postgresql":
            lock = "SELECT site_id FROM site_counters WHERE site_id = ANY(:sites) ORDER BY site_id FOR UPDATE"
            await self._writer.fetch(lock, {"sites": sites})
        transaction = Transaction(self._writer)
        for waiting in batch:
            await self._run_one(waiting, transaction)
        await self._writer.command("COMMIT")

    async def _run_one(self, waiting: _Waiting[Any], transaction: Transaction) -> None:
        await self._writer.command("SAVEPOINT work")
        try:
            waiting.outcome = await waiting.work(transaction)
        except Exception as error:
            if _lost(error) or _deadlocked(error):
                raise  # the transaction itself is gone or must go
            waiting.outcome = error
            await self._writer.command("ROLLBACK TO SAVEPOINT work")
        await self._writer.command("RELEASE SAVEPOINT work")

    async def _recover(self, error: BaseException) -> None:
        try:
            if _lost(error):
                await self._writer.reopen()
            else:
                await self._writer.command("ROLLBACK")
        except Exception as second:
            _log.warning("the writer's connection is reopened: %s", second)
            try:
                await self._writer.reopen()
            except Exception as third:
                _log.error("the database cannot be reached: %s", third)


def _answer(waiting: _Waiting[Any]) -> None:
    if waiting.done.done():  # its loop is closing
        return
    if isinstance(waiting.outcome, BaseException):
        waiting.done.set_exception(waiting.outcome)
        waiting.done.exception()  # a caller that went away must not leave «never retrieved» behind
    else:
        waiting.done.set_result(waiting.outcome)


def _lost(error: BaseException) -> bool:
    """Whether the connection itself is broken (PostgreSQL restarted, network gone)."""
    if isinstance(error, (OSError, EOFError)):
        return True
    name = type(error).__name__
    return name in ("ConnectionDoesNotExistError", "InterfaceError", "AdminShutdownError", "CannotConnectNowError") or (
        isinstance(error, ValueError) and "closed" in str(error)
    )


def _deadlocked(error: BaseException) -> bool:
    return type(error).__name__ in ("DeadlockDetectedError", "SerializationError")


def sqlite_path(url: str) -> Path:
    """sqlite:///./data/widget.db → data/widget.db; four slashes begin an absolute path."""
    return Path(url.removeprefix("sqlite:///").partition("?")[0])
