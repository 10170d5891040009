"""Puts right what a wrong clock wrote: once it went back, times of then lie ahead, and nothing is due until they come.

Whatever says that it was written at a time which has not come yet is due now. One try too early harms nobody; waiting
for days does.
"""

from __future__ import annotations

import time

from widget_api.database import Database, Transaction
from widget_api.deliveries import circuit
from widget_api.deliveries.model import JITTER, LEASE

DRIFT = 60  # seconds the clocks of several machines may differ
LONGEST = 2 * 86_400  # seconds: no try waits longer for the next, whoever asked for it (Retry-After is capped to a day)
_LONGEST_PAUSE = round(circuit.LONGEST_PAUSE * (1 + JITTER))

_AHEAD = """
    next_at > :now AND (created_at > :soon OR next_at > :never OR EXISTS (
        SELECT 1 FROM delivery_attempts a WHERE a.delivery_id = deliveries.id AND a.at > :soon))"""


class Watch:
    """Notices that the wall clock went back, by the one that never does."""

    def __init__(self) -> None:
        self._ahead: float | None = None

    def went_back(self, now: int) -> bool:
        """Since it was asked before; the first time too, for nobody knows what was before that."""
        before, self._ahead = self._ahead, now - time.monotonic()
        return before is None or self._ahead < before - DRIFT


async def put_right(database: Database, now: int) -> int:
    """How many deliveries no longer wait for a time that was never meant."""

    async def work(tx: Transaction) -> int:
        times = {"now": now, "soon": now + DRIFT}
        await tx.run(
            "UPDATE deliveries SET lease_until = :now WHERE state = 'leased' AND lease_until > :late",
            now=now,
            late=now + LEASE + DRIFT,
        )
        await tx.run(  # a probe is sent early at most
            "UPDATE platforms SET paused_until = :now WHERE paused_until > :late", now=now, late=now + _LONGEST_PAUSE
        )
        return await tx.run(
            f"UPDATE deliveries SET next_at = :now WHERE state = 'pending' AND {_AHEAD}", **times, never=now + LONGEST
        )

    return await database.write(work)
