"""What is counted of a widget on a host's pages: a word of a short list, an origin, a release; never a visitor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "seen",  # the form opened on a page of a registered origin
    "framed",  # the same through the iframe
    "key_old",  # with a key that was rotated and is good for a while yet
    "key_expired",  # with one that is good no more
    "origin_refused",  # on a page whose origin is not registered
    "failed.load",
    "failed.config",
    "failed.crash",
    "failed.connect",
    "failed.img",
    "failed.script",
    "failed.send",
]

# The words a widget says (widget_js/shared/telemetry.ts); a directive of a policy stands for what it blocked.
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
# What a page of any origin can cause; the others come after the gate, so their origins are registered ones.
ANYBODYS: frozenset[Kind] = frozenset({"key_expired", "origin_refused"})
REST = "…"  # stands for origins beyond the most of a day, and for releases that are none of ours
MOST_ORIGINS = 50  # told apart on one site and day; anybody can make up more
KEPT_DAYS = 90


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """How often a thing was seen on one day of the site's own calendar."""

    day: str  # YYYY-MM-DD
    origin: str
    version: str  # empty = it did not say
    kind: Kind
    count: int
    last_at: int
