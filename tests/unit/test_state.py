"""Equal states of the database mean equal contents, whoever writes, however it ends."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys

import pytest

from widget_api.database import Database, Transaction, sqlite_path

# Another process, as a command beside the service is one. It says when it has written, and waits to be told to commit.
WRITER = """
import asyncio, sys
from widget_api.database import Database

async def main():
    database = Database(sys.argv[1], readers=1)
    await database.connect()
    async def work(tx):
        await tx.insert("spent", id=sys.argv[2], expires_at=1)
        print("written", flush=True)
        sys.stdin.readline()
    await database.write(work)
    await database.disconnect()

asyncio.run(main())
"""


def other_process(url: str, spent: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", WRITER, url, spent]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"written\n"
    return process


async def spend(database: Database, spent: str) -> None:
    async def work(tx: Transaction) -> None:
        await tx.insert("spent", id=spent, expires_at=1)

    await database.write(work)


async def test_it_stands_still_while_nobody_writes(database: Database) -> None:
    await spend(database, "a")
    before = await database.state()
    assert before is not None
    await database.rows("SELECT * FROM spent")
    assert await database.state() == before


async def test_it_moves_with_each_acknowledged_write_of_our_own(database: Database) -> None:
    states = [await database.state()]
    for index in range(20):
        await spend(database, str(index))
        states.append(await database.state())
    assert len(set(states)) == len(states)


async def test_it_moves_when_another_process_commits_and_not_before(database: Database) -> None:
    before = await database.state()
    with other_process(database.url, "other") as process:
        async with asyncio.timeout(60):
            assert await database.rows("SELECT id FROM spent") == []
            process.communicate(b"\n")
        assert process.returncode == 0
    assert await database.state() != before
    assert [row["id"] for row in await database.rows("SELECT id FROM spent")] == ["other"]


async def test_a_killed_process_leaves_nothing_behind(database: Database) -> None:
    await spend(database, "a")
    with other_process(database.url, "other") as process:
        process.kill()
    state = await database.state()
    assert [row["id"] for row in await database.rows("SELECT id FROM spent")] == ["a"]
    await spend(database, "b")
    assert await database.state() != state


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_a_write_over_the_beginning_of_the_log_is_seen(database: Database) -> None:
    """After a checkpoint the log keeps its length and is written from its start: size says nothing then."""
    other = sqlite3.connect(sqlite_path(database.url), isolation_level=None)
    for index in range(5):
        await spend(database, str(index))
    before = await database.state()
    for mode in ("RESTART", "TRUNCATE"):
        other.execute(f"PRAGMA wal_checkpoint({mode})").fetchall()
        other.execute("INSERT INTO spent (id, expires_at) VALUES (?, 1)", (mode,))
        after = await database.state()
        assert after != before
        before = after
    other.close()


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
async def test_what_is_read_at_once_is_what_was_acknowledged(database: Database) -> None:
    for index in range(20):
        await spend(database, str(index))
        row = await database.row_at_once("SELECT COUNT(*) AS many FROM spent WHERE expires_at = :at", at=1)
        assert row is not None
        assert row["many"] == index + 1


@pytest.mark.parametrize("dialect", ["postgresql"], indirect=True)
async def test_who_asks_during_an_answer_gets_the_next_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, begun, go_on, read = 0, asyncio.Event(), asyncio.Event(), database.row

    async def slow(sql: str) -> object:
        nonlocal asked
        asked += 1
        row = await read(sql)
        begun.set()
        await go_on.wait()
        return row

    monkeypatch.setattr(database._state, "_ask", slow)
    first = asyncio.create_task(database.state())
    await begun.wait()
    await spend(database, "in between")
    later = [asyncio.create_task(database.state()) for _ in range(10)]
    await asyncio.sleep(0)
    go_on.set()
    states = await asyncio.gather(*later)
    assert await first not in states
    assert len(set(states)) == 1
    assert asked == 2, "those who wait together share one question"
