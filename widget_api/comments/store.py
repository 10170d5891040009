"""All SQL of `comments` and `commenters`. The latter is personal data, which no public query joins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from widget_api.clock import new_id
from widget_api.comments.model import PAGE_SIZE, Comment
from widget_api.database import Database, Row, Transaction, batched_delete
from widget_api.problems.store.contacts import email_hash
from widget_api.problems.store.history import ACTOR, ACTORS

if TYPE_CHECKING:
    from widget_api.problems.persons import Person

Position = tuple[int, str]  # of a published comment in the list: when it was published, its identifier


async def find_comment(reader: Database | Transaction, comment_id: str) -> Row | None:
    """A comment by its identifier alone, which only signed tokens reveal."""
    return await reader.row("SELECT * FROM comments WHERE id = :id", id=comment_id)


async def find_commenter(reader: Database | Transaction, comment_id: str) -> Row | None:
    """The author of a comment: personal data, for letters to the author."""
    return await reader.row("SELECT * FROM commenters WHERE comment_id = :id", id=comment_id)


async def has_same_comment(tx: Transaction, problem_id: str, email: str, text: str) -> bool:
    """Whether this address has the same text under the problem already, not rejected."""
    row = await tx.row(
        "SELECT 1 FROM comments c JOIN commenters w ON w.comment_id = c.id WHERE c.problem_id = :problem_id"
        " AND c.state <> 'rejected' AND w.email_hash = :hash AND c.body = :text",
        problem_id=problem_id,
        hash=email_hash(email),
        text=text,
    )
    return row is not None


async def add_comment(
    tx: Transaction, comment_id: str, site_id: str, problem_id: str, comment: Comment, person: Person, now: int
) -> None:
    await tx.insert(
        "comments",
        id=comment_id,
        site_id=site_id,
        problem_id=problem_id,
        state="unconfirmed",
        name=comment.name,
        publish_name=person.name_version is not None,
        body=comment.text,
        official=False,
        created_at=now,
    )
    await tx.insert(
        "commenters",
        comment_id=comment_id,
        site_id=site_id,
        problem_id=problem_id,
        email=person.email,
        email_hash=email_hash(person.email),
        language=person.language,
        consent_version=person.consent_version,
        consent_hash=person.consent_hash,
        name_version=person.name_version,
        name_hash=person.name_hash,
        ip=person.ip,
    )


async def add_official_comment(
    tx: Transaction, comment_id: str, site_id: str, problem_id: str, comment: Comment, user_id: str | None, now: int
) -> None:
    """Insert a comment of the agency, published at once."""
    await tx.insert(
        "comments",
        id=comment_id,
        site_id=site_id,
        problem_id=problem_id,
        state="published",
        name=comment.name,
        publish_name=False,
        body=comment.text,
        official=True,
        user_id=user_id,
        created_at=now,
        decided_at=now,
    )


async def last_official_text(tx: Transaction, problem_id: str) -> str | None:
    row = await tx.row(
        "SELECT body FROM comments WHERE problem_id = :id AND official AND state = 'published'"
        " ORDER BY decided_at DESC, id DESC LIMIT 1",
        id=problem_id,
    )
    return None if row is None else str(row["body"])


async def confirm_comment(tx: Transaction, comment_id: str, now: int) -> bool:
    """Confirm a comment. False where it was confirmed before."""
    confirmed = await tx.run(
        "UPDATE commenters SET confirmed_at = :now WHERE comment_id = :id AND confirmed_at IS NULL",
        id=comment_id,
        now=now,
    )
    if confirmed:
        await tx.run("UPDATE comments SET state = 'moderation' WHERE id = :id AND state = 'unconfirmed'", id=comment_id)
    return bool(confirmed)


async def set_decision(
    tx: Transaction, comment_id: str, state: str, user_id: str | None, reason: str | None, now: int
) -> None:
    await tx.run(
        "UPDATE comments SET state = :state, user_id = :user_id, reason = :reason, decided_at = :now WHERE id = :id",
        id=comment_id,
        state=state,
        user_id=user_id,
        reason=reason,
        now=now,
    )


async def hide_commenter_name(tx: Transaction, comment_id: str, now: int) -> bool:
    """Record that the consent to publish the name is withdrawn. False where there is none."""
    await tx.run(
        "UPDATE commenters SET name_withdrawn_at = :now"
        " WHERE comment_id = :id AND name_version IS NOT NULL AND name_withdrawn_at IS NULL",
        id=comment_id,
        now=now,
    )
    return bool(await tx.run("UPDATE comments SET publish_name = FALSE WHERE id = :id AND publish_name", id=comment_id))


async def erase_comment(tx: Transaction, site_id: str, comment_id: str, now: int) -> None:
    """Delete a comment with its author, and record the erasure, so that a restored backup repeats it."""
    tx.mark_erasure()
    await tx.run("DELETE FROM commenters WHERE comment_id = :id", id=comment_id)
    await tx.run("DELETE FROM comments WHERE id = :id", id=comment_id)
    await tx.insert_unless_there("forgotten", id=comment_id, site_id=site_id, at=now)


async def list_of_address(database: Database, email: str) -> Sequence[Row]:
    """Comments of an address over all sites."""
    return await database.rows(
        "SELECT c.* FROM commenters w JOIN comments c ON c.id = w.comment_id WHERE w.email_hash = :hash",
        hash=email_hash(email),
    )


async def delete_unconfirmed(database: Database, before: int) -> int:
    """Delete comments posted before this moment and never confirmed. Returns their number."""
    old = "SELECT id FROM comments WHERE state = 'unconfirmed' AND created_at < :before ORDER BY id LIMIT :part"

    async def work(tx: Transaction, part: int) -> int:
        await tx.run(f"DELETE FROM commenters WHERE comment_id IN ({old})", before=before, part=part)
        return await tx.run(f"DELETE FROM comments WHERE id IN ({old})", before=before, part=part)

    return await batched_delete.in_batches(database, work)


# --- letters to the moderators -------------------------------------------------------------------------------------


async def last_letter_at(tx: Transaction, name: str) -> int | None:
    """When the last letter to a site's moderators left or is to leave."""
    row = await tx.row("SELECT MAX(at) AS at FROM confirmation_letters WHERE email_hash = :name", name=name)
    return None if row is None else row["at"]


