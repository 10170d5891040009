"""Normalise origins to the form browsers send (RFC 6454, section 6.1), and check those of requests.

Keys and origins identify a site, they never authorise: limits hold regardless of them.
"""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from urllib.parse import urlsplit

import idna

from widget_api.errors import Refused
from widget_api.sites.model import Site

_DEFAULT_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile("[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_MAX_HOST_LENGTH = 253


class InvalidOrigin(ValueError):
    """The text is no origin: not HTTP, without a host, or with more than a host and a port."""


@lru_cache(maxsize=1024)
def normalise_origin(text: str) -> str:
    """«HTTPS://Город.РФ:443/» → «https://xn--c1ac3aaj.xn--p1ai». Raises InvalidOrigin; `null` is never one."""
    scheme, host, port, rest = _split(text)
    if rest:
        raise InvalidOrigin(text)
    return _format(scheme, host, port)


@lru_cache(maxsize=1024)
def origin_of_url(url: str) -> str:
    """The origin of a page's address."""
    scheme, host, port, _ = _split(url)
    return _format(scheme, host, port)


def origin_of_address(text: str) -> str:
    """The origin of an address as people write or paste it: «Gorod.ru», that of any page. Without a scheme, of HTTPS.

    Raises InvalidOrigin.
    """
    page = re.split("[?#]", text.strip(), maxsplit=1)[0]  # a query may contain another address
    return origin_of_url(page if _SCHEME.match(page) else f"https://{page}")


def host_of(origin: str) -> str:
    """The host of a normalised origin, without `www`: the recommended jurisdiction (GeoReport v2, jurisdiction_id)."""
    return (urlsplit(origin).hostname or "").removeprefix("www.")


def readable_host(host: str) -> str:
    """A host as people write it: «xn--c1ac3aaj.xn--p1ai» → «город.рф»."""
    try:
        return host.encode().decode("idna")
    except UnicodeError:
        return host


def _split(text: str) -> tuple[str, str, int | None, str]:
    """Scheme, host, port and the rest, in which a single slash is ignored."""
    if not text.isprintable() or "\\" in text or " " in text:
        raise InvalidOrigin(text)
    try:
        parts = urlsplit(text)
        port = parts.port
        host = parts.hostname or ""
    except ValueError:
        raise InvalidOrigin(text) from None
    if parts.scheme not in _DEFAULT_PORTS or "@" in parts.netloc or "://" not in text:
        raise InvalidOrigin(text)
    if text.endswith(("?", "#")):  # urlsplit drops them
        raise InvalidOrigin(text)
    path = "" if parts.path == "/" else parts.path
    rest = path + (f"?{parts.query}" if parts.query else "") + (f"#{parts.fragment}" if parts.fragment else "")
    return parts.scheme, _normalise_host(host), port, rest


def _format(scheme: str, host: str, port: int | None) -> str:
    return f"{scheme}://{host}" if port is None or port == _DEFAULT_PORTS[scheme] else f"{scheme}://{host}:{port}"


def _normalise_host(host: str) -> str:
    if ":" in host:
        try:
            return f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError:
            raise InvalidOrigin(host) from None
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            raise InvalidOrigin(host) from None
    host = host.lower()
    if len(host) > _MAX_HOST_LENGTH or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise InvalidOrigin(host)
    return host


def admit_origin(site: Site, origin_header: str | None, public_url: str) -> str:
    """Check the origin of a request. Without a header it is the service's own, which is always allowed.

    Raises Refused («origin_not_registered») with the origin and the address of the page that explains registration.
    Browsers send origins in lower case (WHATWG URL, host serializing), so anything else is rejected.
    """
    own = origin_of_url(public_url)
    if origin_header is None:
        return own
    origin = _normalise_header(origin_header)
    if origin is not None and (origin == own or origin in site.origins or (site.is_test and is_local(origin))):
        return origin
    raise Refused("origin_not_registered", origin=origin_header[:300], register_url=register_url(public_url))


def is_local(origin: str) -> bool:
    """Whether an origin is the reader's own machine (RFC 6761, 6.3), from which a test key works."""
    host = urlsplit(origin).hostname or ""
    return host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")


def register_url(public_url: str) -> str:
    """The page that explains how to register an origin."""
    return f"{public_url}/sites/new"


def _normalise_header(header: str) -> str | None:
    if header != header.lower():
        return None
    try:
        return normalise_origin(header)
    except InvalidOrigin:
        return None
