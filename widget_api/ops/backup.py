"""Write and restore backups: one file with the tables as JSON lines and the photos, for SQLite and PostgreSQL alike.

A restored backup is older than the last erasures and the last assigned numbers. Therefore the erasures recorded in both
the backup and the database it replaces are kept and replayed (152-FZ, article 21), and no counter is set back.
"""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from widget_api import __version__, clock
from widget_api.database.bulk import CHUNK, Bulk, open_reader, open_writer
from widget_api.database.schema import metadata
from widget_api.errors import DomainError
from widget_api.files import write_whole
from widget_api.ops.backup_folder import name_backup
from widget_api.problems.projections import rebuild
from widget_api.settings import Settings

FORMAT = 1
MANIFEST = "manifest.json"
MEDIA = "media/"
# A restored cookie must not be valid after a later change of passwords, nor a link after its invitation was withdrawn.
# The others are rebuilt.
_EXCLUDED_TABLES = {
    "sessions",
    "unsent_forms",
    "invitations",
    "site_cells",
    "site_figures",
    "problem_items",
    "projections",
}
_JOURNAL = "journal"  # kept, so that restoring a backup does not remove the entries written since
# Table, key and time column of what may have been closed since the backup. Restoring must not reopen any of it.
_CLOSED = (
    ("users", "id", "disabled_at"),
    ("tokens", "id", "revoked_at"),
    ("consents", "id", "withdrawn_at"),
    ("commenters", "comment_id", "name_withdrawn_at"),
    ("contacts", "problem_id", "stopped_at"),
)
_COUNTERS = ("number", "position", "version", "settings")


class InvalidBackup(DomainError):
    """The file is not a backup, is damaged, or belongs to another schema."""

    code = "not_a_backup"


async def write_backup(settings: Settings, path: Path, revision: str) -> dict[str, Any]:
    """Write a consistent backup to `path`, readable by its owner only. The service may run meanwhile."""
    path, counts = name_backup(path), dict[str, int]()
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        async with open_reader(settings.database_url) as bulk:
            for name, table in list_tables().items():
                counts[name] = await _write_table(archive, bulk, table)
        manifest = {
            "format": FORMAT,
            "revision": revision,
            "release": __version__,
            "created_at": clock.rfc3339(clock.now()),
            "tables": counts,
            "media": _write_media(archive, settings),
        }
        archive.writestr(MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    return {"backup": str(path), **manifest}


def list_tables() -> dict[str, Any]:
    """Return the tables of a backup by name, each after those that it refers to."""
    return {str(table.name): table for table in metadata.sorted_tables if table.name not in _EXCLUDED_TABLES}


async def _write_table(archive: zipfile.ZipFile, bulk: Bulk, table: Any) -> int:
    count = 0
    with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as out:
        out.write(orjson.dumps([str(column.name) for column in table.columns]) + b"\n")
        async for rows in bulk.read(table):
            out.write(b"".join(orjson.dumps(row) + b"\n" for row in rows))
            count += len(rows)
    return count


def _write_media(archive: zipfile.ZipFile, settings: Settings) -> int | None:
    """Add the photos, if they are in a folder: a bucket has backups of its own."""
    folder = media_folder(settings)
    if folder is None:
        return None
    written = 0
    for path in sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):  # an unattached photo may be purged meanwhile
            archive.write(path, f"{MEDIA}{path.relative_to(folder).as_posix()}", zipfile.ZIP_STORED)
            written += 1
    return written