async def plan_letter(tx: Transaction, name: str, at: int) -> None:
    await tx.insert("confirmation_letters", id=new_id(), email_hash=name, at=at)


# --- reading -------------------------------------------------------------------------------------------------------


async def list_published(database: Database, site_id: str, problem_id: str, after: Position | None) -> Sequence[Row]:
    """A page of published comments and one more, by time of publication, so that earlier pages never change."""
    following = " AND (c.decided_at, c.id) > (:at, :id)" if after else ""
    place = {"at": after[0], "id": after[1]} if after else {}
    return await database.rows(
        "SELECT c.id, CASE WHEN c.official OR c.publish_name THEN c.name END AS name, c.body, c.official, c.decided_at"
        " FROM comments c"
        f" WHERE c.site_id = :site_id AND c.problem_id = :problem_id AND c.state = 'published'{following}"
        f" ORDER BY c.decided_at, c.id LIMIT {PAGE_SIZE + 1}",
        site_id=site_id,
        problem_id=problem_id,
        **place,
    )


_QUEUED = (
    "SELECT c.*, p.number, p.description, p.status, p.published, s.name AS site_name, s.time_zone,"
    f" {ACTOR} FROM comments c JOIN problems p ON p.id = c.problem_id JOIN sites s ON s.id = c.site_id"
    f" LEFT JOIN users u ON u.id = c.user_id {ACTORS}"
)


async def list_queue(
    database: Database,
    site_ids: Sequence[str],
    state: str,
    after: Position | None,
    limit: int,
    *,
    reader: str | None = None,
) -> Sequence[Row]:
    """Comments of these sites in a state, with what a moderator needs to judge them.

    Those that wait are sorted oldest first, decided ones newest first. Returns up to `limit` + 1 rows.
    """
    time, order, beyond = ("c.created_at", "", ">") if state == "moderation" else ("c.decided_at", " DESC", "<")
    sites, values = _site_placeholders(site_ids)
    following = ""
    if after:
        following = f" AND ({time}, c.id) {beyond} (:at, :after_id)"
        values |= {"at": after[0], "after_id": after[1]}
    return await database.rows(
        f"{_QUEUED} WHERE c.site_id IN ({sites}) AND c.state = :state AND p.published AND s.discussion <> 'off'"
        f"{following} ORDER BY {time}{order}, c.id{order} LIMIT {limit + 1}",
        state=state,
        agency_id=reader,
        **values,
    )


async def count_waiting(database: Database, site_ids: Sequence[str], most: int) -> int:
    """The number of comments that wait for a moderator, counted up to `most`."""
    sites, values = _site_placeholders(site_ids)
    row = await database.row(
        "SELECT COUNT(*) AS many FROM (SELECT 1 FROM comments c JOIN problems p ON p.id = c.problem_id"
        f" JOIN sites s ON s.id = c.site_id WHERE c.site_id IN ({sites}) AND c.state = 'moderation' AND p.published"
        f" AND s.discussion <> 'off' LIMIT {most}) counted",
        **values,
    )
    return int(row["many"]) if row else 0


async def list_of_problem(database: Database, site_id: str, problem_id: str, *, reader: str | None) -> Sequence[Row]:
    """All confirmed comments of a problem for the cabinet, oldest first."""
    return await database.rows(
        f"{_QUEUED} WHERE c.site_id = :site_id AND c.problem_id = :problem_id AND c.state <> 'unconfirmed'"
        " ORDER BY c.created_at, c.id LIMIT 200",
        agency_id=reader,
        site_id=site_id,
        problem_id=problem_id,
    )


async def find_with_problem(database: Database, comment_id: str) -> Row | None:
    return await database.row(f"{_QUEUED} WHERE c.id = :id", id=comment_id, agency_id=None)


def _site_placeholders(site_ids: Sequence[str]) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {f"site{index}": site_id for index, site_id in enumerate(site_ids)}
    return ", ".join(f":{name}" for name in values) or "NULL", values
