"""All SQL of `participants`: personal data, which no public query joins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from widget_api.clock import new_id
from widget_api.database import Database, Row, Transaction, batched_delete
from widget_api.participation.model import Act, Words
from widget_api.problems.store.contacts import email_hash, mailbox_hash

if TYPE_CHECKING:
    from widget_api.problems.persons import Person

_COUNTS = "confirmed_at IS NOT NULL AND stopped_at IS NULL"


async def find(reader: Database | Transaction, row_id: str) -> Row | None:
    """A row by its identifier alone, which only signed tokens reveal."""
    return await reader.row("SELECT * FROM participants WHERE id = :id", id=row_id)


async def find_same(tx: Transaction, problem_id: str, act: Act, person: Person, words: Words) -> Row | None:
    """The row of the person that says the same, confirmed or not. A stranger's other words are another row."""
    return await tx.row(
        "SELECT * FROM participants WHERE problem_id = :problem_id AND action = :act AND person = :person"
        " AND stopped_at IS NULL AND COALESCE(name, '') = :name AND COALESCE(role, '') = :role"
        " AND COALESCE(text, '') = :text AND show_email = :show_email ORDER BY created_at LIMIT 1",
        problem_id=problem_id,
        act=act,
        person=mailbox_hash(person.email),
        name=words.name or "",
        role=words.role or "",
        text=words.text or "",
        show_email=words.show_email,
    )


async def find_counted(tx: Transaction, row: Row) -> Row | None:
    """The counted row of the same person for the same entry."""
    return await tx.row(
        "SELECT * FROM participants WHERE problem_id = :problem_id AND action = :act AND person = :person"
        f" AND {_COUNTS}",
        problem_id=row["problem_id"],
        act=row["action"],
        person=row["person"],
    )


async def add(tx: Transaction, site_id: str, problem_id: str, act: Act, person: Person, words: Words, now: int) -> str:
    row_id = new_id()
    await tx.insert(
        "participants",
        id=row_id,
        site_id=site_id,
        problem_id=problem_id,
        action=act,
        email=person.email,
        email_hash=email_hash(person.email),
        person=mailbox_hash(person.email),
        name=words.name,
        role=words.role,
        text=words.text,
        show_email=words.show_email,
        language=person.language,
        consent_version=person.consent_version,
        consent_hash=person.consent_hash,
        ip=person.ip,
        created_at=now,
    )
    return row_id


async def confirm(tx: Transaction, row_id: str, now: int) -> None:
    await tx.run("UPDATE participants SET confirmed_at = :now WHERE id = :id", id=row_id, now=now)


async def count_voices(reader: Database | Transaction, site_id: str, person: str) -> int:
    """The voices of a person in a collection: those for entries that are public now and not merged into another."""
    row = await reader.row(
        "SELECT COUNT(*) AS count FROM participants v JOIN problems p ON p.id = v.problem_id"
        f" WHERE v.person = :person AND v.site_id = :site_id AND v.action = 'vote' AND {_COUNTS} AND p.published"
        " AND p.duplicate_of IS NULL",
        person=person,
        site_id=site_id,
    )
    return int(row["count"]) if row else 0


async def forget(tx: Transaction, row: Row, now: int, *, counts_on: bool = False) -> None:
    """Erase all but consents and times, also from backups. `counts_on` keeps a voice without a person."""
    tx.mark_erasure()
    await tx.run(
        "UPDATE participants SET stopped_at = :stopped_at, email = NULL, email_hash = NULL, person = NULL, name = NULL,"
        " role = NULL, text = NULL, ip = NULL, show_email = FALSE WHERE id = :id",
        id=row["id"],
        stopped_at=None if counts_on else now,
    )
    await tx.insert_unless_there("forgotten", id=row["id"], site_id=row["site_id"], at=now)


async def list_confirmed(reader: Database | Transaction, problem_id: str, act: Act | None = None) -> Sequence[Row]:
    """Who takes part in an entry, oldest first; rows without a person are among them."""
    return await reader.rows(
        f"SELECT * FROM participants WHERE problem_id = :problem_id AND {_COUNTS}"
        " AND (CAST(:act AS TEXT) IS NULL OR action = :act) ORDER BY confirmed_at, id",
        problem_id=problem_id,
        act=act,
    )


async def list_all_of_person(database: Database, email: str) -> Sequence[Row]:
    """All rows of whose mailbox this is, confirmed or not, over all sites."""
    return await database.rows(
        "SELECT * FROM participants WHERE person = :person AND stopped_at IS NULL", person=mailbox_hash(email)
    )


