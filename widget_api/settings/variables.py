"""Read environment variables by type. Each function raises SettingsError with a line that begins with the name."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Literal, TypeVar
from urllib.parse import SplitResult, urlsplit

Environment = Literal["development", "production"]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Choice = TypeVar("Choice", bound=str)


class SettingsError(Exception):
    """A setting is missing or wrong. The message is one line that begins with the setting's name."""


def choice(environ: Mapping[str, str], name: str, choices: tuple[Choice, ...], default: Choice) -> Choice:
    value = environ.get(name) or default
    if value not in choices:
        raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
    return value


def address(environ: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    value = environ.get(name)
    if not value:
        return None
    parts = split(name, value)
    if parts.scheme not in schemes or not (parts.netloc or parts.path):
        raise SettingsError(f"{name} must be an address that begins with {' or '.join(f'{s}://' for s in schemes)}")
    return value


def line(environ: Mapping[str, str], name: str, max_length: int) -> str | None:
    """Read one line of plain text, which will be public."""
    value = (environ.get(name) or "").strip()
    if len(value) > max_length or not value.isprintable():
        raise SettingsError(f"{name} must be one line of {max_length} characters at most")
    return value or None


def split(name: str, value: str) -> SplitResult:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - urllib validates the port on access
    except ValueError:
        raise SettingsError(f"{name} is not an address") from None
    return parts


def networks(environ: Mapping[str, str], name: str) -> tuple[Network, ...]:
    try:
        return tuple(
            ipaddress.ip_network(text.strip(), strict=False)
            for text in (environ.get(name) or "").split(",")
            if text.strip()
        )
    except ValueError as error:
        raise SettingsError(f"{name} must be a comma list of addresses or networks: {error}") from None
