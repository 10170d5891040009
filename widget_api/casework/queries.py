"""SQL that reads reports for the cabinet: the list by keyset pagination, one report with its details.

Every read of reports passes `_limit_to_visible`, which says which reports of a site its user may see at all, so that
the list, its counts, «today», the search and exports agree.

The conditions of filters and the full-text index are those of the public list (`browse.listing`), whose indexes hold
published reports. The others are few, and are read along an index of their own (migration 0024).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import orjson

from widget_api.browse.listing import access_paths, conditions
from widget_api.browse.listing.access_paths import AccessPath
from widget_api.browse.listing.conditions import OPEN_STATUSES, Where
from widget_api.browse.listing.filters import Filters
from widget_api.browse.queries import midnight
from widget_api.casework.selection import NONE, Cursor, Part, Selection
from widget_api.database import Database, Row, word_forms
from widget_api.deliveries.sinks import OF_REPORT
from widget_api.events import COUNTED
from widget_api.people.model import VisibleSite
from widget_api.problems.deadline import RUNNING, SERVICE_DUE, SOON, overdue_sql, soon_sql, undecided_sql
from widget_api.problems.model import OPEN, STATUSES
from widget_api.problems.store.history import ACTOR, ACTORS, SENDER, SENDERS
from widget_api.sites.deadlines import add_working_days, local_date
from widget_api.status_table import PUBLIC_STATUSES

PAGE_SIZE = 50
MAX_BRANCHES = 200  # SELECTs of one compound; SQLite takes 500
MAX_COUNT = 100  # beyond it a tab shows «99+», so that counting costs no more than showing
MAX_FOUND = 5_000  # rows of an index that are read and sorted; where it has more, the list is walked in its order
EXCERPT_LENGTH = 240
Sites = Sequence[VisibleSite]

_ORDERS: Mapping[str, tuple[str, str]] = {
    "new": ("created_at", "DESC"),
    "old": ("created_at", "ASC"),
    "due": ("answer_due", "ASC"),
}
_KEYS = {"created_at": "p.created_at", "answer_due": "{due}"}  # of an order, in a branch
COLUMNS = (
    "p.id, p.site_id, p.number, p.status, p.status_event, p.category, p.address, p.lat, p.lng, p.created_at,"
    " f.answer_due, p.expected_on, p.spam, p.awaits, p.photos, p.mirror_of, p.source_name, p.erased_at,"
    " p.service_outcome,"
    " CASE WHEN c.email IS NOT NULL AND c.confirmed_at IS NULL THEN 1 ELSE 0 END AS unconfirmed"
)
# Reports by the decisions that somebody submitted, for whoever approves them, and that were returned to who made them.
_DRAFTS: Mapping[str, str] = {
    "approval": "SELECT d.problem_id FROM drafts d JOIN users u ON u.id = d.user_id"
    " JOIN users h ON h.agency_id = u.agency_id WHERE d.submitted_at IS NOT NULL AND h.id = :user_id",
    "remark": "SELECT d.problem_id FROM drafts d"
    " WHERE d.user_id = :user_id AND d.submitted_at IS NULL AND d.remark IS NOT NULL",
}
LISTED = (
    f"{COLUMNS}, SUBSTR(p.description, 1, {EXCERPT_LENGTH}) AS description,"
    f" EXISTS ({_DRAFTS['remark']} AND d.problem_id = p.id) AS remarked"
)
EXPORTED = (
    f"{COLUMNS}, p.description, p.answered_at, p.responsible, p.document_number, p.document_date, p.source, p.channel,"
    " p.district, p.answers"
)
EXPORTED_WITH_CONTACTS = f"{EXPORTED}, c.name, c.email, c.phone"


def _limit_to_visible(where: Where, site: VisibleSite) -> Where:
    """Add the conditions under which the user may see a report of this site."""
    if site.assigned_to is not None:
        where.also("p.assigned_agency = :assigned_to", assigned_to=site.assigned_to)
    if site.undecided_before is not None:
        where.also(undecided_sql(), cutoff=site.undecided_before)
    return where


# --- which reports -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Branch:
    """One SELECT of a compound: reports `p` of one site along one index."""

    table: str
    where: Where
    values: Mapping[str, Any]
    due: str  # SQL: by when the user's agency is to act


class _Compound:
    """SELECTs that become one statement: each has its own names of parameters, which are made distinct."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}

    def take(self, sql: str, values: Mapping[str, Any]) -> str:
        names: dict[str, str] = {}

        def rename(match: re.Match[str]) -> str:
            if match[1] not in names:
                names[match[1]] = f"v{len(self.values)}"
                self.values[names[match[1]]] = values[match[1]]
            return f":{names[match[1]]}"

        return re.sub(r":(\w+)", rename, sql)

    def join(self, columns: str, branches: Sequence[_Branch], end: str) -> str:
        """The union of the branches; `end` is what follows the conditions of each. `{due}` is a branch's own date."""
        return " UNION ALL ".join(
            f"SELECT * FROM (SELECT {columns.format(due=branch.due)} FROM {self.take(branch.table, branch.values)}"
            f" WHERE {self.take(str(branch.where), branch.values)} {end.format(due=branch.due)}) b{index}"
            for index, branch in enumerate(branches)
        )


