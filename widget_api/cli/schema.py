"""Whether the database's schema is this release's, and what to do when it is not."""

from __future__ import annotations

from importlib import resources

from widget_api.database import Database, sqlite_path
from widget_api.settings import Settings, SettingsError


class SchemaBehind(Exception):
    """A production database needs `migrate`, or was written by a newer release. The message is one line."""


def newest() -> str:
    """The revision this release works with: the files of migrations/versions begin with theirs, in order."""
    files = (resources.files("widget_api") / "migrations" / "versions").iterdir()
    return max(file.name.partition("_")[0] for file in files if file.name.endswith(".py") and file.name[0].isdigit())


async def revision(database: Database) -> str | None:
    """The schema's revision; None where there is no schema yet."""
    catalogue = (
        "SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'"
        if database.dialect == "sqlite"
        else "SELECT 1 FROM pg_tables WHERE tablename = 'alembic_version' AND schemaname = ANY(current_schemas(FALSE))"
    )
    if not await database.row(catalogue):
        return None
    row = await database.row("SELECT version_num FROM alembic_version")
    return None if row is None else str(row[0])


async def _connected(settings: Settings) -> Database:
    database = Database(settings.database_url, readers=1)
    try:
        await database.connect()
    except Exception as error:  # each driver has errors of its own
        raise SettingsError(f"WIDGET_DATABASE_URL: the database cannot be reached: {error}") from error
    return database


async def ensure(settings: Settings, *, begin: bool = True) -> None:
    """Bring the schema to this release's, except where a production database holds data.

    There an operator makes a backup first and runs `widget-api migrate`; an empty database has nothing to lose.
    Without `begin` a file that is not there is none of production's: the address may be relative, and the command run
    from another folder. It would back up or forget nothing, and say that all is well.
    Raises SchemaBehind, SettingsError (nobody answers there).
    """
    if not begin and settings.production and settings.database_url.startswith("sqlite"):
        path = sqlite_path(settings.database_url)
        if not path.exists():
            raise SettingsError(
                f"WIDGET_DATABASE_URL: there is no {path.resolve()}; widget-api migrate makes a new one"
            )
    database = await _connected(settings)
    try:
        present = await revision(database)
    finally:
        await database.disconnect()
    wanted = newest()
    if present == wanted:
        return
    if present is not None and present > wanted:
        raise SchemaBehind(
            f"the database's schema ({present}) is newer than this release's ({wanted}): update the service"
        )
    if present is not None and settings.production:
        raise SchemaBehind(
            f"the database's schema ({present}) is older than this release's ({wanted}): "
            "make a backup with the release before, then run widget-api migrate"
        )
    await carry(settings)


async def carry(settings: Settings) -> None:
    """Migrate. Raises SettingsError where nobody answers."""
    from widget_api.migrate import migrate  # Alembic takes half a second to import

    await (await _connected(settings)).disconnect()
    await migrate(settings.database_url)
