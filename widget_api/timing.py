"""Hide how long a request's work took, where that would tell a stranger what the answer must not."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

STEP = 0.25  # seconds


@contextlib.asynccontextmanager
async def at_full_steps(step: float | None = None) -> AsyncIterator[None]:
    """End the block at a whole number of steps after it began, whatever happened in it."""
    started = time.monotonic()
    try:
        yield
    finally:
        await asyncio.sleep(until_step(time.monotonic() - started, step))


def until_step(elapsed: float, step: float | None = None) -> float:
    """Seconds left to the next whole step; at least one step in all."""
    step = step or STEP
    return step - elapsed % step
