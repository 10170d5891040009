"""Tell whether what is said to an address crosses a network, and in clear text."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(host: str | None) -> bool:
    """Whether `host`, a name or an IP address without a port, is the loopback interface. None means «no host given»."""
    if host is None or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name: what it resolves to is not known here, and can change
        return False


def is_readable_underway(url: str) -> bool:
    """Whether what is sent to `url` can be read, and changed, on its way: another machine, and no TLS."""
    parts = urlsplit(url)
    return parts.scheme in ("http", "redis", "valkey") and not is_loopback(parts.hostname)
