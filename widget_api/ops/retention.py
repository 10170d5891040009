"""Forgets: a person who asks, what is past its retention, and again what a restored copy brought back."""

from __future__ import annotations

from functools import partial
from typing import Any

from widget_api import clock, journal
from widget_api.comments import service as discussion
from widget_api.comments import store
from widget_api.database import Database, Row, Transaction, batched_delete
from widget_api.followers import service as following
from widget_api.problems import change as problems
from widget_api.problems.model import Actor
from widget_api.problems.store import contacts, followers, records
from widget_api.sites import tickets
from widget_api.sites.install import sightings

DAY = 86_400
UNANSWERED = 31  # days; the links of letters that ask to confirm are good for thirty
_BATCH = 500


async def erase_person(database: Database, email: str) -> list[dict[str, Any]]:
    """Erase every report of an address. Returns the site and number of each."""
    erased = []
    for row in await contacts.of_person(database, email):
        await problems.erase(database, Actor(kind="operator"), row["site_id"], row["problem_id"])
        problem = await records.full(database, row["site_id"], row["problem_id"])
        assert problem is not None, "erasing keeps the problem's row"
        erased.append({"site": row["site_id"], "number": problem["number"]})
    return erased


async def erase_words(database: Database, email: str) -> dict[str, int]:
    """Forget what an address follows and what it said under problems. Returns how many of each."""
    return {
        "follows": await following.stop_all_of(database, email),
        "comments": await discussion.erase_comments_of(database, email),
    }


async def purge(database: Database) -> dict[str, int]:
    """Erase reports nobody touched for the site's retention; drop what has expired anyway.

    One report or some hundred rows at a time, so that nobody's report waits for it.
    """
    now = clock.now()
    past = 0
    while rows := await _past_retention(database, now):
        await _erase(database, rows)
        past += len(rows)

    old = now - UNANSWERED * DAY
    return {
        "erased": past,
        "erased_again": await replay_erasures(database),
        "sessions": await batched_delete.delete_in_batches(
            database, "sessions", "expires_at < :now", key="token_hash", now=now
        ),
        "followers": await _delete_unnotified(database, old),
        "letters": await batched_delete.delete_in_batches(
            database, "confirmation_letters", "at < :before", before=now - 2 * DAY
        ),
        "unanswered": await followers.forget_unconfirmed(database, old) + await store.delete_unconfirmed(database, old),
        "sightings": await sightings.forget_old(database),
        "journal": await batched_delete.delete_in_batches(database, "journal", journal.PAST_RETENTION, now=now),
        "spent": await tickets.forget_expired(database),
    }


async def _delete_unnotified(database: Database, before: int) -> int:
    """Forget who could not be told that what they followed is gone."""
    rows = await followers.left(database, before)
    for row in rows:
        await database.write(partial(followers.stop, site_id=row["site_id"], follower_ids=[row["id"]], now=clock.now()))
    return len(rows)


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
    return replayed + await _delete_again(database)


async def _delete_again(database: Database) -> int:
    """Followers and comments that were taken back, and came back with a copy."""
    again = 0
    for row in await database.rows(
        "SELECT f.id, f.site_id FROM forgotten g JOIN followers f ON f.id = g.id WHERE f.stopped_at IS NULL"
    ):

        async def end(tx: Transaction, row: Row = row) -> None:
            await followers.stop(tx, row["site_id"], [row["id"]], clock.now())

        await database.write(end)
        again += 1
    for row in await database.rows("SELECT c.* FROM forgotten g JOIN comments c ON c.id = g.id"):
        await discussion.withdraw_comment(database, row)
        again += 1
    return again


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
