"""Provide the transaction that is passed to each write: statements, and rows that are appended at the end of the batch.

Appended rows are buffered in memory, together with those of the previous works of the batch, and are written a table at
a time: many rows by one statement cost a database half of what they cost one by one, and PostgreSQL one round trip
instead of one each. The buffer is invisible to works: a statement that could see a difference is preceded by writing it
(docs/decisions/0030-rows-wait-for-the-end-of-a-batch.md). A «work» is the function passed to `Database.write`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from widget_api.database.connection import Row, number_parameters

Result = TypeVar("Result")
Values = Mapping[str, Any]
COUNTERS = ("number", "position", "version")
_WORD = re.compile(r"\w+")


class BatchConflict(Exception):
    """The database refused rows of several works together. It is unknown whose they were: the batch is run again."""


class Insertion(NamedTuple):
    sql: str
    table: str
    columns: tuple[str, ...]


class Appended:
    """The buffered rows of one insertion, with lookup by some of their columns."""

    def __init__(self, insertion: Insertion) -> None:
        self.insertion = insertion
        self.rows: list[tuple[Any, ...]] = []
        self._indexes: dict[tuple[str, ...], dict[Any, list[tuple[Any, ...]]]] = {}

    def add(self, row: tuple[Any, ...]) -> None:
        self.rows.append(row)
        for names, index in self._indexes.items():
            index.setdefault(self._key(names)(row), []).append(row)

    def matching(self, names: tuple[str, ...], values: Any) -> list[tuple[Any, ...]]:
        if names not in self._indexes:
            index = self._indexes[names] = {}
            for row in self.rows:
                index.setdefault(self._key(names)(row), []).append(row)
        return self._indexes[names].get(values, [])

    def _key(self, names: tuple[str, ...]) -> Callable[[tuple[Any, ...]], Any]:
        return key(self.insertion.columns, names)


@lru_cache(maxsize=512)
def key(columns: tuple[str, ...], names: tuple[str, ...]) -> Callable[[tuple[Any, ...]], Any]:
    """Return a function that takes the columns `names` from a row."""
    return itemgetter(*(columns.index(name) for name in names))


class Transaction:
    """A transaction of a batch. Parameters of SQL are written `:name`. Subclasses implement the methods at the end."""

    dialect: str

    def __init__(self, *, together: bool = True) -> None:
        self._together = together  # False: write after each work, so that a refused row is attributed to its own work
        self._waiting: dict[Insertion, Appended] = {}
        self._order: list[Insertion] = []  # the order in which the buffered tables are written
        self._counters: dict[str, tuple[int, ...]] = {}
        self._own: list[tuple[Insertion, tuple[Any, ...]]] = []  # rows of the current work
        self._own_counters: dict[str, tuple[int, ...]] = {}
        self._in_savepoint = False
        self._conflict: Exception | None = None
        self.erases = False

    # --- for works ---

    def mark_erasure(self) -> None:
        """Note that personal data are deleted, so that the writer removes earlier copies from SQLite's log."""
        self.erases = True

    async def rows(self, sql: str, **values: Any) -> Sequence[Row]:
        if self._needs_flush(sql):
            await self._flush()
        try:
            return await self._fetch(sql, values)
        except Exception as error:
            raise self._as_conflict(error) from error

    async def row(self, sql: str, **values: Any) -> Row | None:
        rows = await self.rows(sql, **values)
        return rows[0] if rows else None

    async def row_at_once(self, sql: str, **values: Any) -> Row | None:
        """The same as `row`, so that a transaction can be passed in place of a Database."""
        return await self.row(sql, **values)

    async def run(self, sql: str, **values: Any) -> int:
        """Run a statement; return the number of changed rows."""
        await self._flush()
        return await self._execute(sql, values)

    async def run_many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Run a statement for each row; its values are in the order in which the parameters first appear."""
        await self._flush()
        numbered, _ = number_parameters(sql)
        await self._append_many(numbered if self.dialect == "postgresql" else numbered.replace("$", "?"), rows)

    async def insert(self, table: str, /, **values: Any) -> None:
        """Append a row. If it violates a constraint, `Database.write` raises, after the work has ended.

        A row has to be appended after those it refers to.
        """
        self._own.append((self._insertion(table, tuple(values), False), tuple(values.values())))

    async def insert_unless_there(self, table: str, /, **values: Any) -> None:
        """Append a row unless that would violate a unique constraint."""
        self._own.append((self._insertion(table, tuple(values), True), tuple(values.values())))

    async def insert_first(self, table: str, unique: str, /, **values: Any) -> bool:
        """Append a row; False if a row with the same value in the column `unique` exists."""
        if self._together:
            if await self.matching(table, **{unique: values[unique]}):
                return False
            await self.insert(table, **values)
            return True
        insertion = self._insertion(table, tuple(values), True)  # another process may insert the same
        await self._flush()
        return bool(await self._append(insertion, tuple(values.values())))

    async def matching(self, table: str, /, **equal: Any) -> list[Mapping[str, Any]]:
        """Find rows by equality of some columns. Includes buffered rows, which have the inserted columns only."""
        names = tuple(equal)
        try:
            matches: list[Mapping[str, Any]] = [dict(row) for row in await self._fetch(_selection(table, names), equal)]
        except Exception as error:
            raise self._as_conflict(error) from error
        wanted = next(iter(equal.values())) if len(names) == 1 else tuple(equal.values())
        for insertion, waiting in self._waiting.items():
            if insertion.table == table:
                matches += (dict(zip(insertion.columns, row, strict=True)) for row in waiting.matching(names, wanted))
        for insertion, row in self._own:
            if insertion.table == table and key(insertion.columns, names)(row) == wanted:
                matches.append(dict(zip(insertion.columns, row, strict=True)))
        return matches

    async def advance(self, site_id: str, problems: int, events: int) -> tuple[int, ...]:
        """Advance a site's counters (COUNTERS) and return them.

        They are locked until the commit, so that positions are in the order of commits, and written once a batch.
        """
        counters = self._own_counters.get(site_id) or self._counters.get(site_id)
        if counters is None:
            lock = " FOR UPDATE" if self.dialect == "postgresql" else ""
            row = await self.row(
                f"SELECT {', '.join(COUNTERS)} FROM site_counters WHERE site_id = :site_id{lock}", site_id=site_id
            )
            assert row is not None, "a site without its counter"
            counters = (row["number"], row["position"], row["version"])
        number, position, version = counters
        self._own_counters[site_id] = counters = (number + problems, position + events, version + 1)
        return counters

    # --- for the writer ---

    async def run_work(self, work: Callable[[Transaction], Awaitable[Result]]) -> Result | Exception:
        """Run a work; return its result, or the exception it raised, after undoing its changes.

        Raises if the transaction is lost, or BatchConflict.
        """
        self._own, self._own_counters, self._in_savepoint = [], {}, False
        try:
            if not self._together:
                await self._flush()
            outcome: Result | Exception = await self._call(work)
            if not self._together:
                await self._write_own()
        except Exception as error:
            if self._is_lost(error):
                raise
            outcome, self._own, self._own_counters = error, [], {}
            if self._in_savepoint and self._conflict is None:
                await self._command("ROLLBACK TO SAVEPOINT work")
        if self._conflict is not None:
            raise self._conflict
        if self._in_savepoint:
            await self._command("RELEASE SAVEPOINT work")
        await self._buffer_own()
        return outcome

    async def finish(self) -> None:
        """Write all buffered rows. Raises BatchConflict."""
        waiting = [self._waiting[insertion] for insertion in self._order]
        counters = [(*values, site_id) for site_id, values in self._counters.items()]
        self._waiting, self._order, self._counters = {}, [], {}
        try:
            for appended in waiting:
                await self._append_many(appended.insertion.sql, appended.rows)
            if counters:
                await self._append_many(self._counter_update(), counters)
        except Exception as error:
            if self._is_lost(error):
                raise
            self._conflict = BatchConflict()
            raise self._conflict from error

    async def _buffer_own(self) -> None:
        """Add the rows of the current work to the buffer, each table's rows together, parents before children."""
        place = 0
        for insertion, row in self._own:
            appended = self._waiting.get(insertion)
            if appended is not None:
                index = self._order.index(insertion)
                if index + 1 < place:  # this work refers to tables in another order
                    await self.finish()
                    appended, place = None, 0
                else:
                    place = index + 1
            if appended is None:
                appended = self._waiting[insertion] = Appended(insertion)
                self._order.insert(place, insertion)
                place += 1
            appended.add(row)
        self._counters.update(self._own_counters)

    async def _flush(self) -> None:
        """Write buffered rows and set a savepoint, before a statement that reads them or that changes the database."""
        if not self._in_savepoint:
            await self.finish()
            await self._command("SAVEPOINT work")
            self._in_savepoint = True
        await self._write_own()

    async def _write_own(self) -> None:
        own, counters = self._own, self._own_counters
        self._own, self._own_counters = [], {}
        for insertion, row in own:
            await self._append(insertion, row)
        if counters:
            await self._append_many(
                self._counter_update(), [(*values, site_id) for site_id, values in counters.items()]
            )

    def _needs_flush(self, sql: str) -> bool:
        """Whether a statement changes something, or reads a table with buffered rows."""
        names = _words(sql)
        return names is None or any(table in names for table in self._tables())

    def _tables(self) -> Iterator[str]:
        yield from (insertion.table for insertion in self._waiting)
        yield from (insertion.table for insertion, _ in self._own)
        if self._counters or self._own_counters:
            yield "site_counters"

    def _as_conflict(self, error: Exception) -> Exception:
        """Return the error to raise: outside of a savepoint, a failed statement may have aborted the transaction."""
        if self._in_savepoint or self._is_lost(error):
            return error
        self._conflict = BatchConflict()
        return self._conflict

    def _insertion(self, table: str, columns: tuple[str, ...], unless_there: bool) -> Insertion:
        return _insertion(self.dialect, table, columns, unless_there)

    def _counter_update(self) -> str:
        place = _places(self.dialect)
        assignments = ", ".join(f"{name} = {place(number)}" for number, name in enumerate(COUNTERS, 1))
        return f"UPDATE site_counters SET {assignments} WHERE site_id = {place(len(COUNTERS) + 1)}"

    # --- for each database ---

    async def _call(self, work: Callable[[Transaction], Awaitable[Result]]) -> Result:
        raise NotImplementedError

    async def _fetch(self, sql: str, values: Values) -> Sequence[Row]:
        raise NotImplementedError

    async def _execute(self, sql: str, values: Values) -> int:
        raise NotImplementedError

    async def _command(self, sql: str) -> None:
        raise NotImplementedError

    async def _append(self, insertion: Insertion, row: tuple[Any, ...]) -> int:
        raise NotImplementedError

    async def _append_many(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        raise NotImplementedError

    def _is_lost(self, error: Exception) -> bool:
        """Whether the transaction itself is lost or has to be abandoned."""
        raise NotImplementedError


def _places(dialect: str) -> Callable[[int], str]:
    return "${}".format if dialect == "postgresql" else "?{}".format


@lru_cache(maxsize=512)
def _insertion(dialect: str, table: str, columns: tuple[str, ...], unless_there: bool) -> Insertion:
    places = ", ".join(map(_places(dialect), range(1, len(columns) + 1)))
    conflict = " ON CONFLICT DO NOTHING" if unless_there else ""
    return Insertion(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places}){conflict}", table, columns)


@lru_cache(maxsize=2048)
def _words(sql: str) -> frozenset[str] | None:
    """Return the words of a SELECT statement, which include its tables; None for any other statement."""
    return frozenset(_WORD.findall(sql)) if sql.lstrip().startswith("SELECT ") else None


@lru_cache(maxsize=512)
def _selection(table: str, columns: tuple[str, ...]) -> str:
    return f"SELECT * FROM {table} WHERE {' AND '.join(f'{name} = :{name}' for name in columns)}"
