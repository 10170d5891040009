"""Resource limits of a connection, against a real process over raw sockets: heads, bodies and slow readers."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import Service
from widget_api.web import connections

HEAD, GRACE, LINGER, SLOWEST = 2, 3, 1, 50_000
CHANGES = (
    f"widget_api.web.connections.HEAD_SECONDS={HEAD}",
    f"widget_api.web.connections.GRACE_PERIOD={GRACE}",
    f"widget_api.web.connections.LINGER={LINGER}",
)
PATIENCE = 60.0  # seconds; the machine may be busy


def test_the_limits_match_the_documentation() -> None:
    assert (connections.HEAD_BYTES, connections.HEAD_SECONDS) == (65_536, 10)
    assert connections.MINIMUM_RATE <= 4_096, "EDGE must pass"
    assert connections.GRACE_PERIOD >= 15, "a phone in a lift must pass"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes


class Connection:
    """A raw socket connection."""

    def __init__(self, service: Service, *, window: int | None = None) -> None:
        self.socket = socket.socket()
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", service.port))
        self.received = b""

    def send(self, *data: bytes) -> None:
        self.socket.sendall(b"".join(data))

    def refuses(self, data: bytes) -> bool:
        """Whether repeatedly sending this ends with a closed connection."""
        deadline = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < deadline:
                self.socket.sendall(data)
        except ConnectionError:
            return True
        return False

    def answer(self, *, head: bool = False) -> Answer:
        while b"\r\n\r\n" not in self.received:
            self._receive()
        start, _, self.received = self.received.partition(b"\r\n\r\n")
        lines = start.decode("latin-1").split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        length = 0 if head else int(headers.get("content-length", 0))
        while len(self.received) < length:
            self._receive()
        body, self.received = self.received[:length], self.received[length:]
        return Answer(int(lines[0].split()[1]), headers, body)

    def _receive(self) -> None:
        data = self.socket.recv(65_536)
        assert data, f"closed after {self.received[:200]!r}"
        self.received += data

    def read_all(self) -> int:
        """The number of bytes received until the connection ends."""
        read = 0
        with contextlib.suppress(ConnectionError):
            while part := self.socket.recv(1_000_000):
                read += len(part)
        return read

    def ended(self) -> bool:
        """Whether the service closes the connection without sending anything more."""
        try:
            return self.socket.recv(65_536) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self.socket.close()


def request(target: str, *headers: str, method: str = "GET", version: str = "1.1", body: bytes = b"") -> bytes:
    return "\r\n".join((f"{method} {target} HTTP/{version}", "Host: widget.test", *headers, "", "")).encode() + body


def found_site(service: Service) -> dict[str, Any]:
    agency = service.cli("agency", "add", "--name", "Администрация", "--email", "priem@gorod.test")["agency"]
    added = service.cli("site", "add", "--name", "Сайт", "--agency", agency, "--origin", "https://gorod.test")
    return dict(added)


@pytest.fixture(scope="module")
def service(module_serve: Callable[..., Service]) -> Service:
    """Shared by all tests: the effects of a connection must end with it, or later tests fail."""
    return module_serve(work="off", rate_limits="off", changes=CHANGES)


@pytest.fixture(scope="module")
def site(service: Service) -> dict[str, Any]:
    return found_site(service)


@pytest.fixture
def connect(service: Service) -> Iterator[Callable[..., Connection]]:
    opened = list[Connection]()

    def make(**options: Any) -> Connection:
        opened.append(Connection(service, **options))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


# --- heads ---------------------------------------------------------------------------------------------------------

START = b"GET /healthz HTTP/1.1\r\nHost: widget.test\r\n"


@pytest.mark.parametrize("kept", [False, True], ids=["a new connection", "a kept one"])
@pytest.mark.parametrize(
    ("start", "more"),
    [
        (START, b"X-Filler: " + b"a" * 4_000 + b"\r\n"),
        (START + b"X-Filler: ", b"a" * 4_000),
        (b"GET /", b"a" * 4_000),
        (START, b"X-Filler: " + b"a" * 100_000 + b"\r\n"),
        (b"", b"\r\n" * 2_000),
    ],
    ids=["lines", "one line", "a target", "at once", "empty lines"],
)
def test_an_endless_head_is_refused(connect: Callable[..., Connection], kept: bool, start: bytes, more: bytes) -> None:
    one = connect()
    if kept:
        one.send(request("/healthz"))
        assert one.answer().status == 200
    one.send(start)
    for _ in range(connections.HEAD_BYTES // len(more) + 2):
        one.send(more)
    refused = one.answer()
    assert (refused.status, refused.headers["connection"]) == (431, "close")
    assert one.refuses(more)


def test_a_connection_with_invalid_http_is_closed(connect: Callable[..., Connection]) -> None:
    """Where our parser and uvicorn's disagree, nothing would be bounded any more."""
    one = connect()
    one.send(request("/healthz", "Connection: upgrade", "Upgrade: websocket"), b"\x00\xff" * 8_000)
    assert one.refuses(START + b"X-Filler: " + b"a" * 50_000)


