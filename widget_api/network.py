"""Tell whether an address is on this machine: what is said to it crosses no network."""

from __future__ import annotations

import ipaddress


def is_loopback(host: str | None) -> bool:
    """Whether `host`, a name or an IP address without a port, is the loopback interface. None means «no host given»."""
    if host is None or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name: what it resolves to is not known here, and can change
        return False
