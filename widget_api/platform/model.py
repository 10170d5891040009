"""What a central platform is to us, and how far we have read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DEFAULT = "default"  # the platform of the settings


@dataclass(frozen=True, kw_only=True)
class Platform:
    """`url` is a GeoReport v2 root or a webhook receiver; `jurisdiction` None = the site's own."""

    id: str
    name: str
    url: str
    key: str
    protocol: Literal["georeport", "webhook"]
    jurisdiction: str | None = None
    contacts: Literal["none", "email", "all"] = "none"
    site_id: str | None = None  # None = every site


@dataclass(frozen=True)
class Cursor:
    """`since` is the newest time seen there, `after` the position in the feed of an instance of this service."""

    since: int
    after: int | None = None
