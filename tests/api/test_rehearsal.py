"""Regular backups: which are kept, where they are copied to, whether they can be restored, and what the doctor says."""

from __future__ import annotations

import asyncio
import os
import signal
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import time_machine

from tests.conftest import ONE_DATABASE
from tests.factories import existing, make_site, real_time, submit_report
from tests.support.processes import CommandFailed, attempt, run_command
from tests.support.s3 import S3
from widget_api import clock
from widget_api.attachments.bucket import Bucket
from widget_api.database import Database
from widget_api.database.bulk import open_reader, open_writer
from widget_api.ops import backup, backup_records, rehearsal, schema
from widget_api.ops.rehearsal import RehearsalFailed
from widget_api.settings import Settings, SettingsError, load

Cli = Callable[..., Any]
REVISION = schema.latest_revision()
OLD = [f"widget-2026-01-0{day}T043000Z.zip" for day in (1, 2, 3)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path: Path, cli: Cli) -> Path:
    """A folder with three old backups and a file of another kind, of a service that has an agency."""
    made = tmp_path / "backups"
    made.mkdir()
    for name in (*OLD, "notes.txt"):
        (made / name).touch()
    cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")
    return made


@ONE_DATABASE
def test_the_oldest_backups_are_deleted_after_a_new_one_is_complete(
    cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(backup, "_write_media", full_disk)
        with pytest.raises(CommandFailed, match="disk"):
            cli("backup", "--keep", "2", backups=str(folder))
    assert names(folder) == ["notes.txt", *OLD]
    done = cli("backup", "--keep", "2", backups=str(folder))
    assert done["deleted"] == OLD[:2]
    assert names(folder) == ["notes.txt", OLD[2], Path(done["backup"]).name]
    with pytest.raises(CommandFailed, match="--keep"):
        cli("backup", str(folder / "one.zip"), "--keep", "2")


@ONE_DATABASE
def test_backups_are_copied_to_another_place(cli: Cli, folder: Path, tmp_path: Path, s3: S3) -> None:
    away = tmp_path / "away"
    with pytest.raises(CommandFailed, match="away"):  # not mounted
        cli("backup", backups=str(folder), backups_copy=away.as_uri())
    away.mkdir()
    (away / OLD[0]).touch()
    done = cli("backup", "--keep", "1", backups=str(folder), backups_copy=away.as_uri())
    assert names(away) == [Path(done["backup"]).name]
    assert (away / names(away)[0]).read_bytes() == Path(done["backup"]).read_bytes()
    bucket = s3.bucket()
    asyncio.run(Bucket(f"s3://{bucket}/town").put(OLD[0], b"an old one"))
    copied = cli("backup", str(folder), "--keep", "1", "--copy-to", f"s3://{bucket}/town")
    assert copied["copy"] == f"s3://{bucket}/town/{Path(copied['backup']).name}"
    assert s3.keys(bucket) == [f"town/{Path(copied['backup']).name}"]


async def test_a_rehearsal_notices_what_a_backup_lacks(database: Database, settings: Settings, tmp_path: Path) -> None:
    site = await make_site(database)
    await submit_report(database, site)
    media = existing(backup.media_folder(settings))
    media.mkdir(parents=True, exist_ok=True)
    (media / "photo.jpg").write_bytes(b"photo")
    written = await backup.write_backup(settings, tmp_path / "copy.zip", REVISION)
    done = await rehearsal.rehearse(settings, tmp_path / "copy.zip", REVISION)
    assert (done["tables"], done["media"]) == (written["tables"], 1)
    with zipfile.ZipFile(tmp_path / "copy.zip") as whole, zipfile.ZipFile(tmp_path / "poor.zip", "w") as poor:
        for name in whole.namelist():
            data = whole.read(name)
            if name == "tables/agencies.jsonl":
                data = data.partition(b"\n")[0] + b"\n"
            if name != "media/photo.jpg":
                poor.writestr(name, data)
    with pytest.raises(RehearsalFailed) as failed:
        await rehearsal.rehearse(settings, tmp_path / "poor.zip", REVISION)
    found = str(failed.value.values["differences"]).split("; ")
    assert "agencies: 1 recorded, 0 restored" in found
    assert "sites: rows refer to missing ones" in found
    assert found[-1] == "files: 1 recorded, 0 in the backup"
    assert (await database.rows("SELECT COUNT(*) AS number FROM agencies"))[0]["number"] == 1, "nothing is changed"


@pytest.mark.parametrize("dialect", ["postgresql"])
async def test_a_rehearsal_on_postgresql_empties_only_its_own_database(
    database: Database, settings: Settings, new_database: Callable[..., str], tmp_path: Path
) -> None:
    await make_site(database)
    await backup.write_backup(settings, tmp_path / "copy.zip", REVISION)
    scratch = replace(settings, rehearsal_url=new_database(migrated=False))
    for _ in range(2):  # the second finds what the first left
        assert (await rehearsal.rehearse(scratch, tmp_path / "copy.zip", REVISION))["tables"]["sites"] == 1
    assert scratch.rehearsal_url is not None
    async with open_reader(scratch.rehearsal_url) as bulk:
        tables = await bulk.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert [row["tablename"] for row in tables] == ["rehearsal"]
    with pytest.raises(RehearsalFailed, match="rehearsal_failed"):
        await rehearsal.rehearse(replace(settings, rehearsal_url=database.url), tmp_path / "copy.zip", REVISION)
    assert len(await database.rows("SELECT 1 FROM sites")) == 1
    for used in ("CREATE SCHEMA app CREATE TABLE rehearsal (v TEXT)", "CREATE MATERIALIZED VIEW v AS SELECT 1 AS one"):
        other = new_database(migrated=False)
        async with open_writer(other) as bulk:
            await bulk.run(used)
        with pytest.raises(RehearsalFailed, match="rehearsal_failed"):  # dropping «public» may take it along
            await rehearsal.rehearse(replace(settings, rehearsal_url=other), tmp_path / "copy.zip", REVISION)
    with pytest.raises(SettingsError, match="WIDGET_REHEARSAL_URL"):
        load(
            {"WIDGET_DATABASE_URL": "postgresql://a@db/widget", "WIDGET_REHEARSAL_URL": "postgresql://b@db:5432/widget"}
        )


@ONE_DATABASE
async def test_doctor_wants_recent_backups_and_rehearsals_in_production(database: Database, settings: Settings) -> None:
    production = replace(settings, environment="production")

    async def state(loaded: Settings = production) -> dict[str, bool]:
        return {one.name: one.ok for one in await backup_records.check_backups(database, loaded)}

    assert await state(settings) == {"backup": True, "rehearsal": True}
    assert await state(replace(production, backups_elsewhere=True)) == {"backup": True}
    assert await state() == {"backup": False, "rehearsal": False}
    for name in ("backup", "rehearsal"):
        async with backup_records.recorded(database, name) as outcome:
            outcome.append("widget.zip")
    assert await state() == {"backup": True, "rehearsal": True}
    with time_machine.travel(clock.now() + 2 * 86_400 + 1, tick=False):
        assert await state() == {"backup": False, "rehearsal": True}
    with pytest.raises(OSError, match="disk"):
        async with backup_records.recorded(database, "rehearsal"):
            raise OSError("the disk is full")
    said = [one.text("ru") for one in await backup_records.check_backups(database, production)]
    assert "с тех пор не удалась: OSError: the disk is full" in said[1]
    with time_machine.travel(clock.now() + 14 * 86_400 + 1, tick=False):
        assert await state() == {"backup": False, "rehearsal": False}


@ONE_DATABASE
def test_the_newest_backup_is_rehearsed_and_both_are_recorded(cli: Cli, folder: Path) -> None:
    cli("backup", backups=str(folder))
    done = cli("restore", "--rehearse", backups=str(folder))
    assert done["rehearsed"] == str(folder / names(folder)[-1])
    assert done["tables"]["agencies"] == 1
    checks = {one["name"]: one["detail"] for one in cli("doctor", backups=str(folder))["checks"]}
    assert checks["backup"].startswith("the last at 20")
    assert checks["rehearsal"].startswith("the last success at 20")
    with pytest.raises(CommandFailed, match="there is no backup"):
        cli("restore", "--rehearse", backups=str(folder / "empty"))
    with pytest.raises(CommandFailed, match="name the copy"):
        cli("restore", backups=str(folder))


ENDS_ITSELF = """
import asyncio, os, signal
from widget_api.ops import rehearsal

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup would have it ignored

async def migrate(url, migrate=rehearsal.migrate):
    await migrate(url)
    os.kill(os.getpid(), int(os.environ["ENDS_BY"]))
    await asyncio.sleep(60)

rehearsal.migrate = migrate
"""


@ONE_DATABASE
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=str)
def test_no_copy_of_the_data_is_left_by_a_rehearsal_that_is_ended(
    cli: Cli, settings: Settings, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: signal.Signals
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    cli("backup", backups=str(folder))
    given = {"WIDGET_DATABASE_URL": settings.database_url, "WIDGET_BACKUPS": str(folder), "ENDS_BY": str(int(by))}
    (tmp_path / "ends.py").write_text(ENDS_ITSELF)
    changes = (f"code={tmp_path / 'ends.py'}",)
    ended = attempt("restore", "--rehearse", settings=given, directory=tmp_path, changes=changes)
    assert ended.returncode == -by
    if by != signal.SIGKILL:
        assert list(scratch.iterdir()) == []
        return
    (left,) = scratch.iterdir()
    os.utime(left, (0, 0))
    (running := scratch / "widget-rehearsal-now").mkdir()
    now = real_time()  # the command's, neither the file system's nor the test's
    os.utime(running, (now, now))
    run_command("restore", "--rehearse", settings=given, directory=tmp_path)
    assert names(scratch) == ["widget-rehearsal-now"]
