"""A file with tens of thousands of problems needs little memory, and clients that stop reading affect nobody."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.factories import HOST_ORIGIN
from tests.support.processes import Service

pytestmark = pytest.mark.full("20,000 problems; test_opendata.py looks at the pieces of a file")
PROBLEMS = 20_000
MOST_GROWTH = 24 * 1024  # kB; the file itself is larger


@pytest.fixture
def filled(serve: Callable[..., Service]) -> tuple[Service, str]:
    service = serve(rate_limits="off", work="off", fork=False)
    agency = service.cli("agency", "add", "--name", "Администрация города", "--email", "office@gorod.test")["agency"]
    site = service.cli("site", "add", "--name", "Город", "--agency", agency, "--origin", HOST_ORIGIN)
    service.cli("load-demo", "--problems", str(PROBLEMS), "--site", site["key"])
    return service, f"/api/v1/sites/{site['key']}/problems"


def peak(service: Service) -> int:
    """The peak memory of the process in kB."""
    status = Path(f"/proc/{service.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def fetch(service: Service, path: str) -> bytes:
    with urllib.request.urlopen(service.url + path, timeout=300) as answer:
        return bytes(answer.read())


def asleep(service: Service, path: str) -> socket.socket:
    """A client that requested a file, read its beginning and stopped."""
    reader = socket.create_connection(("127.0.0.1", service.port), timeout=60)
    reader.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert reader.recv(4096).startswith(b"HTTP/1.1 200")
    return reader


def test_large_files_are_sent_with_constant_memory_beside_stalled_clients(filled: tuple[Service, str]) -> None:
    service, path = filled
    fetch(service, f"{path}.csv?category=roads&status=planned")
    fetch(service, path)
    before = peak(service)
    sleeping = [asleep(service, f"{path}.geojson") for _ in range(6)]
    whole = fetch(service, f"{path}.geojson")
    table = fetch(service, f"{path}.csv")
    assert len(whole) > MOST_GROWTH * 1024 * 0.5
    assert len(json.loads(whole)["features"]) == PROBLEMS
    assert table.count(b"\r\n") == PROBLEMS + 1
    assert len(json.loads(fetch(service, path))["items"]) == 20
    assert peak(service) - before < MOST_GROWTH
    for reader in sleeping:
        reader.close()
