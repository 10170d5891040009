"""Puts right what a wrong clock wrote: once it went back, times of then lie ahead, and nothing is due until they come.

Whatever says that it was written at a time which has not come yet is due now. One try too early harms nobody; waiting
for days does.
"""

from __future__ import annotations

import time

from widget_api.database import Database, Transaction
from widget_api.deliveries import circuit
from widget_api.deliveries.model import JITTER, LANES, LEASE, LONGEST_ASKED

DRIFT = 60  # seconds the clocks of several machines may differ
EVERY = 60  # seconds; what other processes and shorter jumps have left
_OWN_PAUSE = round(circuit.LONGEST_PAUSE * (1 + JITTER))

_AHEAD = """
    next_at > :now AND (created_at > :soon OR next_at > :never OR EXISTS (
        SELECT 1 FROM delivery_attempts a WHERE a.delivery_id = deliveries.id AND a.at > :soon))"""


class Watch:
    """Holds the wall clock against the one that never jumps."""

    def __init__(self) -> None:
        self._ahead: float | None = None
        self._looked = 0.0

    async def look(self, database: Database, now: int) -> None:
        """To be called often. The first time too, for nobody knows what was before that."""
        steady = time.monotonic()
        before, self._ahead = self._ahead, now - steady
        back = before is None or self._ahead < before - DRIFT
        if back or steady - self._looked > EVERY:
            self._looked = steady
            await put_right(database, now, back=back)


async def put_right(database: Database, now: int, *, back: bool) -> None:
    """After the clock went `back` no platform's own pause is believed: a probe goes early at most."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "UPDATE deliveries SET lease_until = :now WHERE state = 'leased' AND lease_until > :late",
            now=now,
            late=now + LEASE + DRIFT,
        )
        await tx.run(
            "UPDATE platforms SET paused_until = :now WHERE paused_until > :late",
            now=now,
            late=now + (_OWN_PAUSE if back else LONGEST_ASKED + DRIFT),
        )
        await tx.run(
            f"UPDATE deliveries SET next_at = :now WHERE lane IN {LANES} AND state IN ('pending', 'leased')"
            f" AND state <> 'leased' AND {_AHEAD}",  # in the words of the index of what is under way
            now=now,
            soon=now + DRIFT,
            never=now + LONGEST_ASKED + DRIFT,
        )

    await database.write(work)
