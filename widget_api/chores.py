"""Work that is due every so often, done by whichever process comes first; a restart neither skips nor doubles it."""

from __future__ import annotations

from widget_api.database import Database, Transaction

LONGEST_OUTCOME = 500


async def begin(database: Database, name: str, now: int, every: int) -> bool:
    """Whether this process is to do it now. The next time is then `every` seconds away, however this one ends."""
    row = await database.row("SELECT next_at FROM chores WHERE name = :name", name=name)
    if row is not None and now < row["next_at"] <= now + every:  # further ahead it was written by a wrong clock
        return False

    async def work(tx: Transaction) -> bool:
        return bool(
            await tx.run(
                "INSERT INTO chores (name, next_at) VALUES (:name, :next_at)"
                " ON CONFLICT (name) DO UPDATE SET next_at = :next_at"
                " WHERE chores.next_at <= :now OR chores.next_at > :next_at",
                name=name,
                next_at=now + every,
                now=now,
            )
        )

    return await database.write(work)


async def end(database: Database, name: str, now: int, outcome: str) -> None:
    """What came of it, for the operator."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "UPDATE chores SET done_at = :now, outcome = :outcome WHERE name = :name",
            name=name,
            now=now,
            outcome=outcome[:LONGEST_OUTCOME],
        )

    await database.write(work)
