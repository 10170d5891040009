"""Repair delivery timestamps written while the system clock was ahead.

A delivery scheduled by a clock that is later set back would wait until the wrong time arrives. Rows with a creation
time in the future become due now: one attempt too early is harmless, days without attempts are not.
"""

from __future__ import annotations

import time

from widget_api.database import Database, Transaction
from widget_api.deliveries import circuit
from widget_api.deliveries.model import JITTER, LEASE, MAX_RETRY_AFTER, PRIORITIES

MAX_CLOCK_SKEW = 60  # seconds by which the clocks of several machines may differ
CHECK_INTERVAL = 60  # seconds between two repairs without a jump: for other processes and shorter jumps
_OWN_PAUSE = round(circuit.LONGEST_PAUSE * (1 + JITTER))

_AHEAD = """
    next_at > :now AND (created_at > :soon OR next_at > :never OR EXISTS (
        SELECT 1 FROM delivery_attempts a WHERE a.delivery_id = deliveries.id AND a.at > :soon))"""


class ClockMonitor:
    """Detects a wall clock that was set back, by comparing it with the monotonic clock."""

    def __init__(self) -> None:
        self._ahead: float | None = None
        self._checked_at = 0.0

    async def check(self, database: Database, now: int) -> None:
        """Repair if the clock was set back. Call every few seconds; the first call always repairs."""
        steady = time.monotonic()
        before, self._ahead = self._ahead, now - steady
        back = before is None or self._ahead < before - MAX_CLOCK_SKEW
        if back or steady - self._checked_at > CHECK_INTERVAL:
            self._checked_at = steady
            await repair(database, now, clock_went_back=back)


async def repair(database: Database, now: int, *, clock_went_back: bool) -> None:
    """Make leases, pauses and schedules that lie too far in the future due now, in one transaction.

    After the clock went back even a platform's own pause is cut short: at worst a probe goes early.
    """

    async def work(tx: Transaction) -> None:
        await tx.run(
            "UPDATE deliveries SET lease_until = :now WHERE state = 'leased' AND lease_until > :late",
            now=now,
            late=now + LEASE + MAX_CLOCK_SKEW,
        )
        await tx.run(
            "UPDATE platforms SET paused_until = :now WHERE paused_until > :late",
            now=now,
            late=now + (_OWN_PAUSE if clock_went_back else MAX_RETRY_AFTER + MAX_CLOCK_SKEW),
        )
        await tx.run(
            f"UPDATE deliveries SET next_at = :now WHERE lane IN {PRIORITIES} AND state IN ('pending', 'leased')"
            f" AND state <> 'leased' AND {_AHEAD}",  # repeats the condition of the partial index
            now=now,
            soon=now + MAX_CLOCK_SKEW,
            never=now + MAX_RETRY_AFTER + MAX_CLOCK_SKEW,
        )

    await database.write(work)
