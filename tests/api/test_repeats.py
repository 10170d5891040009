"""What is repeated below ASGI, over real sockets: as the application would answer, in order, never too old."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvicorn

from tests.factories import make_site, submit_report
from widget_api import clock, logs
from widget_api.context import Context
from widget_api.protocol import Protocol
from widget_api.settings import Settings
from widget_api.sites.model import Site

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Served:
    """The application behind uvicorn; `asked` are the paths that came through to it past the front."""

    port: int
    server: uvicorn.Server
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def settings(settings_without_worker: Settings) -> Settings:
    return settings_without_worker


@pytest.fixture
async def served(app: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    """Within one second, which a busy machine may make as long as it likes."""
    this_second = clock.now()
    monkeypatch.setattr(clock, "now", lambda: this_second)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        config = uvicorn.Config(
            app, http=Protocol, lifespan="off", log_config=None, server_header=False, proxy_headers=False
        )
        made = Served(listening.getsockname()[1], uvicorn.Server(config))
        behind = app.front.app

        async def counting(scope: Any, receive: Any, send: Any) -> None:
            made.asked.append(scope["path"])
            await behind(scope, receive, send)

        monkeypatch.setattr(app.front, "app", counting)
        monkeypatch.setattr(app.front, "at_once", None)  # what is told before routing has a file of its own
        task = asyncio.create_task(made.server.serve(sockets=[listening]))
        while not made.server.started:  # noqa: ASYNC110 - uvicorn sets no event
            await asyncio.sleep(0.01)
        yield made
        made.server.should_exit = True
        await task


class Client:
    """One connection, which sends what it is told and reads answers one by one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, *requests: bytes) -> None:
        self.writer.write(b"".join(requests))

    async def answer(self, *, head: bool = False) -> Answer:
        async with asyncio.timeout(20):
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in lines[1:-2])
            length = 0 if head else int(headers.get("content-length", 0))
            return int(lines[0].split()[1]), headers, await self.reader.readexactly(length)

    async def ask(self, *requests: bytes) -> Answer:
        self.send(*requests)
        return await self.answer()

    async def kept(self, *requests: bytes) -> Answer:
        """Asked twice: the second answer is the one that is kept."""
        first = await self.ask(*requests)
        assert await self.ask(*requests) == first
        return first

    async def closed(self) -> bool:
        async with asyncio.timeout(20):
            return await self.reader.read() == b""


@contextlib.asynccontextmanager
async def connected(served: Served) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


