"""An HTTP proxy that injects the faults of networks and servers.

Requests with an Idempotency-Key meet at most MOST_TRIES faults each, so that no delivery dies by chance; requests that
never get through are covered by another test.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import struct
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal

from tests.support.processes import free_port

Fault = Literal[
    "reset before", "reset after send", "hang", "500", "503", "429", "lost answer", "twice", "drip", "cut", "garbage",
    "charset",
]  # fmt: skip
FAULTS: tuple[Fault, ...] = Fault.__args__  # type: ignore[attr-defined]
HARMLESS = ("twice", "drip", "charset")  # faults after which the client still gets an answer
MOST_TRIES = 4
HANG = 1.5  # seconds a request hangs before the connection is dropped
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: closing sends RST (socket(7))
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_KEY = re.compile(rb"\r\nidempotency-key: *([^\r]+)", re.IGNORECASE)
_CHARSET = re.compile(rb"charset=utf-8", re.IGNORECASE)


@dataclass
class FaultProxy:
    """A proxy in front of port `target`. `share` of the requests meet a fault, chosen by `chance`; `met` counts them.

    The faults in `planned` come first, one per POST.
    """

    target: int
    chance: random.Random
    share: float = 0.3
    faults: tuple[Fault, ...] = FAULTS
    planned: deque[Fault] = field(default_factory=deque)
    port: int = field(default_factory=free_port)
    passed: int = 0
    met: Counter[str] = field(default_factory=Counter)
    tries: Counter[bytes] = field(default_factory=Counter)
    _left: list[Fault] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> FaultProxy:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=200)
        return self

    async def stop(self) -> None:
        """Stop listening: new connections are refused, open ones continue."""
        if self._server is not None:
            self._server.close()
            self._server = None
            await asyncio.sleep(0)

    async def close(self) -> None:
        await self.stop()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def away(self, seconds: float) -> None:
        """Simulate a server that is being restarted."""
        self.met["refused"] += 1
        await self.stop()
        await asyncio.sleep(seconds)
        await self.start()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                while (request := await _message(reader)) and await self._pass(request, writer):
                    pass
        finally:
            writer.close()

    def _choose(self, request: bytes) -> Fault | None:
        if self.planned and request.startswith(b"POST"):
            return self.planned.popleft()
        key = _KEY.search(request[: request.find(b"\r\n\r\n") + 2])
        fault = self._draw() if self.chance.random() < self.share else None
        if fault and fault not in HARMLESS and key is not None:
            self.tries[key[1]] += 1
            if self.tries[key[1]] > MOST_TRIES:
                return None
        return fault

    def _draw(self) -> Fault:
        """Draw without putting back, until all are drawn: each fault occurs, however few the requests are."""
        self._left = self._left or self.chance.sample(self.faults, len(self.faults))
        return self._left.pop()

    async def _pass(self, request: bytes, writer: asyncio.StreamWriter) -> bool:
        """Forward one request. Returns whether the connection stays open."""
        fault = self._choose(request)
        self.passed += 1
        self.met[fault or "none"] += 1
        match fault:
            case "reset before":
                return _reset(writer)
            case "reset after send":
                # the request has been forwarded and takes effect even if nobody waits for the answer
                _reset(writer)
                await self._ask(request)
                return False
            case "500" | "503":
                return await _answer(writer, int(fault), b"<errors><error><code>500</code></error></errors>")
            case "429":
                return await _answer(writer, 429, b"[]", b"Retry-After: 1\r\n")
            case "twice":
                answers = await asyncio.gather(self._ask(request), self._ask(request))
                answer = self.chance.choice(answers)
            case _:
                answer = await self._ask(request)
        head, _, body = answer.partition(b"\r\n\r\n")
        match fault:
            case "hang":
                await asyncio.sleep(HANG)
                return _reset(writer)
            case "lost answer":
                return _reset(writer)
            case "cut":  # half of the announced length
                writer.write(head + b"\r\n\r\n" + body[: len(body) // 2])
                await writer.drain()
                return False
            case "garbage":
                return await _answer(writer, 200, b'<?xml version="1.0"?><service_requests><request><servi')
            case "charset":
                answer = _CHARSET.sub(b"charset=windows-1251", head) + b"\r\n\r\n" + body
            case "drip":
                piece = max(40, len(answer) // 100)  # a second is slow enough for a long list too
                for start in range(0, len(answer), piece):
                    writer.write(answer[start : start + piece])
                    await writer.drain()  # raises once the client has gone
                    await asyncio.sleep(0.01)
                return True
        writer.write(answer)
        await writer.drain()
        return True

    async def _ask(self, request: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.target)
        try:
            writer.write(request)
            return await _message(reader)
        finally:
            writer.close()


async def _message(reader: asyncio.StreamReader) -> bytes:
    """One complete request or answer as raw bytes; b"" at the end of the connection."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    if _CHUNKED.search(head):
        parts = [head]
        while parts[-1] != b"0\r\n\r\n":
            size = await reader.readuntil(b"\r\n")
            parts.append(size + await reader.readexactly(int(size, 16) + 2))
        return b"".join(parts)
    length = _LENGTH.search(head[:-2])
    return head + (await reader.readexactly(int(length[1])) if length else b"")


async def _answer(writer: asyncio.StreamWriter, status: int, body: bytes, more: bytes = b"") -> bool:
    writer.write(b"HTTP/1.1 %d Fault\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), more, body))
    await writer.drain()
    return True


def _reset(writer: asyncio.StreamWriter) -> bool:
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
    return False
