"""Check whether the database's schema is this release's, and create or migrate it if that is safe."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from widget_api.database import Database, engine_url, sqlite_path
from widget_api.settings import Settings, SettingsError

if TYPE_CHECKING:
    from sqlalchemy import Connection


_MIGRATION = re.compile(r"(\d{4})_(?:version_(\d+_\d+_\d+)|\w+)\.py")

# Between 1.0.0 and 1.1.0 each change had a migration. The last one left the schema of 1.1.0: a database of its commit
# goes on, and that commit carries over those of the ones before. To be removed once the migration of 1.1.0 grows.
BETWEEN_RELEASES = {f"{number:04}" for number in range(7, 64)}
LAST_BETWEEN_RELEASES, ITS_COMMIT = "0063", "1f8c2cce"


class SchemaBehind(Exception):
    """There is no database, or its schema is not this release's. The message is one line that says what to do."""


def list_revisions() -> list[str]:
    """Return the revisions in order, by the names of the files: numbers up to 1.0.0, since then a version each."""
    files = (resources.files("widget_api") / "migrations" / "versions").iterdir()
    found = filter(None, (_MIGRATION.fullmatch(file.name) for file in files))
    return [version.replace("_", ".") or number for number, version in sorted(match.groups("") for match in found)]


def latest_revision() -> str:
    """Return the revision of this release."""
    return list_revisions()[-1]


def require_known(present: str) -> None:
    """Raise SchemaBehind if this release has no way from that revision to its own."""
    if present == LAST_BETWEEN_RELEASES or present in list_revisions():
        return
    if present in BETWEEN_RELEASES:
        raise SchemaBehind(
            f"the database's schema ({present}) is of a commit between 1.0.0 and 1.1.0: "
            f"run widget-api migrate of commit {ITS_COMMIT}, then this release's"
        )
    raise SchemaBehind(
        f"the database's schema ({present}) is newer than this release's ({latest_revision()}): update the service"
    )


async def current_revision(database: Database) -> str | None:
    """Return the schema's revision, or None if there is no schema yet."""
    catalogue = (
        "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
        if database.dialect == "sqlite"
        else "SELECT 1 FROM pg_tables WHERE tablename = 'alembic_version' AND schemaname = ANY(current_schemas(FALSE))"
    )
    if not await database.row(catalogue):
        return None
    row = await database.row("SELECT version_num FROM alembic_version")
    return None if row is None else str(row[0])


async def _connect(settings: Settings) -> Database:
    database = Database(settings.database_url, readers=1)
    try:
        await database.connect()
    except Exception as error:  # each driver has errors of its own
        raise SettingsError(f"WIDGET_DATABASE_URL: the database cannot be reached: {error}") from error
    return database


async def ensure_schema(settings: Settings, *, create: bool = False) -> None:
    """Check that the database has this release's schema, and migrate it if no data can be lost.

    Without `create` the database has to exist. A command run in the wrong folder with a relative path would otherwise
    create an empty database, and report that there is nothing to list, to back up or to erase.
    A production database of an older release is not migrated: the operator makes a backup first and runs `migrate`.
    Raises SchemaBehind, and SettingsError if the database cannot be reached.
    """
    if not create:
        require_file(settings)
    database = await _connect(settings)
    try:
        present = await current_revision(database)
    finally:
        await database.disconnect()
    wanted = latest_revision()
    if present == wanted:
        return
    if present is None and not create:
        raise SchemaBehind("the database has no tables yet: widget-api migrate makes them")
    if present is not None:
        require_known(present)
    if present is not None and settings.production:
        raise SchemaBehind(
            f"the database's schema ({present}) is older than this release's ({wanted}): "
            "make a backup with the release before, then run widget-api migrate"
        )
    await migrate_schema(settings)


def require_file(settings: Settings) -> None:
    """Raise SchemaBehind if the file of a SQLite database does not exist: connecting would create it."""
    if settings.database_url.startswith("sqlite"):
        path = sqlite_path(settings.database_url)
        if not path.exists():
            raise SchemaBehind(f"there is no database at {path.resolve()}; widget-api migrate makes one")


async def migrate_schema(settings: Settings) -> None:
    """Migrate the database. Raises SchemaBehind, and SettingsError if it cannot be reached."""
    await (await _connect(settings)).disconnect()
    await migrate(settings.database_url)


async def migrate(database_url: str) -> None:
    """Apply the missing migrations. Processes that start at the same time wait for each other."""
    from sqlalchemy import event
    from sqlalchemy.ext.asyncio import create_async_engine

    from widget_api.problems.projections import rebuild

    if database_url.startswith("sqlite"):
        sqlite_path(database_url).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(engine_url(database_url))
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine.sync_engine, "connect")
        def manual(dbapi_connection: object, record: object) -> None:
            dbapi_connection.isolation_level = None  # type: ignore[attr-defined]  # the driver's own BEGIN is deferred

        @event.listens_for(engine.sync_engine, "begin")
        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()
    await rebuild.ensure(database_url)


def _upgrade(connection: Connection) -> None:
    from alembic import command  # takes half a second to import
    from alembic.config import Config
    from alembic.migration import MigrationContext

    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(5250)")
    present = MigrationContext.configure(connection).get_current_revision()
    if present is not None:
        require_known(present)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    if present == LAST_BETWEEN_RELEASES:
        command.stamp(config, "1.1.0", purge=True)  # whose schema it has; its own revision is in no file any more
    command.upgrade(config, "head")
