"""Read and write whole tables through the driver, for backups, restores and sample data. Not for requests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table, TableClause, event, select, text

from widget_api.database import engine_url

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

CHUNK = 5000  # rows
BUSY_TIMEOUT = 60  # seconds to wait for a lock, since the service keeps writing


class Bulk:
    """One transaction. Rows are sequences of values in the order of their columns."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self.dialect = connection.dialect.name

    async def read(self, table: Table) -> AsyncIterator[list[tuple[Any, ...]]]:
        """Yield a whole table in parts, in the order of its primary key, with Python types (True, not 1)."""
        result = await self._connection.stream(select(table).order_by(*table.primary_key.columns))
        async for rows in result.partitions(CHUNK):
            yield [tuple(row) for row in rows]

    async def insert(self, table: TableClause, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Insert many rows in one call of the driver."""
        if not rows:
            return
        await self._connection.execute(text("SELECT 1"))  # begins the transaction; a call of the driver does not
        raw: Any = (await self._connection.get_raw_connection()).driver_connection
        if self.dialect == "postgresql":
            await raw.copy_records_to_table(table.name, records=rows, columns=list(columns))
            return
        marks = ", ".join("?" for _ in columns)
        await raw.executemany(f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})", rows)

    async def run(self, sql: str, **values: Any) -> int:
        return int((await self._connection.execute(text(sql), values)).rowcount)

    async def rows(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        result = await self._connection.execute(text(sql), values)
        return [dict(row) for row in result.mappings()]

    async def tuples(self, sql: str, **values: Any) -> Sequence[Any]:
        """Return rows with access by position only."""
        return (await self._connection.execute(text(sql), values)).all()


@asynccontextmanager
async def open_reader(database_url: str) -> AsyncIterator[Bulk]:
    """Open a transaction that reads one snapshot, however long it takes."""
    async with _connection(database_url, begin="BEGIN", isolation="REPEATABLE READ") as connection:
        yield Bulk(connection)


@asynccontextmanager
async def open_writer(database_url: str) -> AsyncIterator[Bulk]:
    """Open a transaction that is committed at the end, or rolled back by an exception."""
    async with _connection(database_url, begin="BEGIN IMMEDIATE", isolation="READ COMMITTED") as connection:
        yield Bulk(connection)


@asynccontextmanager
async def _connection(database_url: str, *, begin: str, isolation: str) -> AsyncIterator[AsyncConnection]:
    from sqlalchemy.ext.asyncio import create_async_engine  # 7 MB of memory that the serving process does not need

    if database_url.startswith("sqlite"):
        engine = create_async_engine(engine_url(database_url), connect_args={"timeout": BUSY_TIMEOUT})

        @event.listens_for(engine.sync_engine, "connect")
        def disable_driver_transactions(connection: Any, record: object) -> None:
            connection.isolation_level = None  # the driver's own BEGIN is deferred

        @event.listens_for(engine.sync_engine, "begin")
        def begin_transaction(connection: Any) -> None:
            connection.exec_driver_sql(begin)
    else:
        engine = create_async_engine(engine_url(database_url), isolation_level=isolation)
    try:
        async with engine.begin() as connection:
            yield connection
    finally:
        await engine.dispose()
