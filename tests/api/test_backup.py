"""A restored backup has all data, on either database, and nobody whose data was erased since."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.factories import OPERATOR, existing, make_site, run_statement, submit_report
from tests.support.cabinet import PASSWORD
from widget_api import clock
from widget_api.comments import service as discussion
from widget_api.comments import store
from widget_api.comments.model import Comment
from widget_api.database import Database
from widget_api.database.schema import metadata
from widget_api.followers import service as following
from widget_api.journal import Repeats
from widget_api.open311 import service as georeport
from widget_api.ops import backup, retention, schema
from widget_api.ops.backup import InvalidBackup
from widget_api.ops.schema import migrate
from widget_api.people import accounts
from widget_api.people.accounts import add_user
from widget_api.people.sign_in import sign_in
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.problems.persons import Person
from widget_api.problems.store import contacts
from widget_api.settings import Settings
from widget_api.sites import changes, service, tickets
from widget_api.status_table import PUBLIC_STATUSES

REVISION = schema.latest_revision()
NEIGHBOUR = "neighbour@example.test"
# Rebuilt by a restore: counters that dropped to zero are not recreated.
COUNTED = {"site_cells": PUBLIC_STATUSES, "site_figures": ("count",), "projections": ()}
TABLES = [table.name for table in metadata.sorted_tables if table.name not in ("sessions", "site_counters")]


@pytest.fixture
def second_url(new_database: Callable[..., str]) -> str:
    """Another empty database of the same dialect."""
    return new_database()


@pytest.fixture
def foreign_url(dialect: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of the other dialect."""
    server = request.getfixturevalue("postgres") if dialect == "sqlite" else None
    url = server.database() if server else f"sqlite:///{tmp_path / 'moved.db'}"
    asyncio.run(migrate(url))
    yield url
    if server:
        server.drop(url)


def written_to(folder: Path) -> list[Path]:
    return list(folder.glob("widget-*.zip"))


