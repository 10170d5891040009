"""The guarded HTTP client: forbidden addresses and invalid answers, with real sockets."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import time_machine

from widget_api import outbound
from widget_api.outbound import Answer, Failed, Forbidden, Outbound, is_public

Serve = Callable[[bytes], Awaitable[str]]


@pytest.fixture
async def client() -> AsyncIterator[Outbound]:
    made = Outbound(production=False)
    yield made
    await made.close()


@pytest.fixture
async def answers() -> AsyncIterator[Serve]:
    """`answers(b"HTTP/1.1 …")` → URL of a server that sends exactly this."""
    servers: list[asyncio.Server] = []

    async def serve(said: bytes) -> str:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(said)
            await writer.drain()
            writer.close()

        servers.append(await asyncio.start_server(handle, "127.0.0.1", 0))
        return f"http://127.0.0.1:{servers[-1].sockets[0].getsockname()[1]}/"

    yield serve
    for server in servers:
        server.close()
        await server.wait_closed()


PUBLIC = ("93.184.216.34", "2606:2800:220:1::1", "2a00:1450:4010::1")
# Among them the metadata service of the clouds, and IPv4-compatible, translated, site-local and link-local addresses.
PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "fe80::1", "fd00:ec2::254", "::ffff:127.0.0.1", "::ffff:93.184.216.34", "64:ff9b::7f00:1",
    "2002:7f00:1::", "2001:0:1::", "ff02::1", "::127.0.0.1", "::ffff:0:127.0.0.1", "fec0::1", "5f00::1", "192.88.99.1",
    "192.0.0.8", "168.63.129.16",
)  # fmt: skip


@pytest.mark.parametrize(
    ("address", "open_to_all"), [(one, True) for one in PUBLIC] + [(one, False) for one in PRIVATE]
)
def test_public_and_private_addresses(address: str, open_to_all: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is open_to_all


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://[::1]/", "http://[::ffff:7f00:1]/", "http://169.254.169.254/latest/meta-data/",
        "http://localhost/", "http://user@example.test/", "ftp://example.test/", "file:///etc/passwd", "http:///",
        "http://[",
    ],
)  # fmt: skip
async def test_external_urls_never_resolve_to_internal_addresses(client: Outbound, url: str) -> None:
    with pytest.raises(Forbidden):
        await client.request("GET", url, operator=False)


async def test_refused_connections_and_legacy_notations_fail_without_telling_keys(client: Outbound) -> None:
    for url in ("http://2130706433/", "http://127.1/", "http://0x7f000001/", "http://017700000001/"):
        with pytest.raises((Forbidden, Failed)):
            await client.request("GET", url, operator=False)
    with pytest.raises(Failed) as failure:
        await client.request("GET", "127.0.0.1:8100/requests.json?api_key=secret&page=1", operator=True)
    assert "requests.json?api_key=…&page=1" in str(failure.value)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(Failed):
        await client.request("GET", f"http://127.0.0.1:{port}/", operator=True)
    with pytest.raises(Failed):
        await client.request("GET", "http://no-such-host.invalid/", operator=True)


async def test_external_urls_require_https_outside_development() -> None:
    client = Outbound()
    with pytest.raises(Forbidden):
        await client.request("GET", "http://93.184.216.34/", operator=False)
    await client.close()


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("127.0.0.1", "93.184.216.34")])
async def test_a_name_is_resolved_once_and_checked(
    client: Outbound, answers: Serve, monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    """The resolver is faked: it returns a private address where a public one was expected, or beside it."""
    url = (await answers(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")).replace("127.0.0.1", "rebind.example")
    asked: list[object] = []

    def getaddrinfo(host: object, port: object, *rest: object, **more: object) -> object:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with pytest.raises(Forbidden):
        await client.request("GET", url, operator=False)
    assert asked == ["rebind.example"]


async def test_redirects_are_not_followed_endless_answers_cut_off_and_urls_of_the_operator_may_be_private(
    client: Outbound, answers: Serve
) -> None:
    url = await answers(b"HTTP/1.1 418 Teapot\r\nContent-Length: 2\r\nX-Y: z\r\n\r\nok")
    answer = await client.request("POST", url, operator=True, form=[("a", "б")])
    assert (answer.status, answer.body, answer.headers["x-y"]) == (418, b"ok", "z")
    url = await answers(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    assert (await client.request("GET", url, operator=True)).status == 302
    url = await answers(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 200_000)
    with pytest.raises(Failed, match="larger"):
        await client.request("GET", url, operator=True, limit=1000)


@pytest.mark.parametrize("said", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"])
async def test_broken_answers_are_failures(client: Outbound, answers: Serve, said: bytes) -> None:
    with pytest.raises(Failed):
        await client.request("GET", await answers(said), operator=True)


async def test_a_timeout_is_a_failure(client: Outbound, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "SECONDS", 0.2)
    hold = asyncio.Event()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hold.wait()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    with pytest.raises(Failed, match="no answer"):
        await client.request("GET", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", operator=True)
    hold.set()
    server.close()
    await server.wait_closed()


def test_retry_after_is_parsed_as_seconds_or_date() -> None:
    for header, seconds in (
        ("120", 120),
        (" 7 ", 7),
        ("Thu, 26 Nov 2026 12:01:00 GMT", 60),
        ("Thu, 26 Nov 2026 11:00:00 GMT", 0),
        ("", None),
        ("soon", None),
        ("²", None),
    ):
        with time_machine.travel("2026-11-26T12:00:00Z", tick=False):
            assert Answer(503, {"retry-after": header}, b"").retry_after == seconds
