"""Visitors from other networks, and a service that says for how long it would have made them wait."""

from __future__ import annotations

import httpx2
from starlette.applications import Starlette

from tests.factories import PUBLIC_URL


def slept(app: Starlette) -> list[float]:
    """The delays of guesses from now on, none of which takes any time."""
    delays: list[float] = []

    async def note(seconds: float) -> None:
        delays.append(seconds)

    app.state.context.guesses.sleep = note
    return delays


def somebody(app: Starlette, address: str) -> httpx2.AsyncClient:
    """A browser of its own at that address; `async with` it."""
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app, client=(address, 1)), base_url=PUBLIC_URL)
