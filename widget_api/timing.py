"""Hide how long a request took if that would reveal information (timing attacks)."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

STEP = 0.25  # seconds


@contextlib.asynccontextmanager
async def at_full_steps(step: float | None = None) -> AsyncIterator[None]:
    """Extend the block to a whole number of steps, also if it raises."""
    started = time.monotonic()
    try:
        yield
    finally:
        await asyncio.sleep(until_step(time.monotonic() - started, step))


def until_step(elapsed: float, step: float | None = None) -> float:
    """Return the seconds to the next whole step, so that the total is at least one step."""
    step = step or STEP
    return step - elapsed % step
