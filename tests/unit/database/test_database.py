"""Pitfalls of the database library: each of these tests fails if the library is used without our wrapper."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import asyncpg
import pytest

from tests.factories import existing
from widget_api.database import Database, Transaction
from widget_api.database.connection import number_parameters
from widget_api.errors import NotFound, Refused

POSTGRESQL = pytest.mark.parametrize("dialect", ["postgresql"])  # a file has no connection to lose


@pytest.fixture
async def counted(database: Database) -> Database:
    async def work(tx: Transaction) -> None:
        await tx.run("CREATE TABLE counted (name TEXT PRIMARY KEY, many INTEGER NOT NULL)")
        await tx.insert("counted", name="a", many=0)

    await database.write(work)
    return database


async def increment(tx: Transaction) -> int:
    row = existing(await tx.row("SELECT many FROM counted WHERE name = 'a'"))
    await tx.run("UPDATE counted SET many = :many WHERE name = 'a'", many=row["many"] + 1)
    return int(row["many"]) + 1


async def many(database: Database) -> int:
    row = existing(await database.row("SELECT many FROM counted WHERE name = 'a'"))
    return int(row["many"])


async def test_concurrent_read_then_write_loses_no_update(counted: Database) -> None:
    results = await asyncio.gather(*(counted.write(increment) for _ in range(200)))
    assert sorted(results) == list(range(1, 201))
    assert await many(counted) == 200


async def test_two_processes_writing_at_once_wait_for_each_other(counted: Database) -> None:
    other = Database(counted.url)
    await other.connect()
    try:

        async def locked(tx: Transaction) -> int:
            if tx.dialect == "postgresql":
                await tx.rows("SELECT 1 FROM counted WHERE name = 'a' FOR UPDATE")
            return await increment(tx)

        await asyncio.gather(*((counted, other)[index % 2].write(locked) for index in range(60)))
        assert await many(counted) == 60
    finally:
        await other.disconnect()


async def test_a_work_that_raises_is_rolled_back_alone(counted: Database) -> None:
    async def fails(tx: Transaction) -> None:
        await increment(tx)
        raise Refused("no")

    async def breaks_a_rule(tx: Transaction) -> None:
        await tx.insert("counted", name="a", many=7)

    outcomes = await asyncio.gather(
        counted.write(increment),
        counted.write(fails),
        counted.write(breaks_a_rule),
        counted.write(increment),
        return_exceptions=True,
    )
    assert isinstance(outcomes[1], Refused)
    assert "unique" in str(outcomes[2]).lower()
    assert await many(counted) == 2


async def test_cancelled_callers_leave_the_database_whole(counted: Database) -> None:
    randomness = random.Random(7)
    callers: list[asyncio.Task[Any]] = [asyncio.create_task(counted.write(increment)) for _ in range(300)]
    readers: list[asyncio.Task[Any]] = [asyncio.create_task(counted.rows("SELECT * FROM counted")) for _ in range(300)]
    await asyncio.sleep(0)
    for task in randomness.sample(callers + readers, 300):
        task.cancel()
        if randomness.random() < 0.1:
            await asyncio.sleep(0.001)
    await asyncio.gather(*callers, *readers, return_exceptions=True)
    before = await many(counted)
    await asyncio.wait_for(asyncio.gather(*(counted.write(increment) for _ in range(20))), 10)
    assert await many(counted) == before + 20
    assert before == 300, "a write that was handed in is carried out, whether or not somebody waits for it"


async def test_reads_and_synchronous_reads_see_acknowledged_writes(counted: Database) -> None:
    for expected in range(1, 50, 2):
        await counted.write(increment)
        assert await many(counted) == expected
        await counted.write(increment)
        row = existing(await counted.row_at_once("SELECT many FROM counted WHERE name = :name", name="a"))
        assert row["many"] == expected + 1


async def test_percent_signs_colons_and_repeated_names_survive(counted: Database) -> None:
    row = existing(
        await counted.row(
            "SELECT 'at 100%' AS literal, CAST(:word AS TEXT) AS one, CAST(:word AS TEXT) AS two", word="a%b"
        )
    )
    assert (row["one"], row["two"]) == ("a%b", "a%b")


async def test_sqlite_connections_are_durable_and_check_foreign_keys(counted: Database, dialect: str) -> None:
    if dialect != "sqlite":
        with pytest.raises(Exception, match="foreign key"):
            await counted.write(_orphan)
        return

    async def pragmas(tx: Transaction) -> list[object]:
        return [(await tx.rows(f"PRAGMA {name}"))[0][0] for name in ("journal_mode", "synchronous", "foreign_keys")]

    assert await counted.write(pragmas) == ["wal", 2, 1]
    with pytest.raises(Exception, match="FOREIGN KEY"):
        await counted.write(_orphan)
    with pytest.raises(Exception, match=r"readonly|query_only"):
        await counted.rows("DELETE FROM counted")


async def _orphan(tx: Transaction) -> None:
    await tx.insert("site_origins", site_id="none", origin="https://a.example")


async def test_disconnecting_finishes_submitted_works(new_database: Callable[..., str]) -> None:
    database = Database(new_database())
    await database.connect()

    async def create(tx: Transaction) -> None:
        await tx.run("CREATE TABLE counted (name TEXT PRIMARY KEY, many INTEGER NOT NULL)")
        await tx.insert("counted", name="a", many=0)

    await database.write(create)
    pending = [asyncio.create_task(database.write(increment)) for _ in range(50)]
    await asyncio.sleep(0)
    await asyncio.wait_for(database.disconnect(), 10)
    assert sorted(await asyncio.gather(*pending)) == list(range(1, 51))


async def test_domain_errors_are_raised_unchanged(counted: Database) -> None:
    async def missing(tx: Transaction) -> None:
        raise NotFound("problem_not_found")

    with pytest.raises(NotFound, match="problem_not_found"):
        await counted.write(missing)


@POSTGRESQL
async def test_a_lost_postgresql_connection_fails_one_batch(counted: Database) -> None:
    async def hang_up(tx: Transaction) -> None:
        await tx.rows("SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(Exception):  # noqa: B017 - whatever the driver calls it, the caller learns of it
        await counted.write(hang_up)
    assert await counted.write(increment) == 1
    await counted.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert await many(counted) == 1


@POSTGRESQL
async def test_a_connection_in_an_unknown_state_is_reopened(counted: Database) -> None:
    """Cut in the middle of an answer, asyncpg may report it for every later statement."""

    async def confused(*_: object) -> None:
        raise asyncpg.InternalClientError("cannot switch to state 15; another operation (2) is in progress")

    await counted.write(increment)
    for reader in counted._readers:
        reader.raw = SimpleNamespace(fetch=confused, execute=confused)
    for _ in counted._readers:
        assert await many(counted) == 1


@POSTGRESQL
async def test_closing_tolerates_a_lost_postgresql_connection(new_database: Callable[..., str]) -> None:
    url = new_database()
    for _ in range(3):
        closing = Database(url)
        await closing.connect()
        other = await asyncpg.connect(url)
        await other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        await closing.disconnect()
        await other.close()


async def test_a_work_that_awaits_something_else_is_refused(counted: Database, dialect: str) -> None:
    async def sleeps(tx: Transaction) -> None:
        await asyncio.sleep(0)

    if dialect == "sqlite":  # it would block every other write of the process
        with pytest.raises(RuntimeError, match="its transaction only"):
            await counted.write(sleeps)
    assert await counted.write(increment) == 1


def test_parameters_are_numbered_once_each_and_casts_are_none() -> None:
    assert number_parameters("SELECT :a::text, :b, :a") == ("SELECT $1::text, $2, $1", ("a", "b"))
