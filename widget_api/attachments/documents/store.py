"""All SQL of the table `documents`. A document that no answer uses yet has an empty `event_id`."""

from __future__ import annotations

from collections.abc import Sequence

from widget_api.database import Database, Row, Transaction

_UNATTACHED = "event_id = '' AND removed_at IS NULL"


async def add(
    tx: Transaction,
    *,
    document_id: str,
    site_id: str,
    problem_id: str,
    name: str,
    media_type: str,
    size: int,
    now: int,
) -> None:
    await tx.insert(
        "documents",
        id=document_id,
        site_id=site_id,
        problem_id=problem_id,
        event_id="",
        name=name,
        media_type=media_type,
        bytes=size,
        created_at=now,
    )


async def find_unattached(
    database: Database, site_id: str, problem_id: str, document_id: str, since: int
) -> Row | None:
    """A document of this problem received after `since` and not attached yet: id, name, bytes."""
    return await database.row(
        f"SELECT id, name, bytes FROM documents WHERE id = :id AND site_id = :site_id AND problem_id = :problem_id"
        f" AND {_UNATTACHED} AND created_at >= :since",
        id=document_id,
        site_id=site_id,
        problem_id=problem_id,
        since=since,
    )


async def keep_unattached(tx: Transaction, document_ids: Sequence[str], until: int) -> None:
    """Keep unattached documents until a moment, from which their usual lifetime begins."""
    for document_id in document_ids:
        await tx.run(
            f"UPDATE documents SET created_at = :until WHERE id = :id AND {_UNATTACHED}", id=document_id, until=until
        )


async def attach(
    tx: Transaction, *, document_id: str, site_id: str, problem_id: str, event_id: str, since: int, internal: bool
) -> bool:
    """Attach a document to an event. False where it is another problem's, too old or attached already."""
    return bool(
        await tx.run(
            f"UPDATE documents SET event_id = :event_id, internal = :internal WHERE id = :id AND site_id = :site_id"
            f" AND problem_id = :problem_id AND {_UNATTACHED} AND created_at >= :since",
            id=document_id,
            site_id=site_id,
            problem_id=problem_id,
            event_id=event_id,
            since=since,
            internal=internal,
        )
    )


async def list_of_problem(reader: Database | Transaction, site_id: str, problem_id: str) -> Sequence[Row]:
    """The attached documents: id, event_id, name, media_type, bytes, internal, in the order in which they were sent."""
    return await reader.rows(
        "SELECT id, event_id, name, media_type, bytes, internal FROM documents"
        " WHERE problem_id = :problem_id AND site_id = :site_id AND event_id <> '' AND removed_at IS NULL ORDER BY id",
        site_id=site_id,
        problem_id=problem_id,
    )


async def find_readable(database: Database, document_id: str) -> Row | None:
    """name, media_type and `public` (whether everybody may read it); None where there is none."""
    return await database.row(
        "SELECT d.name, d.media_type, p.published AND d.event_id <> '' AND NOT d.internal AS public FROM documents d"
        " JOIN problems p ON p.id = d.problem_id AND p.site_id = d.site_id"
        " WHERE d.id = :id AND d.removed_at IS NULL",
        id=document_id,
    )


async def remove_of_problem(tx: Transaction, site_id: str, problem_id: str, now: int) -> None:
    """Mark a problem's documents as removed and erase their names; their files follow in the next sweep."""
    await tx.run(
        "UPDATE documents SET removed_at = :now, name = '' WHERE problem_id = :id AND site_id = :site_id"
        " AND removed_at IS NULL",
        id=problem_id,
        site_id=site_id,
        now=now,
    )


async def has_unattached_before(database: Database, before: int) -> bool:
    """Whether a document received before this moment is attached to no answer."""
    row = await database.row(
        f"SELECT 1 FROM documents WHERE {_UNATTACHED} AND created_at < :before LIMIT 1", before=before
    )
    return row is not None


async def remove_unattached(tx: Transaction, before: int, now: int) -> int:
    return await tx.run(
        f"UPDATE documents SET removed_at = :now, name = '' WHERE {_UNATTACHED} AND created_at < :before",
        before=before,
        now=now,
    )


async def list_removed(database: Database, limit: int) -> Sequence[Row]:
    return await database.rows(
        "SELECT id FROM documents WHERE removed_at IS NOT NULL ORDER BY removed_at LIMIT :limit", limit=limit
    )


async def delete_removed(tx: Transaction, document_id: str) -> None:
    await tx.run("DELETE FROM documents WHERE id = :id AND removed_at IS NOT NULL", id=document_id)


async def exists(database: Database, document_id: str) -> bool:
    """Whether a stored file is a document of an answer or the letter of an application."""
    sql = "SELECT 1 FROM documents WHERE id = :id UNION SELECT 1 FROM applications WHERE letter_id = :id"
    return await database.row(sql, id=document_id) is not None


async def remove_one_unattached(tx: Transaction, document_id: str, now: int) -> None:
    await tx.run(f"UPDATE documents SET removed_at = :now WHERE id = :id AND {_UNATTACHED}", id=document_id, now=now)
