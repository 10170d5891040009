"""Reads that take the database a while: counted by what they cost, and made in the caller's turn."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from starlette.requests import Request

from widget_api.web.requests import client_address, context


@contextlib.asynccontextmanager
async def expensive_read(request: Request, site_id: str, cost: int) -> AsyncIterator[None]:
    """Around a read; one that costs nothing is not held up. Raises TooMany."""
    held = context(request)
    if not cost or not held.settings.rate_limits:
        yield
        return
    address = client_address(request)
    await held.limits.hit("reads", address, site_id, cost=cost)
    async with held.turns.turn(address):
        yield