@dataclass(frozen=True)
class _Reader:
    """Makes the conditions of a selection for one site, and chooses the indexes along which they are read."""

    site: VisibleSite
    selection: Selection
    now: int
    dialect: str
    most_read: int  # rows of an index that is not the list's order

    @property
    def today(self) -> date:
        return local_date(self.now, self.site.time_zone)

    @property
    def part(self) -> Part:
        """The part of the reports, with what is new on this site.

        Where nobody checks reports before they are published, new is also what was accepted by itself; for a service
        it is what was forwarded to it. Neither has been taken up.
        """
        part = self.selection.part
        if self.selection.tab != "moderation" or self.selection.status:
            return part
        if self.site.assigned_to is not None:
            return replace(part, statuses=frozenset({"forwarded"}))
        return replace(part, statuses=part.statuses | {"accepted"}) if self.site.moderation == "after" else part

    @property
    def due(self) -> str:
        """SQL: the date that counts for the user's agency. Figures, also those of a service, count the author's."""
        return "p.answer_due" if self.site.assigned_to is None or self.selection.counted else SERVICE_DUE

    @property
    def due_path(self) -> AccessPath:
        """The published reports due up to the last day of the selection, by ix_problems_due or _assigned_agency."""
        days = {"overdue": self.today, "soon": add_working_days(self.today, SOON)}
        last = days.get(self.selection.part.due, date.max)
        where = _limit_to_visible(Where(self.site.id, "p.published"), self.site)
        where.also(f"p.status IN ({OPEN_STATUSES}) AND {self.due} <= :last", last=last.isoformat())
        return AccessPath("problems p", str(where), where.values)

    @property
    def words_path(self) -> AccessPath:
        return access_paths.words(self.dialect, self.site.id, self.site.ordinal, self.selection.words)

    @property
    def place_path(self) -> AccessPath:
        """The published reports of the place, by their cells."""
        place = Filters(bbox=self.selection.bbox)
        return next(access_paths.list_other_paths(self.dialect, self.site.id, place, date.max))

    @property
    def district_path(self) -> AccessPath:
        return access_paths.district_path(self.site.id, self.selection.within)

    def where(
        self, seen: str, statuses: Sequence[str] = (), *, words: bool = False, sign: str = "<>", document: str = "<>"
    ) -> Where:
        """Every condition but that of the index. `statuses` are those of the branch, by default all of the part.

        A search for a number is a branch of its own, with the `sign` «=»; the others leave that report out. So is one
        for the number in the agency's document system (`document`), which the branch of the report's own may have.
        """
        selection, part, zone = self.selection, self.part, self.site.time_zone
        statuses = sorted(statuses or part.statuses)
        filters = Filters(
            statuses=tuple(statuses) if len(statuses) < len(STATUSES) else (),
            categories=selection.categories,
            district=selection.within,
            bbox=selection.bbox,
            since=midnight(selection.since, zone, 0) if selection.since else None,
            until=midnight(selection.until, zone, 1) if selection.until else None,
            words=selection.words if words else "",
        )
        where = conditions.conditions(self.site.id, filters, self.today, self.dialect, seen)
        _limit_to_visible(where, self.site)
        if selection.counted:
            where.also("p.counted")
        elif not part.own and "p.published" not in seen:  # what a platform does not publish is nobody's business here
            where.also("(p.published OR p.mirror_of IS NULL)")
        # A platform's, about which nothing can be done here; the statistics count it among those received.
        if part.own is not None and (selection.responder or not selection.counted):
            where.also(f"p.mirror_of IS {'' if part.own else 'NOT '}NULL")
        if selection.counted and selection.bbox:
            where.also("p.cell IS NOT NULL")  # an erased report has only an approximate place
        if part.draft:
            where.also(f"p.id IN ({_DRAFTS[part.draft]})", user_id=selection.user_id)
        for column, chosen in (
            ("district", NONE if selection.district == NONE else ""),
            ("assigned_agency", selection.service),
            ("assigned_user", selection.person),
        ):
            if chosen == NONE:
                where.also(f"p.{column} IS NULL")
            elif chosen:
                where.also(f"p.{column} = :{column}", **{column: chosen})
        if part.mine:
            where.also("p.assigned_user = :user_id", user_id=selection.user_id)
        if part.ended is not None:
            _add_ended(where, statuses, ended=part.ended)
        if part.spam is not None:
            where.also("p.spam" if part.spam else "NOT p.spam")
        if part.due == "overdue":
            where.also(overdue_sql(due=self.due), today=self.today.isoformat())
        elif part.due == "soon":
            condition, values = soon_sql(self.today, self.due)
            where.also(condition, **values)
        elif selection.sort == "due":
            where.also(RUNNING)
        if selection.after is not None:
            self._add_after(where, selection.after)
        if selection.number is not None:
            where.also(f"p.number {sign} :exact", exact=selection.number)
        if selection.query and sign != "=" and self.site.named is None:
            where.also(
                "p.document_number = :document"
                if document == "="
                else "(p.document_number IS NULL OR p.document_number <> :document)",
                document=selection.query,
            )
        return where

    def _add_after(self, where: Where, cursor: Cursor) -> None:
        """Two columns are compared, for the index; the third, the site, is the same in the whole branch."""
        column, direction = _ORDERS[self.selection.sort]
        sign = "<" if direction == "DESC" else ">"
        further = self.site.id < cursor.site_id if sign == "<" else self.site.id > cursor.site_id
        where.also(
            f"({_KEYS[column].format(due=self.due)}, p.number)"
            f" {sign}{'=' if further else ''} (:after_key, :after_number)",
            after_key=cursor.key,
            after_number=cursor.number,
        )

    def exact_branches(self) -> Iterator[_Branch]:
        """The SELECTs of reports whose own number, or number in the agency's document system, is searched for."""
        if self.selection.number is not None:
            yield self._branch(self.where("TRUE", sign="="))
        if self.selection.query and self.site.named is None:  # numbers are of the agency that answers
            yield self._branch(self.where("TRUE", document="="))

    def narrow_to_author(self, branch: _Branch) -> _Branch:
        """Let the branch begin with the reports of the author who is searched for, which are few.

        CROSS JOIN makes SQLite begin with them.
        """
        if self.selection.contact is None:
            return branch
        sql, values = self.selection.contact.make_sql(self.site.id)
        branch.where.also("p.id = a.problem_id")
        return _Branch(f"({sql}) a CROSS JOIN {branch.table}", branch.where, {**branch.values, **values}, branch.due)

    def branches(self, path: AccessPath | None) -> Iterator[_Branch]:
        """The SELECTs of this site's other reports; `path` holds few published reports and all that match."""
        selection, part = self.selection, self.part
        if selection.query and not selection.words:
            return
        if part.draft:  # few, by their drafts; CROSS JOIN makes SQLite begin with them
            where = self.where("p.id = f.problem_id", words=True)
            drafts = f"(SELECT DISTINCT problem_id FROM ({_DRAFTS[part.draft]}) n) f"
            yield self._branch(where, f"{drafts} CROSS JOIN problems p")
            return
        if part.returned:  # by ix_problems_inbox, _awaits and _outcome: few, whatever else is asked
            if "reopened" in part.statuses:
                yield self._branch(self.where("TRUE", ["reopened"], words=True))
            yield self._branch(self.where("p.awaits = 'agency' AND p.status <> 'reopened'", words=True))
            if self.site.is_own:
                outcome = (
                    "p.service_outcome IS NOT NULL AND COALESCE(p.awaits, '') <> 'agency' AND p.status <> 'reopened'"
                )
                yield self._branch(self.where(outcome, words=True))
            return
        public = [status for status in sorted(part.statuses) if status in PUBLIC_STATUSES]
        assigned = {selection.service, selection.person} - {
            "",
            NONE,
        }  # by an index that begins with whom, then the status
        narrow = bool(assigned) or part.ended is not None or len(part.statuses) < len(STATUSES)
        if path is not None or selection.words:
            where = self.where("p.published")
            if selection.words and not (path and path.words):
                self._add_words(where)
            table, values = ("problems p", {}) if path is None else (f"({path.rows}) p", {"counted": self.most_read})
            yield self._branch(where, table, **(path.values if path else {}), **values)
        elif selection.sort == "due":
            yield self._branch(self.where(f"p.published AND p.status IN ({OPEN_STATUSES})"))
        elif selection.categories:
            for category in selection.categories:
                for status in public:
                    where = self.where("p.published AND p.category = :one", [status])
                    where.values["one"] = category
                    yield self._branch(where)
        elif narrow:
            for status in sorted(part.statuses):
                yield self._branch(self.where("TRUE", [status]))
            return
        else:
            yield self._branch(self.where("p.published"))
        if part.own is not False:
            yield self._branch(self._unpublished())
        if selection.counted and not selection.words:  # a platform's that was erased stays in the statistics
            yield self._branch(self.where("NOT p.published AND p.erased_at IS NOT NULL AND p.mirror_of IS NOT NULL"))

    def _branch(self, where: Where, table: str = "problems p", **values: Any) -> _Branch:
        return _Branch(table, where, {**where.values, **values}, self.due)

    def _unpublished(self) -> Where:
        """What is not in the full-text index is compared by its text; a substring rules most of it out at once."""
        words = bool(self.selection.words)
        where = self.where("NOT p.published AND p.mirror_of IS NULL", words=words and self.dialect != "sqlite")
        if words and self.dialect == "sqlite":
            text = "p.description || ' ' || COALESCE(p.address, '')"
            needed = {f"core{index}": core for index, core in enumerate(word_forms.needed(self.selection.words))}
            inside = [f"INSTR(REPLACE(casefold({text}), 'ё', 'е'), :{name}) > 0" for name in needed]
            where.also(
                f"CASE WHEN {' AND '.join(inside) or 'TRUE'} THEN says({text}, :words) ELSE FALSE END",
                words=self.selection.words,
                **needed,
            )
        return where

    def _add_words(self, where: Where) -> None:
        path = self.words_path
        if path.numbers:  # the plus keeps SQLite from looking up the rows one by one
            where.also(f"+p.number IN ({path.numbers})", **path.values)
        else:
            where.also(f"{conditions.WORDS_OF} @@ ({conditions.WORDS})", **path.values)


