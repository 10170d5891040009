"""One connection, held open through the library and spoken to directly: five times faster than through it."""

from __future__ import annotations

import asyncio
import logging
import re
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, cast

import databases

from widget_api.database import word_forms

BUSY_TIMEOUT = 30.0  # seconds a statement waits for another process's transaction (SQLite)
_log = logging.getLogger(__name__)
_NAME = re.compile(r"(?<![:\w]):([a-z_][a-z0-9_]*)")
# asyncpg's names; the last is what it raises where it has lost track of a connection that was cut in the middle.
_LOST = frozenset(
    {
        "ConnectionDoesNotExistError",
        "InterfaceError",
        "AdminShutdownError",
        "CannotConnectNowError",
        "InternalClientError",
    }
)


class Row(Protocol):
    """What both databases hand back: values by position and by column name; dict(row) works."""

    def __getitem__(self, key: str | int | slice) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...
    def keys(self) -> Any: ...


@lru_cache(maxsize=2048)
def number_parameters(sql: str) -> tuple[str, tuple[str, ...]]:
    """`:name` → `$1` for PostgreSQL, and the names in the order of their numbers. Literals hold no colons here."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return _NAME.sub(number, sql), tuple(names)


class SqliteConnection(sqlite3.Connection):
    """Sets what each connection needs, since SQLite forgets most pragmas with the connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row_factory = sqlite3.Row
        self.create_function("casefold", 1, str.casefold, deterministic=True)  # SQLite's lower() knows ASCII only
        self.create_function("says", 2, word_forms.contains, deterministic=True)
        for setting in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "secure_delete=ON",  # what is deleted is overwritten; by default so on Debian, elsewhere not
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-4096",
        ):
            self.execute(f"PRAGMA {setting}")


class SqliteReader:
    """A connection of the event loop's own thread: a short question takes less than handing it to another thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> None:
        # No timeout: rather than make everybody wait, the event loop does without an answer.
        self._connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        for setting in ("query_only=ON", "temp_store=MEMORY", "cache_size=-4096"):
            self._connection.execute(f"PRAGMA {setting}")

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, values: Mapping[str, Any]) -> Sequence[Row]:
        """Raises OperationalError where an answer would mean waiting."""
        return self._connection.execute(sql, values).fetchall()


class PersistentConnection:
    """A reader of either database, or PostgreSQL's writer."""

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.dialect = "sqlite" if url.startswith("sqlite") else "postgresql"
        self._url = url
        self._read_only = read_only

    async def open(self) -> None:
        if self.dialect == "sqlite":
            self._library = databases.Database(self._url, factory=SqliteConnection, timeout=BUSY_TIMEOUT)
        else:
            self._library = databases.Database(self._url, min_size=1, max_size=1, command_timeout=60)
        await self._library.connect()
        self._connection = self._library.connection()
        await self._connection.__aenter__()
        self.raw: Any = self._connection.raw_connection
        if self.dialect == "postgresql":
            # What is asked here takes a few milliseconds: compiling it, or starting processes to share it, takes more.
            await self.raw.execute("SET jit = off; SET max_parallel_workers_per_gather = 0")
        elif self._read_only:
            # Long reads seldom meet a page again, and the system keeps the file's: caches here would only be memory.
            for setting in ("query_only=ON", "cache_size=-1024"):
                await self.raw.execute_fetchall(f"PRAGMA {setting}")

    async def close(self) -> None:
        """A connection that was lost without our noticing is closed as well: an orderly end must not fail on it."""
        try:
            await self._connection.__aexit__()
        except Exception as error:  # the driver has a name for each moment at which a server can be gone
            _log.warning("a connection was broken before it was closed: %s", error)
        finally:
            await self._library.disconnect()

    async def reopen(self) -> None:
        try:
            await asyncio.wait_for(self.close(), 5)
        except Exception as error:
            _log.warning("closing a broken connection failed: %s", error)
        await self.open()

    async def fetch(self, sql: str, values: Mapping[str, Any]) -> Sequence[Row]:
        if self.dialect == "sqlite":
            return cast(Sequence[Row], await self.raw.execute_fetchall(sql, values))
        text, names = number_parameters(sql)
        return cast(Sequence[Row], await self.raw.fetch(text, *[values[name] for name in names]))

    async def command(self, sql: str, values: Mapping[str, Any] | None = None) -> int:
        """PostgreSQL: run a statement; the number of rows it changed."""
        text, names = number_parameters(sql)
        status = await self.raw.execute(text, *[(values or {})[name] for name in names])
        last = status.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0


def is_lost(error: BaseException) -> bool:
    """Whether the connection itself is broken (PostgreSQL restarted, network gone)."""
    closed = isinstance(error, ValueError) and "closed" in str(error)
    return closed or isinstance(error, (OSError, EOFError)) or type(error).__name__ in _LOST


def sqlite_path(url: str) -> Path:
    """sqlite:///./data/widget.db → data/widget.db; four slashes begin an absolute path."""
    return Path(url.removeprefix("sqlite:///").partition("?")[0])


def engine_url(url: str) -> str:
    """The same database in SQLAlchemy's words."""
    scheme, rest = url.split("://", 1)
    return f"{'sqlite+aiosqlite' if scheme == 'sqlite' else 'postgresql+asyncpg'}://{rest}"
