"""Sends requests over kept connections from a process of its own: bounded in time, in count, and checked.

`python -m benchmarks.load` reads jobs as JSON lines and answers each with one line, so that many short rounds can be
interleaved without starting a process for each.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import cast

from widget_api.browse.listing import filters

YEAR = 31_536_000  # seconds that made-up problems lie back
LONGEST_ROUND = 60.0  # seconds; a server that hangs must not hang the benchmark


@dataclass(frozen=True, kw_only=True)
class Job:
    """`request` is sent again and again, each `{n}` in it replaced by a number of nine digits never used before, `{r}`
    by the same backwards (what is rounded differs, too), `{cursor}` by one of the list whose filter has `fingerprint`.
    """

    port: int
    request: bytes
    seconds: float = 1.0
    connections: int = 32
    fingerprint: str = ""
    most: int = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Result:
    """`rate` in requests a second, `latency` the median and `late` the 99th percentile in microseconds, `statuses` how
    many of which status."""

    rate: float
    latency: float
    late: float
    statuses: dict[int, int]


class Connection(asyncio.Protocol):
    """One request at a time, the next as soon as the answer is complete."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.received = b""
        self.expected = -1  # bytes of the answer under way, -1 while its head is incomplete

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.next()

    def next(self) -> None:
        request = self.run.next()
        if request is None:
            self.transport.close()
            return
        self.sent = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received = self.received + data if self.received else data
        if self.expected < 0:
            end = self.received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self.received[:end].lower()
            _, found, rest = head.partition(b"\r\ncontent-length:")
            length = int(rest.partition(b"\r\n")[0]) if found else 0
            self.status = int(head[9:12])
            self.expected = end + 4 + length
        if len(self.received) >= self.expected:
            self.received, self.expected = b"", -1
            self.run.answered(self.status, time.perf_counter() - self.sent)
            self.next()

    def connection_lost(self, error: Exception | None) -> None:
        self.run.closed()


class Run:
    """One job under way."""

    used = 0  # numbers are never used twice in the life of this process

    def __init__(self, job: Job) -> None:
        self.job = job
        self.varies = any(name in job.request for name in (b"{n}", b"{r}", b"{cursor}"))
        self.now = int(time.time())
        self.statuses: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.begun = 0
        self.open = job.connections
        self.done = asyncio.get_running_loop().create_future()
        self.started = time.perf_counter()

    def next(self) -> bytes | None:
        if self.begun >= self.job.most or time.perf_counter() - self.started >= self.job.seconds:
            return None
        self.begun += 1
        if not self.varies:
            return self.job.request
        Run.used += 1
        number = b"%09d" % Run.used
        request = self.job.request.replace(b"{n}", number).replace(b"{r}", number[::-1])
        if self.job.fingerprint:
            position = (self.now - Run.used * 9973 % YEAR, 1)
            request = request.replace(b"{cursor}", filters.encode_position(position, self.job.fingerprint).encode())
        return request

    def answered(self, status: int, seconds: float) -> None:
        self.statuses[status] += 1
        self.latencies.append(seconds)

    def closed(self) -> None:
        self.open -= 1
        if not self.open and not self.done.done():
            self.done.set_result(time.perf_counter() - self.started)

    async def result(self) -> Result:
        loop = asyncio.get_running_loop()
        for _ in range(self.job.connections):
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.job.port)
        elapsed = await asyncio.wait_for(self.done, self.job.seconds + LONGEST_ROUND)
        latencies = sorted(self.latencies) or [0.0]
        return Result(
            rate=len(self.latencies) / elapsed,
            latency=latencies[len(latencies) // 2] * 1_000_000,
            late=latencies[len(latencies) * 99 // 100] * 1_000_000,
            statuses=dict(self.statuses),
        )


class Generator:
    """The load's process, as the benchmark holds it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def run(self, job: Job) -> Result:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        line = json.dumps(asdict(job) | {"request": base64.b64encode(job.request).decode()})
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        statuses = {int(status): many for status, many in answer.pop("statuses").items()}
        return Result(**answer, statuses=statuses)


@contextlib.contextmanager
def generator() -> Iterator[Generator]:
    command = [sys.executable, "-m", "benchmarks.load"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Generator(process)
        finally:
            process.kill()


def get(path: str, headers: Sequence[str] = ()) -> bytes:
    """A GET as a browser on a host page sends it."""
    lines = (f"GET {path} HTTP/1.1", "Host: 127.0.0.1", *_BROWSER, *headers, "", "")
    return "\r\n".join(lines).encode()


def post(path: str, body: bytes, headers: Sequence[str] = ()) -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        *_BROWSER,
        "Content-Type: application/json",
        f"Content-Length: {len(body) + body.count(b'{n}') * 6}",  # nine digits take the place of three characters
        *headers,
        "",
        "",
    )
    return "\r\n".join(lines).encode() + body


_BROWSER = ("Accept: */*", "Accept-Language: ru,en;q=0.5", "User-Agent: Mozilla/5.0 (X11; Linux x86_64) Firefox/115.0")


async def _serve() -> None:
    for line in sys.stdin.buffer:
        job = json.loads(line)
        done = await Run(Job(**job | {"request": base64.b64decode(job["request"])})).result()
        sys.stdout.write(json.dumps(asdict(done)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:  # where it does not exist the service runs without it, too
        asyncio.run(_serve())
    else:
        uvloop.run(_serve())
