"""Read a running service's database directly, and wait until it shows a result."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg

PATIENCE = 120.0  # seconds in which something has to change; the machine may be busy
STUCK = (
    "SELECT sink, state, attempts, last_error, COUNT(*) FROM deliveries WHERE state NOT IN ('delivered', 'dropped')"
    " GROUP BY sink, state, attempts, last_error"
)


async def rows(url: str, sql: str) -> list[Any]:
    if url.startswith("sqlite"):
        connection = sqlite3.connect(Path(url.removeprefix("sqlite:///")), timeout=30)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()
    postgres = await asyncpg.connect(url)
    try:
        return list(await postgres.fetch(sql))
    finally:
        await postgres.close()


async def states(url: str, sinks: str = "%") -> dict[str, int]:
    """The number of deliveries in each state."""
    counted = f"SELECT state, COUNT(*) FROM deliveries WHERE sink LIKE '{sinks}' GROUP BY state"
    return {row[0]: row[1] for row in await rows(url, counted)}


async def wait_until(
    condition: Callable[[], Awaitable[bool]], progress: Callable[[], Awaitable[Any]], what: str
) -> None:
    """Wait for a condition for as long as `progress` returns a new value at least every PATIENCE seconds."""
    last, since = await progress(), time.monotonic()
    while not await condition():
        now = await progress()
        if now != last:
            last, since = now, time.monotonic()
        assert time.monotonic() - since < PATIENCE, f"{what}: {now}"
        await asyncio.sleep(0.25)


async def wait_until_delivered(url: str, sinks: str = "%") -> None:
    """Wait until no delivery is pending."""

    async def progress_now() -> Any:
        tries = await rows(url, "SELECT COUNT(*) FROM delivery_attempts")
        return tries[0][0], await states(url, sinks), [tuple(row) for row in (await rows(url, STUCK))[:5]]

    async def done() -> bool:
        return not {"pending", "leased"} & set(await states(url, sinks))

    await wait_until(done, progress_now, "not all delivered")
