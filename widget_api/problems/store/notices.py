"""SQL of notices: whom they may concern, what each person was told, which dates come."""

from __future__ import annotations

from collections.abc import Sequence

from widget_api import clock
from widget_api.clock import first_id, new_id
from widget_api.database import Database, Row, Transaction, batched_delete
from widget_api.problems.deadline import RUNNING, SERVICE_DUE
from widget_api.sites.kinds import IS_NO_TEST, IS_SITE
from widget_api.sites.rights import MODERATED

KEPT = 60 * clock.DAY  # seconds; longer than a date that has passed is told (`notices.LATE_DAYS`)
_OURS = f"(s.agency_id = :agency_id OR s.id IN ({MODERATED}))"  # sites whose reports an agency answers
# A service without a site lives by the calendar of the site above it.
_OLDEST_OF = (
    f"(SELECT s.{{{{0}}}} FROM sites s WHERE s.agency_id = a.{{}} AND {IS_SITE} ORDER BY s.created_at, s.id LIMIT 1)"
)
_OLDEST = f"COALESCE({_OLDEST_OF.format('id')}, {_OLDEST_OF.format('parent_id')})"
_PERSON = f"""
    SELECT u.id, u.email, u.role, u.language, u.notices, u.away_until, u.stand_in, u.agency_id,
           u.report_every, u.reported_until,
           COALESCE(u.disabled_at, a.disabled_at) AS disabled_at, a.name AS agency_name, a.noticed_on, a.digest_hour,
           {_OLDEST.format("time_zone")} AS time_zone, {_OLDEST.format("calendar")} AS calendar
    FROM users u JOIN agencies a ON a.id = u.agency_id
"""


async def find_person(reader: Database | Transaction, user_id: str) -> Row | None:
    return await reader.row(f"{_PERSON} WHERE u.id = :id", id=user_id)


async def list_people(reader: Database | Transaction, agency_id: str) -> Sequence[Row]:
    """The people of an agency, those without access among them: they may be who looked after a report."""
    return await reader.rows(f"{_PERSON} WHERE u.agency_id = :agency_id ORDER BY u.id", agency_id=agency_id)


async def list_agencies(database: Database) -> Sequence[Row]:
    """One person of each agency, for its time zone and its last morning."""
    return await database.rows(f"{_PERSON} WHERE u.id IN (SELECT MIN(id) FROM users GROUP BY agency_id) ORDER BY u.id")


async def list_report_readers(database: Database) -> Sequence[Row]:
    """The people who want the report of each week, month or quarter."""
    return await database.rows(f"{_PERSON} WHERE u.report_every IS NOT NULL AND u.disabled_at IS NULL ORDER BY u.id")


async def begin_report(tx: Transaction, user_id: str, last: str) -> bool:
    """Record that a person was told of a period that ended on this day. False if it was recorded before."""
    sql = "UPDATE users SET reported_until = :last WHERE id = :id AND COALESCE(reported_until, '') < :last"
    return await tx.run(sql, id=user_id, last=last) == 1


async def add(
    tx: Transaction, user_id: str, problem_id: str, *, kind: str, cause: str, way: str, created_at: int
) -> None:
    """Insert a notice, unless the person has one of this cause."""
    await tx.insert_unless_there(
        "notices",
        id=new_id(),
        user_id=user_id,
        problem_id=problem_id,
        kind=kind,
        cause=cause,
        way=way,
        created_at=created_at,
    )


async def has_cause(tx: Transaction, user_id: str, cause: str) -> bool:
    row = await tx.row("SELECT 1 FROM notices WHERE user_id = :id AND cause = :cause", id=user_id, cause=cause)
    return row is not None


# --- letters ---------------------------------------------------------------------------------------------------------


async def lock(tx: Transaction, user_id: str) -> None:
    """Keep others from planning or writing a letter to a person until this transaction ends."""
    if tx.dialect == "postgresql":
        await tx.rows("SELECT 1 FROM users WHERE id = :id FOR UPDATE", id=user_id)


async def is_letter_planned(tx: Transaction, user_id: str, kind: str) -> bool:
    """Whether a notice waits that a letter of this kind, or the next morning, will tell together with others."""
    row = await tx.row(
        "SELECT 1 FROM notices WHERE user_id = :id AND told_at IS NULL AND kind = :kind AND way = 'letter' LIMIT 1",
        id=user_id,
        kind=kind,
    )
    return row is not None


async def find_last_sent(tx: Transaction, user_id: str, kind: str, since: int) -> int | None:
    """When a letter of this kind was last written to a person, None if before `since`."""
    row = await tx.row(
        "SELECT MAX(told_at) AS at FROM notices WHERE user_id = :id AND told_at > :since AND kind = :kind"
        " AND way = 'letter'",
        id=user_id,
        since=since,
        kind=kind,
    )
    return row["at"] if row is not None else None


async def claim(tx: Transaction, user_id: str, letter: str, now: int, *, kind: str | None, until: int) -> None:
    """Let a letter tell what waits: the notices of a kind that are sent at once, or all of them up to `until`.

    A letter that was begun before tells the same as then.
    """
    await lock(tx, user_id)
    values = {"id": user_id, "letter": letter, "now": now}
    mine = "SELECT 1 FROM notices WHERE user_id = :id AND letter = :letter LIMIT 1"
    if await tx.row(mine, id=user_id, letter=letter) is not None:
        return
    claiming = "UPDATE notices SET letter = :letter, told_at = :now WHERE user_id = :id AND told_at IS NULL"
    if kind is None:
        await tx.run(f"{claiming} AND created_at <= :until", **values, until=until)
    else:
        await tx.run(f"{claiming} AND kind = :kind AND way = 'letter'", **values, kind=kind)