def _add_ended(where: Where, statuses: Sequence[str], *, ended: bool) -> None:
    """Add the condition for ended reports; erased ones have ended whatever their status (ix_problems_erased)."""
    still_open = OPEN.intersection(statuses)
    if not ended:
        where.also("p.erased_at IS NULL")
    elif still_open == set(statuses):
        where.also("p.erased_at IS NOT NULL")
    elif still_open:
        where.also(f"(p.status NOT IN ({', '.join(map(repr, sorted(OPEN)))}) OR p.erased_at IS NOT NULL)")


async def _list_branches(
    database: Database,
    sites: Sites,
    selection: Selection,
    now: int,
    *,
    exact: bool | None = None,
    many: bool = False,
) -> list[_Branch]:
    """The SELECTs of all sites: by `exact` those of the searched number alone, all others, or (None) both.

    `many` is whether more reports are wanted than a page has, in any order.

    A search by contacts finds nothing where contacts are another agency's, or for who may not see them.
    """
    if not selection.part.statuses:
        return []
    if selection.author:
        sites = [site for site in sites if site.is_own] if selection.contact is not None else []
    if selection.within:  # the reports of other sites would be read in vain
        rows = await database.rows(
            "SELECT s.id FROM districts d JOIN sites s ON s.id = d.site_id OR s.parent_id = d.site_id WHERE d.id = :id",
            id=selection.within,
        )
        having = {row["id"] for row in rows}
        sites = [site for site in sites if site.id in having]
    # A category that is missing in a district would be walked to its end in the list's order.
    unordered = many or (selection.within and selection.categories)
    most_read = access_paths.COUNTED if unordered else MAX_FOUND
    readers = [_Reader(site, selection, now, database.dialect, most_read) for site in sites]
    paths: Sequence[AccessPath | None] = [None] * len(readers)
    if not exact and 0 < len(sites) <= MAX_BRANCHES:
        paths = await _find_shortest(database, readers, selection) or paths
    return [
        reader.narrow_to_author(branch)
        for reader, path in zip(readers, paths, strict=True)
        for branch in (
            *(reader.exact_branches() if exact is not False else ()),
            *(reader.branches(path) if not exact else ()),
        )
    ]


