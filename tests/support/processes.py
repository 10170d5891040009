"""Starts the real commands of the product the way an operator does, and ends them by their own id."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COMMAND = str(Path(sys.executable).parent / "widget-api")
START_LIMIT = 90.0  # seconds; the machine may be busy with other tests
_CHANCE = random.SystemRandom()  # Hypothesis seeds the other one: tests side by side would all choose the same port


def free_port() -> int:
    """Below those the kernel gives to whoever asks for any: a service that is killed finds its own free again."""
    while True:
        port = _CHANCE.randrange(11_000, 32_000)  # browsers refuse 10080
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def dying_with_us(command: list[str]) -> list[str]:
    """A test run that is killed must leave no servers behind (Linux: the kernel ends the child with its parent)."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return command
    return [setpriv, "--pdeathsig=KILL", "--", *command]


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The tests' own environment without any WIDGET_ variable of whoever runs them."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WIDGET_")}
    return inherited | {"PYTHONUNBUFFERED": "1"} | dict(settings)


class CommandFailed(AssertionError):
    """`widget-api` ended with another code than zero."""

    def __init__(self, arguments: tuple[str, ...], code: int, output: str, errors: str) -> None:
        super().__init__(f"widget-api {' '.join(arguments)} ended with {code}\n{output}\n{errors}")
        self.code, self.output, self.errors = code, output, errors


def run_command(*arguments: str, settings: Mapping[str, str], directory: Path, limit: float = 120) -> str:
    """Standard output of `widget-api ARGUMENTS`."""
    done = subprocess.run(
        [COMMAND, *arguments],
        cwd=directory,
        env=clean_environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit,
    )
    if done.returncode:
        raise CommandFailed(arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout


def run_json(*arguments: str, settings: Mapping[str, str], directory: Path) -> Any:
    """What `widget-api ARGUMENTS --json` prints; one JSON document and nothing else, else this raises."""
    return json.loads(run_command(*arguments, "--json", settings=settings, directory=directory))


def hurried(*changes: str) -> tuple[str, ...]:
    """What stands for `widget-api` where a test cannot wait: see tests/support/hurried.py."""
    return (sys.executable, "-P", str(Path(__file__).with_name("hurried.py")), *changes, "--")


@dataclass
class Service:
    """One `widget-api serve`, with a data directory and a port of its own."""

    directory: Path
    settings: dict[str, str]
    port: int
    arguments: tuple[str, ...] = ()
    program: tuple[str, ...] = (COMMAND,)
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.directory / "serve.log").read_text(errors="replace")

    @property
    def pid(self) -> int:
        assert self.process is not None, "not started"
        return self.process.pid

    def start(self, *, wait: bool = True) -> Service:
        self._run([*self.program, "serve", "--host", "127.0.0.1", "--port", str(self.port), *self.arguments])
        if wait:
            self.wait_until_ready()
        return self

    def _run(self, command: list[str]) -> None:
        with (self.directory / "serve.log").open("ab") as log:
            self.process = subprocess.Popen(
                dying_with_us(command),
                cwd=self.directory,
                env=clean_environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # --workers starts children: they end as one group
            )

    def wait_until_ready(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_LIMIT
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"serve ended with {self.process.returncode} before it was ready:\n{self.log}")
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                    if answer.status == 200:
                        return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        self.kill()
        raise AssertionError(f"serve was not ready after {START_LIMIT:.0f} s:\n{self.log}")

    def stop(self) -> int:
        """End it politely and return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`: nothing is finished, nothing is flushed."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            os.killpg(self.process.pid, how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(30)
                raise AssertionError(f"serve did not end within 30 s:\n{self.log}") from None
        code, self.process = self.process.returncode, None
        return code

    def cli(self, *arguments: str) -> Any:
        """`widget-api ARGUMENTS --json` against the same data, while it serves: from this process into that one's."""
        from tests.support.commands import call_json  # scripts that only start services need not load the product

        return call_json(*arguments, settings=self.settings, directory=self.directory)


@dataclass
class Work(Service):
    """One `widget-api work`: it listens nowhere, so whatever it is to have begun shows in the database."""

    def start(self, *, wait: bool = False) -> Work:
        self._run([*self.program, "work"])
        return self
