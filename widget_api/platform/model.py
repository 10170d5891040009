"""Data classes of the central platforms: the platform, its services, and the position up to which it was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from widget_api.events import UPDATES_PATH

When = Literal["accepted", "confirmed"]
DEFAULT = "default"  # the platform of the settings


@dataclass(frozen=True, kw_only=True)
class Platform:
    """A platform. `url` is a GeoReport v2 root or a webhook receiver; `jurisdiction` None means the site's own."""

    id: str
    name: str
    url: str
    key: str
    protocol: Literal["georeport", "webhook"]
    jurisdiction: str | None = None
    contacts: Literal["none", "email", "all"] = "none"
    site_id: str | None = None  # None = every site, except as `store.platforms.set_serves` says
    contact: str | None = None  # email address for requests that the protocol does not support
    sends_when: When | None = "accepted"  # None: nobody has chosen; see `waits`
    exact: bool = False  # another instance of this service
    discovered: bool = False  # its discovery was read, or it has none
    failures: int = 0  # in a row, each of a different problem
    disabled: bool = False

    @property
    def is_foreign(self) -> bool:
        """Whether it has no word for corrections and erasures, and may publish at once what it gets.

        A GeoReport platform counts as foreign until its discovery says that it is an instance of this service.
        """
        return self.protocol == "georeport" and not self.exact

    @property
    def waits(self) -> bool:
        """Whether it gets a report that is moderated when that is accepted, not when its author confirms."""
        return self.is_foreign and self.sends_when == "accepted"

    @property
    def adds_counts(self) -> bool:
        """Whether it adds up with its own how many acted on an entry here: where other instances take webhooks."""
        return self.protocol == "webhook" and self.url.endswith(UPDATES_PATH)


@dataclass(frozen=True)
class Cursor:
    """The position up to which a platform was read, for one site.

    `since` is the newest time seen in its updates, `after` the position in the feed of an instance of this service.
    `requests` is the newest change seen in its list of requests. `feed` is False if it has no list of updates; `states`
    is then the id of the request polled last, or empty if the next round begins with the first.
    """

    since: int
    after: int | None = None
    requests: int | None = None
    feed: bool = True
    states: str = ""
    asked: bool = False  # discovery was read, or the platform has none


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
    gone: bool = False  # it was offered earlier and is no longer
