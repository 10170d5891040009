"""The published problems of a site, as the public reads them, paged by keyset.

A narrowed list is read in two steps. First the index of the sort order is walked from the cursor on, and what matches
among the next rows is the page: most filters that people use end there. One that finds too little is a rare one; the
other indexes that serve it are counted, and the shortest is read whole and sorted. Where none is short, a longer walk
looks on; what it does not reach is left to the next page, whose cursor goes on there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Any

import orjson

from widget_api.browse.listing import access_paths, cursors
from widget_api.browse.listing.access_paths import AccessPath
from widget_api.browse.listing.conditions import Where, conditions, order
from widget_api.browse.listing.filters import Filters
from widget_api.browse.listing.items import COLUMNS, fill_items
from widget_api.browse.queries import SORTS
from widget_api.database import Database, Row
from widget_api.database.word_forms import parse_query
from widget_api.problems.projections.words import first_row
from widget_api.sites.model import Site

# Rows of the order's index that are walked past: before another thread would have begun to; before other indexes are
# counted; where none of them is short.
AT_ONCE, SHORT_WALK, LONG_WALK = 300, 5_000, 50_000

# The last member of an item depends on the day, so it is not kept.
_LATE, _IN_TIME = b',"overdue":true}', b',"overdue":false}'


@dataclass(frozen=True)
class Projection:
    """What is selected of each problem `p`; its sort key and number are always among it."""

    columns: str
    table: str = ""
    condition: str = ""
    values: dict[str, Any] = field(default_factory=dict)


_ROWS = Projection(", ".join(f"p.{name}" for name in COLUMNS.split(", ")))


@dataclass(frozen=True)
class Page:
    """Rows in order; `end` is where to go on, None where nothing follows."""

    rows: Sequence[Row]
    end: cursors.Position | None


async def page(database: Database, site: Site, filters: Filters, today: date, public_url: str) -> dict[str, Any]:
    """`{items, next}`: one page of the published problems; `today` is the site's own."""
    found: dict[str, Any] = orjson.loads(await page_json(database, site, filters, today, public_url))
    return found


async def page_json(database: Database, site: Site, filters: Filters, today: date, public_url: str) -> bytes:
    """`page` as it is sent: the bytes kept of each problem, joined."""
    found = await find(database, site.id, filters, today, filters.limit, _items(site.ordinal, filters.sort))
    day = today.isoformat()
    told = [b'{"items":[']
    for _, _, due, item in found.rows:
        told += (item, _IN_TIME if due is None or due >= day else _LATE, b",")
    if found.rows:
        told.pop()
    following = encode_cursor(site.id, filters, found.end) if found.end else None
    told += (b'],"next":', orjson.dumps(following), b"}")
    return fill_items(b"".join(told), site, public_url)


def cursor_of(page: bytes) -> str | None:
    """What `page_json` told as `next`, which is its last member."""
    found: str | None = orjson.loads(page[page.rindex(b',"next":') + len(b',"next":') : -1])
    return found


@lru_cache(maxsize=256)
def _items(ordinal: int, sort: str) -> Projection:
    return Projection(
        f"p.{SORTS[sort].column}, p.number, i.due, i.item",
        " CROSS JOIN problem_items i",
        " AND i.id = CAST(:first_item AS bigint) + p.number",
        {"first_item": first_row(ordinal)},
    )


async def rows(
    database: Database, site_id: str, filters: Filters, today: date, most: int, what: Projection = _ROWS
) -> Sequence[Row]:
    """The next ones in the filter's order: `what` of each. With `after` set to `position` of the last, those after."""
    collected = list[Row]()
    while len(collected) < most:
        found = await find(database, site_id, filters, today, most - len(collected), what)
        collected += found.rows
        if found.end is None:
            break
        filters = replace(filters, after=found.end)
    return collected


async def find(
    database: Database, site_id: str, filters: Filters, today: date, most: int, what: Projection = _ROWS
) -> Page:
    """At most so many; fewer, with an `end`, where looking on is left to the next page."""
    if filters.words and not parse_query(filters.words):
        return Page((), None)
    if not filters.narrow:
        return _cut(filters, await _walk(database, site_id, filters, today, what, most + 1), most)
    listed = None
    if filters.words:
        listed = access_paths.words(database.dialect, site_id, await _ordinal(database, site_id), filters.words)
    reads_words = listed is not None and not listed.numbers
    # The first rows are compared word by word: the index would have to be read whole, which a frequent word makes long.
    for scan, by_index in ((AT_ONCE, None), (SHORT_WALK, listed)):
        if most < scan and not (reads_words and by_index):
            found = await _walk(database, site_id, filters, today, what, most + 1, scan, by_index)
            if len(found) > most:
                return _cut(filters, found, most)
    path = await access_paths.find_shortest(database, site_id, filters, today, listed)
    if path is not None:
        found = await _sorted(database, site_id, filters, today, what, most + 1, path, listed)
        return _cut(filters, found, most)
    scan = SHORT_WALK if reads_words else LONG_WALK
    found = await _walk(database, site_id, filters, today, what, most + 1, scan, listed)
    if len(found) > most:
        return _cut(filters, found, most)
    return Page(found, await _edge(database, site_id, filters, scan))


