"""Read the published problems of a site in pages, with keyset pagination.

A filtered list is read in two steps. First the index of the sort order is walked from the cursor on, and the matching
rows among the next ones are the page: this suffices for most filters people use. If too few rows match, the rows of the
other usable indexes are counted, and the shortest is read completely and sorted. If none is short, a longer walk
follows; the rows beyond it are left to the next page, whose cursor continues there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any

import orjson

from widget_api.browse.listing import access_paths
from widget_api.browse.listing.access_paths import AccessPath
from widget_api.browse.listing.conditions import Where, conditions, order
from widget_api.browse.listing.filters import Filters, Position, encode_position
from widget_api.browse.queries import ORDERS
from widget_api.database import Database, Row
from widget_api.database.word_forms import parse_query
from widget_api.problems.projections import items
from widget_api.problems.projections.words import first_row
from widget_api.sites.model import Site

COLUMNS = ", ".join(items.COLUMNS)
# Rows of the sort index that are walked: in the time another thread takes to start; before other indexes are counted;
# if none of those is short.
AT_ONCE, SHORT_WALK, LONG_WALK = 300, 5_000, 50_000

# The last member of an item depends on the day, so it is not stored with it.
_LATE, _IN_TIME = b',"overdue":true}', b',"overdue":false}'


@dataclass(frozen=True)
class Projection:
    """The columns selected of each problem `p`, which include its sort key and number."""

    columns: str
    table: str = ""
    condition: str = ""
    values: dict[str, Any] = field(default_factory=dict)


# Also what the lists are sorted by, where the next page begins.
_SORTED_BY = {sort.column for sort in ORDERS.values()}
_ROWS = Projection(", ".join(f"p.{name}" for name in (*items.COLUMNS, *sorted(_SORTED_BY - {*items.COLUMNS}))))


@dataclass(frozen=True)
class Page:
    """Rows in order; `end` is the position where the next page continues, None if this is the last."""

    rows: Sequence[Row]
    end: Position | None


async def page(database: Database, site: Site, filters: Filters, today: date, public_url: str) -> dict[str, Any]:
    """Return one page as `{items, next}`; `today` is the current date at the site."""
    content: dict[str, Any] = orjson.loads(await page_json(database, site, filters, today, public_url))
    return content


async def page_json(database: Database, site: Site, filters: Filters, today: date, public_url: str) -> bytes:
    """Return `page` as JSON, joined from the stored bytes of each problem."""
    result = await find(database, site.id, filters, today, filters.limit, _items(site.ordinal, filters.sort))
    day = today.isoformat()
    pieces = [b'{"items":[']
    for _, _, due, item in result.rows:
        pieces += (item, _IN_TIME if due is None or due >= day else _LATE, b",")
    if result.rows:
        pieces.pop()
    following = encode_cursor(site.id, filters, result.end) if result.end else None
    pieces += (b'],"next":', orjson.dumps(following), b"}")
    return items.fill_items(b"".join(pieces), site, public_url)


def cursor_of(page: bytes) -> str | None:
    """Return the cursor `next` of a result of `page_json`, its last member."""
    following: str | None = orjson.loads(page[page.rindex(b',"next":') + len(b',"next":') : -1])
    return following


@lru_cache(maxsize=256)
def _items(ordinal: int, sort: str) -> Projection:
    return Projection(
        f"p.{ORDERS[sort].column}, p.number, i.due, i.item",
        " CROSS JOIN problem_items i",
        " AND i.id = CAST(:first_item AS bigint) + p.number",
        {"first_item": first_row(ordinal)},
    )


async def rows(
    database: Database, site_id: str, filters: Filters, today: date, most: int, what: Projection = _ROWS
) -> Sequence[Row]:
    """Read up to `most` rows in the filter's order, with the columns `what`.

    Set `after` to the `position` of the last row to read the following ones.
    """
    collected = list[Row]()
    while len(collected) < most:
        page = await find(database, site_id, filters, today, most - len(collected), what)
        collected += page.rows
        if page.end is None:
            break
        filters = replace(filters, after=page.end)
    return collected


async def find(
    database: Database, site_id: str, filters: Filters, today: date, most: int, what: Projection = _ROWS
) -> Page:
    """Find up to `most` problems; fewer, with an `end`, if the rest of the search is left to the next page."""
    if filters.words and not parse_query(filters.words):
        return Page((), None)
    if not filters.narrow:
        return _cut(filters, await _walk(database, site_id, filters, today, what, most + 1), most)
    listed = None
    if filters.words:
        listed = access_paths.words(database.dialect, site_id, await _ordinal(database, site_id), filters.words)
    reads_words = listed is not None and not listed.numbers
    # The first rows are compared by their text: reading the full-text index completely takes long for a frequent word.
    # The order of entries to come begins with those that are past.
    walks = () if filters.sort == "soonest" and filters.dated else ((AT_ONCE, None), (SHORT_WALK, listed))
    for scan, by_index in walks:
        if most < scan and not (reads_words and by_index):
            rows = await _walk(database, site_id, filters, today, what, most + 1, scan, by_index)
            if len(rows) > most:
                return _cut(filters, rows, most)
    path = await access_paths.find_shortest(database, site_id, filters, today, listed)
    if path is not None:
        rows = await _sorted(database, site_id, filters, today, what, most + 1, path, listed)
        return _cut(filters, rows, most)
    scan = SHORT_WALK if reads_words else LONG_WALK
    rows = await _walk(database, site_id, filters, today, what, most + 1, scan, listed)
    if len(rows) > most:
        return _cut(filters, rows, most)
    return Page(rows, await _edge(database, site_id, filters, scan))


async def _ordinal(database: Database, site_id: str) -> int:
    row = await database.row_at_once("SELECT ordinal FROM sites WHERE id = :site_id", site_id=site_id)
    assert row is not None
    ordinal: int = row["ordinal"]
    return ordinal


async def find_page_start(
    database: Database, site_id: str, filters: Filters, today: date, first: Row, most: int
) -> Position | None:
    """Return where the page of `most` rows before the row `first` begins, for `after`; None if it is the first page."""
    backwards = replace(filters, after=position(filters, first), backwards=True)
    page = await find(database, site_id, backwards, today, most + 1)
    if len(page.rows) > most:
        return position(filters, page.rows[-1])
    return page.end  # of a walk that stopped early: its rows come after this position


def position(filters: Filters, row: Row) -> Position:
    return row[ORDERS[filters.sort].column], row["number"]


def cursor(site_id: str, filters: Filters, row: Row) -> str:
    """Return the cursor of a page that ends with this row."""
    return encode_cursor(site_id, filters, position(filters, row))


def encode_cursor(site_id: str, filters: Filters, place: Position) -> str:
    """Encode a position as a cursor of this filter."""
    return encode_position(place, filters.fingerprint(site_id))


def _cut(filters: Filters, rows: Sequence[Row], most: int) -> Page:
    """Return a page of `most` rows; one more was requested, which exists if something follows."""
    return Page(rows[:most], position(filters, rows[most - 1]) if len(rows) > most else None)


async def _walk(
    database: Database,
    site_id: str,
    filters: Filters,
    today: date,
    what: Projection,
    most: int,
    scan: int = 0,
    listed: AccessPath | None = None,
) -> Sequence[Row]:
    """Read the first matching rows along the sort index, among the next `scan` rows if given."""
    where = _where(database, site_id, filters, today, listed)
    table, values = "problems p", what.values | where.values
    if scan:  # its limit keeps the planner from using another index for the filter's conditions
        ahead = conditions(site_id, _ahead(filters), today, database.dialect)
        table = f"(SELECT p.* FROM problems p WHERE {ahead} {order(filters)} LIMIT :scan) p"
        values |= {"scan": scan, **ahead.values}
    read = database.rows_at_once if scan <= AT_ONCE and not filters.words else database.rows
    # SQLite joins in the order of the rows anyway; with ORDER BY it would sort them all before dropping most of them.
    ordered = "" if scan and database.dialect == "sqlite" else order(filters)
    return await read(
        f"SELECT {what.columns} FROM {table}{what.table} WHERE {where}{what.condition} {ordered} LIMIT :most",
        most=most,
        **values,
    )


async def _edge(database: Database, site_id: str, filters: Filters, scan: int) -> Position | None:
    """Return the position of the last of the next `scan` rows of the sort index; None if there are fewer."""
    where = conditions(site_id, _ahead(filters), date.max, database.dialect)
    column = ORDERS[filters.sort].column
    row = await database.row_at_once(
        f"SELECT p.{column}, p.number FROM problems p WHERE {where} {order(filters)} LIMIT 1 OFFSET :passed",
        passed=scan - 1,
        **where.values,
    )
    return None if row is None else (row[column], row["number"])


def _ahead(filters: Filters) -> Filters:
    """Return the part of a filter that the sort index itself can apply."""
    period = (filters.since, filters.until) if filters.sort == "new" else (None, None)
    since, until = period
    return Filters(sort=filters.sort, after=filters.after, backwards=filters.backwards, since=since, until=until)


async def _sorted(
    database: Database,
    site_id: str,
    filters: Filters,
    today: date,
    what: Projection,
    most: int,
    path: AccessPath,
    listed: AccessPath | None,
) -> Sequence[Row]:
    """Read all rows of an access path that match, and sort them."""
    where = _where(database, site_id, replace(filters, words="") if path.words else filters, today, listed)
    column = ORDERS[filters.sort].column
    return await database.rows(
        f"WITH few AS MATERIALIZED (SELECT p.{column}, p.number FROM ({path.rows}) p WHERE {where}),"
        f" first AS MATERIALIZED (SELECT number FROM few {order(filters, 'few')} LIMIT :most)"
        f" SELECT {what.columns} FROM first CROSS JOIN problems p{what.table}"
        f" WHERE p.site_id = :site_id AND p.number = first.number{what.condition} {order(filters)}",
        most=most,
        **(what.values | where.values | path.values | {"counted": access_paths.COUNTED}),
    )


def _where(database: Database, site_id: str, filters: Filters, today: date, listed: AccessPath | None) -> Where:
    """Return the filter's conditions; words are matched by the numbers of an index if it has them."""
    if not filters.words or listed is None or not listed.numbers:
        return conditions(site_id, filters, today, database.dialect)
    where = conditions(site_id, replace(filters, words=""), today, database.dialect)
    # The plus keeps SQLite from looking up the rows one by one.
    where.also(f"+p.number IN ({listed.numbers})", **listed.values)
    return where


async def find_published(database: Database, site_id: str, number: int) -> Row | None:
    """Find a published problem with its `id`; None also if the number is unpublished."""
    if not 0 < number < 2**31:
        return None
    return await database.row(
        f"SELECT {COLUMNS}, id FROM problems WHERE site_id = :site_id AND number = :number AND published",
        site_id=site_id,
        number=number,
    )
