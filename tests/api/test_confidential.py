"""Secrets of a running service cannot be read by other processes, also where it has several of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.processes import COMMAND, Service, Work
from tests.support.waiting import wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux shows them in /proc")
CANARIES = {
    "WIDGET_SECRET_KEYS": "canary-key-0123456789abcdef0123456789abcdef",
    "WIDGET_METRICS_TOKEN": "canary-token-0123456789abcdef0123456789abcdef",
    "WIDGET_PLATFORM_KEY": "canary-platform",
    "AWS_SECRET_ACCESS_KEY": "canary-bucket",
}
# Root may read any process; without capabilities it is an ordinary user.
AS_A_USER = ["setpriv", "--bounding-set=-all"] if os.getuid() == 0 else []


@pytest.fixture
def dialect() -> str:
    return "sqlite"


def processes(pid: int) -> Iterator[int]:
    """A process and all its descendants."""
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from processes(int(child))


def neighbour_may_read(pid: int, what: str) -> bool:
    """Whether another process of the same user can read a file of /proc/PID."""
    command = [*AS_A_USER, "head", "-c1", f"/proc/{pid}/{what}"]
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


ONE_PROCESS = pytest.param(("serve",), marks=pytest.mark.full("the first of several loads, the others serve"))


@pytest.mark.parametrize("command", [ONE_PROCESS, ("serve", "--workers", "2"), ("work",)], ids=" ".join)
def test_no_process_of_the_service_shows_its_settings(
    command: tuple[str, ...], serve: Callable[..., Service], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CANARIES.items():
        monkeypatch.setenv(name, value)
    settings = {name.removeprefix("WIDGET_").lower(): v for name, v in CANARIES.items() if name.startswith("WIDGET_")}
    production = {"environment": "production", "public_url": "https://widget.test", "smtp_url": "smtp://127.0.0.1:9"}
    platform = "http://127.0.0.1:9/open311/v2"
    service = serve(*command[1:], start=False, platform_url=platform, **production, **settings)
    kind = Work if command[0] == "work" else Service
    program = (*AS_A_USER, COMMAND)
    service = kind(service.directory, service.settings, service.port, service.arguments, program)
    other = subprocess.Popen([*AS_A_USER, "sleep", "120"])
    try:
        service.start()
        wait_for(lambda: len(serving(service.pid)) >= len(command))
        # setpriv has more capabilities than another process, which cannot read it until it has become the service.
        wait_for(lambda: not any(b"setpriv" in command_line(pid) for pid in serving(service.pid)))
        wait_for(lambda: not any(neighbour_may_read(pid, "environ") for pid in serving(service.pid)))
        wait_for(lambda: not any(neighbour_may_read(pid, "maps") for pid in serving(service.pid)))
        # A process hides its environment first, and removes the settings from it a moment later.
        wait_for(lambda: not any(b"canary" in environment(pid) for pid in processes(service.pid)))
        for pid in processes(service.pid):
            assert b"PYTHONUNBUFFERED=1" in environment(pid)
        assert neighbour_may_read(other.pid, "environ"), "others can be read"
        if command[0] == "serve":
            service.stop()  # a request is logged after its answer
            lines = [line for line in service.log.splitlines() if "readyz" in line]
            assert json.loads(lines[-1])["event"].startswith("GET /readyz 200"), "as one process logs"
    finally:
        service.kill()
        other.kill()
        other.wait()


def serving(pid: int) -> list[int]:
    """Without the resource tracker of multiprocessing, which has no secrets."""
    return [one for one in processes(pid) if b"resource_tracker" not in command_line(one)]


def environment(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


def command_line(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()
