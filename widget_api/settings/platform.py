"""The default central platform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from widget_api.settings import reading
from widget_api.settings.reading import SettingsError

Protocol = Literal["georeport", "webhook"]
Contacts = Literal["none", "email", "all"]
LONGEST_NAME = 100


@dataclass(frozen=True, kw_only=True)
class PlatformSettings:
    """The default central platform: a GeoReport v2 root or a webhook receiver. Without a name its host is its name."""

    url: str
    name: str | None = None
    key: str
    protocol: Protocol = "georeport"
    jurisdiction: str | None = None
    contacts: Contacts = "none"


def read(environ: Mapping[str, str]) -> PlatformSettings | None:
    url = reading.address(environ, "WIDGET_PLATFORM_URL", ("http", "https"))
    name = reading.line(environ, "WIDGET_PLATFORM_NAME", LONGEST_NAME)
    protocol: Protocol = reading.choice(environ, "WIDGET_PLATFORM_PROTOCOL", ("georeport", "webhook"), "georeport")
    contacts: Contacts = reading.choice(environ, "WIDGET_PLATFORM_CONTACTS", ("none", "email", "all"), "none")
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
    """Whether a platform can be called there."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - urllib checks the port only when it is asked for
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable() and " " not in url


def platform_address(url: str, protocol: str) -> str:
    """The root of GeoReport without the slash at its end; a webhook as it stands, since it may be another without."""
    return url if protocol == "webhook" else url.rstrip("/")
