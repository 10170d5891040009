"""Erasure: on request, of everything past its retention period, and the nightly purge."""

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
from tests.factories import OPERATOR, make_site, submit_report
from tests.support.processes import CommandFailed, Service, run_command
from tests.support.waiting import await_for, wait_for
from widget_api import clock, schedule
from widget_api.attachments.storage import Storage
from widget_api.database import Database, Transaction, batched_delete
from widget_api.demo import samples
from widget_api.ops import doctor, retention
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.settings import Settings

DAY = 86_400


async def erased(database: Database) -> set[int]:
    return {row[0] for row in await database.rows("SELECT number FROM problems WHERE erased_at IS NOT NULL")}


async def test_all_reports_of_an_address_are_erased_case_insensitively(database: Database) -> None:
    one, other = await make_site(database), await make_site(database)
    await submit_report(database, one, email="anna@example.test")
    await submit_report(database, other, email="Anna@Example.test")
    stays = await submit_report(database, one, email="boris@example.test")
    done = await retention.erase_person(database, "ANNA@example.test")
    assert {(row["site"], row["number"]) for row in done} == {(one.id, 1), (other.id, 1)}
    kept = await database.rows("SELECT problem_id FROM contacts")
    assert [row[0] for row in kept] == [stays.problem_id]
    assert await retention.erase_person(database, "anna@example.test") == []


async def test_reports_untouched_for_the_retention_period_are_erased(database: Database) -> None:
    short, long = await make_site(database, retention_days=30), await make_site(database, retention_days=300)
    await submit_report(database, short)
    touched = await submit_report(database, short)
    await submit_report(database, long)
    now = clock.now()
    with time_machine.travel(now + 20 * DAY):
        await lifecycle.change(database, OPERATOR, short.id, touched.problem_id, Change(to="accepted"))
    with time_machine.travel(now + 29 * DAY):
        assert (await retention.erase_expired(database))["erased"] == 0
    with time_machine.travel(now + 31 * DAY):
        assert (await retention.erase_expired(database))["erased"] == 1
    assert await erased(database) == {1}
    consents = await database.rows("SELECT withdrawn_at FROM consents")
    assert [row["withdrawn_at"] for row in consents] == [None] * 3, "nobody has withdrawn a consent"


async def test_expired_sessions_and_old_letters_are_deleted(database: Database) -> None:
    now = clock.now()

    async def leave(tx: Any) -> None:
        await tx.insert(
            "users", id="u", email="u@gorod.test", role="operator", password_hash="x", language="ru", created_at=0
        )
        for name, ends in (("old", now - 1), ("new", now + 1000)):
            await tx.insert("sessions", token_hash=name, user_id="u", created_at=0, expires_at=ends)
            await tx.insert("spent", id=name, expires_at=ends)
        for name, at in (("old", now - 3 * DAY), ("new", now - 100)):
            await tx.insert("confirmation_letters", id=name, email_hash="h", at=at)

    await database.write(leave)
    done = await retention.erase_expired(database)
    assert (done["sessions"], done["letters"], done["spent"]) == (1, 1, 1)


async def test_generated_problems_are_published_without_deliveries(database: Database, settings: Settings) -> None:
    site = await make_site(database)
    real = await submit_report(database, site)
    added, present = await samples.add_problems(settings.database_url, site, 120)
    assert (added, present) == (120, 120)
    assert await samples.add_problems(settings.database_url, site, 120) == (0, 120)
    assert await samples.add_problems(settings.database_url, site, 130) == (10, 130)
    rows = await database.rows("SELECT * FROM problems WHERE published ORDER BY number")
    numbers = [row["number"] for row in rows]
    assert numbers == list(range(real.number + 1, real.number + 131)), "numbers go on without a gap"
    assert all(38.5 <= row["lng"] <= 39.1 and 54.9 <= row["lat"] <= 55.3 for row in rows)
    assert all(row["created_at"] < clock.now() and len(row["description"]) > 20 for row in rows)
    left = await database.rows("SELECT problem_id FROM deliveries")
    assert {row[0] for row in left} <= {real.problem_id}
    counted = await database.row("SELECT COUNT(*) AS many, MAX(position) AS last FROM events")
    counters = await database.row("SELECT number, position FROM site_counters")
    assert counted is not None
    assert counters is not None
    assert counted["many"] == counted["last"] == counters["position"]
    assert counters["number"] == 131
    newest = rows[-1]
    stored = await database.rows(
        "SELECT kind, status FROM events WHERE problem_id = :id ORDER BY position", id=newest["id"]
    )
    assert [tuple(row) for row in stored][:2] == [("received", "moderation"), ("status", "accepted")]
    assert tuple(stored[-1])[1] == newest["status"]
    elsewhere = await make_site(database, bbox=(10.0, 20.0, 11.0, 21.0))
    await samples.add_problems(settings.database_url, elsewhere, 5)
    rows = await database.rows("SELECT id, lat, lng, status FROM problems WHERE site_id = :id", id=elsewhere.id)
    assert all(10 <= row["lng"] <= 11 and 20 <= row["lat"] <= 21 for row in rows)
    for row in rows:
        if row["status"] == "accepted":
            await lifecycle.change(database, OPERATOR, elsewhere.id, row["id"], Change(to="in_progress"))


# --- The nightly purge: every night, by one process at a time, in small transactions, with a visible result ---


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


async def test_a_running_service_purges_and_logs_it(serve: Callable[..., Service], database: Database) -> None:
    problem = await leave_old_things(database)
    began = clock.now()
    service = serve(database_url=database.url, changes=("widget_api.worker.SETTLING=0", "widget_api.worker.TIDY=0.1"))
    planned = await await_for(lambda: chore(database))
    assert began + 60 <= planned["next_at"] <= clock.now() + clock.HOUR, "not in the rush of the start, soon after"
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
        return row if hour == retention.QUIET_HOUR and row["next_at"] > began + clock.HOUR else None

    assert await await_for(planned_again)
    assert ("retention", True) in {(one["name"], one["ok"]) for one in service.cli("doctor")["checks"]}
    (detail,) = [one["detail"] for one in service.cli("doctor")["checks"] if one["name"] == "retention"]
    assert "erased 1" in detail


@ONE_DATABASE
async def test_the_command_purges_and_doctor_sees_it(serve: Callable[..., Service], database: Database) -> None:
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
        assert await schedule.begin(database, retention.PURGE, clock.now(), clock.HOUR)
        await retention.purge_if_due(database, storage)
        assert (await chore(database))["done_at"] is None
    with time_machine.travel(planned + clock.HOUR + 2):
        await retention.purge_if_due(database, storage)
        row = await chore(database)
        assert row["done_at"] == clock.now()
        assert row["next_at"] > clock.now() + 6 * clock.HOUR


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
        assert row["next_at"] <= now + clock.HOUR, "tried again soon, not in the next night"
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
