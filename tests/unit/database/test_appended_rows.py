"""Rows that are written at the end of a batch: nobody notices the delay, and an error affects only its own work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from widget_api.database import Database, Transaction
from widget_api.errors import Refused

Work = Callable[[Transaction], Awaitable[Any]]
AGAIN = "breaks a rule"  # the log message when a batch is executed again


@pytest.fixture
async def family(database: Database) -> Database:
    async def work(tx: Transaction) -> None:
        await tx.run("CREATE TABLE parents (name TEXT PRIMARY KEY, said TEXT)")
        await tx.run("CREATE TABLE children (name TEXT PRIMARY KEY, parent TEXT NOT NULL REFERENCES parents (name))")

    await database.write(work)
    return database


async def batch(database: Database, *works: Work) -> list[Any]:
    """All works in one transaction: they are submitted before the writer runs."""
    return await asyncio.gather(*(database.write(work) for work in works), return_exceptions=True)


async def names(database: Database, table: str) -> list[str]:
    return [row[0] for row in await database.rows(f"SELECT name FROM {table} ORDER BY name")]


def parent(name: str) -> Work:
    async def work(tx: Transaction) -> str:
        await tx.insert("parents", name=name, said="a")
        await tx.insert("children", name=f"of {name}", parent=name)
        return name

    return work


async def test_appended_rows_are_visible_to_later_statements(family: Database) -> None:
    async def looks(tx: Transaction) -> list[Any]:
        await tx.insert("parents", name="c", said="mine")
        read = await tx.rows("SELECT name FROM parents ORDER BY name")
        changed = await tx.run("UPDATE parents SET said = 'b'")
        return [[row[0] for row in read], changed]

    outcomes = await batch(family, parent("a"), parent("b"), looks, parent("d"))
    assert outcomes == ["a", "b", [["a", "b", "c"], 3], "d"]
    said = await family.rows("SELECT said FROM parents ORDER BY name")
    assert [row[0] for row in said] == ["b", "b", "b", "a"]


async def test_pending_rows_are_found_with_written_ones(family: Database, caplog: pytest.LogCaptureFixture) -> None:
    await batch(family, parent("a"))

    async def asks(tx: Transaction) -> list[str]:
        await tx.insert("children", name="mine", parent="a")
        return sorted(row["name"] for row in await tx.matching("children", parent="a"))

    async def both(tx: Transaction) -> int:
        return len(await tx.matching("parents", said="a", name="b"))

    with caplog.at_level(logging.INFO):
        outcomes = await batch(family, parent("b"), asks, both)
    assert outcomes == ["b", ["mine", "of a"], 1]
    assert AGAIN not in caplog.text


async def test_a_constraint_violation_fails_only_its_own_work(family: Database) -> None:
    async def orphan(tx: Transaction) -> None:
        await tx.insert("children", name="orphan", parent="nobody")

    outcomes = await batch(family, parent("a"), parent("b"), parent("a"), orphan, parent("c"))
    assert [outcomes[0], outcomes[1], outcomes[4]] == ["a", "b", "c"]
    assert "unique" in str(outcomes[2]).lower()
    assert "foreign key" in str(outcomes[3]).lower()
    assert await names(family, "parents") == ["a", "b", "c"]
    assert await names(family, "children") == ["of a", "of b", "of c"]


@pytest.mark.parametrize("writes", [False, True])
async def test_a_work_that_raises_is_rolled_back_alone(family: Database, writes: bool) -> None:
    async def fails(tx: Transaction) -> None:
        await tx.insert("parents", name="x", said="a")
        if writes:
            await tx.run("UPDATE parents SET said = 'spoilt'")
        await tx.insert("parents", name="y", said="a")
        raise Refused("no")

    outcomes = await batch(family, parent("a"), fails, parent("b"), fails)
    assert [type(one) for one in outcomes] == [str, Refused, str, Refused]
    assert await names(family, "parents") == ["a", "b"]
    assert not await family.rows("SELECT 1 FROM parents WHERE said <> 'a'")


async def test_a_failing_statement_fails_only_its_own_work(family: Database) -> None:
    async def reads_nonsense(tx: Transaction) -> None:
        await tx.rows("SELECT nonsense FROM sites")

    async def recovers(tx: Transaction) -> None:
        try:
            await tx.rows("SELECT nonsense FROM sites")
        except Exception:
            await tx.insert("parents", name="x", said="a")
        raise Refused("no")

    outcomes = await batch(family, parent("a"), reads_nonsense, parent("b"), recovers)
    assert [outcomes[0], outcomes[2]] == ["a", "b"]
    assert "nonsense" in str(outcomes[1])
    assert isinstance(outcomes[3], Exception)
    assert await names(family, "parents") == ["a", "b"]


async def test_works_may_append_to_tables_in_any_order(family: Database, caplog: pytest.LogCaptureFixture) -> None:
    async def second_child(tx: Transaction) -> None:
        await tx.insert("children", name="second", parent="a")
        await tx.insert("parents", name="z", said="a")

    await batch(family, parent("a"))
    with caplog.at_level(logging.INFO):
        outcomes = await batch(family, second_child, parent("b"), parent("c"))
    assert outcomes == [None, "b", "c"]
    assert AGAIN not in caplog.text
    assert await names(family, "children") == ["of a", "of b", "of c", "second"]


async def test_unique_conflicts_are_won_by_the_first_work(family: Database) -> None:
    async def first(tx: Transaction) -> bool:
        return await tx.insert_first("parents", "name", name="a", said="a")

    async def breaks_a_rule(tx: Transaction) -> None:
        await tx.insert("children", name="orphan", parent="nobody")

    assert await batch(family, first, first, parent("b")) == [True, False, "b"]
    again = await batch(family, first, breaks_a_rule, first)
    assert [again[0], again[2]] == [False, False]
    await batch(family, lambda tx: tx.insert_unless_there("parents", name="b", said="other"))
    said = await family.rows("SELECT said FROM parents ORDER BY name")
    assert [row[0] for row in said] == ["a", "a"]


async def test_works_of_cancelled_callers_are_executed(family: Database) -> None:
    tasks = [asyncio.create_task(family.write(parent(f"{number:02}"))) for number in range(40)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await family.write(parent("99"))
    assert len(await names(family, "parents")) == 41


async def test_two_processes_insert_the_first_row_at_once(family: Database) -> None:
    other = Database(family.url)
    await other.connect()
    try:

        async def first(tx: Transaction) -> bool:
            return await tx.insert_first("parents", "name", name="a", said="a")

        works = [(family, other)[index % 2].write(first) for index in range(20)]
        assert sorted(await asyncio.gather(*works)) == [False] * 19 + [True]
    finally:
        await other.disconnect()
