"""Erase a person's data on request, data past its retention, and erased data that a restored backup brought back.

Data past its retention is purged every night in the worker, or at once by the command `purge`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from widget_api import clock, journal, schedule
from widget_api.attachments.documents import service
from widget_api.attachments.photos import service as photos
from widget_api.attachments.storage import Storage
from widget_api.casework import bulk, drafts
from widget_api.comments import service as discussion
from widget_api.comments import store
from widget_api.database import Database, Row, Transaction, batched_delete
from widget_api.followers import service as following
from widget_api.participation import service as participation
from widget_api.people import invitations, providers, second_factor, webmaster_letters
from widget_api.people import unsent_forms as unsent
from widget_api.problems import lifecycle
from widget_api.problems.model import Actor
from widget_api.problems.store import contacts, followers, notices, records
from widget_api.registration import service as registration
from widget_api.sites import tickets
from widget_api.sites.install import sightings
from widget_api.visits import service as visits

CONFIRMATION_PERIOD = 31  # days; confirmation links are valid for thirty
_BATCH = 500
PURGE = "purge"
FAILED = "failed: "  # how the outcome of a purge that failed begins
QUIET_HOUR = 3  # hour of the day in which the purge begins
_MIN_INTERVAL = 6 * clock.HOUR  # a purge after midnight is followed by one in the next night, not in the same one


async def erase_person(database: Database, email: str) -> list[dict[str, Any]]:
    """Erase every report of an address. Returns the site and number of each."""
    erased = []
    for row in await contacts.of_person(database, email):
        await lifecycle.erase(database, Actor(kind="operator"), row["site_id"], row["problem_id"])
        problem = await records.full(database, row["site_id"], row["problem_id"])
        assert problem is not None, "erasing keeps the problem's row"
        erased.append({"site": row["site_id"], "number": problem["number"]})
    return erased


async def erase_words(database: Database, email: str) -> dict[str, int]:
    """Erase subscriptions, comments and participations of an address, and letters with code. Returns the numbers of
    the former."""
    await webmaster_letters.erase(database, email)
    return {
        "follows": await following.stop_all_of(database, email),
        "comments": await discussion.erase_comments_of(database, email),
        "participations": await participation.erase_all_of(database, email),
    }


async def erase_expired(database: Database) -> dict[str, int]:
    """Erase reports without changes for the site's retention period, and delete expired rows of other tables.

    One transaction handles one report or some hundred rows, so that other writers do not wait long.
    """
    now = clock.now()
    erased = 0
    while rows := await _past_retention(database, now):
        await _erase(database, rows)
        erased += len(rows)

    old = now - CONFIRMATION_PERIOD * clock.DAY
    return {
        "erased": erased,
        "erased_again": await replay_erasures(database),
        "sessions": await batched_delete.delete_in_batches(
            database, "sessions", "expires_at < :now", key="token_hash", now=now
        ),
        "followers": await _delete_unnotified(database, old),
        "letters": await batched_delete.delete_in_batches(
            database, "confirmation_letters", "at < :before", before=now - 2 * clock.DAY
        ),
        "unanswered": await followers.forget_unconfirmed(database, old) + await store.delete_unconfirmed(database, old),
        "participants": await participation.purge(database, old),
        "sightings": await sightings.delete_old(database),
        "journal": await batched_delete.delete_in_batches(database, "journal", journal.PAST_RETENTION, now=now),
        "invitations": await batched_delete.delete_in_batches(
            database, "invitations", "expires_at < :before", before=now - invitations.KEPT_DAYS * clock.DAY
        ),
        "notices": await notices.delete_old(database, now),
        "webmaster_letters": await webmaster_letters.delete_old(database, now),
        "visits": await visits.delete_old(database, now),
        # Of users disabled by a former release, or before a backup that was restored.
        "saved_views": await batched_delete.delete_in_batches(
            database,
            "saved_views",
            "user_id IN (SELECT id FROM users WHERE disabled_at IS NOT NULL)",
            key="user_id",
        ),
        "spent": await tickets.delete_expired(database),
        "bulks": await bulk.purge_bulks(database),
    }


async def _delete_unnotified(database: Database, before: int) -> int:
    """Delete followers who could not be notified that the problem they followed is gone."""
    rows = await followers.list_left(database, before)
    for row in rows:
        await database.write(partial(followers.stop, site_id=row["site_id"], follower_ids=[row["id"]], now=clock.now()))
    return len(rows)


async def replay_erasures(database: Database) -> int:
    """Erase again the problems recorded as erased, which a restored backup may have brought back."""
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
    """Delete again what was withdrawn and came back with a restored backup: followers, comments, participants."""
    deleted = 0
    for row in await database.rows(
        "SELECT f.id, f.site_id FROM forgotten g JOIN followers f ON f.id = g.id WHERE f.stopped_at IS NULL"
    ):

        async def end(tx: Transaction, row: Row = row) -> None:
            await followers.stop(tx, row["site_id"], [row["id"]], clock.now())

        await database.write(end)
        deleted += 1
    for row in await database.rows("SELECT c.* FROM forgotten g JOIN comments c ON c.id = g.id"):
        await discussion.withdraw_comment(database, row)
        deleted += 1
    return deleted + await participation.erase_again(database)


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
        await lifecycle.erase(database, Actor(kind="system"), row["site_id"], row["problem_id"])


async def purge(database: Database, storage: Storage, keys: tuple[str, ...] = ()) -> dict[str, int]:
    """Purge now, and encrypt with the newest of `keys` what older ones encrypted.

    Purges never run at the same time, even in different processes: the second waits for the first."""
    async with schedule.exclusive(database, PURGE):
        counts = await erase_expired(database)
        counts["photos"] = await photos.purge(database, storage)
        counts["documents"] = await service.purge(database, storage)
        counts["unsent_forms"] = await unsent.purge_expired(database, storage)
        counts["drafts"] = await drafts.purge(database)
        counts["encrypted_again"] = await second_factor.renew_encryption(database, keys)
        counts["encrypted_again"] += await providers.renew_encryption(database, keys)
        counts["applications"] = await registration.purge(database, storage)
        await schedule.end(database, PURGE, clock.now(), _format_outcome(counts))
    return counts


async def purge_if_due(database: Database, storage: Storage, keys: tuple[str, ...] = ()) -> None:
    """Purge if it is due: within an hour of the first start, then at night.

    While a purge runs, the next one is scheduled in an hour, so that a killed process does not skip the night.
    """
    now = clock.now()
    await schedule.plan(database, PURGE, now + random.randrange(clock.HOUR // 60, clock.HOUR))  # noqa: S311 - not a secret
    if not await schedule.begin(database, PURGE, now, clock.HOUR, longest=48 * clock.HOUR):
        return
    try:
        counts = await purge(database, storage, keys)
    except Exception as error:
        await schedule.fail(database, PURGE, f"{FAILED}{type(error).__name__}: {error}")
        raise
    await schedule.end(
        database,
        PURGE,
        clock.now(),
        _format_outcome(counts),
        next_at=next_night(clock.now(), await _most_common_zone(database)),
    )


def next_night(now: int, zone: str, spread: int | None = None) -> int:
    """Return a random moment in the next quiet hour of a time zone, so that installations do not all begin at once."""
    earliest = datetime.fromtimestamp(now + _MIN_INTERVAL, ZoneInfo(zone))
    at = earliest.replace(hour=QUIET_HOUR, minute=0, second=0, microsecond=0)
    if at < earliest:
        at += timedelta(days=1)
    return int(at.timestamp()) + (random.randrange(clock.HOUR) if spread is None else spread)  # noqa: S311 - as above


async def _most_common_zone(database: Database) -> str:
    """Return the time zone of most sites."""
    row = await database.row(
        "SELECT time_zone FROM sites WHERE disabled_at IS NULL GROUP BY time_zone ORDER BY COUNT(*) DESC, time_zone"
        " LIMIT 1"
    )
    return str(row["time_zone"]) if row is not None else "UTC"


NOTHING = "nothing to forget"


def _format_outcome(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count) or NOTHING


def read_outcome(outcome: str) -> Iterator[tuple[str, int]]:
    """The kinds of what a purge deleted, and how many of each."""
    for part in outcome.split(", ") if outcome != NOTHING else ():
        name, _, number = part.rpartition(" ")
        yield name, int(number)