def test_data_after_an_upgrade_request_is_read_like_in_uvicorn(connect: Callable[..., Connection]) -> None:
    """uvicorn drops the data that came with the request. Otherwise an unseen body would hide the bytes of a head."""
    one = connect()
    asking = request("/healthz", "Connection: upgrade", "Upgrade: websocket")
    hidden = request("/", "Content-Length: 999999999", method="POST")
    one.send(asking.ljust(8_192, b" ") + hidden)
    assert one.answer().status == 200
    one.send(START)
    for _ in range(connections.HEAD_BYTES // 4_000 + 2):
        one.send(b"X-Filler: " + b"a" * 4_000 + b"\r\n")
    assert one.answer().status == 431


@pytest.mark.parametrize("kept", [False, True], ids=["a new connection", "a kept one"])
def test_a_slow_head_is_refused(connect: Callable[..., Connection], kept: bool) -> None:
    one = connect()
    if kept:
        one.send(request("/healthz"))
        assert one.answer().status == 200
    one.send(START)
    one.socket.settimeout(0.2)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:  # one line from time to time, which a timeout between two bytes would not detect
        one.send(b"X-Filler: a\r\n")
        try:
            refused = one.answer()
        except TimeoutError:
            continue
        assert (refused.status, refused.headers["connection"]) == (408, "close")
        return
    raise AssertionError("it went on")


def test_incomplete_heads_are_dropped_while_others_are_answered(connect: Callable[..., Connection]) -> None:
    half, silent = [connect() for _ in range(300)], [connect() for _ in range(20)]
    for one in half:
        one.send(START)
    other = connect()
    other.send(request("/healthz"))
    assert other.answer().status == 200
    assert {one.answer().status for one in half} == {408}
    assert all(one.ended() for one in (*half, *silent)), "who asked nothing hears nothing"


# --- bodies --------------------------------------------------------------------------------------------------------


def posted(site: dict[str, Any], length: int) -> bytes:
    headers = ("Origin: https://gorod.test", "Content-Type: application/json", "Idempotency-Key: a")
    path = f"/api/v1/sites/{site['key']}/problems"
    return request(path, *headers, f"Content-Length: {length}", method="POST")


def test_a_slow_body_is_refused(connect: Callable[..., Connection], site: dict[str, Any]) -> None:
    one = connect()
    one.send(posted(site, 60_000), b'{"category": "')
    refused = one.answer()
    assert (refused.status, refused.headers["connection"]) == (408, "close")
    assert one.ended()


def test_a_phone_on_a_slow_network_is_served(connect: Callable[..., Connection], site: dict[str, Any]) -> None:
    """Slower than 3G, with a pause in the middle."""
    body = json.dumps({"description": "я" * 3_000}).encode()
    one = connect()
    one.send(posted(site, len(body)))
    for start in range(0, len(body), 1_500):
        one.send(body[start : start + 1_500])
        time.sleep(1.0 if start == 6_000 else 0.3)
    answer = one.answer()
    assert answer.status in (403, 422), answer
    one.send(request("/healthz"))
    assert one.answer().status == 200, "the connection is kept"


@pytest.mark.parametrize(
    ("start", "more"),
    [
        (b"4\r\nbody\r\n0\r\n", b"X-Filler: " + b"a" * 4_000 + b"\r\n"),
        (b"0\r\nX-Filler: ", b"a" * 4_000),
        (b"4;extension=", b"a" * 4_000),
    ],
    ids=["trailers", "one trailer", "a chunk's extension"],
)
def test_trailers_of_a_chunked_body_are_bounded(connect: Callable[..., Connection], start: bytes, more: bytes) -> None:
    """Trailers are stored like headers (RFC 9112, 7.1.2)."""
    one = connect()
    one.send(request("/healthz", "Transfer-Encoding: chunked"), start)
    assert one.answer().status == 200
    assert one.refuses(more)


# --- readers -------------------------------------------------------------------------------------------------------


def test_clients_that_do_not_read_are_disconnected(serve: Callable[..., Service]) -> None:
    rate = f"widget_api.web.connections.MINIMUM_RATE={SLOWEST}"
    service = serve(work="off", rate_limits="off", changes=(*CHANGES, rate))
    site = found_site(service)
    service.cli("load-demo", "--problems", "100", "--site", site["site"])
    listed = request(f"/api/v1/sites/{site['key']}/problems?limit=100")
    with contextlib.closing(Connection(service, window=4_096)) as one:
        one.send(*[listed] * 300)
        time.sleep(GRACE + 100_000 / SLOWEST + 3)
        with contextlib.closing(Connection(service)) as other:
            other.send(*[listed] * 300)
            answers = [other.answer() for _ in range(300)]
        assert {answer.status for answer in answers} == {200}
        assert one.read_all() < sum(len(answer.body) for answer in answers)


def count_unsent(service: Service, one: Connection) -> int:
    """How many bytes of an answer the kernel holds at the service's end of a connection; 0 once it is closed."""
    ends = [f":{port:04X}" for port in (service.port, one.socket.getsockname()[1])]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, _, queues, *_ = line.split()
        if [local[-5:], remote[-5:]] == ends:
            return int(queues.partition(":")[0], 16)
    return 0


def test_a_stream_ends_when_its_reader_takes_nothing(serve: Callable[..., Service]) -> None:
    """Both readers keep a slot; the slow one takes a part from time to time and gets everything."""
    paused = [f"widget_api.web.{module}.GRACE_PERIOD=600" for module in ("connections", "streaming")]
    changes = (*paused, "widget_api.web.connections.IDLE_SECONDS=2", "widget_api.web.streaming.MAX_STREAMS=2")
    service = serve(work="off", trusted_proxies="127.0.0.1", changes=changes)
    site = found_site(service)
    service.cli("load-demo", "--problems", "3000", "--site", site["site"])
    asked = itertools.count(1)

    def export() -> bytes:
        sender = f"X-Forwarded-For: 2001:db8:{next(asked):x}::1"
        return request(f"/api/v1/sites/{site['key']}/problems.geojson", sender, "Connection: close")

    with contextlib.ExitStack() as closing:

        def ask(**options: int) -> Connection:
            one = Connection(service, **options)
            closing.callback(one.close)
            one.send(export())
            return one

        silent, slow = [ask(window=4_096) for _ in range(2)]
        assert [silent.answer(head=True).status, slow.answer(head=True).status] == [200, 200]
        read, deadline = len(slow.received), time.monotonic() + PATIENCE
        held = 0
        while ask().answer(head=True).status == 429:
            held = max(held, count_unsent(service, silent))
            assert time.monotonic() < deadline, "the slots stay taken"
            time.sleep(0.3)
            goal = read + 60_000
            while read < goal:
                read += len(slow.socket.recv(60_000))
        tail = b""
        while part := slow.socket.recv(1_000_000):
            tail, read = (tail + part)[-5:], read + len(part)
        assert tail == b"0\r\n\r\n"
        assert silent.read_all() < read
        assert 0 < held < 2 * connections.UNSENT, "the kernel takes megabytes for a reader, and more for many"


# --- everything else is as without the bounds ----------------------------------------------------------------------


def test_unusual_requests_are_answered(connect: Callable[..., Connection], site: dict[str, Any]) -> None:
    """Pipelined ones in their order, in fragments and chunks, with many headers, and nonsense."""
    listed = f"/api/v1/sites/{site['key']}/problems"
    targets = [listed, "/healthz", f"{listed}/1", "/healthz", listed]
    one = connect()
    one.send(*map(request, targets))
    assert [one.answer().status for _ in targets] == [200, 200, 404, 200, 200]
    for byte in request("/healthz"):
        one.send(bytes([byte]))
    assert one.answer().status == 200
    one.send(request("/healthz", "Transfer-Encoding: chunked", body=b"4\r\nbody\r\n0\r\n\r\n"), request("/healthz"))
    assert [one.answer().status, one.answer().status] == [200, 200]
    for _ in range(2):
        one.send(request("/healthz", *[f"X-{number}: {'a' * 3_000}" for number in range(19)]))
        assert one.answer().status == 200
    one.send(b"nonsense\r\n\r\n")
    assert one.answer().status == 400
    assert one.ended()


@pytest.mark.parametrize(
    ("version", "headers"), [("1.0", ("Connection: keep-alive",)), ("1.1", ("Connection: close",))]
)
def test_connection_close_is_kept(connect: Callable[..., Connection], version: str, headers: tuple[str, ...]) -> None:
    one = connect()
    one.send(request("/healthz"))
    assert one.answer().status == 200
    one.send(request("/healthz", *headers, version=version))
    last = one.answer()
    assert (last.status, last.headers["connection"]) == (200, "close")
    assert one.ended()
