"""Origins as browsers write them (RFC 6454, section 6.1), so that comparing two is comparing two strings."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import urlsplit

import idna

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_LONGEST_HOST = 253


class NotAnOrigin(ValueError):
    """The text names no origin: no http or https, no host, or more than a host and a port."""


@lru_cache(maxsize=1024)
def normalise(text: str) -> str:
    """«HTTPS://Город.РФ:443/» → «https://xn--c1aay4a.xn--p1ai». Raises NotAnOrigin; `null` is never one."""
    scheme, host, port, rest = _parts(text)
    if rest:
        raise NotAnOrigin(text)
    return _written(scheme, host, port)


@lru_cache(maxsize=1024)
def of_url(url: str) -> str:
    """The origin of a page's address."""
    scheme, host, port, _ = _parts(url)
    return _written(scheme, host, port)


def host_of(origin: str) -> str:
    """The host of a normalised origin, without `www`: the recommended jurisdiction (GeoReport v2, jurisdiction_id)."""
    return (urlsplit(origin).hostname or "").removeprefix("www.")


def _parts(text: str) -> tuple[str, str, int | None, str]:
    """Scheme, host, port and whatever follows them but a single slash."""
    if not text.isprintable() or "\\" in text or " " in text:
        raise NotAnOrigin(text)
    try:
        parts = urlsplit(text)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        raise NotAnOrigin(text) from None
    if parts.scheme not in _DEFAULT_PORTS or "@" in parts.netloc or "://" not in text:
        raise NotAnOrigin(text)
    if text.endswith(("?", "#")):  # urlsplit forgets them
        raise NotAnOrigin(text)
    path = "" if parts.path == "/" else parts.path
    rest = path + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
    return parts.scheme, _host(host), port, rest


def _written(scheme: str, host: str, port: int | None) -> str:
    return f"{scheme}://{host}" if port is None or port == _DEFAULT_PORTS[scheme] else f"{scheme}://{host}:{port}"


def _host(host: str) -> str:
    if ":" in host:
        try:
            return f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError:
            raise NotAnOrigin(host) from None
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            raise NotAnOrigin(host) from None
    host = host.lower()
    if len(host) > _LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise NotAnOrigin(host)
    return host
