"""One delivery, its lanes, and how long it waits between tries."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEASE = 10  # seconds; a killed worker's work is taken over within 15 (contract)
# The field's usual ladder (Standard Webhooks, «Reliability»): at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h.
LADDER = (0, 5, 300, 1800, 7200, 18_000, 36_000, 36_000)
JITTER = 0.2
# What ends its worker is never recorded as tried. After so many leases in a row without an outcome a delivery is leased
# alone among its like, so that it takes no other along; after so many it is dead.
ALONE, LOST = 3, 10
LONGEST_ERROR = 500
LONGEST_ASKED = 86_400  # seconds; longer nobody makes us wait (Retry-After)
UNCOUNTED = 5  # seconds; its turn comes when the sink is there again
# Who waits for what: an answer to what somebody just asked for; what happened; news to everybody who follows a problem.
# Each lane is claimed by itself, and each keeps a little room that no other can take: ten thousand followers, or a
# thousand letters left over from an outage, hold up nobody's confirmation, and none of the three starves.
ASKED, HAPPENED, NEWS = LANES = (0, 1, 2)
KEPT = 2


class Retry(Exception):
    """The sink did not take it now. `after` is what it asked for, in seconds.

    Where it is `counted` no try, the sink was not there at all: the delivery keeps its place on the ladder.
    """

    def __init__(self, reason: str, after: float | None = None, *, counted: bool = True) -> None:
        super().__init__(reason)
        self.after = after
        self.counted = counted

    def wait(self, attempts: int) -> int | None:
        """Seconds to the next try after `attempts` failed ones; None after the last."""
        return delay(attempts, self.after) if self.counted else UNCOUNTED


class Withheld(Exception):
    """It is not to be told any more, and was not: owed no longer, for this reason."""


class GiveUp(Exception):
    """The sink will never take it: dead at once, visible, replayable."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A leased delivery, with the event it carries."""

    id: str
    site_id: str
    problem_id: str
    event_id: str
    position: int
    sink: str
    lane: int
    attempts: int  # this one and those whose outcome is known, since it was owed or replayed
    probe: bool = False  # it asks whether a platform is there again
    repeated: bool  # an earlier try may have reached the sink, whatever became of its answer
    kind: str
    status: str | None
    at: int
    actor: str
    source: str | None
    text_id: str | None
    data: Mapping[str, Any]


def room(lane: int, free: int, busy: Mapping[int, int]) -> int:
    """How many of `free` places this lane may take, others keeping theirs; `busy` are those under way, by lane."""
    return max(0, free - sum(max(0, KEPT - busy.get(other, 0)) for other in LANES if other != lane))


def delay(attempts: int, asked: float | None) -> int | None:
    """Seconds to the next try after `attempts` failed ones, with jitter; None after the last."""
    if attempts >= len(LADDER):
        return None
    spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, hides nothing
    seconds = max(1.0, LADDER[attempts] * spread)
    return round(max(seconds, min(asked or 0, LONGEST_ASKED)))
