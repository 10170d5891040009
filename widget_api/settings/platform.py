"""Read the settings of the default central platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from widget_api.settings import variables
from widget_api.settings.variables import SettingsError

Protocol = Literal["georeport", "webhook"]
Contacts = Literal["none", "email", "all"]
MAX_NAME_LENGTH = 100


@dataclass(frozen=True, kw_only=True)
class PlatformSettings:
    """The default central platform, a GeoReport v2 root or a webhook receiver. The name defaults to the host."""

    url: str
    name: str | None = None
    key: str
    protocol: Protocol = "georeport"
    jurisdiction: str | None = None
    contacts: Contacts = "none"


def read(environ: Mapping[str, str]) -> PlatformSettings | None:
    url = variables.address(environ, "WIDGET_PLATFORM_URL", ("http", "https"))
    name = variables.line(environ, "WIDGET_PLATFORM_NAME", MAX_NAME_LENGTH)
    protocol: Protocol = variables.choice(environ, "WIDGET_PLATFORM_PROTOCOL", ("georeport", "webhook"), "georeport")
    contacts: Contacts = variables.choice(environ, "WIDGET_PLATFORM_CONTACTS", ("none", "email", "all"), "none")
    if url is None:
        return None
    if not is_address(url):
        raise SettingsError("WIDGET_PLATFORM_URL must look like https://platform.example.ru/open311/v2")
    key = environ.get("WIDGET_PLATFORM_KEY")
    if not key:
        raise SettingsError("WIDGET_PLATFORM_KEY is missing: the platform at WIDGET_PLATFORM_URL needs one")
    return PlatformSettings(
        url=platform_address(url, protocol),
        name=name,
        key=key,
        protocol=protocol,
        jurisdiction=environ.get("WIDGET_PLATFORM_JURISDICTION") or None,
        contacts=contacts,
    )


def is_address(url: str) -> bool:
    """Whether a URL can be the address of a platform."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - urllib validates the port on access
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url


def platform_address(url: str, protocol: str) -> str:
    """Remove the trailing slash of a GeoReport root. The address of a webhook is kept, since the slash may matter."""
    return url if protocol == "webhook" else url.rstrip("/")
