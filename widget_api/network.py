"""Check whether requests to a URL cross a network in clear text."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


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
