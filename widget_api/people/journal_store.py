"""SQL of the journal's page: the entries that concern an agency and those below it, with what they name; and contacts
that are read, one entry a visit."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from widget_api import journal
from widget_api.database import Database, Row
from widget_api.people.organisation_store import TREE

_IDENTIFIER = re.compile(r"(?<=[:\"])[0-9a-f]{8}-[0-9a-f-]{27}(?=[:\"])")
_RECORDED = ("id", "at", "kind", "role", "user_id", "email", "agency_id", "ip", "subject", "site_id")
_BATCH = 500  # rows of an export that are read at once
# By the agency's people, about them, about its invitations and services, or about its sites and their reports.
_CONCERNS = """
    (j.agency_id IN (SELECT id FROM tree)
     OR j.site_id IN (SELECT s.id FROM sites s JOIN tree t ON t.id = s.agency_id)
     OR j.subject IN (SELECT id FROM tree
                      UNION ALL SELECT u.id FROM users u JOIN tree t ON t.id = u.agency_id
                      UNION ALL SELECT i.id FROM invitations i JOIN tree t ON t.id = i.agency_id))
"""


@dataclass(frozen=True, kw_only=True)
class Selection:
    """A part of the journal. `agency_id` None: all of it. Times are `since` ≤ at < `until`."""

    agency_id: str | None
    kind: str = ""
    user_id: str = ""  # who acted, or was acted upon
    email: str = ""  # the same, by address
    since: int | None = None
    until: int | None = None
    after: tuple[int, str] | None = None  # time and id of the last entry of the page before


async def list_entries(database: Database, selection: Selection, limit: int) -> Sequence[Row]:
    """Entries, the newest first."""
    conditions, values = _conditions(selection)
    own = "TRUE" if selection.agency_id is None else "j.agency_id IN (SELECT id FROM tree)"
    return await database.rows(
        f"""
        {"" if selection.agency_id is None else TREE}
        SELECT j.id, j.at, j.kind, j.user_id, j.role, j.agency_id, j.ip, j.subject, j.site_id, j.details, u.email,
               COALESCE(u.name, u.email) AS acted, COALESCE(su.name, su.email) AS person, i.email AS invited,
               a.name AS agency,
               {own} AS own, p.number, p.site_id AS report_site, s.name AS site, s.slug, ps.name AS parent_site,
               sa.name AS site_agency, f.name AS platform, COALESCE(k.name, k.hint) AS token, m.title AS template,
               l.name AS organisation, r.host AS application
        FROM journal j
        LEFT JOIN users u ON u.id = j.user_id
        LEFT JOIN users su ON su.id = j.subject
        LEFT JOIN invitations i ON i.id = j.subject
        LEFT JOIN agencies a ON a.id = j.subject
        LEFT JOIN problems p ON p.id = j.subject
        LEFT JOIN sites s ON s.id = j.site_id
        LEFT JOIN sites ps ON ps.id = s.parent_id
        LEFT JOIN agencies sa ON sa.id = s.agency_id
        LEFT JOIN platforms f ON f.id = j.subject
        LEFT JOIN tokens k ON k.id = j.subject
        LEFT JOIN answer_templates m ON m.id = j.subject
        LEFT JOIN entry_links l ON l.id = j.subject
        LEFT JOIN applications r ON r.id = j.subject
        {conditions} ORDER BY j.at DESC, j.id DESC LIMIT :limit
        """,
        limit=limit,
        **values,
    )


def describe_entry(row: Row) -> dict[str, Any]:
    """An entry as it is recorded, with the address of the user who acted."""
    return {name: row[name] for name in _RECORDED} | {"details": orjson.loads(row["details"])}


def _conditions(selection: Selection) -> tuple[str, dict[str, Any]]:
    at, entry_id = selection.after or (None, None)
    possible: list[tuple[str, dict[str, Any]]] = [
        (_CONCERNS, {"agency_id": selection.agency_id}),
        ("j.kind = :kind", {"kind": selection.kind or None}),
        ("(j.user_id = :user_id OR j.subject = :user_id)", {"user_id": selection.user_id or None}),
        (
            "(u.email = :email OR j.subject = (SELECT id FROM users WHERE email = :email))",
            {"email": selection.email or None},
        ),
        ("j.at >= :since", {"since": selection.since}),
        ("j.at < :until", {"until": selection.until}),
        ("(j.at < :at OR (j.at = :at AND j.id < :entry_id))", {"at": at, "entry_id": entry_id}),
    ]
    given = [(sql, values) for sql, values in possible if None not in values.values()]
    where = " AND ".join(sql for sql, _ in given)
    return f"WHERE {where}" if where else "", {name: value for _, values in given for name, value in values.items()}


async def find_names(database: Database, rows: Sequence[Row]) -> dict[str, str]:
    """The names of the people, agencies and districts whose identifiers are values in the details of these entries."""
    ids = sorted({one for row in rows for one in _IDENTIFIER.findall(row["details"])})
    if not ids:
        return {}
    values = {f"id_{number}": one for number, one in enumerate(ids)}
    among = f"IN ({', '.join(f':{name}' for name in values)})"
    found = await database.rows(
        f"SELECT id, COALESCE(name, email) AS name FROM users WHERE id {among}"
        f" UNION ALL SELECT id, name FROM agencies WHERE id {among}"
        f" UNION ALL SELECT id, name FROM districts WHERE id {among}",
        **values,
    )
    return {row["id"]: row["name"] for row in found}


async def all_entries(database: Database, selection: Selection) -> AsyncIterator[Sequence[Row]]:
    """All entries, the newest first, in batches."""
    while rows := await list_entries(database, selection, _BATCH):
        yield rows
        selection = replace(selection, after=(rows[-1]["at"], rows[-1]["id"]))


async def list_users(database: Database, agency_id: str | None) -> Sequence[Row]:
    """The people whom entries may be about: those of an agency and below it, or everybody."""
    name = "SELECT u.id, COALESCE(u.name, u.email) AS name FROM users u"
    if agency_id is None:
        return await database.rows(f"{name} ORDER BY name, u.id")
    return await database.rows(
        f"{TREE} {name} JOIN tree t ON t.id = u.agency_id ORDER BY name, u.id", agency_id=agency_id
    )


async def note_contact_read(database: Database, who: journal.Who, problem_id: str, site_id: str) -> None:
    """Record that somebody reads a resident's contact, once from one sign-in to the next.

    An open page asks for the report anew whenever something changes: each time an entry would hide the others.
    """
    known = await database.row(
        """
        SELECT j.id FROM journal j
        WHERE j.at >= (SELECT MAX(s.created_at) FROM sessions s WHERE s.user_id = :user_id)
          AND j.kind = 'contact_read' AND j.user_id = :user_id AND j.subject = :subject LIMIT 1
        """,
        user_id=who.user_id,
        subject=problem_id,
    )
    if known is None:
        await journal.note(database, "contact_read", who, subject=problem_id, site_id=site_id)
