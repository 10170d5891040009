"""Define a delivery, its priorities, and its retry schedule."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from widget_api import clock

LEASE = 10  # seconds; a killed worker's work is taken over within 15 (contract)
# Seconds before each attempt (Standard Webhooks, «Reliability»): at once, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h.
RETRY_DELAYS = (0, 5, 300, 1800, 7200, 18_000, 36_000, 36_000)
JITTER = 0.2
# A delivery that kills its worker never gets an outcome. After ALONE leases in a row without one it is leased alone
# among its like, so that it takes no other along; after LOST it is dead.
ALONE, LOST = 3, 10
LONGEST_ERROR = 500
MAX_RETRY_AFTER = clock.DAY  # seconds; the longest Retry-After that is respected
# Why deliveries were withheld: what ends the reason enqueues them again.
SPAM, UNPUBLISHED = "spam", "unpublished"
UNCOUNTED_DELAY = 5  # seconds before a retry that consumes no attempt
# Letters that somebody just requested; other events; news to all followers of a problem. Each priority is claimed by
# itself and has reserved slots: ten thousand followers, or a thousand letters left over from an outage, delay nobody's
# confirmation, and none starves. The column is `deliveries.lane`.
REQUESTED, HAPPENED, NEWS = PRIORITIES = (0, 1, 2)
RESERVED_SLOTS = 2


class Retry(Exception):
    """The sink did not accept the delivery now; `after` is its Retry-After in seconds.

    `counted=False`: nothing was tried, since the sink could not be reached or its owner is disabled. No retry attempt
    is consumed, so the delivery never gives up.
    """

    def __init__(self, reason: str, after: float | None = None, *, counted: bool = True) -> None:
        super().__init__(reason)
        self.after = after
        self.counted = counted

    def wait(self, attempts: int) -> int | None:
        """Return the seconds to the next attempt after `attempts` failed ones; None after the last."""
        if self.counted:
            return retry_delay(attempts, self.after)
        return max(UNCOUNTED_DELAY, round(min(self.after or 0, MAX_RETRY_AFTER)))


class Withheld(Exception):
    """The delivery is no longer wanted and was not sent: it is dropped for this reason."""


class GiveUp(Exception):
    """The sink will never accept the delivery: it is dead at once, visible and replayable."""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A leased delivery, with the event it carries."""

    id: str
    site_id: str
    problem_id: str
    event_id: str
    position: int
    sink: str
    priority: int
    attempts: int  # with this one, since it was enqueued or replayed
    probe: bool = False  # whether it probes a platform whose circuit is open
    repeated: bool  # an earlier attempt may have reached the sink
    kind: str
    status: str | None
    at: int
    actor: str
    source: str | None
    text_id: str | None
    data: Mapping[str, Any]


def free_slots(priority: int, free: int, busy: Mapping[int, int]) -> int:
    """Return how many of `free` slots a priority may use, given the slots reserved for the others.

    `busy` counts the deliveries in progress by priority.
    """
    return max(0, free - sum(max(0, RESERVED_SLOTS - busy.get(other, 0)) for other in PRIORITIES if other != priority))


def retry_delay(attempts: int, retry_after: float | None) -> int | None:
    """Return the seconds to the next attempt after `attempts` failed ones, with jitter; None after the last."""
    if attempts >= len(RETRY_DELAYS):
        return None
    spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, hides nothing
    seconds = max(1.0, RETRY_DELAYS[attempts] * spread)
    return round(max(seconds, min(retry_after or 0, MAX_RETRY_AFTER)))
