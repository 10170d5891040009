"""Keep a connection of `databases` open and call its driver directly, which is five times faster than the library."""

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
# Errors of asyncpg; it raises the last one for a connection that was cut in the middle of a message.
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
    """A row of either database: values by position and by column name; dict(row) works."""

    def __getitem__(self, key: str | int | slice) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...
    def keys(self) -> Any: ...


@lru_cache(maxsize=2048)
def number_parameters(sql: str) -> tuple[str, tuple[str, ...]]:
    """Replace `:name` by `$1` for PostgreSQL; return the SQL and the names in order. Literals must not have colons."""
    names: list[str] = []

    def number(match: re.Match[str]) -> str:
        if match[1] not in names:
            names.append(match[1])
        return f"${names.index(match[1]) + 1}"

    return _NAME.sub(number, sql), tuple(names)


class SqliteConnection(sqlite3.Connection):
    """A connection with the service's pragmas and functions, most of which SQLite does not store in the database."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row_factory = sqlite3.Row
        self.create_function("casefold", 1, str.casefold, deterministic=True)  # SQLite's lower() knows ASCII only
        self.create_function("says", 2, word_forms.contains, deterministic=True)
        for setting in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "secure_delete=ON",  # overwrite deleted content; the default on Debian, not elsewhere
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-4096",
        ):
            self.execute(f"PRAGMA {setting}")


class SqliteReader:
    """A connection used in the event loop's thread: a short query takes less time than handing it to another thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> None:
        # No timeout: the event loop must not block on a lock; callers use another reader instead.
        self._connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        for setting in ("query_only=ON", "temp_store=MEMORY", "cache_size=-4096"):
            self._connection.execute(f"PRAGMA {setting}")

    def close(self) -> None:
        self._connection.close()

    def rows(self, sql: str, values: Mapping[str, Any]) -> Sequence[Row]:
        """Run a query. Raises OperationalError if it would have to wait for a lock."""
        return self._connection.execute(sql, values).fetchall()


class PersistentConnection:
    """A reading connection to either database, or the writing one to PostgreSQL."""

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
            # The queries take a few milliseconds, less than compiling them or starting parallel workers.
            await self.raw.execute("SET jit = off; SET max_parallel_workers_per_gather = 0")
            if self._read_only:
                # From the sixth time on a statement would get a plan for any values, whose status, say, may be most of
                # a site or nothing; and reading by an index, from memory or a solid-state disk, is not four times as
                # dear as in order. Of a million reports «in work» takes 19 ms instead of 620.
                await self.raw.execute("SET plan_cache_mode = force_custom_plan; SET random_page_cost = 1.1")
        elif self._read_only:
            # Long reads seldom need a page twice, and the system caches the file: a large cache would waste memory.
            for setting in ("query_only=ON", "cache_size=-1024"):
                await self.raw.execute_fetchall(f"PRAGMA {setting}")

    async def close(self) -> None:
        """Close the connection. A broken one only causes a warning, since it must not prevent an orderly shutdown."""
        try:
            await self._connection.__aexit__()
        except Exception as error:  # the driver's error depends on the moment at which the server disappeared
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
        """Run a statement on PostgreSQL; return the number of changed rows."""
        text, names = number_parameters(sql)
        status = await self.raw.execute(text, *[(values or {})[name] for name in names])
        last = status.rsplit(" ", 1)[-1]
        return int(last) if last.isdigit() else 0


def is_lost(error: BaseException) -> bool:
    """Whether the connection itself is broken (PostgreSQL restarted, network gone)."""
    closed = isinstance(error, ValueError) and "closed" in str(error)
    return closed or isinstance(error, (OSError, EOFError)) or type(error).__name__ in _LOST


def sqlite_path(url: str) -> Path:
    """Return the file of a URL: sqlite:///./data/widget.db → data/widget.db. Four slashes begin an absolute path."""
    return Path(url.removeprefix("sqlite:///").partition("?")[0])


def engine_url(url: str) -> str:
    """Return SQLAlchemy's URL of the same database."""
    scheme, rest = url.split("://", 1)
    return f"{'sqlite+aiosqlite' if scheme == 'sqlite' else 'postgresql+asyncpg'}://{rest}"
