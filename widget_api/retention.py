"""Forgets: a person who asks, what is past its retention, and again what a restored copy brought back."""

from __future__ import annotations

from typing import Any

from widget_api import clock
from widget_api.database import Database, Row, Transaction
from widget_api.install import sightings
from widget_api.problems import service as problems
from widget_api.problems import store
from widget_api.problems.model import Actor
from widget_api.sites import tickets

DAY = 86_400
_BATCH = 500


async def erase_person(database: Database, email: str) -> list[dict[str, Any]]:
    """Erase every report of an address. Returns the site and number of each."""
    erased = []
    for row in await store.of_person(database, email):
        await problems.erase(database, Actor(kind="operator"), row["site_id"], row["problem_id"])
        problem = await store.full(database, row["site_id"], row["problem_id"])
        assert problem is not None, "erasing keeps the problem's row"
        erased.append({"site": row["site_id"], "number": problem["number"]})
    return erased


async def purge(database: Database) -> dict[str, int]:
    """Erase reports nobody touched for the site's retention; drop what has expired anyway."""
    now = clock.now()
    past = 0
    while rows := await _past_retention(database, now):
        await _erase(database, rows)
        past += len(rows)

    async def work(tx: Transaction) -> tuple[int, int]:
        sessions = await tx.run("DELETE FROM sessions WHERE expires_at < :now", now=now)
        letters = await tx.run("DELETE FROM confirmation_letters WHERE at < :before", before=now - 2 * DAY)
        return sessions, letters

    sessions, letters = await database.write(work)
    return {
        "erased": past,
        "erased_again": await replay_erasures(database),
        "sessions": sessions,
        "letters": letters,
        "sightings": await sightings.forget_old(database),
        "spent": await tickets.forget_expired(database),
    }


async def replay_erasures(database: Database) -> int:
    """Erase again what the ledger says was erased. A restored copy is the only way it could have come back."""
    replayed = 0
    while rows := await database.rows(
        """
        SELECT p.site_id, p.id AS problem_id FROM erasures e JOIN problems p ON p.id = e.problem_id
        WHERE p.erased_at IS NULL ORDER BY p.id LIMIT :limit
        """,
        limit=_BATCH,
    ):
        await _erase(database, list(rows))
        replayed += len(rows)
    return replayed


async def _past_retention(database: Database, now: int) -> list[Row]:
    rows = await database.rows(
        """
        SELECT p.site_id, p.id AS problem_id FROM problems p JOIN sites s ON s.id = p.site_id
        WHERE p.erased_at IS NULL AND p.updated_at < CAST(:now AS BIGINT) - s.retention_days * 86400
        ORDER BY p.updated_at LIMIT :limit
        """,
        now=now,
        limit=_BATCH,
    )
    return list(rows)


async def _erase(database: Database, rows: list[Row]) -> None:
    for row in rows:
        await problems.erase(database, Actor(kind="system"), row["site_id"], row["problem_id"])
