"""The nightly purge: every night, by one process at a time, in small transactions, with a visible result."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from tests.conftest import ONE_DATABASE
from tests.factories import make_site, submit_report
from tests.support.processes import CommandFailed, Service, run_command
from tests.support.waiting import await_for, wait_for
from widget_api import clock, schedule
from widget_api.attachments.storage import Storage
from widget_api.database import Database, Transaction, batched_delete
from widget_api.ops import doctor, retention
from widget_api.settings import Settings

DAY = 86_400


async def chore(database: Database) -> Any:
    return await database.row("SELECT * FROM chores WHERE name = 'purge'")


async def leave_old_things(database: Database) -> str:
    """A report older than its site's retention, and other expired rows."""
    site = await make_site(database, retention_days=30, time_zone="Asia/Vladivostok")
    problem = (await submit_report(database, site)).problem_id

    async def age(tx: Transaction) -> None:
        old = clock.now() - 40 * DAY
        await tx.run("UPDATE problems SET updated_at = :old WHERE id = :id", old=old, id=problem)
        for number in range(3):
            await tx.insert("spent", id=f"s{number}", expires_at=old)

    await database.write(age)
    return problem


async def test_a_running_service_purges_by_itself_and_logs_it(
    serve: Callable[..., Service], database: Database
) -> None:
    problem = await leave_old_things(database)
    began = clock.now()
    service = serve(database_url=database.url, changes=("widget_api.worker.SETTLING=0", "widget_api.worker.TIDY=0.1"))
    planned = await await_for(lambda: chore(database))
    assert began + 60 <= planned["next_at"] <= clock.now() + retention.HOUR, "not in the rush of the start, soon after"
    assert planned["done_at"] is None
    await database.write(lambda tx: tx.run("UPDATE chores SET next_at = 0"))
    done = await await_for(
        lambda: database.row("SELECT * FROM chores WHERE name = 'purge' AND done_at IS NOT NULL AND next_at > done_at")
    )
    assert "erased 1" in done["outcome"]
    assert "spent 3" in done["outcome"]
    assert (await database.row("SELECT erased_at FROM problems WHERE id = :id", id=problem))["erased_at"]  # type: ignore[index]

    async def planned_again() -> Any:
        """Whoever runs it holds a lease of an hour; only afterwards is it planned for the next night."""
        row = await chore(database)
        hour = datetime.fromtimestamp(row["next_at"], ZoneInfo("Asia/Vladivostok")).hour
        return row if hour == retention.QUIET_HOUR and row["next_at"] > began + retention.HOUR else None

    assert await await_for(planned_again)
    assert ("retention", True) in {(one["name"], one["ok"]) for one in service.cli("doctor")["checks"]}
    (detail,) = [one["detail"] for one in service.cli("doctor")["checks"] if one["name"] == "retention"]
    assert "erased 1" in detail


@ONE_DATABASE
async def test_the_installed_command_purges_and_doctor_sees_it(
    serve: Callable[..., Service], database: Database
) -> None:
    await leave_old_things(database)
    service = serve(database_url=database.url, start=False)
    out = run_command("purge", settings=service.settings, directory=service.directory)
    assert "erased: 1" in out
    assert "spent: 3" in out
    row = await chore(database)
    assert row["done_at"] is not None
    assert "erased 1" in row["outcome"]


