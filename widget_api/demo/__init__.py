"""Run `widget-api demo`: the whole product on one machine, with data of an invented town."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType

import orjson

from widget_api import i18n
from widget_api.demo import map_tiles, seed
from widget_api.demo.mailbox import Mailbox
from widget_api.files import find_carried
from widget_api.settings import Settings, SettingsError

HOST = "127.0.0.1"
FIRST_PORT = 8000


def address(port: int) -> str:
    return f"http://{HOST}:{port}"


def choose_ports(first: int) -> tuple[int, int, int, int]:
    """The next four free ports from `first`: service, platform, host pages, letters."""
    free_ports = (port for port in range(first, 65_536) if is_port_free(HOST, port))
    chosen = tuple(itertools.islice(free_ports, 4))
    if len(chosen) < 4:
        raise SettingsError(f"--port: there are no four free ports from {first} on")
    return chosen  # type: ignore[return-value] # four, as just seen


def run(loaded: Settings, first_port: int = FIRST_PORT) -> None:
    """Fill empty databases, start all processes, print their addresses, and wait for Ctrl-C."""
    service_port, platform_port, pages_port, mail_port = choose_ports(first_port)
    data = loaded.data_directory
    data.mkdir(parents=True, exist_ok=True)
    places = seed.DemoAddresses(
        service=address(service_port),
        platform=address(platform_port),
        pages=address(pages_port),
        mail=address(mail_port),
    )
    platform_database = f"sqlite:///{(data / 'platform' / 'widget.db').absolute()}"
    ready_file, draft_file = data / "demo.json", data / "demo.json.kept"
    if ready_file.exists():
        ready_file.replace(draft_file)  # written last, so that programs that wait for demo.json find running services
    before = orjson.loads(draft_file.read_bytes()) if draft_file.exists() else None
    print(
        "Starting the demonstration with its data …" if before else "Filling the demonstration …",
        file=sys.stderr,
        flush=True,
    )
    seeded = asyncio.run(seed.seed_databases(loaded.database_url, platform_database, places, before, loaded.media_url))
    draft_file.write_bytes(orjson.dumps(seeded, option=orjson.OPT_INDENT_2))
    map_settings = _map(loaded, data)  # first, since drawing takes some seconds
    with Processes(data) as processes, Mailbox(HOST, mail_port, [data / "mail", data / "platform" / "mail"]):
        signal.signal(signal.SIGTERM, _stop)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("WIDGET_PLATFORM_")}
        platform = environ | _platform(data, platform_database, places)
        processes.start("platform", platform, "serve", "--port", str(platform_port))
        service = environ | _service(loaded, seeded, places) | map_settings
        processes.start("service", service, "serve", "--port", str(service_port))
        first, second = (site["key"] for site in seeded["sites"][:2])
        keys = ("--key", first, "--second-key", second)
        processes.pages("--port", str(pages_port), "--service", places.service, *keys)
        for instance in (places.platform, places.service):
            processes.wait_for(f"{instance}/readyz")
        processes.wait_for(places.pages)
        draft_file.replace(ready_file)
        print(seed.describe(seeded), flush=True)
        processes.stay()


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _platform(data: Path, database: str, places: seed.DemoAddresses) -> dict[str, str]:
    return {
        "WIDGET_DATABASE_URL": database,
        "WIDGET_DATA": str(data / "platform"),
        "WIDGET_PUBLIC_URL": places.platform,
        "WIDGET_SECRET_KEYS": "",  # each instance makes its own
        "WIDGET_MEDIA_URL": "",
    }


def _service(loaded: Settings, seeded: seed.SeededData, places: seed.DemoAddresses) -> dict[str, str]:
    token = next(token["token"] for token in seeded["tokens"] if token["instance"] == "platform")
    return {
        "WIDGET_DATABASE_URL": loaded.database_url,
        "WIDGET_DATA": str(loaded.data_directory),
        "WIDGET_PUBLIC_URL": places.service,
        "WIDGET_PLATFORM_URL": f"{places.platform}/open311/v2",
        "WIDGET_PLATFORM_NAME": i18n.text("ru", "demo.platform"),
        "WIDGET_PLATFORM_KEY": token,
    }


def _map(loaded: Settings, data: Path) -> dict[str, str]:
    """The settings of the invented town's map, unless others are set."""
    if loaded.tiles is not None:
        return {}
    attribution = i18n.text("ru", "demo.town.ground")
    return {"WIDGET_TILES": str(map_tiles.ensure_archive(data)), "WIDGET_TILES_ATTRIBUTION": attribution}


START_TIMEOUT = 60.0  # seconds


class ProcessEnded(Exception):
    """A process of the demonstration ended unexpectedly. The message is one line."""


def is_port_free(host: str, port: int) -> bool:
    """Whether nothing listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) != 0


class Processes:
    """Started processes, which are ended when the block is left."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Processes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._running.values():
            process.terminate()
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
                continue
            process.kill()

    def start(self, name: str, environ: Mapping[str, str], *arguments: str) -> None:
        """Start `widget-api ARGUMENTS` with the same interpreter; its log is a file of that name."""
        self._run(name, "-c", "from widget_api.cli import main; main()", *arguments, environ=environ)

    def pages(self, *arguments: str) -> None:
        """Start the municipality's web server, which serves the host pages."""
        self._run("pages", str(find_carried("embed_examples/serve.py")), *arguments)

    def _run(self, name: str, *arguments: str, environ: Mapping[str, str] | None = None) -> None:
        with (self._logs / f"{name}.log").open("wb") as log:
            self._running[name] = subprocess.Popen(  # noqa: S603
                [sys.executable, *arguments], env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_for(self, url: str) -> None:
        """Wait until an address responds with 200. Raises ProcessEnded."""
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline:
            self._check()
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(url, timeout=5).close()  # noqa: S310 - our own address
                return
            time.sleep(0.2)
        raise ProcessEnded(f"{url} was not ready after {START_TIMEOUT:.0f} s")

    def stay(self) -> None:
        """Wait for Ctrl-C. Raises ProcessEnded where a process ends before."""
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                self._check()
                time.sleep(0.5)

    def _check(self) -> None:
        for name, process in self._running.items():
            if process.poll() is not None:
                raise ProcessEnded(
                    f"the demonstration's {name} ended with {process.returncode}; see {self._logs}/{name}.log"
                )
