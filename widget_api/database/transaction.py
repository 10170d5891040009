"""What a work is handed: statements of the batch's transaction, and rows that are appended to it.

What is appended waits in memory, together with that of the works before it, and is written a table at a time: many rows
by one statement cost a database half of what they cost one by one, and PostgreSQL one journey instead of one each.
Nobody sees the difference: a statement that could is preceded by all that waits
(docs/decisions/0030-rows-wait-for-the-end-of-a-batch.md).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar

from widget_api.database.connection import Row

Result = TypeVar("Result")
Values = Mapping[str, Any]
COUNTERS = ("number", "position", "version")
_WORD = re.compile(r"\w+")


class BatchConflict(Exception):
    """The rows of several works were refused together: nobody knows whose it was, so the batch is to be run again."""


class Insertion(NamedTuple):
    sql: str
    table: str
    columns: tuple[str, ...]


class Appended:
    """The rows that wait for one insertion; found by some of their columns as in the table itself."""

    def __init__(self, insertion: Insertion) -> None:
        self.insertion = insertion
        self.rows: list[tuple[Any, ...]] = []
        self._found_by: dict[tuple[str, ...], dict[Any, list[tuple[Any, ...]]]] = {}

    def add(self, row: tuple[Any, ...]) -> None:
        self.rows.append(row)
        for names, found in self._found_by.items():
            found.setdefault(self._key(names)(row), []).append(row)

    def matching(self, names: tuple[str, ...], values: Any) -> list[tuple[Any, ...]]:
        if names not in self._found_by:
            found = self._found_by[names] = {}
            for row in self.rows:
                found.setdefault(self._key(names)(row), []).append(row)
        return self._found_by[names].get(values, [])

    def _key(self, names: tuple[str, ...]) -> Callable[[tuple[Any, ...]], Any]:
        return key(self.insertion.columns, names)


@lru_cache(maxsize=512)
def key(columns: tuple[str, ...], names: tuple[str, ...]) -> Callable[[tuple[Any, ...]], Any]:
    """Those columns of a row."""
    return itemgetter(*(columns.index(name) for name in names))


class Transaction:
    """SQL names its parameters `:so`. A subclass speaks to its database through the methods at the end."""

    dialect: str

    def __init__(self, *, together: bool = True) -> None:
        self._together = together  # or each work for itself, so that what is refused is refused to its own
        self._waiting: dict[Insertion, Appended] = {}
        self._order: list[Insertion] = []  # of what waits: whom a work appended first stands first
        self._counted: dict[str, tuple[int, ...]] = {}
        self._own: list[tuple[Insertion, tuple[Any, ...]]] = []  # of the work under way
        self._own_counted: dict[str, tuple[int, ...]] = {}
        self._behind_savepoint = False
        self._spoilt: Exception | None = None
        self.erases = False

    # --- for works ---

    def mark_erasure(self) -> None:
        """Say that somebody's data are deleted, so that no earlier copy of them stays in the database's log."""
        self.erases = True

    async def rows(self, sql: str, **values: Any) -> Sequence[Row]:
        if self._concerned(sql):
            await self._settle()
        try:
            return await self._fetch(sql, values)
        except Exception as error:
            raise self._refused(error) from error

    async def row(self, sql: str, **values: Any) -> Row | None:
        rows = await self.rows(sql, **values)
        return rows[0] if rows else None

    async def row_at_once(self, sql: str, **values: Any) -> Row | None:
        """`row`, by the name a reader has for it: here nothing is worth another thread."""
        return await self.row(sql, **values)

    async def run(self, sql: str, **values: Any) -> int:
        """Returns the number of rows changed."""
        await self._settle()
        return await self._execute(sql, values)

    async def insert(self, table: str, /, **values: Any) -> None:
        """Append a row. A rule of the database that it breaks is told when the work has ended, by what `write` raises.

        Rows that refer to each other are appended in that order.
        """
        self._own.append((self._insertion(table, tuple(values), False), tuple(values.values())))

    async def insert_unless_there(self, table: str, /, **values: Any) -> None:
        """`insert`, or nothing at all where that would break a unique constraint."""
        self._own.append((self._insertion(table, tuple(values), True), tuple(values.values())))

    async def insert_first(self, table: str, unique: str, /, **values: Any) -> bool:
        """`insert`, or False where a row with this value of its column `unique` is there."""
        if self._together:
            if await self.matching(table, **{unique: values[unique]}):
                return False
            await self.insert(table, **values)
            return True
        insertion = self._insertion(table, tuple(values), True)  # another process may be about to
        await self._settle()
        return bool(await self._append(insertion, tuple(values.values())))

    async def matching(self, table: str, /, **equal: Any) -> list[Mapping[str, Any]]:
        """Rows of a table by equality of some columns. Those that wait are among them, with the columns they give."""
        names = tuple(equal)
        try:
            found: list[Mapping[str, Any]] = [dict(row) for row in await self._fetch(_selection(table, names), equal)]
        except Exception as error:
            raise self._refused(error) from error
        wanted = next(iter(equal.values())) if len(names) == 1 else tuple(equal.values())
        for insertion, waiting in self._waiting.items():
            if insertion.table == table:
                found += (dict(zip(insertion.columns, row, strict=True)) for row in waiting.matching(names, wanted))
        for insertion, row in self._own:
            if insertion.table == table and key(insertion.columns, names)(row) == wanted:
                found.append(dict(zip(insertion.columns, row, strict=True)))
        return found

    async def advance(self, site_id: str, problems: int, events: int) -> tuple[int, ...]:
        """Move a site's counters (COUNTERS) and return them. They are locked from here to the commit, so that the order
        of positions is the order of commits, and written once for all works of the batch."""
        counted = self._own_counted.get(site_id) or self._counted.get(site_id)
        if counted is None:
            lock = " FOR UPDATE" if self.dialect == "postgresql" else ""
            row = await self.row(
                f"SELECT {', '.join(COUNTERS)} FROM site_counters WHERE site_id = :site_id{lock}", site_id=site_id
            )
            assert row is not None, "a site without its counter"
            counted = (row["number"], row["position"], row["version"])
        number, position, version = counted
        self._own_counted[site_id] = counted = (number + problems, position + events, version + 1)
        return counted

    # --- for the writer ---

    async def carry_out(self, work: Callable[[Transaction], Awaitable[Result]]) -> Result | Exception:
        """What the work returns, or what it raised; then nothing of it remains. Raises where all is lost, or Spoilt."""
        self._own, self._own_counted, self._behind_savepoint = [], {}, False
        try:
            if not self._together:
                await self._settle()
            outcome: Result | Exception = await self._call(work)
            if not self._together:
                await self._write_own()
        except Exception as error:
            if self._is_lost(error):
                raise
            outcome, self._own, self._own_counted = error, [], {}
            if self._behind_savepoint and self._spoilt is None:
                await self._command("ROLLBACK TO SAVEPOINT work")
        if self._spoilt is not None:
            raise self._spoilt
        if self._behind_savepoint:
            await self._command("RELEASE SAVEPOINT work")
        await self._accept()
        return outcome

    async def finish(self) -> None:
        """Write all that waits. Raises Spoilt."""
        waiting = [self._waiting[insertion] for insertion in self._order]
        counted = [(*values, site_id) for site_id, values in self._counted.items()]
        self._waiting, self._order, self._counted = {}, [], {}
        try:
            for appended in waiting:
                await self._append_many(appended.insertion.sql, appended.rows)
            if counted:
                await self._append_many(self._counting(), counted)
        except Exception as error:
            if self._is_lost(error):
                raise
            self._spoilt = BatchConflict()
            raise self._spoilt from error

    async def _accept(self) -> None:
        """What the work appended waits with what others did, each table's rows together, parents before children."""
        place = 0
        for insertion, row in self._own:
            appended = self._waiting.get(insertion)
            if appended is not None:
                found = self._order.index(insertion)
                if found + 1 < place:  # this one refers the other way round
                    await self.finish()
                    appended, place = None, 0
                else:
                    place = found + 1
            if appended is None:
                appended = self._waiting[insertion] = Appended(insertion)
                self._order.insert(place, insertion)
                place += 1
            appended.add(row)
        self._counted.update(self._own_counted)

    async def _settle(self) -> None:
        """Before a statement that must see all, or that changes what cannot be taken back by forgetting it."""
        if not self._behind_savepoint:
            await self.finish()
            await self._command("SAVEPOINT work")
            self._behind_savepoint = True
        await self._write_own()

    async def _write_own(self) -> None:
        own, counted = self._own, self._own_counted
        self._own, self._own_counted = [], {}
        for insertion, row in own:
            await self._append(insertion, row)
        if counted:
            await self._append_many(self._counting(), [(*values, site_id) for site_id, values in counted.items()])

    def _concerned(self, sql: str) -> bool:
        """Whether a statement changes something, or looks at a table that rows wait for."""
        read = _words(sql)
        return read is None or any(table in read for table in self._tables())

    def _tables(self) -> Iterator[str]:
        yield from (insertion.table for insertion in self._waiting)
        yield from (insertion.table for insertion, _ in self._own)
        if self._counted or self._own_counted:
            yield "site_counters"

    def _refused(self, error: Exception) -> Exception:
        """A statement that failed outside of a savepoint may have taken the transaction along."""
        if self._behind_savepoint or self._is_lost(error):
            return error
        self._spoilt = BatchConflict()
        return self._spoilt

    def _insertion(self, table: str, columns: tuple[str, ...], unless_there: bool) -> Insertion:
        return _insertion(self.dialect, table, columns, unless_there)

    def _counting(self) -> str:
        place = _places(self.dialect)
        moved = ", ".join(f"{name} = {place(number)}" for number, name in enumerate(COUNTERS, 1))
        return f"UPDATE site_counters SET {moved} WHERE site_id = {place(len(COUNTERS) + 1)}"

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

    async def _append_many(self, sql: str, rows: list[tuple[Any, ...]]) -> None:
        raise NotImplementedError

    def _is_lost(self, error: Exception) -> bool:
        """Whether the transaction itself is gone or must go."""
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
    """Of a statement that only reads, names of tables among them; None of any other."""
    return frozenset(_WORD.findall(sql)) if sql.lstrip().startswith("SELECT ") else None


@lru_cache(maxsize=512)
def _selection(table: str, columns: tuple[str, ...]) -> str:
    return f"SELECT * FROM {table} WHERE {' AND '.join(f'{name} = :{name}' for name in columns)}"
