"""Wait until something holds that no event announces: what another process does, or what a database shows."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE = 120.0  # seconds; the machine may be busy
INTERVAL = 0.02  # seconds between two looks

Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], what: str = "it never comes") -> Found:
    """Call `look` until it returns something true, and return that. Fails with `what` after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while not (found := look()):
        assert time.monotonic() < deadline, what
        time.sleep(INTERVAL)
    return found


async def await_for(look: Callable[[], Awaitable[Found | None]], what: str = "it never comes") -> Found:
    """`wait_for` for a coroutine."""
    deadline = time.monotonic() + PATIENCE
    while not (found := await look()):
        assert time.monotonic() < deadline, what
        await asyncio.sleep(INTERVAL)
    return found
