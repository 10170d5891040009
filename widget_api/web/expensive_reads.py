"""Admit reads that are expensive for the database, within rate limits and the fair queue."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from starlette.requests import Request

from widget_api.web.requests import client_address, context


@contextlib.asynccontextmanager
async def expensive_read(request: Request, site_id: str, cost: int) -> AsyncIterator[None]:
    """Wrap a read; one of cost 0 is admitted at once. Raises TooMany."""
    held = context(request)
    if not cost or not held.settings.rate_limits:
        yield
        return
    address = client_address(request)
    await held.limits.hit("reads", address, site_id, cost=cost)
    async with held.turns.turn(address):
        yield
