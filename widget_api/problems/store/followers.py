"""Store the followers of problems. Personal data, which no public query joins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction, batched_delete
from widget_api.deliveries import enqueue
from widget_api.deliveries.model import NEWS
from widget_api.deliveries.sinks import FOLLOWER
from widget_api.events import Event
from widget_api.problems.store.contacts import email_hash
from widget_api.sites.kinds import IS_NO_TEST

if TYPE_CHECKING:
    from widget_api.problems.persons import Person

_FOLLOWS = "stopped_at IS NULL AND confirmed_at IS NOT NULL"


async def find(reader: Database | Transaction, follower_id: str) -> Row | None:
    """Find a follower by id alone, for pages opened by a signed token that contains it."""
    return await reader.row("SELECT * FROM followers WHERE id = :id", id=follower_id)


async def of_address(tx: Transaction, problem_id: str, email: str) -> Row | None:
    """Find an address among the problem's followers, confirmed or not."""
    return await tx.row(
        "SELECT id, confirmed_at FROM followers"
        " WHERE problem_id = :problem_id AND email_hash = :hash AND stopped_at IS NULL",
        problem_id=problem_id,
        hash=email_hash(email),
    )


async def add(tx: Transaction, site_id: str, problem_id: str, person: Person, now: int) -> str:
    follower_id = new_id()
    await tx.insert(
        "followers",
        id=follower_id,
        site_id=site_id,
        problem_id=problem_id,
        email=person.email,
        email_hash=email_hash(person.email),
        language=person.language,
        consent_version=person.consent_version,
        consent_hash=person.consent_hash,
        ip=person.ip,
        created_at=now,
    )
    return follower_id


async def confirm(tx: Transaction, follower_id: str, now: int) -> bool:
    """Confirm a follower; False if they were confirmed before, or stopped."""
    return bool(
        await tx.run(
            "UPDATE followers SET confirmed_at = :now WHERE id = :id AND confirmed_at IS NULL AND stopped_at IS NULL",
            id=follower_id,
            now=now,
        )
    )


async def schedule(tx: Transaction, event: Event, now: int, condition: str = "TRUE") -> None:
    """Enqueue an event for all followers `f` of its problem, in one statement.

    An author who follows the problem from the same address gets only the letter to the author.
    """
    await tx.run(
        "INSERT INTO deliveries"
        " (id, site_id, problem_id, event_id, position, sink, lane, opens, state, next_at, created_at)"
        " SELECT CAST(:event_id AS TEXT) || '.' || f.id, f.site_id, f.problem_id, CAST(:event_id AS TEXT),"
        f" CAST(:position AS INTEGER), '{FOLLOWER}' || f.id, {NEWS}, FALSE, 'pending', CAST(:now AS BIGINT),"
        " CAST(:now AS BIGINT)"
        f" FROM followers f WHERE f.problem_id = :problem_id AND f.site_id = :site_id AND {_FOLLOWS} AND {condition}"
        " AND NOT EXISTS (SELECT 1 FROM contacts c WHERE c.problem_id = f.problem_id AND c.email_hash = f.email_hash"
        " AND c.confirmed_at IS NOT NULL AND c.stopped_at IS NULL)"
        " ON CONFLICT (site_id, event_id, sink) DO NOTHING",
        event_id=event.id,
        site_id=event.site_id,
        problem_id=event.problem_id,
        position=event.position,
        now=now,
    )


async def copy_to(tx: Transaction, problem_id: str, target_id: str, now: int) -> None:
    """Make the followers of a problem follow the target too, each once, without another confirmation."""
    await tx.run(
        "UPDATE followers SET confirmed_at = :now WHERE problem_id = :target AND stopped_at IS NULL"
        " AND confirmed_at IS NULL"
        f" AND email_hash IN (SELECT email_hash FROM followers WHERE problem_id = :id AND {_FOLLOWS})",
        id=problem_id,
        target=target_id,
        now=now,
    )
    for row in await tx.rows(
        f"SELECT f.* FROM followers f WHERE f.problem_id = :id AND {_FOLLOWS} AND NOT EXISTS (SELECT 1 FROM followers t"
        " WHERE t.problem_id = :target AND t.email_hash = f.email_hash AND t.stopped_at IS NULL)",
        id=problem_id,
        target=target_id,
    ):
        columns = ("site_id", "email", "email_hash", "language", "consent_version", "consent_hash", "ip", "created_at")
        values = {name: row[name] for name in (*columns, "confirmed_at")}
        await tx.insert("followers", id=new_id(), problem_id=target_id, **values)


