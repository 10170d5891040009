"""Helpers for tests of GeoReport: a server of pictures, and a worker that delivers what is due."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from widget_api import clock
from widget_api.context import Context
from widget_api.deliveries import queue
from widget_api.deliveries.model import GiveUp, Retry
from widget_api.deliveries.queue import Outcome
from widget_api.deliveries.sinks import resolve_handler

ROOT = "/open311/v2"


class PictureServer:
    """Gives each path its configured answer and counts requests; real TCP on the loopback address."""

    def __init__(self) -> None:
        self.answers: dict[str, bytes] = {}
        self.asked = Counter[str]()
        self._under_way = set[asyncio.Task[None]]()
        self.before: Callable[[str], Awaitable[None]] | None = None  # called before an answer is sent

    async def start(self) -> PictureServer:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def stop(self) -> None:
        """Close the server and wait for every connection, so that no socket outlives the test."""
        self._server.close()
        await self._server.wait_closed()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def set_answer(self, path: str, content: bytes, status: str = "200 OK", *headers: str) -> str:
        """Set the answer of a path. Returns its URL."""
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", "Connection: close", *headers]
        self.answers[path] = "\r\n".join(lines).encode() + b"\r\n\r\n" + content
        return self.url + path

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._handle(reader, writer))
        self._under_way.add(task)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        self.asked[path] += 1
        if self.before is not None:
            await self.before(path)
        if path not in self.answers:
            self.set_answer(path, b"", "404 Not Found")
        writer.write(self.answers[path])
        writer.close()
        await writer.wait_closed()


class Worker:
    """Delivers what is due, with a simulated clock: waiting takes no time."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.now = clock.now()

    async def round(self) -> int:
        self.now = max(self.now, clock.now())
        claimed = await queue.claim(self.context.database, "test", 50, self.now)
        for one in claimed:
            reason: Exception | None = None
            try:
                await resolve_handler(one.sink)(self.context, one)
            except (GiveUp, Retry) as raised:
                reason = raised
            await queue.finish_all(self.context.database, "test", [(one, Outcome.of(one, reason))], self.now)
        return len(claimed)

    async def until_idle(self) -> None:
        """Deliver until nothing is pending, including every retry."""
        for _ in range(200):
            if not await self.round():
                row = await self.context.database.row("SELECT 1 FROM deliveries WHERE state = 'pending'")
                if row is None:
                    return
                self.now += 40_000
        raise AssertionError("the queue never became idle")

    async def states(self, sink: str = "media") -> list[str]:
        rows = await self.context.database.rows(
            "SELECT state FROM deliveries WHERE sink = :sink ORDER BY position", sink=sink
        )
        return [row["state"] for row in rows]


async def photos_of(context: Context, number: int = 1) -> list[dict[str, Any]]:
    """A problem's photos as shown in lists."""
    row = await context.database.row("SELECT photos FROM problems WHERE number = :number", number=number)
    assert row is not None
    found: list[dict[str, Any]] = orjson.loads(row["photos"])
    return found


async def outcomes(context: Context) -> dict[str, str | None]:
    """The outcome of each picture, by the last part of its URL."""
    rows = await context.database.rows("SELECT url, outcome FROM media_sources ORDER BY event_id, place")
    return {row["url"].rpartition("/")[2]: row["outcome"] for row in rows}
