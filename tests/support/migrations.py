"""Run one step of a migration on a database that has it already, or the migrations up to an earlier version."""

import runpy
from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

import widget_api
from widget_api.database import engine_url

VERSIONS = Path(widget_api.__file__).parent / "migrations" / "versions"


async def run(database_url: str, name: str, step: str) -> None:
    """Call the function `step` of the migration `NNNN_<name>.py` in one transaction."""
    (path,) = VERSIONS.glob(f"????_{name}.py")
    function = runpy.run_path(str(path))[step]

    def call(connection: Connection) -> None:
        with Operations.context(MigrationContext.configure(connection)):
            function()

    await _in_transaction(database_url, call)


async def upgrade(database_url: str, revision: str) -> None:
    """Migrate a database to a release before the current one."""

    def call(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(VERSIONS.parent))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    await _in_transaction(database_url, call)


async def _in_transaction(database_url: str, call: Callable[[Connection], None]) -> None:
    engine = create_async_engine(engine_url(database_url))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(call)
    finally:
        await engine.dispose()