async def _find_shortest(database: Database, readers: list[_Reader], selection: Selection) -> list[AccessPath] | None:
    """Find the index, beside those of the list's order, that leads to the fewest reports, if it is few enough."""
    if selection.part.returned or selection.part.draft or selection.contact is not None:
        return None
    options = [
        *([[reader.words_path for reader in readers]] if selection.words else []),
        *([[reader.place_path for reader in readers]] if selection.bbox else []),
        *([[reader.district_path for reader in readers]] if selection.within else []),
        *([[reader.due_path for reader in readers]] if selection.part.due or selection.sort == "due" else []),
    ]
    if database.dialect == "postgresql" and selection.words and len(options) == 1:
        return None  # its planner chooses the index of words by itself: counting its rows would take as long as reading
    shortest, fewest = None, readers[0].most_read + 1
    for paths in options:
        # PostgreSQL would read the text of every other row.
        cost = access_paths.READING if selection.words and not (paths[0].words or database.dialect == "sqlite") else 1
        compound = _Compound()
        rows = " UNION ALL ".join(
            compound.take(path.numbers or f"SELECT 1 FROM {path.table} WHERE {path.condition}", path.values)
            for path in paths
        )
        most = fewest // cost + 1
        count = f"SELECT COUNT(*) FROM (SELECT 1 FROM ({rows}) f LIMIT {most}) c"
        (row,) = await database.rows(count, **compound.values)
        if row[0] * cost < fewest:
            shortest, fewest = paths, row[0] * cost
    return shortest


