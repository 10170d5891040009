"""Starts what is measured as an operator starts it, with data of its own, and ends it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = str(Path(sys.executable).parent / "widget-api")
SECRET = "benchmark-secret-benchmark-secret"
START_LIMIT = 60.0
ORIGIN = "https://example.org"


@dataclass(frozen=True, kw_only=True)
class Service:
    """A running `widget-api serve` with one site."""

    port: int
    pid: int
    key: str
    site: str
    started_in: float  # seconds from the command to the first answer
    settings: dict[str, str]

    @property
    def problems(self) -> str:
        return f"/api/v1/sites/{self.key}/problems"

    def fetch(self, path: str) -> tuple[bytes, str]:
        """Body and ETag."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return answer.read(), answer.headers.get("etag", "")

    def memory(self) -> int:
        """Greatest resident size so far, in bytes, children included one by one (Linux)."""
        return sum(_peak(pid) for pid in (self.pid, *children(self.pid)))


@dataclass(frozen=True, kw_only=True)
class Bare:
    """A running baseline."""

    port: int
    pid: int


def cpu(pid: int) -> float:
    """Microseconds a process has computed for so far, all its threads together (Linux)."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1000


def _settled(pid: int) -> None:
    """Until what a process does at its start is done: it compresses the widget's files beside its first answers."""
    deadline, idle = time.monotonic() + START_LIMIT, 0
    while idle < 3 and time.monotonic() < deadline:
        before = cpu(pid)
        time.sleep(0.2)
        idle = idle + 1 if cpu(pid) - before < 10_000 else 0


def _peak(pid: int) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def children(pid: int) -> list[int]:
    """Identifiers of the processes that this one started, oldest first (Linux)."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def service(
    problems: int,
    *site_options: str,
    database_url: str | None = None,
    arguments: tuple[str, ...] = (),
    kept: Path | None = None,
    organised: bool = False,
    **more: str,
) -> Iterator[Service]:
    """The application as it ships, with that many published problems. Limits per address are lifted, and the proof of
    work with them: one address cannot send otherwise what many would. Everything else is as it comes.

    In the folder `kept` the SQLite database stays for the next time. With `organised` the agency has services, and the
    site districts, to which its reports belong.
    """
    with _folder(kept) as folder:
        port = free_port()
        settings = (
            {name: value for name, value in os.environ.items() if not name.startswith("WIDGET_")}
            | {
                "WIDGET_DATA": folder,
                "WIDGET_DATABASE_URL": database_url or f"sqlite:///{folder}/widget.db",
                "WIDGET_SECRET_KEYS": SECRET,
                "WIDGET_PUBLIC_URL": f"http://127.0.0.1:{port}",
                "WIDGET_CHALLENGE": "off",
                "WIDGET_RATE_LIMITS": "off",
            }
            | {f"WIDGET_{name.upper()}": value for name, value in more.items()}
        )
        known = Path(folder, "site.json")
        site = (
            json.loads(known.read_text())
            if known.exists()
            else _filled(settings, folder, problems, site_options, organised)
        )
        known.write_text(json.dumps(site))
        log = Path(folder, "log")
        command = [COMMAND, "serve", "--host", "127.0.0.1", "--port", str(port), *arguments]
        begun = time.perf_counter()
        with log.open("wb") as output, running(command, settings, folder, output) as process:
            wait(port, "/readyz", process, log)
            started_in = time.perf_counter() - begun
            _settled(process.pid)
            yield Service(
                port=port,
                pid=process.pid,
                key=site["key"],
                site=site["site"],
                started_in=started_in,
                settings=settings,
            )


@contextlib.contextmanager
def _folder(kept: Path | None) -> Iterator[str]:
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="widget-bench-") as folder:
            yield folder
    else:
        kept.mkdir(parents=True, exist_ok=True)
        yield str(kept.resolve())


def _filled(
    settings: dict[str, str], folder: str, problems: int, site_options: tuple[str, ...], organised: bool
) -> Any:
    command(settings, folder, "migrate")
    agency = command(settings, folder, "agency", "add", "--name", "Администрация", "--email", "a@example.org")
    named = ("--name", "Город", "--agency", agency["agency"], "--origin", ORIGIN)
    site = command(settings, folder, "site", "add", *named, *site_options)
    if organised:
        for name in ("Водоканал", "Горсвет", "Благоустройство", "Дороги"):
            department = ("--name", name, "--email", "s@example.org")
            command(settings, folder, "agency", "add", "--parent", agency["agency"], *department)
        Path(folder, "districts.json").write_text(json.dumps(_districts()))
        command(settings, folder, "site", "districts", site["site"], "--load", "districts.json")
    if problems:
        command(settings, folder, "load-demo", "--problems", str(problems))
    return site


def _districts() -> dict[str, Any]:
    """Nine rectangles that cover the area of the made-up reports."""
    features = []
    for at in range(9):
        west, south = 38.5 + at % 3 * 0.2, 54.9 + at // 3 * 0.1334
        ring = [[west, south], [west + 0.2, south], [west + 0.2, south + 0.1334], [west, south + 0.1334], [west, south]]
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "properties": {"name": f"Район {at + 1}"}, "geometry": geometry})
    return {"type": "FeatureCollection", "features": features}


@contextlib.contextmanager
def baseline(page: bytes) -> Iterator[Bare]:
    """A bare ASGI application that knows these bytes."""
    with tempfile.TemporaryDirectory(prefix="widget-bench-") as folder:
        file, log, port = Path(folder, "page"), Path(folder, "log"), free_port()
        file.write_bytes(page)
        command = [sys.executable, "-m", "benchmarks.baseline", str(port), str(file)]
        with log.open("wb") as output, running(command, dict(os.environ), str(Path.cwd()), output) as process:
            wait(port, "/hello", process, log)
            yield Bare(port=port, pid=process.pid)


@contextlib.contextmanager
def running(
    command: list[str], settings: dict[str, str] | None, folder: str, output: Any
) -> Iterator[subprocess.Popen[Any]]:
    with subprocess.Popen(command, cwd=folder, env=settings, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def command(settings: dict[str, str], folder: str, *arguments: str) -> Any:
    done = subprocess.run([COMMAND, *arguments, "--json"], cwd=folder, env=settings, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"widget-api {' '.join(arguments)}: {done.stderr}")
    return json.loads(done.stdout)


def wait(port: int, path: str, process: subprocess.Popen[Any], log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    raise SystemExit(f"{process.args!r} did not start:\n{log.read_text()}")
