"""The one guarded HTTP client: no redirects, 15 seconds, capped sizes, and no way into our own network by request."""

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
LARGEST_ANSWER = 8 * 1024 * 1024
USER_AGENT = "igrajdanin-widget"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# All that is given out of IPv6 (IANA, «IPv6 Global Unicast Address Assignments»). Outside of it are wrapped IPv4
# addresses (::127.0.0.1, ::ffff:0:127.0.0.1, NAT64) and what sites used among themselves (fec0::/10, RFC 3879).
_UNICAST = ipaddress.ip_network("2000::/3")
# Within it those that wrap an IPv4 one and so could lead inside: 6to4 (RFC 3056), Teredo (RFC 4380).
_WRAPPING = tuple(ipaddress.ip_network(text) for text in ("2002::/16", "2001::/32"))
# Protocol assignments, relays of 6to4, and what Azure tells its machines at an address that looks like any other.
_APART = tuple(ipaddress.ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32"))


class Failed(Exception):
    """No whole answer came: refused, too slow, too large, broken. Whether the request had its effect is not known."""


class TooLong(Failed):
    """The answer is larger than whoever asked wants to hold."""


class Forbidden(Exception):
    """An address that somebody outside gave us leads where it must not. Nothing was sent."""


@dataclass(frozen=True)
class Answer:
    """Whole, whatever its status. Header names are in small letters; what was sent twice is joined (RFC 9110, 5.2)."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        return self.headers.get("content-type", "")

    @property
    def retry_after(self) -> float | None:
        """Seconds, told as such or as a date (RFC 9110, section 10.2.3)."""
        told = self.headers.get("retry-after", "").strip()
        try:
            seconds = float(told) if told.isdecimal() else parsedate_to_datetime(told).timestamp() - clock.now()
        except (ValueError, TypeError, OverflowError):
            return None
        return max(seconds, 0.0)


def public(address: Address) -> bool:
    """Whether an address is on the open internet and is no way round to one that is not."""
    if isinstance(address, ipaddress.IPv6Address):
        if address not in _UNICAST or any(address in network for network in _WRAPPING):
            return False
    elif any(address in network for network in _APART):
        return False
    return address.is_global and not address.is_multicast


def _public_resolver() -> AbstractResolver:
    """Resolves once, and connects to what was checked: a second answer of the name server changes nothing."""
    import aiohttp
    from aiohttp.abc import AbstractResolver

    class PublicResolver(AbstractResolver):
        def __init__(self) -> None:
            self._resolver = aiohttp.ThreadedResolver()

        async def resolve(
            self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
        ) -> list[ResolveResult]:
            found = await self._resolver.resolve(host, port, family)
            if not found or not all(public(ipaddress.ip_address(one["host"].partition("%")[0])) for one in found):
                raise Forbidden(f"{host} is not on the public internet")
            return found

        async def close(self) -> None:
            await self._resolver.close()

    return PublicResolver()


class Outbound:
    """One a process. Connections are kept and reused; `close` at the end."""

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
        """Call `url`. Only with `operator`, for addresses of the operator's own settings, may it be private or http.

        With `loopback`, and outside production only, the machine itself may be called by the number of its loopback
        address: two instances of a demonstration stand there side by side.

        Raises Failed, and Forbidden where a foreign address leads inside.
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
                content = await _capped(answer, limit)
                joined = {name.lower(): ", ".join(answer.headers.getall(name)) for name in answer.headers}
                return Answer(answer.status, joined, content)
        except TimeoutError as error:
            raise Failed(f"no answer within {SECONDS:.0f} s") from error
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            # The text may repeat the address, and a platform's has a key in it.
            raise Failed(redaction.blanked(f"{type(error).__name__}: {error}")[:300]) from error

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()

    def _check(self, url: str, loopback: bool) -> None:
        """What can be said before the name is resolved; aiohttp does not ask a resolver about literal addresses."""
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
            parts.port  # noqa: B018 - urllib checks the port only when it is asked for
        except ValueError:
            raise Forbidden("not an address") from None
        if parts.scheme != "https" and (self._production or parts.scheme != "http"):
            raise Forbidden("the address must begin with https://")
        if not host or parts.username is not None:
            raise Forbidden("not an address")
        if not host.isascii():  # yarl writes «１２７» as 127 and asks no resolver about it: we write the name ourselves
            raise Forbidden("the name must be in its ASCII form")
        try:
            literal = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return
        if not public(literal) and not (loopback and literal.is_loopback):
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


async def _capped(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    chunks, size = [], 0
    async for chunk in answer.content.iter_chunked(65_536):
        size += len(chunk)
        if size > limit:
            raise TooLong(f"the answer is larger than {limit} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