async def read_page(
    database: Database,
    sites: Sites,
    selection: Selection,
    now: int,
    *,
    columns: str = LISTED,
    most: int = PAGE_SIZE,
) -> tuple[list[Row], Cursor | None]:
    """The selected reports in their order, and the cursor of the next page. Contacts are read for exports only.

    Reports with the number that is searched for precede the first page, whatever the order: they are a few, one of each
    site, and a cursor never points at one.
    """
    exact: list[Row] = []
    if selection.query and selection.after is None:
        branches = await _list_branches(database, sites, selection, now, exact=True)
        exact = await _read_branches(database, branches, selection, columns, most)
    branches = await _list_branches(database, sites, selection, now, exact=False)
    rows = await _read_branches(database, branches, selection, columns, most + 1)
    if len(rows) <= most:
        return exact + rows, None
    last = rows[most - 1]
    key = last[_ORDERS[selection.sort][0]]
    return exact + rows[:most], Cursor(key=key, number=last["number"], site_id=last["site_id"])


async def _read_branches(
    database: Database, branches: Sequence[_Branch], selection: Selection, columns: str, most: int
) -> list[Row]:
    column, direction = _ORDERS[selection.sort]
    order = f"f.{column} {direction}, f.number {direction}, f.site_id {direction}"
    in_branch = f"{_KEYS[column]} {direction}, p.number {direction}, p.site_id {direction}"
    rows: list[Row] = []
    for first in range(0, len(branches), MAX_BRANCHES):
        compound = _Compound()
        ordered = f"ORDER BY {in_branch} LIMIT {most}"
        listed = "p.id, p.created_at, {due} AS answer_due, p.number, p.site_id"
        union = compound.join(listed, branches[first : first + MAX_BRANCHES], ordered)
        rows += await database.rows(
            f"SELECT {columns} FROM ({union}) f JOIN problems p ON p.id = f.id"
            f" LEFT JOIN contacts c ON c.problem_id = p.id ORDER BY {order} LIMIT {most}",
            **compound.values,
            **({"user_id": selection.user_id} if columns == LISTED else {}),
        )
    if len(branches) > MAX_BRANCHES:
        rows.sort(key=lambda row: (row[column], row["number"], row["site_id"]), reverse=direction == "DESC")
    return rows[:most]


