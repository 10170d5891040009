"""Clients with other addresses, and a service that records its brute-force delays instead of waiting."""

import httpx2
from starlette.applications import Starlette

from tests.factories import PUBLIC_URL


def record_delays(app: Starlette) -> list[float]:
    """Record all further delays in the returned list; none of them takes any time."""
    delays: list[float] = []

    async def note(seconds: float) -> None:
        delays.append(seconds)

    app.state.context.guesses.sleep = note
    return delays


def client_from(app: Starlette, address: str) -> httpx2.AsyncClient:
    """A client with that address and its own cookies; use it with `async with`."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app, client=(address, 1)), base_url=PUBLIC_URL)
