"""Helpers for tests of GeoReport: a server of pictures, and a worker that delivers what is due."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from tests.support.exchange import PlatformWorker, states
from widget_api.context import Context
from widget_api.deliveries.model import Delivery
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


class Worker(PlatformWorker):
    """Delivers whatever is due."""

    sinks, pause = "%", 40_000

    async def deliver(self, one: Delivery) -> None:
        await resolve_handler(one.sink)(self.context, one)

    async def states(self, sink: str = "media") -> list[str]:
        return await states(self.context, sink)


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
