"""Every write of the process: waiting works share a transaction, one that fails fails alone, one commit answers all.

On SQLite a batch's statements run on the event loop itself: works await nothing but their transaction, and a statement
takes some microseconds, less than two threads lose that pass Python's lock back and forth with each. What may take
long, waiting for another process's transaction and for the disk, happens in a thread.
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
TRUNCATION_PATIENCE = 100  # milliseconds the log's truncation waits for readers, and all writes with it
TRUNCATION_PAUSE = 1.0  # seconds until it is tried again where they were in its way
TRIES = 3  # of one work that others deadlock with
_log = logging.getLogger(__name__)
Work = Callable[[Transaction], Awaitable[Result]]


@dataclass
class PendingWrite(Generic[Result]):
    """A work, the site counters it moves, and who waits for it."""

    work: Work[Result]
    sites: tuple[str, ...]
    done: asyncio.Future[Result]
    outcome: Result | BaseException | None = field(default=None)

    def answer(self) -> None:
        if self.done.done():  # its loop is closing
            return
        if isinstance(self.outcome, BaseException):
            self.done.set_exception(self.outcome)
            self.done.exception()  # a caller that went away must not leave «never retrieved» behind
        else:
            self.done.set_result(cast(Result, self.outcome))


class Writer:
    """The queue and its task; what a batch is to a database is the subclass's to say."""

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
        return await waiting.done  # who is cancelled here cancels the future alone

    async def _batches(self) -> None:
        stopping = False
        while not stopping:
            taken = [await self._queue.get()]
            await self._gathered()
            while len(taken) < LARGEST_BATCH and not self._queue.empty():
                taken.append(self._queue.get_nowait())
            batch = [waiting for waiting in taken if waiting is not None]
            stopping = len(batch) < len(taken)
            if batch:
                await self._commit(batch)
            for waiting in batch:
                waiting.answer()

    async def _gathered(self) -> None:
        """Let requests that have arrived by now come along, as long as each turn of the event loop brings more."""
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
            if len(batch) > 1 and not is_lost(error):  # one of them may be to blame: each for itself
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
        """Begin, carry out each work, commit. Raises where the transaction itself is lost, or Spoilt."""
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
    """Each work with its outcome, and all that they appended written."""
    for waiting in batch:
        waiting.outcome = await transaction.carry_out(waiting.work)
    await transaction.finish()


def is_deadlock(error: BaseException) -> bool:
    """PostgreSQL ended one of two transactions that waited for each other."""
    return type(error).__name__ in ("DeadlockDetectedError", "SerializationError")


# --- SQLite --------------------------------------------------------------------------------------------------------


class SqliteTransaction(Transaction):
    """Coroutines that never wait, so that a work, and a whole batch, runs to its end in one go."""

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

    async def _append_many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        self._connection.executemany(sql, rows)

    def _is_lost(self, error: Exception) -> bool:
        return not self._connection.in_transaction  # SQLite rolled back all of it (disk full, I/O error)


class SqliteWriter(Writer):
    """A connection and a thread of its own; BEGIN IMMEDIATE makes processes wait for each other instead of failing."""

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
        """Bring the write-ahead log into the database and empty its file, which holds pages as they were.

        A reader in the middle of a long answer prevents that: then it is tried again after a later commit.
        """
        try:
            self._connection.execute(f"PRAGMA busy_timeout={TRUNCATION_PATIENCE}")
            ((busy, _, _),) = self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            self._log_holds_erased = bool(busy)
            self._truncates_at = time.monotonic() + TRUNCATION_PAUSE if busy else 0.0
            self._connection.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT * 1000)}")
        except sqlite3.Error as error:  # what was to be committed is: none of it may fail for this
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

    async def _append_many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        await self._connection.raw.executemany(sql, rows)

    def _is_lost(self, error: Exception) -> bool:
        return is_lost(error) or is_deadlock(error)


class PostgresWriter(Writer):
    """A connection of its own; the sites of a batch are locked first, in order."""

    _LOCK = "SELECT site_id FROM site_counters WHERE site_id = ANY(:sites) ORDER BY site_id FOR UPDATE"

    def __init__(self, url: str) -> None:
        super().__init__()
        self._held = PersistentConnection(url)

    async def open(self) -> None:
        await self._held.open()

    async def close(self) -> None:
        await self._held.close()

    async def reopen(self) -> None:
        await self._held.reopen()

    async def rollback(self) -> None:
        await self._held.command("ROLLBACK")

    async def transact(self, batch: list[PendingWrite[Any]], *, together: bool) -> None:
        await self._held.command("BEGIN")
        sites = sorted({site for waiting in batch for site in waiting.sites})
        if sites:
            await self._held.fetch(self._LOCK, {"sites": sites})
        await run_batch(PostgresTransaction(self._held, together=together), batch)
        await self._held.command("COMMIT")
