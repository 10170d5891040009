"""Execute all writes of the process in batches: one transaction and one commit, in which a failing work fails alone.

On SQLite the statements of a batch run in the event loop's thread: works await nothing but their transaction, and a
statement takes some microseconds, less than passing Python's lock between two threads. Waiting for another process's
transaction and for the disk, which may take long, happens in a thread.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast

from widget_api.database.connection import (
    BUSY_TIMEOUT,
    PersistentConnection,
    Row,
    SqliteConnection,
    is_lost,
    sqlite_path,
)
from widget_api.database.transaction import BatchConflict, Insertion, Transaction, Values
from widget_api.errors import Unavailable

Result = TypeVar("Result")
LARGEST_BATCH = 128
TRUNCATION_PATIENCE = 100  # milliseconds the log's truncation waits for readers, delaying all writes
TRUNCATION_PAUSE = 1.0  # seconds until the next attempt if readers prevented it
TRIES = 3  # attempts of a work after deadlocks
_log = logging.getLogger(__name__)
Work = Callable[[Transaction], Awaitable[Result]]


@dataclass
class PendingWrite(Generic[Result]):
    """A work, the sites whose counters it advances, and the future of its result."""

    work: Work[Result]
    sites: tuple[str, ...]
    done: asyncio.Future[Result]
    outcome: Result | BaseException | None = field(default=None)

    def answer(self) -> None:
        if self.done.done():  # its loop is closing
            return
        if isinstance(self.outcome, BaseException):
            self.done.set_exception(self.outcome)
            self.done.exception()  # avoids asyncio's «never retrieved» warning if the caller was cancelled
        else:
            self.done.set_result(cast(Result, self.outcome))


class Writer:
    """The queue of writes and the task that commits them. Subclasses implement a batch for each database."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[PendingWrite[Any] | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.open()
        self._task = asyncio.create_task(self._batches(), name="database writer")

    async def stop(self) -> None:
        if self._task is not None:
            self._queue.put_nowait(None)
            await self._task
            self._task = None
            await self.close()

    async def write(self, work: Work[Result], sites: tuple[str, ...]) -> Result:
        waiting: PendingWrite[Result] = PendingWrite(work, sites, asyncio.get_running_loop().create_future())
        self._queue.put_nowait(waiting)
        return await waiting.done  # cancellation affects the future only, not the work

    async def _batches(self) -> None:
        stopping = False
        while not stopping:
            items = [await self._queue.get()]
            await self._gather()
            while len(items) < LARGEST_BATCH and not self._queue.empty():
                items.append(self._queue.get_nowait())
            batch = [waiting for waiting in items if waiting is not None]
            stopping = len(batch) < len(items)
            if batch:
                await self._commit(batch)
            for waiting in batch:
                waiting.answer()

    async def _gather(self) -> None:
        """Wait for requests that have arrived already, as long as each iteration of the event loop adds a write."""
        before = -1
        while before < self._queue.qsize() < LARGEST_BATCH:
            before = self._queue.qsize()
            await asyncio.sleep(0)

    async def _commit(self, batch: list[PendingWrite[Any]], tries: int = TRIES) -> None:
        try:
            try:
                await self.transact(batch, together=True)
            except BatchConflict as error:
                _log.info("of a batch of %d writes one breaks a rule: %r", len(batch), error.__cause__)
                await self.rollback()
                await self.transact(batch, together=False)
        except Exception as error:
            _log.warning("a batch of %d writes failed: %s", len(batch), error)
            await self._recover(error)
            if len(batch) > 1 and not is_lost(error):  # one of them may be the cause: commit each alone
                for waiting in batch:
                    await self._commit([waiting])
            elif tries > 1 and is_deadlock(error):
                await self._commit(batch, tries - 1)
            else:
                for waiting in batch:
                    waiting.outcome = Unavailable()
                    waiting.outcome.__cause__ = error

    async def _recover(self, error: BaseException) -> None:
        try:
            await (self.reopen() if is_lost(error) else self.rollback())
        except Exception as second:
            _log.warning("the writer's connection is opened anew: %s", second)
            try:
                await self.reopen()
            except Exception as third:
                _log.error("the database cannot be reached: %s", third)

    async def transact(self, batch: list[PendingWrite[Any]], *, together: bool) -> None:
        """Begin, run each work, commit. Raises if the transaction itself is lost, or BatchConflict."""
        raise NotImplementedError

    async def open(self) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    async def reopen(self) -> None:
        raise NotImplementedError

    async def rollback(self) -> None:
        raise NotImplementedError


async def run_batch(transaction: Transaction, batch: list[PendingWrite[Any]]) -> None:
    """Run each work and set its outcome, then write the appended rows."""
    for waiting in batch:
        waiting.outcome = await transaction.run_work(waiting.work)
    await transaction.finish()


def is_deadlock(error: BaseException) -> bool:
    """Whether PostgreSQL aborted the transaction because of a deadlock or a serialization failure."""
    return type(error).__name__ in ("DeadlockDetectedError", "SerializationError")


# --- SQLite --------------------------------------------------------------------------------------------------------


