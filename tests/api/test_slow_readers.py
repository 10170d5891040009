"""Slow clients over real sockets: they never block clients with a token, and others only for a short time."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

import pytest

from tests.support.processes import Service
from widget_api.web import streaming

GRACE = 6
PATIENCE = 60.0
CHANGES = (f"widget_api.web.streaming.GRACE_PERIOD={GRACE}", "widget_api.web.streaming.MINIMUM_RATE=1000000")


def address(number: int) -> str:
    """Each address belongs to another customer of another provider."""
    return f"2001:db8:{number:x}::1"


class Reader:
    """Sends a request and reads as much of the answer as a test says. Its window is small, or the kernel would buffer
    the rest.
    """

    def __init__(self, service: Service, path: str, sender: str, *, small: bool) -> None:
        self.socket = socket.socket()
        if small:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", service.port))
        lines = (f"GET {path} HTTP/1.1", "Host: widget.test", f"X-Forwarded-For: {sender}", "Connection: close", "", "")
        self.socket.sendall("\r\n".join(lines).encode())

    def status(self) -> int:
        return int(self.socket.recv(64).split()[1])

    def rest(self) -> bytes:
        read = b""
        with contextlib.suppress(ConnectionError):
            while part := self.socket.recv(1_000_000):
                read += part
        return read


@pytest.mark.full("waits for a minute; test_opendata.py cuts off a reader and counts places")
@pytest.mark.long
def test_slow_clients_do_not_take_slots_of_tokens_and_lose_their_own(serve: Callable[..., Service]) -> None:
    service = serve(work="off", trusted_proxies="127.0.0.1", changes=CHANGES, fork=False)
    agency = service.cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    site = service.cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", "https://gorod.test")
    token = service.cli("token", "add", "--site", site["site"], "--scope", "platform")["token"]
    # Each answer is larger than the kernel's send buffer (tcp_wmem: 4 MB).
    service.cli("load-demo", "--problems", "12000", "--site", site["site"])
    file = f"/api/v1/sites/{site['key']}/problems.geojson"
    listed = f"/open311/v2/requests.json?jurisdiction_id={site['jurisdiction']}&page_size=1000"
    with contextlib.ExitStack() as closing:

        def ask(path: str, sender: str, *, small: bool = False) -> Reader:
            reader = Reader(service, path, sender, small=small)
            closing.callback(reader.socket.close)
            return reader

        slow = [ask(file, address(number), small=True) for number in range(streaming.MAX_STREAMS)]
        assert {reader.status() for reader in slow} == {200}
        assert ask(file, address(99)).status() == 429, "every place is taken"
        platform = ask(f"{listed}&api_key={token}", address(98))
        assert platform.status() == 200
        whole = platform.rest()
        assert whole.endswith(b"\r\n0\r\n\r\n"), "nobody shuts it out"
        deadline = time.monotonic() + PATIENCE
        while (after := ask(file, address(97))).status() == 429:
            assert time.monotonic() < deadline, "the places stay taken"
            time.sleep(1)
        assert after.rest().endswith(b"\r\n0\r\n\r\n")
        assert not any(reader.rest().endswith(b"\r\n0\r\n\r\n") for reader in slow), "who does not read is cut off"
