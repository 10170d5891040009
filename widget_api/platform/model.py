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
    site_id: str | None = None  # None = every site, but for what store.platforms.serve says
    contact: str | None = None  # an address to write to where there is no call
    exact: bool = False  # another instance of this service
    failures: int = 0  # of different problems in a row
    disabled: bool = False


@dataclass(frozen=True)
class Cursor:
    """`since` is the newest time seen in its updates, `after` the position in the feed of an instance of this service.

    `requests` is the newest change seen in its list of requests; `feed` is False where it tells no updates, and
    `states` is then the request that was asked about last, empty where the next round begins with the first.
    """

    since: int
    after: int | None = None
    requests: int | None = None
    feed: bool = True
    states: str = ""
    asked: bool = False  # it has answered what it is, or has no answer to that


@dataclass(frozen=True, kw_only=True)
class ServiceQuestion:
    """A question of a platform's service (GeoReport, «GET Service Definition»)."""

    code: str
    name: str
    required: bool


@dataclass(frozen=True, kw_only=True)
class PlatformService:
    """A service of a platform."""

    code: str
    name: str
    description: str | None = None
    group: str | None = None
    questions: tuple[ServiceQuestion, ...] = ()
    gone: bool = False  # it was offered once
