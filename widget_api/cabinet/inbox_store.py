"""SQL that reads reports for the cabinet: the list by keyset pagination, one report with its details."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from widget_api.database import Database, Row
from widget_api.deliveries.sinks import OF_REPORT
from widget_api.people.model import Cursor, Selection, VisibleSite
from widget_api.problems.deadline import overdue_sql
from widget_api.problems.model import OPEN
from widget_api.problems.store.history import SENDER, SENDERS
from widget_api.sites.deadlines import local_date

PAGE_SIZE = 50
MAX_BRANCHES = 200  # SQLite takes 500 terms in a compound SELECT
MAX_COUNT = 100  # beyond it a tab shows «99+», so that counting costs no more than showing
EXCERPT_LENGTH = 240
Sites = Sequence[VisibleSite]


@dataclass
class _Query:
    """A query under construction: its conditions and their values."""

    values: dict[str, Any] = field(default_factory=dict)

    def bind(self, value: Any) -> str:
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f":{name}"

    def among(self, column: str, options: Sequence[str]) -> str:
        return f"{column} IN ({', '.join(self.bind(option) for option in options)})"


def _branches(sites: Sites, statuses: frozenset[str]) -> Iterator[tuple[Sites, list[str]]]:
    """One SELECT for each site and status, served by ix_problems_inbox; beyond MAX_BRANCHES one for each time zone."""
    listed = sorted(statuses)
    if len(sites) * len(listed) <= MAX_BRANCHES:
        yield from (([site], [status]) for site in sites for status in listed)
        return
    for zone in sorted({site.time_zone for site in sites}):
        yield [site for site in sites if site.time_zone == zone], listed


def _conditions(query: _Query, selection: Selection, sites: Sites, statuses: list[str], now: int) -> list[str]:
    conditions = [query.among("p.site_id", [site.id for site in sites]), query.among("p.status", statuses)]
    conditions.append("p.mirror_of IS NULL")  # a platform's, about which nothing can be done here
    if selection.ended is not None:
        conditions += _add_ended(statuses, ended=selection.ended)
    if selection.spam is not None:
        conditions.append(f"p.spam = {'TRUE' if selection.spam else 'FALSE'}")
    if selection.tab == "overdue":
        conditions.append(overdue_sql(query.bind(local_date(now, sites[0].time_zone).isoformat())))
    if selection.tab == "replied":
        conditions.append("p.awaits = 'agency'")  # as in ix_problems_awaits
    if selection.query:
        conditions.append(f"({' OR '.join(_add_search(query, selection))})")
    return conditions


def _add_ended(statuses: list[str], *, ended: bool) -> list[str]:
    """Add the condition for ended reports; erased ones have ended whatever their status (ix_problems_erased)."""
    still_open = OPEN.intersection(statuses)
    if not still_open:
        return []
    if not ended:
        return ["p.erased_at IS NULL"]
    if still_open == set(statuses):
        return ["p.erased_at IS NOT NULL"]
    return [f"(p.status NOT IN ({', '.join(map(repr, sorted(OPEN)))}) OR p.erased_at IS NOT NULL)"]


def _add_search(query: _Query, selection: Selection) -> Iterator[str]:
    """Add the search condition. SQLite folds case for ASCII only, so common spellings are tried: яма, Яма, ЯМА."""
    if selection.number is not None:
        yield f"p.number = {query.bind(selection.number)}"
    text = re.sub(r"([\\%_])", r"\\\1", selection.query)
    for spelling in dict.fromkeys((text, text.lower(), text[:1].upper() + text[1:].lower(), text.upper())):
        pattern = query.bind(f"%{spelling}%")
        yield f"p.description LIKE {pattern} ESCAPE '\\'"
        yield f"p.address LIKE {pattern} ESCAPE '\\'"


def _after(query: _Query, cursor: Cursor, sites: Sites) -> str:
    moment, number, site_id = query.bind(cursor.created_at), query.bind(cursor.number), query.bind(cursor.site_id)
    if len(sites) == 1:  # compare two columns, for the index
        return f"(p.created_at, p.number) {'<=' if sites[0].id < cursor.site_id else '<'} ({moment}, {number})"
    return f"(p.created_at, p.number, p.site_id) < ({moment}, {number}, {site_id})"


async def read_page(
    database: Database, sites: Sites, selection: Selection, now: int
) -> tuple[list[Row], Cursor | None]:
    """The selected reports, newest first, and the cursor of the next page. Texts are cut, contacts are not read."""
    query = _Query()
    branches = []
    order = "created_at DESC, number DESC, site_id DESC"
    for index, (of_sites, statuses) in enumerate(_branches(sites, selection.statuses)):
        conditions = _conditions(query, selection, of_sites, statuses, now)
        if selection.after is not None:
            conditions.append(_after(query, selection.after, of_sites))
        branches.append(
            f"SELECT * FROM (SELECT p.id, p.created_at, p.number, p.site_id FROM problems p"
            f" WHERE {' AND '.join(conditions)} ORDER BY {_of('p', order)} LIMIT {PAGE_SIZE + 1}) b{index}"
        )
    if not branches:
        return [], None
    rows = await database.rows(
        f"SELECT p.id, p.site_id, p.number, p.status, p.status_event, p.category, p.address, p.lat, p.lng,"
        f" p.created_at, p.answer_due, p.expected_on, p.spam, p.awaits, p.photos, p.mirror_of, p.erased_at,"
        f" SUBSTR(p.description, 1, {EXCERPT_LENGTH}) AS description,"
        f" CASE WHEN c.email IS NOT NULL AND c.confirmed_at IS NULL THEN 1 ELSE 0 END AS unconfirmed"
        f" FROM ({' UNION ALL '.join(branches)}) f JOIN problems p ON p.id = f.id"
        f" LEFT JOIN contacts c ON c.problem_id = p.id ORDER BY {_of('f', order)} LIMIT {PAGE_SIZE + 1}",
        **query.values,
    )
    if len(rows) <= PAGE_SIZE:
        return list(rows), None
    last = rows[PAGE_SIZE - 1]
    return list(rows[:PAGE_SIZE]), Cursor(created_at=last["created_at"], number=last["number"], site_id=last["site_id"])


def _of(table: str, order: str) -> str:
    return ", ".join(f"{table}.{column}" for column in order.split(", "))


async def count_problems(database: Database, sites: Sites, selection: Selection, now: int) -> int:
    """The number of reports in a tab, up to MAX_COUNT."""
    total = 0
    for of_sites, statuses in _branches(sites, selection.statuses) if sites else ():
        query = _Query()
        conditions = _conditions(query, selection, of_sites, statuses, now)
        row = await database.row(
            "SELECT COUNT(*) FROM"
            f" (SELECT 1 FROM problems p WHERE {' AND '.join(conditions)} LIMIT {MAX_COUNT - total}) counted",
            **query.values,
        )
        total += int(row[0]) if row is not None else 0
        if total >= MAX_COUNT:
            break
    return total


# --- one report ----------------------------------------------------------------------------------------------------


async def find_problem(database: Database, sites: Sites, problem_id: str) -> Row | None:
    """A report of one of these sites, or None."""
    if not sites:
        return None
    query = _Query()
    allowed = query.among("p.site_id", [site.id for site in sites])
    return await database.row(
        f"SELECT p.* FROM problems p WHERE p.id = {query.bind(problem_id)} AND {allowed}",
        **query.values,
    )


async def list_events(database: Database, site_id: str, problem_id: str) -> Sequence[Row]:
    """A report's events, oldest first, with the users and names of systems that caused them."""
    return await database.rows(
        "SELECT e.id, e.kind, e.status, e.at, e.actor, e.source, e.text_id, e.data, u.email AS user_email,"
        f" {SENDER} FROM events e LEFT JOIN users u ON u.id = e.user_id {SENDERS}"
        " WHERE e.problem_id = :problem_id AND e.site_id = :site_id ORDER BY e.at, e.id",
        site_id=site_id,
        problem_id=problem_id,
    )


