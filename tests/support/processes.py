"""Start the product's real commands the way an operator does, and end them by their own process id."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import fork_server

COMMAND = str(Path(sys.executable).parent / "widget-api")
START_LIMIT = 90.0  # seconds; the machine may be busy with other tests
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def own_ports() -> Iterator[int]:
    """The ports of this process in turn, from a random one on: a range for each process of a run.

    They are below the kernel's ephemeral range, so that no connection takes the port of a killed service.
    """
    first = 11_000  # browsers refuse 10080
    last = min(32_000, int(EPHEMERAL.read_text().split()[0])) if EPHEMERAL.exists() else 32_000
    # The process that starts the others has ports of its own, too.
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")) + 1
    place = int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1").removeprefix("gw")) + 1
    many = (last - first) // processes
    start = random.SystemRandom().randrange(many)
    for number in itertools.count(start):
        yield first + place * many + number % many


_ports = own_ports()


def free_port() -> int:
    """A port that nobody uses and that this process has not given to a test before."""
    for port in _ports:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("unreachable: the ports are taken in turn")


def die_with_parent(command: list[str]) -> list[str]:
    """End the child together with a killed test run, so that no server is left behind (Linux: PR_SET_PDEATHSIG)."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return command
    return [setpriv, "--pdeathsig=KILL", "--", *command]


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until a server accepts connections. Fails with its log if it ends or takes a minute."""
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(log.read_text()) from None
            time.sleep(0.05)


def clean_environment(settings: Mapping[str, str]) -> dict[str, str]:
    """The current environment without any WIDGET_ variable of the person who runs the tests."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WIDGET_")}
    return inherited | {"PYTHONUNBUFFERED": "1"} | dict(settings)


class CommandFailed(AssertionError):
    """`widget-api` exited with a non-zero code."""

    def __init__(self, arguments: tuple[str, ...], code: int, output: str, errors: str) -> None:
        super().__init__(f"widget-api {' '.join(arguments)} ended with {code}\n{output}\n{errors}")
        self.code, self.output, self.errors = code, output, errors


def patched_program(*changes: str) -> tuple[str, ...]:
    """The program to run instead of `widget-api`, with patched constants: see tests/support/patched_service.py."""
    return (sys.executable, "-P", str(Path(__file__).with_name("patched_service.py")), *changes, "--")


def attempt(
    *arguments: str,
    settings: Mapping[str, str],
    directory: Path,
    changes: tuple[str, ...] = (),
    interpreter: tuple[str, ...] = patched_program()[:3],
) -> subprocess.CompletedProcess[str]:
    """The result of `widget-api ARGUMENTS` in a process of its own, a fork, whatever its exit code.

    `interpreter` with its script is that of another environment, if this process starts nothing of its own.
    """
    program, environ = (*interpreter, *changes, "--", *arguments), clean_environment(settings)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = fork_server.fork(program, directory, environ, output, errors)
        try:
            code = process.wait(120)
        finally:
            process.kill()
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(arguments, code, *texts)


def attempt_installed(
    *arguments: str, settings: Mapping[str, str], directory: Path
) -> subprocess.CompletedProcess[str]:
    """The same of the installed command, which takes a second of processor time to start."""
    return subprocess.run(
        [COMMAND, *arguments],
        cwd=directory,
        env=clean_environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def run_command(*arguments: str, settings: Mapping[str, str], directory: Path) -> str:
    """Standard output of `widget-api ARGUMENTS`."""
    done = attempt(*arguments, settings=settings, directory=directory)
    if done.returncode:
        raise CommandFailed(arguments, done.returncode, done.stdout, done.stderr)
    return done.stdout


@dataclass
class Service:
    """One `widget-api serve` with its own data directory and port."""

    directory: Path
    settings: dict[str, str]
    port: int
    arguments: tuple[str, ...] = ()
    program: tuple[str, ...] = (COMMAND,)
    fork: bool = False  # start a fork of the fork server, not a new interpreter
    process: subprocess.Popen[bytes] | fork_server.Fork | None = field(default=None, repr=False)

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
        self._run("serve", "--host", "127.0.0.1", "--port", str(self.port), *self.arguments)
        if wait:
            self.wait_until_ready()
        return self

    def _run(self, *arguments: str) -> None:
        with (self.directory / "serve.log").open("ab") as log:
            if self.fork:
                program, environ = (*self.program, *arguments), clean_environment(self.settings)
                self.process = fork_server.fork(program, self.directory, environ, log, log)
                return
            self.process = subprocess.Popen(
                die_with_parent([*self.program, *arguments]),
                cwd=self.directory,
                env=clean_environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # --workers starts children: signal the whole process group
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
                time.sleep(0.05)
        self.kill()
        raise AssertionError(f"serve was not ready after {START_LIMIT:.0f} s:\n{self.log}")

    def stop(self) -> int:
        """Stop it gracefully and return its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`: nothing is finished or flushed."""
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
        code, self.process = self.process.wait(), None
        return code

    def cli(self, *arguments: str) -> Any:
        """Run `widget-api ARGUMENTS --json` on the same data, in this process, while the service runs."""
        # imported late: scripts that only start services need not load the product
        from tests.support.commands import call_json

        return call_json(*arguments, settings=self.settings, directory=self.directory)


@dataclass
class Work(Service):
    """One `widget-api work` process. It has no port, so its progress is only visible in the database."""

    def start(self, *, wait: bool = False) -> Work:
        self._run("work")
        return self


Serve = Callable[..., Service]  # of the fixture `serve`