async def test_two_processes_never_purge_at_once(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two connections stand for two processes; each records when it begins and ends."""
    monkeypatch.setattr(schedule, "_PAUSE", 0.01)
    seen: list[str] = []

    async def watched(database: Database) -> dict[str, int]:
        seen.append("begins")
        for _ in range(20):
            await asyncio.sleep(0)
        await database.row("SELECT 1 FROM chores")
        seen.append("ends")
        return {}

    monkeypatch.setattr(retention, "erase_expired", watched)
    other = Database(database.url)
    await other.connect()
    try:
        storage = Storage(settings.media_url)
        await asyncio.gather(*(retention.purge(one, storage) for one in (database, other, database)))
    finally:
        await other.disconnect()
    assert seen == ["begins", "ends"] * 3


async def test_a_killed_purge_blocks_others_only_for_its_lease(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedule, "_PAUSE", 0.01)
    now = clock.now()
    assert await schedule.begin(database, "purge: under way", now, schedule.LOCK_SECONDS)  # and then nothing more
    tried, begin = list[str](), schedule.begin

    async def count_tries(database: Database, name: str, *times: int) -> bool:
        tried.append(name)
        return await begin(database, name, *times)

    monkeypatch.setattr(schedule, "begin", count_tries)
    waiting = asyncio.create_task(retention.purge(database, Storage(settings.media_url)))
    await asyncio.to_thread(wait_for, lambda: len(tried) > 3)
    assert not waiting.done()
    with time_machine.travel(now + schedule.LOCK_SECONDS + 1):
        await waiting
    assert (await chore(database))["done_at"] >= now + schedule.LOCK_SECONDS
    assert await schedule.begin(database, "purge: under way", now, 1), "it gives the place back"


async def test_the_lease_is_renewed_during_a_long_purge(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "LOCK_SECONDS", 1)
    async with schedule.exclusive(database, "purge"):
        first = await database.row("SELECT next_at FROM chores")

        async def renewed() -> bool:
            row = await database.row("SELECT next_at FROM chores")
            return bool(row["next_at"] > first["next_at"] + 1)  # type: ignore[index]

        with time_machine.travel(clock.now() + 10, tick=False):
            await await_for(renewed)
            assert not await schedule.begin(database, "purge: under way", clock.now(), 1)


async def test_one_of_many_workers_purges_and_no_night_is_skipped(database: Database, settings: Settings) -> None:
    storage = Storage(settings.media_url)
    await retention.purge_if_due(database, storage)
    planned = (await chore(database))["next_at"]
    await retention.purge_if_due(database, storage)
    assert (await chore(database))["next_at"] == planned, "a restart does not put it off"
    with time_machine.travel(planned + 1):
        # by a process that is then killed
        assert await schedule.begin(database, retention.PURGE, clock.now(), retention.HOUR)
        await retention.purge_if_due(database, storage)
        assert (await chore(database))["done_at"] is None
    with time_machine.travel(planned + retention.HOUR + 2):
        await retention.purge_if_due(database, storage)
        row = await chore(database)
        assert row["done_at"] == clock.now()
        assert row["next_at"] > clock.now() + 6 * retention.HOUR


async def test_a_failure_is_reported_and_the_last_success_kept(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(settings.media_url)
    await retention.purge(database, storage)
    last = (await chore(database))["done_at"]
    await leave_old_things(database)

    async def fails(database: Database) -> int:
        raise OSError("the disk is full")

    monkeypatch.setattr(retention, "replay_erasures", fails)
    now = clock.now() + 4 * DAY
    await database.write(lambda tx: tx.run("UPDATE chores SET next_at = 0"))
    with time_machine.travel(now):
        with pytest.raises(OSError, match="full"):
            await retention.purge_if_due(database, storage)
        row = await chore(database)
        assert (row["done_at"], row["outcome"]) == (last, "failed: OSError: the disk is full")
        assert row["next_at"] <= now + retention.HOUR, "tried again soon, not in the next night"
        found = await doctor.check_retention(database)
        assert not found.ok
        assert "the disk is full" in found.detail


def test_the_next_night_is_computed_in_local_time() -> None:
    moscow = ZoneInfo("Europe/Moscow")

    def after(day: int, hour: int, minute: int = 0) -> datetime:
        now = int(datetime(2026, 11, day, hour, minute, tzinfo=moscow).timestamp())
        return datetime.fromtimestamp(retention.next_night(now, "Europe/Moscow", 600), moscow)

    assert after(24, 12) == datetime(2026, 11, 25, 3, 10, tzinfo=moscow)
    assert after(24, 20, 59) == datetime(2026, 11, 25, 3, 10, tzinfo=moscow)
    assert after(24, 3, 10) == datetime(2026, 11, 25, 3, 10, tzinfo=moscow), "not twice in one night"
    assert after(24, 23) == datetime(2026, 11, 26, 3, 10, tzinfo=moscow)
    spread = {retention.next_night(0, "Asia/Vladivostok") for _ in range(20)}
    assert len(spread) > 1
    assert {datetime.fromtimestamp(one, ZoneInfo("Asia/Vladivostok")).hour for one in spread} == {3}


async def test_many_rows_are_deleted_in_small_transactions(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched_delete, "BATCH_SIZE", 10)

    async def fill(tx: Transaction) -> None:
        for number in range(25):
            await tx.insert("spent", id=f"old{number}", expires_at=1)
        await tx.insert("spent", id="new", expires_at=2**40)

    await database.write(fill)
    sizes, deleting = [], list[Transaction]()
    run = Transaction.run

    async def counted(self: Transaction, sql: str, **values: Any) -> int:
        done = await run(self, sql, **values)
        if sql.startswith("DELETE FROM spent"):
            sizes.append(done)
            deleting.append(self)
        return done

    monkeypatch.setattr(Transaction, "run", counted)
    assert (await retention.erase_expired(database))["spent"] == 25
    assert sizes == [10, 10, 5]
    assert all(tx.erases for tx in deleting), "the log must not keep what was deleted"
    assert [row["id"] for row in await database.rows("SELECT id FROM spent")] == ["new"]


@ONE_DATABASE
async def test_doctor_fails_if_no_purge_has_run(database: Database, cli: Callable[..., Any]) -> None:
    assert ("retention", True) in {(one["name"], one["ok"]) for one in cli("doctor")["checks"]}, "a new service"
    long_ago = clock.now() - 4 * DAY
    await database.write(lambda tx: tx.insert("chores", name="purge", next_at=long_ago))
    with pytest.raises(CommandFailed) as failure:
        cli("doctor")
    wrong = {one["name"] for one in json.loads(failure.value.output)["checks"] if not one["ok"]}
    assert wrong == {"retention"}