async def release(tx: Transaction, user_id: str, letter: str) -> None:
    """Let the next morning's letter tell what this one did not."""
    await tx.run(
        "UPDATE notices SET letter = NULL, told_at = NULL WHERE user_id = :id AND letter = :letter",
        id=user_id,
        letter=letter,
    )


async def list_sent(database: Database, user_id: str, agency_id: str, letter: str) -> Sequence[Row]:
    """What a letter tells: of reports that the person may see and that still are what the notice says, newest first."""
    return await database.rows(
        f"""
        SELECT n.kind, n.cause, p.id, p.site_id, p.number, p.category, p.address, p.status, p.mirror_of, p.spam,
               p.erased_at, {_OURS} AS ours,
               CASE WHEN {_OURS} THEN p.answer_due ELSE {SERVICE_DUE} END AS due
        FROM notices n JOIN problems p ON p.id = n.problem_id JOIN sites s ON s.id = p.site_id
        WHERE n.user_id = :id AND n.letter = :letter AND p.erased_at IS NULL AND NOT p.spam
            AND ({_OURS} OR p.assigned_agency = :agency_id)
            AND (n.kind <> 'assigned' OR NOT {_OURS} OR p.assigned_user = :id
                OR p.assigned_user IN (SELECT a.id FROM users a WHERE a.stand_in = :id))
            AND (n.kind <> 'approval'
                OR EXISTS (SELECT 1 FROM drafts d WHERE d.problem_id = p.id AND d.submitted_at IS NOT NULL))
            AND (n.kind <> 'remark' OR EXISTS (
                SELECT 1 FROM drafts d WHERE d.problem_id = p.id AND d.remark IS NOT NULL AND d.submitted_at IS NULL))
        ORDER BY n.id DESC
        """,
        id=user_id,
        agency_id=agency_id,
        letter=letter,
    )


async def newest_since(database: Database, user_id: str, agency_id: str, after: str, limit: int) -> tuple[str, int]:
    """The id of a person's newest notice, and how many came after another, up to `limit`."""
    rows = await database.rows(
        "SELECT n.id FROM notices n JOIN problems p ON p.id = n.problem_id JOIN sites s ON s.id = p.site_id"
        f" WHERE n.user_id = :id AND n.id > :after AND ({_OURS} OR p.assigned_agency = :agency_id)"
        " AND NOT p.spam ORDER BY n.id DESC LIMIT :limit",
        id=user_id,
        agency_id=agency_id,
        after=after,
        limit=limit,
    )
    return (rows[0]["id"], len(rows)) if rows else (after, 0)


# --- the morning -----------------------------------------------------------------------------------------------------


async def begin_morning(tx: Transaction, agency_id: str, day: str) -> bool:
    """Record that an agency's people were told this morning. False if it was recorded before."""
    begun = await tx.run(
        "UPDATE agencies SET noticed_on = :day WHERE id = :id AND COALESCE(noticed_on, '') <> :day",
        id=agency_id,
        day=day,
    )
    return begun == 1


async def has_waiting(tx: Transaction, user_id: str, until: int) -> bool:
    """Whether there is something of which a person was not told yet."""
    row = await tx.row(
        "SELECT 1 FROM notices WHERE user_id = :id AND told_at IS NULL AND created_at <= :until LIMIT 1",
        id=user_id,
        until=until,
    )
    return row is not None


async def hand_over(tx: Transaction, user_id: str, stand_in: str) -> None:
    """Give what a person was not told to who stands in."""
    await tx.run(
        "DELETE FROM notices WHERE user_id = :id AND told_at IS NULL"
        " AND cause IN (SELECT o.cause FROM notices o WHERE o.user_id = :other)",
        id=user_id,
        other=stand_in,
    )
    await tx.run(
        "UPDATE notices SET user_id = :other WHERE user_id = :id AND told_at IS NULL", id=user_id, other=stand_in
    )


async def list_dates(tx: Transaction, agency_id: str, first: str, last: str) -> Sequence[Row]:
    """The running reports an agency answers, and those assigned to it, whose date lies between two days, by date."""
    columns = f"p.id, p.assigned_user, {_OURS} AS ours"
    return await tx.rows(
        f"""
        SELECT * FROM (
            SELECT {columns}, p.answer_due AS due FROM problems p JOIN sites s ON s.id = p.site_id
            WHERE {_OURS} AND {IS_NO_TEST} AND {RUNNING}
            AND p.answer_due BETWEEN :first AND :last
            UNION ALL
            SELECT {columns}, {SERVICE_DUE} AS due
            FROM problems p JOIN sites s ON s.id = p.site_id
            WHERE p.assigned_agency = :agency_id AND NOT {_OURS} AND {RUNNING}
                AND {SERVICE_DUE} BETWEEN :first AND :last
        ) dates ORDER BY due, id
        """,
        agency_id=agency_id,
        first=first,
        last=last,
    )


async def delete_old(database: Database, now: int) -> int:
    return await batched_delete.delete_in_batches(database, "notices", "id < :oldest", oldest=first_id(now - KEPT))