async def list_confirmed_of_address(database: Database, hashed: str) -> Sequence[Row]:
    """What an address takes part in, newest first, with the entries and names of their collections."""
    return await database.rows(
        "SELECT v.id, v.action, p.number, p.status, p.awaits, p.duplicate_of, p.description, p.category, p.created_at,"
        " p.site_id, s.name AS site_name, s.time_zone FROM participants v JOIN problems p ON p.id = v.problem_id"
        f" JOIN sites s ON s.id = v.site_id WHERE v.email_hash = :hash AND {_COUNTS} AND p.published"
        " ORDER BY v.confirmed_at DESC, v.id DESC LIMIT 200",
        hash=hashed,
    )


async def rank_entries(database: Database, site_id: str) -> Sequence[Row]:
    """The published entries of a collection, those with most voices first; those that were merged have none."""
    return await database.rows(
        "SELECT p.id, p.number, p.description, p.participants, (SELECT COALESCE(SUM(e.participants), 0)"
        " FROM counts_elsewhere e WHERE e.problem_id = p.id) AS elsewhere FROM problems p WHERE p.site_id = :site_id"
        " AND p.published AND p.duplicate_of IS NULL ORDER BY p.participants DESC, p.number",
        site_id=site_id,
    )


async def find_most(database: Database, site_id: str) -> int:
    """The voices of the published entry of a collection that has most."""
    row = await database.row(
        "SELECT MAX(participants) AS most FROM problems WHERE site_id = :site_id AND published"
        " AND duplicate_of IS NULL",
        site_id=site_id,
    )
    return int(row["most"] or 0) if row else 0


async def sum_elsewhere(database: Database, site_id: str) -> Sequence[Row]:
    """The voices for those entries that other instances counted: their names and numbers."""
    return await database.rows(
        "SELECT f.name, SUM(e.participants) AS voices FROM counts_elsewhere e JOIN problems p ON p.id = e.problem_id"
        " JOIN platforms f ON f.id = e.source WHERE p.site_id = :site_id AND p.published AND p.duplicate_of IS NULL"
        " AND e.participants > 0 GROUP BY f.id, f.name ORDER BY f.name, f.id",
        site_id=site_id,
    )


async def sum_voices(database: Database, site_id: str) -> Row:
    """Of the voices for those entries: known people, voices of erased people, and how many were withdrawn."""
    row = await database.row(
        f"SELECT COUNT(DISTINCT CASE WHEN {_COUNTS} THEN v.person END) AS people,"
        f" COUNT(CASE WHEN {_COUNTS} AND v.person IS NULL THEN 1 END) AS erased,"
        " COUNT(CASE WHEN confirmed_at IS NOT NULL AND stopped_at IS NOT NULL THEN 1 END) AS withdrawn"
        " FROM participants v JOIN problems p ON p.id = v.problem_id"
        " WHERE v.site_id = :site_id AND v.action = 'vote' AND p.published AND p.duplicate_of IS NULL",
        site_id=site_id,
    )
    assert row is not None, "an aggregate"
    return row


async def list_arrivals(database: Database, site_id: str) -> Sequence[Row]:
    """The voices of a collection with the addresses that they came from, as long as these are kept."""
    return await database.rows(
        f"SELECT id, problem_id, ip, confirmed_at FROM participants WHERE site_id = :site_id AND action = 'vote'"
        f" AND {_COUNTS} AND ip IS NOT NULL",
        site_id=site_id,
    )


async def list_forgotten(database: Database) -> Sequence[Row]:
    """Rows that a restored backup brought back, with the time (`forgotten_at`) of their erasure."""
    return await database.rows(
        "SELECT v.*, f.at AS forgotten_at FROM forgotten f JOIN participants v ON v.id = f.id"
        " WHERE v.stopped_at IS NULL AND v.person IS NOT NULL"
    )


async def list_old_requests(database: Database, before: int) -> Sequence[Row]:
    """Requests to authors that were handed on before that time."""
    return await database.rows(
        "SELECT * FROM participants WHERE action = 'contact' AND stopped_at IS NULL AND confirmed_at < :before",
        before=before,
    )


async def forget_unconfirmed(database: Database, before: int) -> int:
    return await batched_delete.delete_in_batches(
        database, "participants", "confirmed_at IS NULL AND created_at < :before", before=before
    )