async def read_texts(database: Database, site_id: str, problem_id: str) -> dict[str, str]:
    """The texts to which a report's events refer (answers, reasons, names of services), by identifier."""
    rows = await database.rows(
        "SELECT id, body FROM texts WHERE problem_id = :problem_id AND site_id = :site_id",
        site_id=site_id,
        problem_id=problem_id,
    )
    return {row["id"]: row["body"] for row in rows}


async def list_deliveries(database: Database, site_id: str, problem_id: str) -> Sequence[Row]:
    """A report's deliveries with their state, in the order in which they are sent."""
    return await database.rows(
        "SELECT d.id, d.sink, d.state, d.attempts, d.next_at, d.last_error, d.reason, d.delivered_at, d.created_at,"
        " e.kind, e.status, p.name AS platform_name, s.time_zone"
        " FROM deliveries d JOIN events e ON e.site_id = d.site_id AND e.id = d.event_id"
        " JOIN sites s ON s.id = d.site_id"
        " LEFT JOIN platforms p ON d.sink = 'platform:' || p.id"
        " WHERE d.problem_id = :problem_id AND d.site_id = :site_id"
        f" AND {OF_REPORT} ORDER BY d.position, d.sink",
        site_id=site_id,
        problem_id=problem_id,
    )


async def list_links(database: Database, site_id: str, problem_id: str) -> Sequence[Row]:
    """The report's number on each platform."""
    return await database.rows(
        "SELECT l.remote_id, l.remote_url, p.name FROM platform_links l JOIN platforms p ON p.id = l.platform_id"
        " WHERE l.problem_id = :problem_id AND l.site_id = :site_id ORDER BY l.linked_at",
        site_id=site_id,
        problem_id=problem_id,
    )


def parse_data(row: Row) -> Mapping[str, Any]:
    """The codes and references of an event."""
    found: Mapping[str, Any] = orjson.loads(row["data"])
    return found


async def find_id(database: Database, site_id: str, number: int | None) -> str | None:
    """The identifier of the report with a number of the same site."""
    if number is None:
        return None
    row = await database.row(
        "SELECT id FROM problems WHERE site_id = :site_id AND number = :number", site_id=site_id, number=number
    )
    return None if row is None else str(row["id"])
