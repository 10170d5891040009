"""What a report was answered with, by its Idempotency-Key: a repeat gets the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from widget_api.database import Database, Row, Transaction


async def find(reader: Database | Transaction, site_id: str, key: str) -> Row | Mapping[str, Any] | None:
    """The report that this Idempotency-Key made: `fingerprint`, `response`, `problem_id`."""
    if isinstance(reader, Transaction):
        found = await reader.matching("submissions", site_id=site_id, idempotency_key=key)
        return found[0] if found else None
    return await reader.row_at_once(
        "SELECT fingerprint, response, problem_id FROM submissions WHERE site_id = :site_id AND idempotency_key = :key",
        site_id=site_id,
        key=key,
    )


async def add(tx: Transaction, site_id: str, key: str, fingerprint: str, problem_id: str, response: str) -> None:
    await tx.insert(
        "submissions",
        site_id=site_id,
        idempotency_key=key,
        fingerprint=fingerprint,
        problem_id=problem_id,
        response=response,
    )
