"""Insert, read, update and erase single problems, and store the responses to reports by Idempotency-Key.

Lists are in browse/listing/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import orjson

from widget_api.database import Database, Row, Transaction
from widget_api.errors import NotFound
from widget_api.geo.address import find_street
from widget_api.geo.cells import cell_at
from widget_api.problems import projections
from widget_api.problems.model import Report, has_author_here
from widget_api.sites.model import Site


async def add(
    tx: Transaction,
    *,
    problem_id: str,
    site: Site,
    number: int,
    report: Report,
    event_id: str,
    created_at: int,
    answer_due: str,
    published: bool,
    code_hash: str | None,
) -> None:
    content: dict[str, Any] = {
        "site_id": site.id,
        "number": number,
        "category": report.category,
        "description": report.description,
        "address": report.address,
        "lat": report.lat,
        "lng": report.lng,
        "cell": cell_at(report.lat, report.lng) if report.lat is not None and report.lng is not None else None,
        "status": report.status,
        "published": published,
        "counted": published,
        "created_at": created_at,
        "status_at": created_at,
        # An author with an e-mail address is asked to confirm it first.
        "decidable_at": None if report.contact.email and has_author_here(report.source) else created_at,
        "answer_due": answer_due,
        "mirror_of": report.mirror_of,
        "source": report.source,
        "channel": report.channel,
        "district": site.find_district(report.lat, report.lng),
        "street": find_street(report.address),
    }
    await tx.insert(
        "problems",
        id=problem_id,
        **content,
        answers=orjson.dumps(report.answers).decode(),
        status_event=event_id,
        updated_at=created_at,
        source_name=report.source_name,
        source_url=report.source_url,
        first_due=answer_due,
        page_url=report.page_url,
        language=report.language,
        code_hash=code_hash,
        device=report.device,
    )
    unset = dict.fromkeys(projections.CONTENT) | {"spam": False, "returns": "[]"}
    own = {"time_zone": site.time_zone, "ordinal": site.ordinal}
    await projections.update(tx, None, unset | content | own)
    if published:
        await projections.save_item(tx, problem_id)


async def full(reader: Database | Transaction, site_id: str, problem_id: str) -> Row | None:
    """Read a problem with has_email, confirmed_at and stopped_at of its contact, for routing. No address, no name."""
    return await reader.row_at_once(
        "SELECT p.*, c.email IS NOT NULL AS has_email, c.confirmed_at, c.stopped_at"
        " FROM problems p LEFT JOIN contacts c ON c.problem_id = p.id WHERE p.site_id = :site_id AND p.id = :id",
        site_id=site_id,
        id=problem_id,
    )


async def read_details(database: Database, site_id: str, problem_id: str) -> Row:
    """Read what the public may see of one problem beyond its list item."""
    row = await database.row(
        "SELECT p.status, p.answer_due, p.answered_at, p.answered_in_time, p.comments, p.expected_on, p.responsible,"
        " p.duplicate_of, p.source_name, p.source_url, p.mirror_of, p.spam, p.erased_at, s.discussion"
        " FROM problems p JOIN sites s ON s.id = p.site_id WHERE p.site_id = :site_id AND p.id = :id",
        site_id=site_id,
        id=problem_id,
    )
    assert row is not None, "problems are never deleted"
    return row


async def count_stages(database: Database, site_id: str) -> tuple[int, int]:
    """How many problems of a site are published, and how many wait in moderation."""
    row = await database.row(
        "SELECT COUNT(CASE WHEN published THEN 1 END) AS published,"
        " COUNT(CASE WHEN status = 'moderation' AND NOT spam AND erased_at IS NULL THEN 1 END) AS waiting"
        " FROM problems WHERE site_id = :site_id",
        site_id=site_id,
    )
    assert row is not None, "an aggregate"
    return row["published"], row["waiting"]


async def find(reader: Database | Transaction, problem_id: str) -> Row | None:
    """Find a problem by id alone, for pages opened by a signed token that contains it."""
    return await reader.row("SELECT * FROM problems WHERE id = :id", id=problem_id)


async def by_number(reader: Database | Transaction, site_id: str, number: int) -> Row | None:
    """Find a problem by number, published or not: the caller decides who may see it."""
    return await reader.row(
        "SELECT * FROM problems WHERE site_id = :site_id AND number = :number", site_id=site_id, number=number
    )


async def find_published(reader: Database | Transaction, site_id: str, number: int) -> Row:
    """Find a problem that the public sees. Raises NotFound."""
    problem = await by_number(reader, site_id, number)
    if problem is None or not problem["published"]:
        raise NotFound("problem_not_found")
    return problem


async def by_code(database: Database, site_id: str, number: int, code_hash: str) -> Row | None:
    """The identifier and the private link of the problem with this number and code."""
    return await database.row(
        "SELECT id, link_id FROM problems WHERE site_id = :site_id AND number = :number AND code_hash = :hash",
        site_id=site_id,
        number=number,
        hash=code_hash,
    )


async def replace_link(tx: Transaction, problem_id: str, before: str | None, link_id: str) -> bool:
    """Replace the private link. False where it was changed since `before` was read."""
    return bool(
        await tx.run(
            "UPDATE problems SET link_id = :link_id WHERE id = :id AND COALESCE(link_id, '') = :before",
            id=problem_id,
            before=before or "",
            link_id=link_id,
        )
    )


async def list_merged(tx: Transaction, problem: Row) -> list[str]:
    """List the ids of the reports that are merged into this one."""
    rows = await tx.rows(
        "SELECT id FROM problems WHERE site_id = :site_id AND duplicate_of = :number AND status = 'duplicate'"
        " AND mirror_of IS NULL AND erased_at IS NULL ORDER BY number",
        site_id=problem["site_id"],
        number=problem["number"],
    )
    return [row["id"] for row in rows]


async def update(tx: Transaction, problem_id: str, values: Mapping[str, Any]) -> None:
    """Update columns of a problem and the tables derived from it. Counters and erasure have `count` and `blank`."""
    before = await _content(tx, problem_id) if values.keys() & set(projections.CONTENT) else None
    await tx.run(
        f"UPDATE problems SET {', '.join(f'{name} = :{name}' for name in values)} WHERE id = :id",
        **values,
        id=problem_id,
    )
    if before is not None:
        await projections.update(tx, before, {**before, **values})
    if values.keys() & projections.ITEM_COLUMNS:
        await projections.save_item(tx, problem_id)


async def count(
    tx: Transaction, problem_id: str, name: Literal["supporters", "comments", "participants"], change: int
) -> None:
    """Add to a counter of a problem."""
    await tx.run(f"UPDATE problems SET {name} = {name} + :change WHERE id = :id", change=change, id=problem_id)
    await projections.save_item(tx, problem_id)


async def _content(tx: Transaction, problem_id: str) -> dict[str, Any] | None:
    row = await tx.row(
        f"SELECT {', '.join(f'p.{name}' for name in projections.CONTENT)}, s.time_zone, s.ordinal"
        " FROM problems p JOIN sites s ON s.id = p.site_id WHERE p.id = :id",
        id=problem_id,
    )
    return None if row is None else dict(row)


async def blank(tx: Transaction, problem_id: str) -> None:
    """Erase texts and personal data. What remains says that there was a report, its approximate place and its time."""
    tx.mark_erasure()
    await update(tx, problem_id, {"published": False, "street": None, "cell": None})
    for statement in (
        "DELETE FROM contact_keys WHERE problem_id = :id",
        "DELETE FROM contacts WHERE problem_id = :id",
        "DELETE FROM notes WHERE problem_id = :id",
        "DELETE FROM drafts WHERE problem_id = :id",
        # A decision that waits for its minute, or was not carried out, holds words as a draft does.
        "UPDATE bulks SET state = 'draft' WHERE action = 'decide'"
        " AND EXISTS (SELECT 1 FROM bulk_reports r WHERE r.bulk_id = bulks.id AND r.problem_id = :id)",
        "DELETE FROM bulk_reports WHERE problem_id = :id"
        " AND bulk_id IN (SELECT id FROM bulks WHERE action = 'decide' AND state = 'draft')",
        "DELETE FROM bulks WHERE action = 'decide' AND state = 'draft'"
        " AND NOT EXISTS (SELECT 1 FROM bulk_reports r WHERE r.bulk_id = bulks.id)",
        "DELETE FROM notices WHERE problem_id = :id",
        "DELETE FROM participants WHERE problem_id = :id",
        *(
            f"UPDATE problems SET {name} = {name} - (SELECT COALESCE(SUM({name}), 0) FROM counts_elsewhere"
            " WHERE problem_id = :id) WHERE id = :id"
            for name in ("supporters", "participants")
        ),
        "DELETE FROM counts_elsewhere WHERE problem_id = :id",
        "UPDATE consents SET ip = NULL WHERE problem_id = :id",
        "UPDATE texts SET body = '' WHERE problem_id = :id",
        "DELETE FROM media_sources WHERE problem_id = :id",
        "DELETE FROM submissions WHERE problem_id = :id",
        # Letters about it as well; the mailbox deletes the stored files of those that need no review any more.
        "UPDATE mailbox_messages SET sender = NULL, subject = NULL, text = NULL,"
        " state = CASE WHEN state = 'held' THEN 'refused' ELSE state END WHERE problem_id = :id",
        "UPDATE problems SET description = '', address = NULL, lat = ROUND(CAST(lat AS NUMERIC), 2),"
        " lng = ROUND(CAST(lng AS NUMERIC), 2), answers = '{}', photos = '[]', page_url = NULL,"
        " code_hash = NULL, device = NULL, document_number = NULL, document_date = NULL,"
        " assigned_user = NULL, assigned_due = NULL, service_outcome = NULL WHERE id = :id",
    ):
        await tx.run(statement, id=problem_id)
    # Forms of its page that could not be sent hold its words; the nightly purge deletes files without a form.
    forms = "DELETE FROM unsent_forms WHERE page LIKE :page OR action LIKE :page"
    await tx.run(forms, page=f"/cabinet/problems/{problem_id}%")


async def remove_comments(tx: Transaction, problem_id: str) -> None:
    """Delete the comments under a problem and their authors."""
    await tx.run("DELETE FROM commenters WHERE problem_id = :id", id=problem_id)
    await tx.run("DELETE FROM comments WHERE problem_id = :id", id=problem_id)
    await update(tx, problem_id, {"comments": 0})


async def find_submission(reader: Database | Transaction, site_id: str, key: str) -> Row | Mapping[str, Any] | None:
    """Find the submission with this Idempotency-Key: fingerprint, response, problem_id."""
    if isinstance(reader, Transaction):
        rows = await reader.matching("submissions", site_id=site_id, idempotency_key=key)
        return rows[0] if rows else None
    return await reader.row_at_once(
        "SELECT fingerprint, response, problem_id FROM submissions WHERE site_id = :site_id AND idempotency_key = :key",
        site_id=site_id,
        key=key,
    )


async def add_submission(
    tx: Transaction, site_id: str, key: str, fingerprint: str, problem_id: str, response: str
) -> None:
    await tx.insert(
        "submissions",
        site_id=site_id,
        idempotency_key=key,
        fingerprint=fingerprint,
        problem_id=problem_id,
        response=response,
    )


async def list_not_erased(database: Database, site_id: str) -> Sequence[Row]:
    """All problems of a site that are not erased, the newest first, in any status."""
    return await database.rows(
        "SELECT id, site_id, number, description, status, created_at FROM problems"
        " WHERE site_id = :site_id AND erased_at IS NULL ORDER BY number DESC",
        site_id=site_id,
    )
