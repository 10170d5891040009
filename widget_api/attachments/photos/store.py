"""All SQL of the table `photos`."""

from __future__ import annotations

from collections.abc import Sequence

from widget_api import clock
from widget_api.attachments.photos.model import UNATTACHED_LIFETIME, Role
from widget_api.database import Database, Row, Transaction

_UNATTACHED = "problem_id IS NULL AND removed_at IS NULL"


async def add(tx: Transaction, *, photo_id: str, site_id: str, width: int, height: int, now: int) -> None:
    await tx.insert("photos", id=photo_id, site_id=site_id, width=width, height=height, created_at=now)


async def attach(
    tx: Transaction,
    site_id: str,
    problem_id: str,
    event_id: str,
    role: Role,
    photo_id: str,
    place: int,
    alt: str | None = None,
) -> Row | None:
    """Attach a photo to a problem. Returns its width and height; None if it is another site's, old or attached."""
    return await tx.row(
        "UPDATE photos SET problem_id = :problem_id, event_id = :event_id, role = :role, place = :place, alt = :alt"
        f" WHERE id = :id AND site_id = :site_id AND {_UNATTACHED} AND created_at >= :since RETURNING width, height",
        id=photo_id,
        site_id=site_id,
        problem_id=problem_id,
        event_id=event_id,
        role=role,
        place=place,
        alt=alt,
        since=clock.now() - UNATTACHED_LIFETIME,
    )


async def find_unattached(reader: Database | Transaction, site_id: str, photo_id: str, since: int) -> Row | None:
    """A photo received after `since` and not attached yet: id, width, height."""
    return await reader.row(
        f"SELECT id, width, height FROM photos WHERE id = :id AND site_id = :site_id AND {_UNATTACHED}"
        " AND created_at >= :since",
        id=photo_id,
        site_id=site_id,
        since=since,
    )


async def count_unattached_pixels(reader: Database | Transaction, site_id: str) -> int:
    """The pixels of all photos of a site that wait for their report."""
    row = await reader.row(
        f"SELECT SUM(width * height) AS pixels FROM photos WHERE site_id = :site_id AND {_UNATTACHED}", site_id=site_id
    )
    return int(row["pixels"] or 0) if row else 0


async def keep_unattached(tx: Transaction, photo_ids: Sequence[str], until: int) -> None:
    """Keep unattached photos until a moment, from which their usual lifetime begins."""
    for photo_id in photo_ids:
        await tx.run(
            f"UPDATE photos SET created_at = :until WHERE id = :id AND {_UNATTACHED}", id=photo_id, until=until
        )


async def list_of_problem(reader: Database | Transaction, problem_id: str) -> Sequence[Row]:
    """id, event_id, role, place, alt, width, height, by the time of their event, then in the order they were sent."""
    return await reader.rows(
        "SELECT f.id, f.event_id, f.role, f.place, f.alt, f.width, f.height FROM photos f"
        " JOIN events e ON e.site_id = f.site_id AND e.id = f.event_id"
        " WHERE f.problem_id = :id AND f.removed_at IS NULL ORDER BY e.at, e.id, f.place",
        id=problem_id,
    )


async def change_role(tx: Transaction, problem_id: str, old: str, new: str, event_id: str) -> None:
    """Give the photos of one role another, and another event."""
    await tx.run(
        "UPDATE photos SET role = :new, event_id = :event_id"
        " WHERE problem_id = :problem_id AND role = :old AND removed_at IS NULL",
        problem_id=problem_id,
        old=old,
        new=new,
        event_id=event_id,
    )


async def set_role(tx: Transaction, problem_id: str, photo_id: str, role: str) -> None:
    await tx.run(
        "UPDATE photos SET role = :role WHERE id = :id AND problem_id = :problem_id AND removed_at IS NULL",
        id=photo_id,
        problem_id=problem_id,
        role=role,
    )


async def remove_of_problem(tx: Transaction, problem_id: str, now: int) -> None:
    """Mark a problem's photos as removed and erase their descriptions; their files follow in the next sweep."""
    await tx.run(
        "UPDATE photos SET removed_at = :now, alt = NULL WHERE problem_id = :id AND removed_at IS NULL",
        id=problem_id,
        now=now,
    )


async def remove_one_unattached(tx: Transaction, photo_id: str, now: int) -> None:
    await tx.run("UPDATE photos SET removed_at = :now WHERE id = :id AND problem_id IS NULL", id=photo_id, now=now)


async def has_unattached_before(database: Database, before: int) -> bool:
    """Whether a photo received before this moment is not attached."""
    row = await database.row(
        f"SELECT 1 FROM photos WHERE {_UNATTACHED} AND created_at < :before LIMIT 1", before=before
    )
    return row is not None


async def remove_unattached(tx: Transaction, before: int, now: int) -> int:
    """Mark photos as removed that were received before this moment and never attached. Returns their number."""
    return await tx.run(
        f"UPDATE photos SET removed_at = :now WHERE {_UNATTACHED} AND created_at < :before", before=before, now=now
    )


async def list_removed(database: Database, limit: int) -> Sequence[Row]:
    return await database.rows(
        "SELECT id FROM photos WHERE removed_at IS NOT NULL ORDER BY removed_at LIMIT :limit", limit=limit
    )


async def delete_removed(tx: Transaction, photo_id: str) -> None:
    await tx.run("DELETE FROM photos WHERE id = :id AND removed_at IS NOT NULL", id=photo_id)


async def exists(database: Database, photo_id: str) -> bool:
    return await database.row("SELECT 1 FROM photos WHERE id = :id", id=photo_id) is not None


async def move(tx: Transaction, photo_ids: Sequence[str], from_site: str, to_site: str) -> None:
    """Give photos that are not attached yet to another site, which gets their report."""
    for photo_id in photo_ids:
        await tx.run(
            f"UPDATE photos SET site_id = :to_site WHERE id = :id AND site_id = :from_site AND {_UNATTACHED}",
            id=photo_id,
            from_site=from_site,
            to_site=to_site,
        )
