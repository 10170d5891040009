"""Schedule periodic jobs, each run by the first process that finds it due. A restart neither skips nor repeats one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from widget_api import clock
from widget_api.database import Database, Row, Transaction

LONGEST_OUTCOME = 500  # characters
LOCK_SECONDS = 30  # after which the lock of a killed process expires
_PAUSE = 0.5  # seconds between two attempts to get a lock
_LOCK_NAME = "{}: under way"  # the name of the lock's row
_PART = "%:%"  # the names of locks, and of jobs of one site


async def plan(database: Database, name: str, at: int) -> None:
    """Schedule the first run of a job, unless one is scheduled."""
    if await database.row("SELECT 1 FROM chores WHERE name = :name", name=name) is not None:
        return

    async def work(tx: Transaction) -> None:
        await tx.insert_unless_there("chores", name=name, next_at=at)

    await database.write(work)


async def postpone(tx: Transaction, name: str, at: int) -> None:
    """Set the time of a job's next run, in the transaction that makes the job necessary."""
    await tx.run(
        "INSERT INTO chores (name, next_at) VALUES (:name, :at) ON CONFLICT (name) DO UPDATE SET next_at = :at",
        name=name,
        at=at,
    )


async def cancel(tx: Transaction, name: str) -> None:
    """Forget a job that has nothing left to do."""
    await tx.run("DELETE FROM chores WHERE name = :name", name=name)


async def begin(database: Database, name: str, now: int, every: int, *, longest: int | None = None) -> bool:
    """Claim a job that is due. Returns whether this process is to run it; the next run is due in `every` seconds.

    A time further ahead than `longest` seconds (by default twice `every`) was written by a wrong clock and is ignored.
    """
    row = await database.row("SELECT next_at FROM chores WHERE name = :name", name=name)
    if row is not None and now < row["next_at"] <= now + (longest or 2 * every):
        return False
    return await database.write(lambda tx: claim(tx, name, now, every, longest=longest))


async def claim(tx: Transaction, name: str, now: int, every: int, *, longest: int | None = None) -> bool:
    """Do what `begin` does within a transaction, which claims the job only if it is committed."""
    return bool(
        await tx.run(
            "INSERT INTO chores (name, next_at) VALUES (:name, :next_at)"
            " ON CONFLICT (name) DO UPDATE SET next_at = :next_at"
            " WHERE chores.next_at <= :now OR chores.next_at > :too_late",
            name=name,
            next_at=now + every,
            too_late=now + (longest or 2 * every),
            now=now,
        )
    )


async def run_if_due(database: Database, name: str, every: int, job: Callable[[], Awaitable[str]]) -> None:
    """Run a job if it is due, and record what it returns. Raises what it raises, after recording that it failed."""
    if not await begin(database, name, clock.now(), every):
        return
    try:
        outcome = await job()
    except Exception as error:
        await fail(database, name, f"{type(error).__name__}: {error}")
        raise
    await end(database, name, clock.now(), outcome)


async def end(database: Database, name: str, now: int, outcome: str, *, next_at: int | None = None) -> None:
    """Record that a job ended, with its outcome for operators; `next_at` overrides the time of the next run."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "INSERT INTO chores (name, next_at, done_at, outcome)"
            " VALUES (:name, COALESCE(CAST(:next_at AS BIGINT), :now), :now, :outcome)"
            " ON CONFLICT (name) DO UPDATE SET done_at = :now, outcome = :outcome,"
            " next_at = COALESCE(CAST(:next_at AS BIGINT), chores.next_at)",
            name=name,
            now=now,
            next_at=next_at,
            outcome=outcome[:LONGEST_OUTCOME],
        )

    await database.write(work)


async def fail(database: Database, name: str, outcome: str) -> None:
    """Record that a job failed; `done_at` keeps the time of the last success."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "UPDATE chores SET outcome = :outcome WHERE name = :name", name=name, outcome=outcome[:LONGEST_OUTCOME]
        )

    await database.write(work)


async def list_jobs(database: Database) -> list[Row]:
    """List all jobs but those of one site: name, next_at, done_at, outcome."""
    rows = await database.rows(
        "SELECT name, next_at, done_at, outcome FROM chores WHERE name NOT LIKE :part ORDER BY name",
        part=_PART,
    )
    return list(rows)


@contextlib.asynccontextmanager
async def exclusive(database: Database, name: str) -> AsyncIterator[None]:
    """Hold a lock across processes: wait until no other one runs this job, and keep the others waiting."""
    lock = _LOCK_NAME.format(name)
    while not await begin(database, lock, clock.now(), LOCK_SECONDS):  # noqa: ASYNC110 - the other may be another process
        await asyncio.sleep(_PAUSE)
    renewal = asyncio.create_task(_renew_lock(database, lock))
    try:
        yield
    finally:
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewal
        await _set_expiry(database, lock, 0)


async def _renew_lock(database: Database, lock: str) -> None:
    while True:
        await asyncio.sleep(LOCK_SECONDS / 3)
        await _set_expiry(database, lock, clock.now() + LOCK_SECONDS)


async def _set_expiry(database: Database, lock: str, at: int) -> None:
    async def work(tx: Transaction) -> None:
        await tx.run("UPDATE chores SET next_at = :at WHERE name = :name", name=lock, at=at)

    await database.write(work)
