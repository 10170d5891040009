"""Define what is counted of the widget on host pages: kind, origin and release, never anything of a visitor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "seen",  # the form opened on a page of a registered origin
    "framed",  # the same through the iframe
    "key_old",  # with a rotated key that is still valid
    "key_expired",  # with an expired key
    "origin_refused",  # on a page whose origin is not registered
    "failed.load",
    "failed.config",
    "failed.crash",
    "failed.connect",
    "failed.img",
    "failed.script",
    "failed.send",
]

# Failures that the widget reports (widget_js/shared/telemetry.ts), among them the CSP directive that blocked something.
FAILURES: dict[str, Kind] = {
    "load": "failed.load",
    "config": "failed.config",
    "crash": "failed.crash",
    "send": "failed.send",
    "connect-src": "failed.connect",
    "img-src": "failed.img",
    "script-src": "failed.script",
    "script-src-elem": "failed.script",
}
# Kinds that a page of any origin can cause; the others are counted after the origin's check.
UNVERIFIED_KINDS: frozenset[Kind] = frozenset({"key_expired", "origin_refused"})
OTHERS = "…"  # replaces origins beyond MAX_ORIGINS, and unknown releases
MAX_ORIGINS = 50  # distinct ones of unverified kinds per site and day
RETENTION_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """The count of one kind on one day in the site's time zone."""

    day: str  # YYYY-MM-DD
    origin: str
    version: str  # empty = it did not say
    kind: Kind
    count: int
    last_at: int