class SqliteTransaction(Transaction):
    """A transaction whose coroutines never suspend, so that a whole batch runs without interruption."""

    dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection, *, together: bool) -> None:
        super().__init__(together=together)
        self._connection = connection

    async def _call(self, work: Work[Result]) -> Result:
        return _run(work(self))

    async def _fetch(self, sql: str, values: Values) -> Sequence[Row]:
        return self._connection.execute(sql, values).fetchall()

    async def _execute(self, sql: str, values: Values) -> int:
        return self._connection.execute(sql, values).rowcount

    async def _command(self, sql: str) -> None:
        self._connection.execute(sql)

    async def _append(self, insertion: Insertion, row: tuple[Any, ...]) -> int:
        return self._connection.execute(insertion.sql, row).rowcount

    async def _append_many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        self._connection.executemany(sql, rows)

    def _is_lost(self, error: Exception) -> bool:
        return not self._connection.in_transaction  # SQLite rolled back all of it (disk full, I/O error)


class SqliteWriter(Writer):
    """A writer with its own connection and thread. BEGIN IMMEDIATE makes processes wait for each other, not fail."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._path = sqlite_path(url)
        self._log_holds_erased = False
        self._truncates_at = 0.0  # by the monotonic clock
        self._thread = ThreadPoolExecutor(1, "database writer")

    async def open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = await self._in_thread(
            lambda: sqlite3.connect(
                self._path,
                timeout=BUSY_TIMEOUT,
                isolation_level=None,
                check_same_thread=False,
                factory=SqliteConnection,
            )
        )

    async def close(self) -> None:
        if self._log_holds_erased:
            await self._in_thread(self._truncate_log)
        await self._in_thread(self._connection.close)
        self._thread.shutdown()

    async def reopen(self) -> None:
        await self._in_thread(self._connection.close)
        await self.open()

    async def rollback(self) -> None:
        await self._in_thread(self._connection.rollback)

    async def transact(self, batch: list[PendingWrite[Any]], *, together: bool) -> None:
        transaction = SqliteTransaction(self._connection, together=together)
        await self._in_thread(lambda: self._connection.execute("BEGIN IMMEDIATE"))
        _run(run_batch(transaction, batch))
        await self._in_thread(lambda: self._connection.execute("COMMIT"))
        self._log_holds_erased |= transaction.erases
        if self._log_holds_erased and time.monotonic() >= self._truncates_at:
            await self._in_thread(self._truncate_log)

    def _truncate_log(self) -> None:
        """Write the write-ahead log to the database and empty its file, which contains earlier versions of pages.

        A long read prevents that; then it is tried again after a later commit.
        """
        try:
            self._connection.execute(f"PRAGMA busy_timeout={TRUNCATION_PATIENCE}")
            ((busy, _, _),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._log_holds_erased = bool(busy)
            self._truncates_at = time.monotonic() + TRUNCATION_PAUSE if busy else 0.0
            self._connection.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT * 1000)}")
        except sqlite3.Error as error:  # the commit has succeeded and must not be reported as failed
            _log.warning("the log of the database cannot be truncated: %s", error)

    async def _in_thread(self, call: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def _run(work: Awaitable[Result]) -> Result:
    coroutine = cast("Coroutine[Any, Any, Result]", work)
    try:
        coroutine.send(None)
    except StopIteration as finished:
        return cast(Result, finished.value)
    coroutine.close()
    raise RuntimeError("a work may await its transaction only")


# --- PostgreSQL ----------------------------------------------------------------------------------------------------


class PostgresTransaction(Transaction):
    dialect = "postgresql"

    def __init__(self, connection: PersistentConnection, *, together: bool) -> None:
        super().__init__(together=together)
        self._connection = connection

    async def _call(self, work: Work[Result]) -> Result:
        return await work(self)

    async def _fetch(self, sql: str, values: Values) -> Sequence[Row]:
        return await self._connection.fetch(sql, values)

    async def _execute(self, sql: str, values: Values) -> int:
        return await self._connection.command(sql, values)

    async def _command(self, sql: str) -> None:
        await self._connection.command(sql)

    async def _append(self, insertion: Insertion, row: tuple[Any, ...]) -> int:
        status = await self._connection.raw.execute(insertion.sql, *row)
        return int(status.rsplit(" ", 1)[-1])  # INSERT 0 1

    async def _append_many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        await self._connection.raw.executemany(sql, rows)

    def _is_lost(self, error: Exception) -> bool:
        return is_lost(error) or is_deadlock(error)


class PostgresWriter(Writer):
    """A writer with its own connection. It locks the sites of a batch first, in order."""

    _LOCK = "SELECT site_id FROM site_counters WHERE site_id = ANY(:sites) ORDER BY site_id FOR UPDATE"

    def __init__(self, url: str) -> None:
        super().__init__()
        self._connection = PersistentConnection(url)

    async def open(self) -> None:
        await self._connection.open()

    async def close(self) -> None:
        await self._connection.close()

    async def reopen(self) -> None:
        await self._connection.reopen()

    async def rollback(self) -> None:
        await self._connection.command("ROLLBACK")

    async def transact(self, batch: list[PendingWrite[Any]], *, together: bool) -> None:
        await self._connection.command("BEGIN")
        sites = sorted({site for waiting in batch for site in waiting.sites})
        if sites:
            await self._connection.fetch(self._LOCK, {"sites": sites})
        await run_batch(PostgresTransaction(self._connection, together=together), batch)
        await self._connection.command("COMMIT")
