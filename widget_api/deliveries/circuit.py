"""A circuit breaker for each platform: while it is open, only probes go there, and no retry attempt is consumed.

Closed, it counts failures of different problems in a row. Open (`paused_until` is set), nothing is claimed for the
platform; when the pause is over, one delivery goes as a probe. Its success closes the circuit, its failure makes the
next pause longer. The state is in the database, so all workers share it.
"""

from __future__ import annotations

import random

from widget_api.database import Database, Transaction
from widget_api.deliveries.model import JITTER, MAX_RETRY_AFTER

OPENS = 5  # failures in a row
PAUSE = 5  # seconds; doubled with each failed probe
LONGEST_PAUSE = 300
PROBE = 30  # seconds a probe may take before another one goes: longer than the client waits for an answer
SINK = "platform:"
# Excluded from claims and from the due deliveries. Uncorrelated: evaluated once a query, over a few rows.
RESTING = f"(SELECT '{SINK}' || id FROM platforms WHERE paused_until IS NOT NULL)"


async def list_open(database: Database) -> list[str]:
    """List the sinks whose circuit is open."""
    rows = await database.rows_at_once("SELECT id FROM platforms WHERE paused_until IS NOT NULL ORDER BY id")
    return [SINK + row["id"] for row in rows]


async def list_ready_to_probe(tx: Transaction, now: int) -> list[str]:
    """List the sinks whose pause is over."""
    rows = await tx.rows("SELECT id FROM platforms WHERE paused_until <= :now ORDER BY id", now=now)
    return [SINK + row["id"] for row in rows]


async def claim_probe(tx: Transaction, sink: str, now: int) -> bool:
    """Reserve the platform for a probe. Returns False if another one is in progress."""
    return bool(
        await tx.run(
            "UPDATE platforms SET paused_until = :until WHERE id = :id AND paused_until <= :now",
            id=sink.removeprefix(SINK),
            until=now + PROBE,
            now=now,
        )
    )


async def record_failure(
    database: Database,
    platform_id: str,
    problem_id: str,
    now: int,
    reason: str,
    retry_after: float | None,
    *,
    probe: bool,
) -> bool:
    """Count a failure of the platform itself, not of one event. Returns whether its circuit is open now.

    `retry_after` is the Retry-After of the answer, in seconds.
    """

    async def work(tx: Transaction) -> bool:
        row = await tx.row("SELECT failures, failing, paused_until FROM platforms WHERE id = :id", id=platform_id)
        if row is None:
            return False
        if row["paused_until"] is not None and not probe:
            return True  # it was in progress when the circuit opened
        failures = row["failures"] + (1 if probe or row["failing"] != problem_id else 0)
        opened = failures >= OPENS
        await tx.run(
            "UPDATE platforms SET failures = :failures, failing = :failing, paused_until = :until,"
            " pause_reason = :reason WHERE id = :id",
            id=platform_id,
            failures=failures,
            failing=problem_id,
            until=now + _pause(failures - OPENS, retry_after) if opened else None,
            reason=reason if opened else None,
        )
        return bool(opened)

    return await database.write(work)


def _pause(steps: int, retry_after: float | None) -> int:
    spread = random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, hides nothing
    own = min(LONGEST_PAUSE, PAUSE * 2 ** min(steps, 10)) * spread
    return max(1, int(max(own, min(retry_after or 0, MAX_RETRY_AFTER))))


async def record_success(database: Database, platform_id: str) -> None:
    """Close the circuit: the platform accepted or refused a request, so it is reachable."""

    async def work(tx: Transaction) -> None:
        await tx.run(
            "UPDATE platforms SET failures = 0, failing = NULL, paused_until = NULL, pause_reason = NULL"
            " WHERE id = :id",
            id=platform_id,
        )

    await database.write(work)
