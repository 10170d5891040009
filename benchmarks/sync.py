"""`python -m benchmarks.sync [--postgres] [--events N] [--seconds N]`: what leaves for a platform, how fast, how soon.

A real service and a real worker deliver to a receiver that takes everything. What a bare aiohttp client gets rid of in
the same minutes, posting the same bodies to the same receiver, is the ceiling.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from benchmarks.__main__ import machine, postgres
from benchmarks.services import COMMAND, Service, command, cpu, free_port, running, service, wait
from benchmarks.table import Line, show
from benchmarks.throughput import DESCRIPTION

JURISDICTION = "example.org"
AT_ONCE = 16  # as many as the worker has under way
UPDATES = 1  # a report and a change: a platform sees both
RATE = 50  # reports a second
PATIENCE = 300.0


def main() -> None:
    options = _options()
    print(f"{machine()}; {options.events} events, {options.seconds} s of {RATE} reports a second")
    _measured("SQLite", None, options)
    if options.postgres:
        with postgres() as url:
            _measured("PostgreSQL", url, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sync", description=__doc__)
    parser.add_argument("--postgres", action="store_true", help="the same on PostgreSQL")
    parser.add_argument("--events", type=int, default=4000)
    parser.add_argument("--seconds", type=int, default=30)
    return parser.parse_args()


def _measured(name: str, database_url: str | None, options: argparse.Namespace) -> None:
    with receiver() as port:
        lines = []
        for protocol, address in (
            ("georeport", f"http://127.0.0.1:{port}"),
            ("webhook", f"http://127.0.0.1:{port}/hook"),
        ):
            more: dict[str, Any] = {"platform_url": address, "platform_key": "benchmark-key"}
            more["platform_protocol"] = protocol
            site = ("--jurisdiction", f"{protocol}.{JURISDICTION}")
            with service(0, *site, database_url=database_url, arguments=("--no-work",), **more) as idle:
                lines += asyncio.run(_throughput(protocol, idle, port, options.events))
        more = {"platform_url": f"http://127.0.0.1:{port}", "platform_key": "benchmark-key"}
        site = ("--jurisdiction", f"latency.{JURISDICTION}")
        with service(0, *site, database_url=database_url, **more) as busy:
            lines += asyncio.run(_latency(busy, port, options.seconds))
    show(f"{name}, one service, one worker", lines)


async def _throughput(protocol: str, idle: Service, port: int, events: int) -> list[Line]:
    """First the backlog, then a worker for it, then the bare client with what the worker sent."""
    async with aiohttp.ClientSession() as session:
        await _ask(session, port, "/forget")
        sender = _sender(idle, f"{protocol}.{JURISDICTION}")
        reports = events // (1 + UPDATES)
        waiting = iter(range(reports))

        async def fill() -> None:
            for _ in waiting:
                number = await _report(session, idle, sender)
                for _ in range(UPDATES):
                    await _send(
                        session, idle, sender, "servicerequestupdates", service_request_id=number, status="FIXED"
                    )

        await asyncio.gather(*(fill() for _ in range(AT_ONCE)))
        with working(idle) as worker:
            seen = await _until(session, port, reports * (1 + UPDATES))
            spent = cpu(worker.pid)
        rate = (seen["events"] - 1) / (seen["last"] - seen["first"])
        ceiling = await _bare(session, port, seen["bodies"], events)
    name = "one by one (georeport)" if protocol == "georeport" else "batched (webhook)"
    return [
        Line(
            name=f"{name}, against the bare client",
            value=rate / ceiling,
            remark=f"{rate:,.0f}/s against {ceiling:,.0f}/s",
        ),
        Line(name="  processor time of the worker, start included", value=spent / seen["events"], unit="µs"),
    ]


async def _bare(session: aiohttp.ClientSession, port: int, bodies: dict[str, tuple[str, str]], events: int) -> float:
    """Events a second of a client that does nothing but post these bodies in turn, AT_ONCE at a time."""
    messages = [(f"http://127.0.0.1:{port}{path}", body.encode(), kind) for path, (body, kind) in bodies.items()]
    carried = sum(max(1, body.count(b'"specversion"')) for _, body, _ in messages)
    rounds = max(1, events // carried)
    waiting = iter(range(rounds))

    async def post() -> None:
        for _ in waiting:
            for address, body, kind in messages:
                async with session.post(address, data=body, headers={"Content-Type": kind}) as answer:
                    await answer.read()

    began = time.perf_counter()
    await asyncio.gather(*(post() for _ in range(AT_ONCE)))
    return rounds * carried / (time.perf_counter() - began)


async def _latency(busy: Service, port: int, seconds: int) -> list[Line]:
    """Reports come at their times, however long each takes; nobody waits for the one before."""
    sender = _sender(busy, f"latency.{JURISDICTION}")
    many = RATE * seconds
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await _ask(session, port, "/forget")
        await _report(session, busy, sender)
        await _until(session, port, 1)
        await _ask(session, port, "/forget")
        began, sending = time.perf_counter(), list[asyncio.Task[str]]()
        for index in range(many):
            await asyncio.sleep(began + index / RATE - time.perf_counter())
            sending.append(asyncio.create_task(_report(session, busy, sender)))
        await asyncio.gather(*sending)
        ways = sorted((await _until(session, port, many))["ways"])
    assert len(ways) == many, f"{len(ways)} reports of {many} came"
    return [
        Line(name=f"from report to platform at {RATE}/s, median", value=median(ways) / 1000, unit="ms"),
        Line(name="  99th percentile", value=ways[many * 99 // 100] / 1000, unit="ms"),
    ]


async def _report(session: aiohttp.ClientSession, city: Service, sender: dict[str, str]) -> str:
    text = f"{DESCRIPTION} sent={int(time.time() * 1_000_000)}"
    answer = await _send(
        session, city, sender, "requests", service_code="roads", lat="55.1", long="38.8", description=text
    )
    return str(answer["service_request_id"])


async def _send(
    session: aiohttp.ClientSession, city: Service, sender: dict[str, str], path: str, **fields: str
) -> dict[str, Any]:
    url = f"http://127.0.0.1:{city.port}/open311/v2/{path}.json"
    async with session.post(url, data={**sender, **fields}) as answer:
        assert answer.status == 200, await answer.text()
        (item,) = await answer.json()
        return dict(item)


async def _ask(session: aiohttp.ClientSession, port: int, path: str) -> Any:
    async with session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return await answer.json(content_type=None)


async def _until(session: aiohttp.ClientSession, port: int, events: int) -> Any:
    deadline = time.monotonic() + PATIENCE
    while (seen := await _ask(session, port, "/seen"))["events"] < events:
        assert time.monotonic() < deadline, f"{seen['events']} of {events} events came"
        await asyncio.sleep(0.5)
    return seen


def _sender(city: Service, jurisdiction: str) -> dict[str, str]:
    """Who sends: several services share a database where there is PostgreSQL."""
    folder = city.settings["WIDGET_DATA"]
    added = command(city.settings, folder, "token", "add", "--site", city.site, "--scope", "platform")
    return {"api_key": str(added["token"]), "jurisdiction_id": jurisdiction}


@contextlib.contextmanager
def receiver() -> Iterator[int]:
    with tempfile.TemporaryDirectory(prefix="widget-bench-") as folder:
        port, log = free_port(), Path(folder, "log")
        program = [sys.executable, "-m", "benchmarks.receiver", str(port)]
        with log.open("wb") as output, running(program, None, str(Path.cwd()), output) as process:
            wait(port, "/seen", process, log)
            yield port


@contextlib.contextmanager
def working(city: Service) -> Iterator[subprocess.Popen[Any]]:
    folder = city.settings["WIDGET_DATA"]
    with (
        Path(folder, "work.log").open("wb") as output,
        running([COMMAND, "work"], city.settings, folder, output) as one,
    ):
        yield one


if __name__ == "__main__":
    main()
