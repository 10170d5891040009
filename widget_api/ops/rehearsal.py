"""Rehearse a restore: put a backup into a scratch database and compare it with what was recorded when it was made.

A backup that cannot be restored is otherwise noticed on the day it is needed.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from widget_api import clock
from widget_api.database.bulk import Bulk, open_reader, open_writer
from widget_api.errors import DomainError
from widget_api.ops import backup
from widget_api.ops.backup_folder import ABANDONED
from widget_api.ops.schema import migrate
from widget_api.settings import Settings

_FOLDER = "widget-rehearsal-"  # how the names of temporary folders begin
_MARK = "rehearsal"  # a table that says that everything in a scratch database may be dropped


class RehearsalFailed(DomainError):
    """The restored backup differs from what was backed up, or the scratch database is in use."""

    code = "rehearsal_failed"


async def rehearse(settings: Settings, path: Path, revision: str) -> dict[str, Any]:
    """Restore a backup into the database of WIDGET_REHEARSAL_URL, else into a temporary file, and remove it again.

    Raises InvalidBackup, and RehearsalFailed with every difference.
    """
    with backup.open_archive(path) as archive:
        manifest = backup.read_manifest(archive, revision)
        async with _scratch_database(settings) as url:
            await migrate(url)
            async with open_writer(url) as bulk:
                await backup.replace_tables(archive, bulk, clock.parse_rfc3339(manifest["created_at"]))
            async with open_reader(url) as bulk:
                differences = [*await _compare_tables(bulk, manifest), *await _check_references(bulk)]
        differences += _compare_media(archive, manifest)
    if differences:
        raise RehearsalFailed(path=str(path), differences="; ".join(differences))
    return {"rehearsed": str(path), **{name: manifest[name] for name in ("created_at", "tables", "media")}}


@asynccontextmanager
async def _scratch_database(settings: Settings) -> AsyncIterator[str]:
    if settings.rehearsal_url is None:
        _delete_abandoned()
        with tempfile.TemporaryDirectory(prefix=_FOLDER) as folder:
            yield f"sqlite:///{folder}/widget.db"
        return
    await _empty(settings.rehearsal_url)
    try:
        yield settings.rehearsal_url
    finally:
        await _empty(settings.rehearsal_url)


def _delete_abandoned() -> None:
    """Delete what killed rehearsals of this user left: whole copies, with what was erased since."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        with contextlib.suppress(FileNotFoundError):  # another one ends now
            found = folder.lstat()
            if found.st_uid == os.getuid() and clock.now() - found.st_mtime > ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)


async def _empty(url: str) -> None:
    """Drop what an earlier rehearsal left. Raises RehearsalFailed if anything else is there."""
    async with open_writer(url) as bulk:
        found = await bulk.rows(
            "SELECT c.relname, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_')"
        )
        marked = any((row["relname"], row["nspname"]) == (_MARK, "public") for row in found)
        if any(row["nspname"] != "public" for row in found) or (found and not marked):
            raise RehearsalFailed(path="WIDGET_REHEARSAL_URL", differences="the database is not empty")
        for statement in ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public", f"CREATE TABLE {_MARK} ()"):
            await bulk.run(statement)


async def _compare_tables(bulk: Bulk, manifest: dict[str, Any]) -> list[str]:
    found = []
    for name in backup.list_tables():
        (row,) = await bulk.tuples(f"SELECT COUNT(*) FROM {name}")
        recorded = manifest["tables"].get(name)
        if row[0] != recorded:
            found.append(f"{name}: {recorded} recorded, {row[0]} restored")
    return found


async def _check_references(bulk: Bulk) -> list[str]:
    """Check SQLite's file and its foreign keys, which a bulk load does not check. PostgreSQL does both by itself."""
    if bulk.dialect != "sqlite":
        return []
    broken = {str(row[0]) for row in await bulk.tuples("PRAGMA foreign_key_check")}
    (row,) = await bulk.tuples("PRAGMA quick_check(1)")
    return [f"{name}: rows refer to missing ones" for name in sorted(broken)] + ([] if row[0] == "ok" else [row[0]])


def _compare_media(archive: zipfile.ZipFile, manifest: dict[str, Any]) -> list[str]:
    count = sum(name.startswith(backup.MEDIA) for name in archive.namelist())
    recorded = manifest["media"] or 0
    return [] if count == recorded else [f"files: {recorded} recorded, {count} in the backup"]