async def _ordinal(database: Database, site_id: str) -> int:
    row = await database.row_at_once("SELECT ordinal FROM sites WHERE id = :site_id", site_id=site_id)
    assert row is not None
    ordinal: int = row["ordinal"]
    return ordinal


async def find_page_start(
    database: Database, site_id: str, filters: Filters, today: date, first: Row, most: int
) -> cursors.Position | None:
    """Where the page of so many begins (as `after`) that ends before this row; None where that is the first page."""
    backwards = replace(filters, after=position(filters, first), backwards=True)
    found = await find(database, site_id, backwards, today, most + 1)
    if len(found.rows) > most:
        return position(filters, found.rows[-1])
    return found.end  # a walk that gave up: what it found stands after this


def position(filters: Filters, row: Row) -> cursors.Position:
    return row[SORTS[filters.sort].column], row["number"]


def cursor(site_id: str, filters: Filters, row: Row) -> str:
    """What `next` says after this row."""
    return encode_cursor(site_id, filters, position(filters, row))


def encode_cursor(site_id: str, filters: Filters, place: cursors.Position) -> str:
    """A position as a cursor of this filter."""
    return cursors.write(place, filters.fingerprint(site_id))


def _cut(filters: Filters, found: Sequence[Row], most: int) -> Page:
    """One more than wanted was asked for: whether it came says whether something follows."""
    return Page(found[:most], position(filters, found[most - 1]) if len(found) > most else None)


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
    """Along the index of the sort: the first ones that match, among the next `scan` rows where it is given."""
    where = _where(database, site_id, filters, today, listed)
    table, values = "problems p", what.values | where.values
    if scan:  # its limit keeps the filter's conditions out: no other index tempts the database away from this one
        ahead = conditions(site_id, _ahead(filters), today, database.dialect)
        table = f"(SELECT p.* FROM problems p WHERE {ahead} {order(filters)} LIMIT :scan) p"
        values |= {"scan": scan, **ahead.values}
    read = database.rows_at_once if scan <= AT_ONCE and not filters.words else database.rows
    # SQLite joins in the order the rows come in, and would sort them all before it leaves most of them out.
    ordered = "" if scan and database.dialect == "sqlite" else order(filters)
    return await read(
        f"SELECT {what.columns} FROM {table}{what.table} WHERE {where}{what.condition} {ordered} LIMIT :most",
        most=most,
        **values,
    )


async def _edge(database: Database, site_id: str, filters: Filters, scan: int) -> cursors.Position | None:
    """The position of the last of the next `scan` rows of the sort's index; None where there are fewer."""
    where = conditions(site_id, _ahead(filters), date.max, database.dialect)
    column = SORTS[filters.sort].column
    row = await database.row_at_once(
        f"SELECT p.{column}, p.number FROM problems p WHERE {where} {order(filters)} LIMIT 1 OFFSET :passed",
        passed=scan - 1,
        **where.values,
    )
    return None if row is None else (row[column], row["number"])


def _ahead(filters: Filters) -> Filters:
    """Nothing but what the index of the sort itself can be asked."""
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
    """The rows an access path leads to, sorted by themselves."""
    where = _where(database, site_id, replace(filters, words="") if path.words else filters, today, listed)
    column = SORTS[filters.sort].column
    return await database.rows(
        f"WITH few AS MATERIALIZED (SELECT p.{column}, p.number FROM ({path.rows}) p WHERE {where}),"
        f" first AS MATERIALIZED (SELECT number FROM few {order(filters, 'few')} LIMIT :most)"
        f" SELECT {what.columns} FROM first CROSS JOIN problems p{what.table}"
        f" WHERE p.site_id = :site_id AND p.number = first.number{what.condition} {order(filters)}",
        most=most,
        **(what.values | where.values | path.values | {"counted": access_paths.COUNTED}),
    )


def _where(database: Database, site_id: str, filters: Filters, today: date, listed: AccessPath | None) -> Where:
    """The filter's conditions; words are looked for in the list of the numbers of an index where there is one."""
    if not filters.words or listed is None or not listed.numbers:
        return conditions(site_id, filters, today, database.dialect)
    where = conditions(site_id, replace(filters, words=""), today, database.dialect)
    where.also(f"+p.number IN ({listed.numbers})", **listed.values)  # the plus: rows are not looked up one by one
    return where
