"""Provide the only HTTP client: no redirects, 15 seconds, limited sizes, no access to the internal network (SSRF)."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from widget_api import clock, redaction

if TYPE_CHECKING:
    import aiohttp
    from aiohttp.abc import AbstractResolver, ResolveResult


SECONDS = 15.0
LARGEST_ANSWER = 8 * 1024 * 1024  # bytes
USER_AGENT = "igrajdanin-widget"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# All assigned IPv6 addresses (IANA, «IPv6 Global Unicast Address Assignments»). Outside of it are embedded IPv4
# addresses (::127.0.0.1, ::ffff:0:127.0.0.1, NAT64) and site-local addresses (fec0::/10, RFC 3879).
_UNICAST = ipaddress.ip_network("2000::/3")
# Networks within it that embed IPv4 addresses and so could lead inside: 6to4 (RFC 3056), Teredo (RFC 4380).
_EMBEDDING = tuple(ipaddress.ip_network(text) for text in ("2002::/16", "2001::/32"))
# Protocol assignments, 6to4 relays, and the metadata service of Azure, which has an address like any public one.
_RESERVED = tuple(ipaddress.ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32"))


class Failed(Exception):
    """No complete response: refused, too slow, too large, broken. The request may have had its effect nevertheless."""


class TooLong(Failed):
    """The response is larger than the caller's limit."""


class Forbidden(Exception):
    """A URL from outside leads to an address that must not be called. Nothing was sent."""


@dataclass(frozen=True)
class Answer:
    """A complete response of any status. Header names are lower case; repeated headers are joined (RFC 9110, 5.2)."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def retry_after(self) -> float | None:
        """Retry-After in seconds, given as such or as a date (RFC 9110, section 10.2.3); None if it is invalid."""
        text = self.headers.get("retry-after", "").strip()
        try:
            seconds = float(text) if text.isdecimal() else parsedate_to_datetime(text).timestamp() - clock.now()
        except (ValueError, TypeError, OverflowError):
            return None
        return max(seconds, 0.0)


def is_public(address: Address) -> bool:
    """Whether an address is on the public internet and does not embed one that is not."""
    if isinstance(address, ipaddress.IPv6Address):
        if address not in _UNICAST or any(address in network for network in _EMBEDDING):
            return False
    elif any(address in network for network in _RESERVED):
        return False
    return address.is_global and not address.is_multicast


def _public_resolver() -> AbstractResolver:
    """Return a resolver that refuses private addresses. The client connects to the addresses it has checked, so a
    second, different response of the name server has no effect (DNS rebinding)."""
    import aiohttp
    from aiohttp.abc import AbstractResolver

    class PublicResolver(AbstractResolver):
        def __init__(self) -> None:
            self._resolver = aiohttp.ThreadedResolver()

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            results = await self._resolver.resolve(host, port, family)
            addresses = [ipaddress.ip_address(result["host"].partition("%")[0]) for result in results]
            if not addresses or not all(map(is_public, addresses)):
                raise Forbidden(f"{host} is not on the public internet")
            return results

        async def close(self) -> None:
            await self._resolver.close()

    return PublicResolver()


class Outbound:
    """The HTTP client of a process. Connections are reused; call `close` at the end."""

    def __init__(self, *, production: bool = True) -> None:
        self._production = production
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def request(
        self,
        method: Literal["GET", "POST"],
        url: str,
        *,
        operator: bool,
        form: Sequence[tuple[str, str]] | None = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        limit: int = LARGEST_ANSWER,
        loopback: bool = False,
    ) -> Answer:
        """Send a request. Only with `operator`, for URLs of the operator's own settings, may it be private or http.

        With `loopback`, and outside production only, a loopback address may be called, for demonstrations with two
        instances on one machine.

        Raises Failed, and Forbidden if a URL from outside leads to the internal network.
        """
        import aiohttp  # 15 MB that a process without a platform does not need

        if not operator:
            self._check(url, loopback and not self._production)
        try:
            async with self._session(operator).request(
                method,
                url,
                data=body if form is None else aiohttp.FormData(list(form)),
                headers=headers,
                allow_redirects=False,
            ) as answer:
                content = await _read_body(answer, limit)
                joined = {name.lower(): ", ".join(answer.headers.getall(name)) for name in answer.headers}
                return Answer(answer.status, joined, content)
        except TimeoutError as error:
            raise Failed(f"no answer within {SECONDS:.0f} s") from error
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            # The text may repeat the URL, and that of a platform contains a key.
            raise Failed(redaction.redact(f"{type(error).__name__}: {error}")[:300]) from error

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _check(self, url: str, loopback: bool) -> None:
        """Check a URL before its name is resolved; aiohttp does not use the resolver for literal addresses."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            parts.port  # noqa: B018 - urllib validates the port when it is read
        except ValueError:
            raise Forbidden("not an address") from None
        if parts.scheme != "https" and (self._production or parts.scheme != "http"):
            raise Forbidden("the address must begin with https://")
        if not host or parts.username is not None:
            raise Forbidden("not an address")
        if (
            not host.isascii()
        ):  # yarl normalises «１２７» to 127 and bypasses the resolver; callers encode names by IDNA
            raise Forbidden("the name must be in its ASCII form")
        try:
            literal = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return
        if not is_public(literal) and not (loopback and literal.is_loopback):
            raise Forbidden(f"{host} is not on the public internet")

    def _session(self, operator: bool) -> aiohttp.ClientSession:
        import aiohttp

        if operator not in self._sessions:
            resolver = None if operator else _public_resolver()
            self._sessions[operator] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, limit=32, keepalive_timeout=15),
                timeout=aiohttp.ClientTimeout(total=SECONDS),
                headers={"User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        return self._sessions[operator]


async def _read_body(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    chunks, size = [], 0
    async for chunk in answer.content.iter_chunked(65_536):
        size += len(chunk)
        if size > limit:
            raise TooLong(f"the answer is larger than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def is_loopback(host: str | None) -> bool:
    """Whether `host`, a name or an IP address without a port, is the loopback interface. None means «no host given»."""
    if host is None or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name, which may resolve to anything
        return False


def is_unencrypted(url: str) -> bool:
    """Whether requests to `url` could be read and changed in transit: another machine, and no TLS."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "redis", "valkey") and not is_loopback(parts.hostname)