async def count_problems(
    database: Database, sites: Sites, selection: Selection, now: int, most: int | None = MAX_COUNT
) -> int:
    """The number of selected reports, up to `most`."""
    total, limit = 0, "" if most is None else f" LIMIT {most}"
    branches = await _list_branches(database, sites, selection, now, many=most is None or most > MAX_COUNT)
    for first in range(0, len(branches), MAX_BRANCHES):
        compound = _Compound()
        union = compound.join("1", branches[first : first + MAX_BRANCHES], limit)
        (row,) = await database.rows(f"SELECT COUNT(*) FROM (SELECT 1 FROM ({union}) f{limit}) c", **compound.values)
        total += row[0]
        if most is not None and total >= most:
            return most
    return total


# --- one report ----------------------------------------------------------------------------------------------------


async def find_problem(database: Database, sites: Sites, problem_id: str) -> Row | None:
    """A report of one of these sites, or None."""
    found = await database.row("SELECT site_id FROM problems WHERE id = :problem_id", problem_id=problem_id)
    site = next((one for one in sites if found is not None and one.id == found["site_id"]), None)
    if site is None:
        return None
    where = _limit_to_visible(Where(site.id, "p.id = :problem_id"), site)
    return await database.row(f"SELECT p.* FROM problems p WHERE {where}", **where.values, problem_id=problem_id)


async def list_events(database: Database, site_id: str, problem_id: str, *, reader: str | None) -> Sequence[Row]:
    """A report's events, oldest first, with who caused them as the agency `reader` sees it, and names of systems."""
    return await database.rows(
        "SELECT e.id, e.kind, e.status, e.at, e.actor, e.source, e.text_id, e.data, "
        f"{ACTOR}, {SENDER} FROM events e JOIN sites s ON s.id = e.site_id"
        f" LEFT JOIN users u ON u.id = e.user_id {ACTORS} {SENDERS}"
        " WHERE e.problem_id = :problem_id AND e.site_id = :site_id AND e.kind <> :counted ORDER BY e.at, e.id",
        site_id=site_id,
        problem_id=problem_id,
        counted=COUNTED,
        agency_id=reader,
    )


async def find_decided(database: Database, problem_id: str, event_id: str) -> Row | None:
    """Return when a report that has this event could first be decided and when it was, and the calendar of its site."""
    return await database.row(
        "SELECT p.decidable_at, p.status_at, s.time_zone, s.calendar FROM events e"
        " JOIN problems p ON p.id = e.problem_id AND p.site_id = e.site_id JOIN sites s ON s.id = p.site_id"
        " WHERE p.id = :problem_id AND e.id = :event_id",
        problem_id=problem_id,
        event_id=event_id,
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