def media_folder(settings: Settings) -> Path | None:
    parts = urlsplit(settings.media_url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


async def restore_backup(settings: Settings, path: Path, revision: str) -> dict[str, Any]:
    """Replace all data by the backup, in one transaction. The caller replays the erasures afterwards.

    Raises InvalidBackup before anything is changed.
    """
    with open_archive(path) as archive:
        manifest = read_manifest(archive, revision)
        async with open_writer(settings.database_url) as bulk:
            await replace_tables(archive, bulk, clock.parse_rfc3339(manifest["created_at"]))
        media = _read_media(archive, settings)
    return {"restored": str(path), "created_at": manifest["created_at"], "tables": manifest["tables"], "media": media}


@contextlib.contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InvalidBackup(path=str(path), reason=str(error)) from None
    with archive:
        damaged = archive.testzip()
        if damaged:
            raise InvalidBackup(path=str(path), reason=f"{damaged} is damaged")
        yield archive


def read_manifest(archive: zipfile.ZipFile, revision: str) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = orjson.loads(archive.read(MANIFEST))
        known = manifest["format"] == FORMAT
    except (KeyError, TypeError, ValueError):
        raise InvalidBackup(reason="it has no manifest") from None
    if not known:
        raise InvalidBackup(reason=f"its format is {manifest['format']}")
    if manifest["revision"] != revision:
        raise InvalidBackup(
            reason=f"its schema is {manifest['revision']}, this release's {revision}:"
            f" restore it with release {manifest['release']}, then update"
        )
    return manifest


async def replace_tables(archive: zipfile.ZipFile, bulk: Bulk, made_at: int) -> None:
    if bulk.dialect == "postgresql":  # blocks writers; readers see the old state until the commit
        await bulk.run(f"LOCK TABLE {', '.join(table.name for table in metadata.sorted_tables)} IN EXCLUSIVE MODE")
    counters = await bulk.rows("SELECT * FROM site_counters")
    erasures = await bulk.rows("SELECT * FROM erasures")
    forgotten = await bulk.rows("SELECT * FROM forgotten")
    spent = await bulk.rows("SELECT * FROM spent WHERE expires_at > :now", now=clock.now())
    links = await bulk.rows("SELECT id, link_id FROM problems WHERE link_id IS NOT NULL")
    closed = [await bulk.rows(f"SELECT {key}, {at} FROM {name} WHERE {at} IS NOT NULL") for name, key, at in _CLOSED]
    passwords, factors = await _passwords_since(bulk, made_at), await _factors_since(bulk, made_at)
    codes = await bulk.rows("SELECT user_id, code_hash FROM recovery_codes")
    for table in reversed(metadata.sorted_tables):
        if table.name != _JOURNAL:
            await bulk.run(f"DELETE FROM {table.name}")
    for name, table in list_tables().items():
        for columns, rows in _read_chunks(archive, name):
            if name == _JOURNAL:
                await _keep_rows(bulk, _JOURNAL, "id", [dict(zip(columns, values, strict=True)) for values in rows])
            else:
                await bulk.insert(table, columns, rows)
    await _keep_rows(bulk, "erasures", "problem_id", erasures)
    await _keep_rows(bulk, "forgotten", "id", forgotten)
    await _keep_rows(bulk, "spent", "id", spent)
    await _advance_counters(bulk, counters)
    await _keep_links(bulk, links)
    for (name, key, at), closed_rows in zip(_CLOSED, closed, strict=True):
        for row in closed_rows:
            await bulk.run(f"UPDATE {name} SET {at} = COALESCE({at}, :{at}) WHERE {key} = :{key}", **row)
    await _keep_names_hidden(bulk)
    for row in passwords:
        await bulk.run("UPDATE users SET password_hash = :password_hash WHERE id = :id", **row)
    for row in factors:
        await bulk.run(
            "UPDATE users SET factor_secret = :factor_secret, factor_step = :factor_step WHERE id = :id", **row
        )
        await bulk.run("DELETE FROM recovery_codes WHERE user_id = :id", id=row["id"])
    known = {row["id"] for row in factors} & {row["id"] for row in await bulk.rows("SELECT id FROM users")}
    kept = [row for row in codes if row["user_id"] in known]
    await _keep_rows(bulk, "recovery_codes", "user_id, code_hash", kept)
    await rebuild.rebuild_all(bulk)


def _read_chunks(archive: zipfile.ZipFile, name: str) -> Iterator[tuple[list[str], list[list[Any]]]]:
    """Yield the columns of a table and chunks of its rows.

    Agencies are yielded in one chunk: they refer to each other, and foreign keys are checked at the end of a statement.
    """
    with archive.open(f"tables/{name}.jsonl") as lines:
        columns: list[str] = orjson.loads(lines.readline())
        rows: list[list[Any]] = []
        for line in lines:
            rows.append(orjson.loads(line))
            if len(rows) == CHUNK and name != "agencies":
                yield columns, rows
                rows = []
        yield columns, rows


async def _keep_rows(bulk: Bulk, table: str, key: str, rows: list[dict[str, Any]]) -> None:
    """Insert rows that the backup may lack and that have to survive."""
    for row in rows:
        columns = ", ".join(row)
        values = ", ".join(f":{name}" for name in row)
        await bulk.run(f"INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT ({key}) DO NOTHING", **row)


async def _keep_links(bulk: Bulk, links: list[dict[str, Any]]) -> None:
    """Keep private links that were replaced since the backup, so that the earlier ones stay invalid. Identifiers sort
    by time."""
    for row in links:
        await bulk.run(
            "UPDATE problems SET link_id = :link_id WHERE id = :id AND (link_id IS NULL OR link_id < :link_id)", **row
        )


async def _passwords_since(bulk: Bulk, made_at: int) -> list[dict[str, Any]]:
    """Return the passwords set since the backup. The old ones may be forgotten by their owners, or known to others."""
    return await bulk.rows(
        "SELECT id, password_hash FROM users WHERE id IN (SELECT subject FROM journal WHERE at >= :made_at"
        " AND kind IN ('password_changed', 'password_reset'))",
        made_at=made_at,
    )


async def _factors_since(bulk: Bulk, made_at: int) -> list[dict[str, Any]]:
    """Return the second factors set, removed or replaced by a recovery code since the backup: no code is good again."""
    return await bulk.rows(
        "SELECT id, factor_secret, factor_step FROM users WHERE id IN (SELECT subject FROM journal WHERE at >= :made_at"
        " AND kind IN ('factor_set', 'factor_removed', 'factor_reset', 'recovery_codes_made', 'recovery_code_used'))",
        made_at=made_at,
    )


async def _keep_names_hidden(bulk: Bulk) -> None:
    """Hide the names whose consent to publication was withdrawn (152-FZ, article 10.1)."""
    await bulk.run(
        "UPDATE contacts SET publish_name = FALSE WHERE problem_id IN"
        " (SELECT problem_id FROM consents WHERE purpose = 'publish_name' AND withdrawn_at IS NOT NULL)"
    )
    await bulk.run(
        "UPDATE comments SET publish_name = FALSE WHERE id IN"
        " (SELECT comment_id FROM commenters WHERE name_withdrawn_at IS NOT NULL)"
    )


async def _advance_counters(bulk: Bulk, counters: list[dict[str, Any]]) -> None:
    """Raise each counter to the greater of both values: numbers are known to residents, positions are the cursors of
    other systems, versions identify cached responses."""
    for row in counters:
        greater = ", ".join(f"{name} = CASE WHEN {name} < :{name} THEN :{name} ELSE {name} END" for name in _COUNTERS)
        await bulk.run(
            f"UPDATE site_counters SET {greater} WHERE site_id = :site_id",
            site_id=row["site_id"],
            **{name: row[name] for name in _COUNTERS},
        )
    await bulk.run("UPDATE site_counters SET version = version + 1, settings = settings + 1")


def _read_media(archive: zipfile.ZipFile, settings: Settings) -> int | None:
    folder = media_folder(settings)
    if folder is None:
        return None
    names = [name for name in archive.namelist() if name.startswith(MEDIA) and not name.endswith("/")]
    for name in names:
        target = (folder / name.removeprefix(MEDIA)).resolve()
        if not target.is_relative_to(folder.resolve()):
            raise InvalidBackup(reason=f"{name} leads out of the folder of photos")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(archive.read(name))
    return len(names)