def request(target: str, *headers: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    lines = (f"{method} {target} HTTP/{version}", "Host: widget.test", *headers, "", "")
    return "\r\n".join(lines).encode() + body


@pytest.fixture
def listed(site: Site) -> str:
    return f"/api/v1/sites/{site.key}/problems"


async def test_a_repeat_is_the_same_answer_and_asks_nobody(served: Served, listed: str) -> None:
    async with connected(served) as client:
        first = await client.kept(request(listed))
        for _ in range(3):
            assert await client.ask(request(listed, "Origin: https://elsewhere.test")) == first
    assert first[0] == 200
    assert first[1]["access-control-allow-origin"] == "*"
    assert "date" in first[1]
    assert served.asked == [listed] * 2


async def test_what_is_unchanged_is_said_without_a_body(served: Served, listed: str) -> None:
    async with connected(served) as client:
        tag = f"If-None-Match: {(await client.ask(request(listed)))[1]['etag']}"
        first = await client.kept(request(listed, tag))
        assert first == await client.ask(request(listed, tag))
        assert (first[0], first[2]) == (304, b"")
        assert (await client.ask(request(listed)))[0] == 200
    assert len(served.asked) == 4


async def test_another_connections_commit_is_seen_by_the_next_request(served: Served, context: Context) -> None:
    site = await make_site(context.database, moderation="after")
    target = f"/api/v1/sites/{site.key}/problems"
    seen: list[str] = []
    async with connected(served) as client:
        for _ in range(5):
            await client.kept(request(target))
            before = len(served.asked)
            seen.append((await client.ask(request(target)))[1]["etag"])
            assert len(served.asked) == before, "it would not be a test: nothing was repeated"
            await submit_report(context.database, site)
        seen.append((await client.ask(request(target)))[1]["etag"])
    assert len(set(seen)) == 6


@pytest.mark.parametrize(
    ("method", "headers", "version", "body"),
    [
        ("HEAD", (), "1.1", b""),
        ("POST", ("Content-Length: 0",), "1.1", b""),
        ("GET", ("Content-Length: 4",), "1.1", b"body"),
        ("GET", ("Transfer-Encoding: chunked",), "1.1", b"4\r\nbody\r\n0\r\n\r\n"),
    ],
    ids=["HEAD", "POST", "a body", "a body in chunks"],
)
async def test_what_is_not_plain_goes_the_whole_way_and_leaves_the_connection_whole(
    served: Served, listed: str, method: str, headers: tuple[str, ...], version: str, body: bytes
) -> None:
    async with connected(served) as client:
        first = await client.kept(request(listed))
        client.send(request(listed, *headers, method=method, version=version, body=body))
        await client.answer(head=method == "HEAD")
        assert len(served.asked) == 3
        assert await client.ask(request(listed)) == first
    assert len(served.asked) == 3


@pytest.mark.parametrize(
    ("version", "headers"), [("1.0", ("Connection: keep-alive",)), ("1.1", ("Connection: close",))]
)
async def test_a_connection_that_is_to_end_ends(
    served: Served, listed: str, version: str, headers: tuple[str, ...]
) -> None:
    async with connected(served) as client:
        first = await client.kept(request(listed))
        last = await client.ask(request(listed, *headers, version=version))
        assert last[2] == first[2]
        assert last[1]["connection"] == "close"
        assert await client.closed()


async def test_requests_sent_together_are_answered_in_their_order(served: Served, listed: str) -> None:
    targets = [listed, f"{listed}?limit=1", listed, "/healthz", listed, f"{listed}?limit=2", f"{listed}?limit=1"]
    async with connected(served) as client:
        alone = {target: await client.kept(request(target)) for target in (listed, "/healthz")}
        client.send(*map(request, targets))
        answers = [await client.answer() for _ in targets]
    for target, answer in zip(targets, answers, strict=True):
        assert answer[0] == 200
        assert answer[2] == (alone["/healthz"][2] if target == "/healthz" else alone[listed][2])


async def test_a_request_that_arrives_in_pieces_is_one(served: Served, listed: str) -> None:
    async with connected(served) as client:
        first = await client.kept(request(listed))
        for byte in request(listed):
            client.send(bytes([byte]))
            await asyncio.sleep(0)
        assert await client.answer() == first


async def test_who_does_not_read_is_not_written_to_without_end(
    served: Served, context: Context, site: Site, listed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(20):
        await submit_report(context.database, site, status="accepted", description="я" * 4000)
    waiting, complete = list[int](), Protocol.on_message_complete

    def noting(protocol: Protocol) -> None:
        complete(protocol)
        waiting.append(protocol.transport.get_write_buffer_size())

    monkeypatch.setattr(Protocol, "on_message_complete", noting)
    async with connected(served) as client:
        first = await client.kept(request(listed))
        assert len(first[2]) > 150_000
        client.send(*[request(listed)] * 200)
        await asyncio.sleep(0.5)  # the buffers of the kernel fill
        assert max(waiting) < 1_000_000
        for _ in range(200):
            assert await client.answer() == first


async def test_a_limit_on_connections_is_kept(served: Served, listed: str) -> None:
    served.server.config.limit_concurrency = 2
    async with connected(served) as one:
        assert (await one.ask(request(listed)))[0] == 200
        async with connected(served) as two:
            assert (await two.ask(request(listed)))[0] == 503


async def test_each_repeat_has_its_line_in_the_log(
    served: Served, listed: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logs, "_requests", logs.RequestLog(production=False))
    async with connected(served) as client:
        for _ in range(4):
            await client.ask(request(listed))
    logs.flush()
    lines = re.findall(r"GET (\S+) 200 \d+\.\dms", capsys.readouterr().err)
    assert lines == ["/api/v1/sites/{key}/problems"] * 4
