"""Run the demonstration's services as separate processes, as in production."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

START_TIMEOUT = 60.0  # seconds
_PACKAGE = Path(__file__).parent.parent


class ProcessEnded(Exception):
    """A process of the demonstration ended unexpectedly. The message is one line."""


def is_port_free(host: str, port: int) -> bool:
    """Whether nothing listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) != 0


def examples_folder() -> Path:
    """The folder of host pages: inside the installed package, or beside it in a checkout."""
    inside = _PACKAGE / "embed_examples"
    return inside if inside.is_dir() else _PACKAGE.parent / "embed_examples"


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
        self._run("pages", str(examples_folder() / "serve.py"), *arguments)

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