_FORGET = "UPDATE followers SET stopped_at = :now, email = NULL, email_hash = NULL, ip = NULL"


async def stop(tx: Transaction, site_id: str, follower_ids: Sequence[str], now: int) -> None:
    """Erase followers except for their consents, also from backups: a restored one must not write to them again."""
    tx.mark_erasure()
    for follower_id in follower_ids:
        await tx.run(f"{_FORGET} WHERE id = :id AND stopped_at IS NULL", id=follower_id, now=now)
        await tx.insert_unless_there("forgotten", id=follower_id, site_id=site_id, at=now)


async def end(tx: Transaction, event: Event, now: int) -> None:
    """Stop all followers of a problem that the event unpublished. A last letter informs them.

    An address is deleted after its letter was sent (`followers.mail`). Followers of a report that was merged into
    this one get the news of that report instead. At the end of retention no letter is sent.
    """
    await enqueue.drop_for_problem(tx, event.problem_id, f"{FOLLOWER}%", "unpublished")
    if event.kind == "status" or event.actor != "system":
        other_subscriptions = (
            "SELECT 1 FROM followers o JOIN problems m ON m.id = o.problem_id JOIN problems p ON p.id = f.problem_id"
            " WHERE m.site_id = p.site_id AND m.duplicate_of = p.number AND m.published"
            f" AND o.email_hash = f.email_hash AND o.{_FOLLOWS.replace(' AND ', ' AND o.')}"
        )
        await schedule(tx, event, now, f"NOT EXISTS ({other_subscriptions})")
    await tx.run(
        f"{_FORGET} WHERE problem_id = :id AND stopped_at IS NULL AND NOT EXISTS (SELECT 1 FROM deliveries d"
        f" WHERE d.event_id = :event_id AND d.sink = '{FOLLOWER}' || followers.id)",
        id=event.problem_id,
        event_id=event.id,
        now=now,
    )


async def same_person(tx: Transaction, site_id: str, problem_id: str, hashed: str) -> list[str]:
    """List the ids of followers of a problem with this address."""
    rows = await tx.rows(
        "SELECT id FROM followers WHERE site_id = :site_id AND problem_id = :problem_id AND email_hash = :hash"
        " AND stopped_at IS NULL",
        site_id=site_id,
        problem_id=problem_id,
        hash=hashed,
    )
    return [row["id"] for row in rows]


async def of_person(database: Database, hashed: str) -> Sequence[Row]:
    """List the problems an address follows over all sites, newest first, with site_name and site_id."""
    return await database.rows(
        "SELECT f.id, p.number, p.status, p.awaits, p.duplicate_of, p.description, p.category, p.created_at, p.site_id,"
        " s.name AS site_name, s.time_zone FROM followers f JOIN problems p ON p.id = f.problem_id"
        " JOIN sites s ON s.id = f.site_id WHERE f.email_hash = :hash AND f.stopped_at IS NULL"
        f" AND f.confirmed_at IS NOT NULL AND p.published AND {IS_NO_TEST}"
        " ORDER BY f.confirmed_at DESC, f.id DESC LIMIT 200",
        hash=hashed,
    )


async def list_of_address(database: Database, hashed: str) -> Sequence[Row]:
    """List all rows of an address, confirmed or not: id, site_id."""
    return await database.rows(
        "SELECT id, site_id FROM followers WHERE email_hash = :hash AND stopped_at IS NULL", hash=hashed
    )


async def count(database: Database, site_id: str, problem_id: str) -> int:
    row = await database.row(
        f"SELECT COUNT(*) AS count FROM followers WHERE site_id = :site_id AND problem_id = :problem_id AND {_FOLLOWS}",
        site_id=site_id,
        problem_id=problem_id,
    )
    return int(row["count"]) if row else 0


async def forget_unconfirmed(database: Database, before: int) -> int:
    """Delete followers who did not confirm. The link of the letter is valid for thirty days."""
    return await batched_delete.delete_in_batches(
        database, "followers", "confirmed_at IS NULL AND created_at < :before", before=before
    )


async def list_left(database: Database, before: int) -> Sequence[Row]:
    """List followers of problems unpublished before that time, whom the last letter could not reach."""
    return await database.rows(
        "SELECT f.id, f.site_id FROM followers f JOIN problems p ON p.id = f.problem_id"
        " WHERE f.stopped_at IS NULL AND f.confirmed_at IS NOT NULL AND NOT p.published AND p.updated_at < :before",
        before=before,
    )