async def content(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, with flags as booleans; of counters, only those that are not zero."""
    found = {}
    for table in metadata.sorted_tables:
        flags = {column.name for column in table.columns if column.type.python_type is bool}
        order = ", ".join(column.name for column in table.primary_key.columns)
        rows = await database.rows(f"SELECT * FROM {table.name} ORDER BY {order}")
        found[table.name] = [
            {name: bool(row[name]) if name in flags else row[name] for name in row.keys()}  # noqa: SIM118
            for row in rows
            if table.name not in COUNTED or any(row[name] for name in COUNTED[table.name])
        ]
    return found


async def lived_in(database: Database) -> tuple[Any, str]:
    """A site with a history: a tree of agencies, an answered report, and one in moderation."""
    parent = await service.add_agency(database, name="Администрация области", email="o@gorod.test")
    site = await make_site(
        database, agency={"parent_id": parent}, bbox=(38.5, 54.9, 39.1, 55.3), discussion="moderated"
    )
    above = await service.add_agency(database, name="Правительство", email="p@gorod.test")

    # The parent agency is newer, so it comes later in the backup.
    await run_statement(database, "UPDATE agencies SET parent_id = :above WHERE id = :id", above=above, id=parent)
    first = await submit_report(database, site)
    await submit_report(database, site, email=None)
    await lifecycle.change(database, OPERATOR, site.id, first.problem_id, Change(to="accepted"))
    await lifecycle.change(database, OPERATOR, site.id, first.problem_id, Change(to="answered", text="Сделано"))
    neighbour = Person(email=NEIGHBOUR, language="ru", consent_version="1", consent_hash="0", ip="203.0.113.7")
    await following.follow_problem(database, site.id, first.number, neighbour, None)
    await discussion.post_comment(database, site, first.number, Comment(name="Сосед", text="И у нас"), neighbour)
    (comment,) = await store.list_of_address(database, NEIGHBOUR)
    await discussion.confirm_comment(database, comment)
    await discussion.decide_comment(database, site.id, comment["id"], "published", None)
    return site, first.problem_id


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url, readers=1)
    await database.connect()
    yield database
    await database.disconnect()


async def test_a_backup_restores_everything_and_one_with_a_broken_row_nothing(
    database: Database, settings: Settings, second_url: str, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    await lived_in(database)
    await backup.write_backup(settings, tmp_path / "copy.zip", REVISION)
    async with opened(second_url) as empty:
        await backup.restore_backup(make_settings(database_url=empty.url), tmp_path / "copy.zip", REVISION)
        before, after = await content(database), await content(empty)
    assert before["events"], "an empty copy would equal anything"
    for name in TABLES:
        assert after[name] == before[name], name
    with zipfile.ZipFile(tmp_path / "copy.zip") as good, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            bad.writestr(name, data + b'["half a row"]\n' if name == "tables/events.jsonl" else data)
    before = await content(database)
    with pytest.raises(Exception, match=r".+"):
        await backup.restore_backup(settings, tmp_path / "bad.zip", REVISION)
    assert await content(database) == before


async def test_a_backup_can_be_restored_on_the_other_database(
    database: Database, settings: Settings, foreign_url: str, make_settings: Callable[..., Settings], tmp_path: Path
) -> None:
    await lived_in(database)
    await backup.write_backup(settings, tmp_path / "copy.zip", REVISION)
    async with opened(foreign_url) as other:
        await backup.restore_backup(make_settings(database_url=foreign_url), tmp_path / "copy.zip", REVISION)
        before, after = await content(database), await content(other)
        assert {name: after[name] for name in TABLES} == {name: before[name] for name in TABLES}
        site = (await service.list_sites(other))[0]
        assert (await submit_report(other, site)).number == 3, "the copy can be worked on"


async def test_people_erased_since_do_not_come_back(database: Database, settings: Settings, tmp_path: Path) -> None:
    site, problem_id = await lived_in(database)
    await backup.write_backup(settings, tmp_path / "copy.zip", REVISION)
    await lifecycle.erase(database, OPERATOR, site.id, problem_id)
    await backup.restore_backup(settings, tmp_path / "copy.zip", REVISION)
    assert await retention.replay_erasures(database) == 1
    row = existing(await database.row("SELECT description, erased_at FROM problems WHERE id = :id", id=problem_id))
    assert row["description"] == ""
    assert row["erased_at"] is not None
    assert await database.row("SELECT 1 FROM contacts WHERE problem_id = :id", id=problem_id) is None
    assert await database.row("SELECT 1 FROM texts WHERE problem_id = :id AND body <> ''", id=problem_id) is None
    assert await retention.replay_erasures(database) == 0


async def test_consents_and_subscriptions_stay_ended(database: Database, settings: Settings, tmp_path: Path) -> None:
    await lived_in(database)
    await backup.write_backup(settings, tmp_path / "copy.zip", REVISION)
    assert await retention.erase_words(database, NEIGHBOUR) == {"follows": 1, "comments": 1, "participations": 0}
    await backup.restore_backup(settings, tmp_path / "copy.zip", REVISION)
    assert len(await database.rows("SELECT * FROM commenters")) == 1, "the copy has it"
    assert await retention.replay_erasures(database) == 2
    assert await database.rows("SELECT * FROM commenters") == []
    assert await database.rows("SELECT * FROM comments") == []
    assert await database.rows("SELECT * FROM followers WHERE email IS NOT NULL") == []
    row = existing(await database.row("SELECT SUM(comments) AS many FROM problems"))
    assert row["many"] == 0
    assert await retention.replay_erasures(database) == 0


async def test_earlier_erasures_hold_in_a_new_database(
    database: Database, settings: Settings, second_url: str, make_settings: Callable[..., Settings],
    tmp_path: Path,
) -> None:  # fmt: skip
    site, problem_id = await lived_in(database)
    await lifecycle.erase(database, OPERATOR, site.id, problem_id)
    await backup.write_backup(settings, tmp_path / "copy.zip", REVISION)
    async with opened(second_url) as fresh:
        await backup.restore_backup(make_settings(database_url=fresh.url), tmp_path / "copy.zip", REVISION)
        assert len(await fresh.rows("SELECT * FROM erasures")) == 1


async def test_counters_stay_and_tickets_stay_used(database: Database, settings: Settings, tmp_path: Path) -> None:
    site, _ = await lived_in(database)
    await backup.write_backup(settings, tmp_path / "copy.zip", REVISION)
    late = await submit_report(database, site)
    await database.write(lambda tx: tickets.spend_ticket(tx, "used"))
    before = (await content(database))["site_counters"][0]
    version = (await service.by_key_with_version(database, site.key))[1]
    await backup.restore_backup(settings, tmp_path / "copy.zip", REVISION)
    after = (await content(database))["site_counters"][0]
    assert after["number"] == before["number"] == late.number
    assert after["position"] == before["position"]
    assert after["settings"] > before["settings"]
    assert (await service.by_key_with_version(database, site.key))[1] > version
    assert (await submit_report(database, site)).number == late.number + 1
    assert await database.row("SELECT 1 FROM spent WHERE id = 't:used'") is not None


async def test_replaced_private_links_stay_invalid(database: Database, settings: Settings, tmp_path: Path) -> None:
    site = await make_site(database)
    changed, again, once = [(await submit_report(database, site)).problem_id for _ in range(3)]
    earlier, later = clock.new_id(), clock.new_id()

    async def change(problem_id: str, link_id: str) -> None:
        await database.write(
            lambda tx: tx.run("UPDATE problems SET link_id = :link WHERE id = :id", link=link_id, id=problem_id)
        )

    await change(again, earlier)
    await change(once, later)
    await backup.write_backup(settings, tmp_path / "copy.zip", REVISION)
    await change(changed, later)
    await change(again, later)
    await change(once, earlier)  # as in a database that is older than the backup
    await backup.restore_backup(settings, tmp_path / "copy.zip", REVISION)
    found = {row["id"]: row["link_id"] for row in await database.rows("SELECT id, link_id FROM problems")}
    assert found == dict.fromkeys((changed, again, once), later)


async def test_access_that_ended_since_stays_ended(database: Database, settings: Settings, tmp_path: Path) -> None:
    """A dismissed official, a known password, a leaked token, a name that was to be hidden."""
    site, problem_id = await lived_in(database)
    for name in ("gone", "robbed", "stays"):
        await add_user(database, email=f"{name}@gorod.test", role="admin", agency_id=site.agency.id, password=PASSWORD)
    tokens = [await changes.add_token(database, site.id, "platform") for _ in range(2)]
    (comment,) = await store.list_of_address(database, NEIGHBOUR)

    async def publish(tx: Any) -> None:
        await tx.run("UPDATE contacts SET publish_name = TRUE WHERE problem_id = :id", id=problem_id)
        await tx.run("UPDATE comments SET publish_name = TRUE WHERE id = :id", id=comment["id"])
        await tx.run("UPDATE commenters SET name_version = '1', name_hash = '0'")
        await tx.insert(
            "consents", id="c", site_id=site.id, problem_id=problem_id, version="1", hash="0", purpose="publish_name",
            at=0,
        )  # fmt: skip

    await database.write(publish)
    await backup.write_backup(settings, tmp_path / "copy.zip", REVISION)
    await accounts.disable_user(database, "gone@gorod.test")
    await accounts.reset_password(database, "robbed@gorod.test")
    await changes.revoke_token(database, tokens[0])
    await database.write(lambda tx: contacts.hide_name(tx, problem_id, clock.now()))
    await discussion.hide_commenter_name(database, comment)
    await database.write(lambda tx: contacts.stop_letters(tx, problem_id, clock.now()))
    await backup.restore_backup(settings, tmp_path / "copy.zip", REVISION)

    entered = [
        await sign_in(database, f"{name}@gorod.test", PASSWORD, Repeats()) for name in ("gone", "robbed", "stays")
    ]
    assert [token is not None for token in entered] == [False, False, True]
    assert [await georeport.find_sender(database, token, None) is not None for token in tokens] == [False, True]
    contact = existing(await contacts.find(database, problem_id))
    assert not contact["publish_name"]
    assert contact["stopped_at"] is not None
    assert not (await database.rows("SELECT publish_name FROM comments"))[0]["publish_name"]


async def test_sessions_are_not_restored(database: Database, settings: Settings, tmp_path: Path) -> None:
    async def sign_in(tx: Any) -> None:
        await tx.insert(
            "users", id="u", email="u@gorod.test", role="operator", password_hash="x", language="ru", created_at=0
        )
        await tx.insert("sessions", token_hash="h", user_id="u", created_at=0, expires_at=clock.now() + 1000)

    await database.write(sign_in)
    await backup.write_backup(settings, tmp_path / "copy.zip", REVISION)
    await backup.restore_backup(settings, tmp_path / "copy.zip", REVISION)
    assert (await content(database))["sessions"] == []
    assert len((await content(database))["users"]) == 1


async def test_photos_are_included_and_the_file_is_private(settings: Settings, tmp_path: Path) -> None:
    folder = existing(backup.media_folder(settings))
    (folder / "ab").mkdir(parents=True)
    (folder / "ab" / "photo.webp").write_bytes(b"photo")
    await backup.write_backup(settings, tmp_path, REVISION)
    (written,) = written_to(tmp_path)
    assert written.stat().st_mode & 0o077 == 0
    (folder / "ab" / "photo.webp").unlink()
    await backup.restore_backup(settings, written, REVISION)
    assert (folder / "ab" / "photo.webp").read_bytes() == b"photo"


async def test_an_invalid_backup_changes_nothing(database: Database, settings: Settings, tmp_path: Path) -> None:
    await lived_in(database)
    path = tmp_path / "copy.zip"
    for damage in ("missing", "text", "no manifest", "other schema", "cut off"):
        revision = REVISION
        await backup.write_backup(settings, path, REVISION)
        whole = path.read_bytes()
        match damage:
            case "missing":
                path.unlink()
            case "text":
                path.write_text("no archive")
            case "no manifest":
                with zipfile.ZipFile(path, "w") as archive:
                    archive.writestr("tables/problems.jsonl", "[]")
            case "other schema":
                revision = "9999"
            case "cut off":
                path.write_bytes(whole[: len(whole) // 2])
        before = await content(database)
        with pytest.raises(InvalidBackup):
            await backup.restore_backup(settings, path, revision)
        assert await content(database) == before, damage
