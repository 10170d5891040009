"""Migrate the schema to this release's, for `widget-api migrate` and for every start outside production."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event
from sqlalchemy.ext.asyncio import create_async_engine

from widget_api.database import engine_url, sqlite_path


def configuration() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


async def migrate(database_url: str) -> None:
    """Apply the missing migrations. Processes that start at the same time wait for each other."""
    await _with_connection(database_url, lambda config: command.upgrade(config, "head"))
    from widget_api.problems.projections import rebuild  # requires the migrated schema

    await rebuild.ensure(database_url)


async def _with_connection(database_url: str, action: object) -> None:
    if database_url.startswith("sqlite"):
        sqlite_path(database_url).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(engine_url(database_url))

    def run(connection: Connection) -> None:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(5250)")
        config = configuration()
        config.attributes["connection"] = connection
        action(config)  # type: ignore[operator]

    if engine.dialect.name == "sqlite":

        @event.listens_for(engine.sync_engine, "connect")
        def manual(dbapi_connection: object, record: object) -> None:
            dbapi_connection.isolation_level = None  # type: ignore[attr-defined]  # the driver's own BEGIN is deferred

        @event.listens_for(engine.sync_engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        async with engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()
