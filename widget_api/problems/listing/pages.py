"""The published problems of a site, as the public reads them, paged by keyset.

Two ways lead to a page. Where few rows match, the index that leads to the fewest is read and sorted. Where many do, the
index of the sort is walked from the cursor on, and the first ones that match are the page. Counts say which
(docs/decisions/0019-reads.md); a walk that finds too little in SCAN rows ends there, and the page's cursor goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from math import prod
from typing import Any

import orjson

from widget_api.database import Database, Row
from widget_api.problems.listing import cursors
from widget_api.problems.listing.conditions import conditions, order
from widget_api.problems.listing.filters import Filters
from widget_api.problems.listing.items import COLUMNS, filled
from widget_api.problems.listing.sources import FEW, MANY, Source, chosen_of, kinds, sources
from widget_api.problems.projections.words import first_row
from widget_api.problems.queries import SORTS
from widget_api.sites.model import Site
from widget_api.wordforms import asked

SCAN, SCAN_WORDS = 50_000, 5_000  # rows one page may walk past; with a search each is read word by word
AT_ONCE = 300  # rows that are read sooner than another thread has begun to
MOST_KINDS = 24  # pairs of category and status whose own indexes are merged
LISTING = 10  # how many matches of the index of words are listed while one row is fetched
READING = 20  # how many rows cost as much as reading the words of one

# The last member of an item depends on the day, so it is not kept.
_LATE, _IN_TIME = b',"overdue":true}', b',"overdue":false}'


@dataclass(frozen=True)
class Telling:
    """What is selected of each problem `p`; its sort key and number are always among it."""

    columns: str
    table: str = ""
    condition: str = ""
    values: dict[str, Any] = field(default_factory=dict)


_ROWS = Telling(", ".join(f"p.{name}" for name in COLUMNS.split(", ")))


@dataclass(frozen=True)
class Found:
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
    following = written(site.id, filters, found.end) if found.end else None
    told += (b'],"next":', orjson.dumps(following), b"}")
    return filled(b"".join(told), site, public_url)


def cursor_of(page: bytes) -> str | None:
    """What `page_json` told as `next`, which is its last member."""
    found: str | None = orjson.loads(page[page.rindex(b',"next":') + len(b',"next":') : -1])
    return found


@lru_cache(maxsize=256)
def _items(ordinal: int, sort: str) -> Telling:
    return Telling(
        f"p.{SORTS[sort].column}, p.number, i.due, i.item",
        " CROSS JOIN problem_items i",
        " AND i.id = CAST(:first_item AS bigint) + p.number",
        {"first_item": first_row(ordinal)},
    )


async def rows(
    database: Database, site_id: str, filters: Filters, today: date, most: int, what: Telling = _ROWS
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
    database: Database, site_id: str, filters: Filters, today: date, most: int, what: Telling = _ROWS
) -> Found:
    """At most so many; fewer, with an `end`, where looking on is left to the next page."""
    if filters.words and not asked(filters.words):
        return Found((), None)
    if not filters.narrow:
        return _cut(filters, await _walk(database, site_id, filters, today, what, most + 1), most)
    if _of_kinds_alone(filters):
        pairs = sorted(chosen_of(await kinds(database, site_id), filters))
        if len(pairs) <= MOST_KINDS:
            return _cut(filters, await _merged(database, site_id, filters, today, what, pairs, most + 1), most)
    ways = await sources(database, site_id, filters, today)

    said = next((way for way in ways if way.words), None)
    listed = said if said is not None and said.listed else None  # reading words row by row is not needed then
    reading = READING if said is not None and listed is None else 1

    listing = listed.many // LISTING if listed else 0

    def cost(way: Source) -> int:
        return way.many if way.words else way.many * reading + listing

    best = min(ways, key=cost)
    share = prod(way.share for way in ways)  # if the conditions have nothing to do with each other
    walk = most / share * reading + listing if share else float("inf")
    if cost(best) <= FEW or (cost(best) <= walk and cost(best) <= MANY):
        return _cut(filters, await _sorted(database, site_id, filters, today, what, best, most + 1), most)
    scan = SCAN if reading == 1 else SCAN_WORDS
    found: Sequence[Row] = ()
    for passed in (AT_ONCE, scan) if listed is None else (scan,):
        found = await _walk(database, site_id, filters, today, what, most + 1, passed, listed)
        if len(found) > most:
            return _cut(filters, found, most)
    edge = await _edge(database, site_id, filters, scan)
    if edge is None:
        return Found(found, None)
    if cost(best) <= 2 * MANY:
        return _cut(filters, await _sorted(database, site_id, filters, today, what, best, most + 1), most)
    return Found(found, edge)


async def before(
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
    return written(site_id, filters, position(filters, row))


def written(site_id: str, filters: Filters, place: cursors.Position) -> str:
    """A position as a cursor of this filter."""
    return cursors.write(place, filters.fingerprint(site_id))


def _cut(filters: Filters, found: Sequence[Row], most: int) -> Found:
    """One more than wanted was asked for: whether it came says whether something follows."""
    return Found(found[:most], position(filters, found[most - 1]) if len(found) > most else None)


def _of_kinds_alone(filters: Filters) -> bool:
    """Whether the newest are wanted and nothing but status and category, and a period, is asked of them."""
    kinds_asked = bool(filters.statuses or filters.categories)
    rest = replace(filters, statuses=(), categories=(), since=None, until=None)
    return kinds_asked and filters.sort == "new" and not rest.narrow


async def _merged(
    database: Database,
    site_id: str,
    filters: Filters,
    today: date,
    what: Telling,
    pairs: Sequence[tuple[str, str]],
    most: int,
) -> Sequence[Row]:
    """An index holds each kind in this order: the first ones of each, and of these the first."""
    where = conditions(site_id, replace(filters, statuses=(), categories=()), today, database.dialect)
    each = [
        f"SELECT * FROM (SELECT p.created_at, p.number FROM problems p WHERE {where}"
        f" AND p.category = :kind{index} AND p.status = :state{index} {order(filters)} LIMIT :most) kind{index}"
        for index in range(len(pairs))
    ]
    if not each:
        return ()
    return await database.rows_at_once(
        f"WITH first AS MATERIALIZED (SELECT few.number FROM ({' UNION ALL '.join(each)}) few"
        f" {order(filters, 'few')} LIMIT :most)"
        f" SELECT {what.columns} FROM first CROSS JOIN problems p{what.table}"
        f" WHERE p.site_id = :site_id AND p.number = first.number{what.condition} {order(filters)}",
        most=most,
        **what.values,
        **where.values,
        **{f"kind{index}": category for index, (category, _) in enumerate(pairs)},
        **{f"state{index}": status for index, (_, status) in enumerate(pairs)},
    )


async def _walk(
    database: Database,
    site_id: str,
    filters: Filters,
    today: date,
    what: Telling,
    most: int,
    scan: int = 0,
    listed: Source | None = None,
) -> Sequence[Row]:
    """Along the index of the sort: the first ones that match, among the next `scan` rows where it is given."""
    if not scan:
        where = conditions(site_id, filters, today, database.dialect)
        return await database.rows_at_once(
            f"SELECT {what.columns} FROM problems p{what.table}"
            f" WHERE {where}{what.condition} {order(filters)} LIMIT :most",
            most=most,
            **what.values,
            **where.values,
        )
    ahead = conditions(site_id, _ahead(filters), today, database.dialect)
    where = conditions(site_id, replace(filters, words="") if listed else filters, today, database.dialect)
    if listed:
        where.also(listed.listed, **listed.values)
    reads_words = bool(filters.words) and listed is None
    read = database.rows_at_once if scan <= AT_ONCE and not reads_words else database.rows
    # SQLite joins in the order the rows come in, and would sort them all before it leaves most of them out.
    ordered = order(filters) if database.dialect == "postgresql" else ""
    return await read(
        f"SELECT {what.columns} FROM (SELECT * FROM problems p WHERE {ahead} {order(filters)} LIMIT :scan) p"
        f"{what.table} WHERE {where}{what.condition} {ordered} LIMIT :most",
        most=most,
        scan=scan,
        **what.values,
        **where.values,
    )


async def _edge(database: Database, site_id: str, filters: Filters, scan: int) -> cursors.Position | None:
    """Where such a walk ended; None where it came to the end of all."""
    where = conditions(site_id, _ahead(filters), date.max, database.dialect)
    column = SORTS[filters.sort].column
    rows = await database.rows(
        f"SELECT p.{column}, p.number FROM problems p WHERE {where} {order(filters)} LIMIT :scan",
        scan=scan,
        **where.values,
    )
    return (rows[-1][column], rows[-1]["number"]) if len(rows) == scan else None


def _ahead(filters: Filters) -> Filters:
    """Nothing but what the index of the sort itself can be asked."""
    period = (filters.since, filters.until) if filters.sort == "new" else (None, None)
    since, until = period
    return Filters(sort=filters.sort, after=filters.after, backwards=filters.backwards, since=since, until=until)


async def _sorted(
    database: Database, site_id: str, filters: Filters, today: date, what: Telling, way: Source, most: int
) -> Sequence[Row]:
    """The rows a source leads to, sorted by themselves: no index of the sort tempts the database away from it."""
    rest = replace(filters, words="") if way.words else filters  # the index has looked for them already
    where = conditions(site_id, rest, today, database.dialect)
    column = SORTS[filters.sort].column
    read = database.rows_at_once if way.many <= AT_ONCE else database.rows
    return await read(
        f"WITH few AS MATERIALIZED (SELECT p.{column}, p.number FROM {way.table} WHERE {way.condition} AND {where}),"
        f" first AS MATERIALIZED (SELECT number FROM few {order(filters, 'few')} LIMIT :most)"
        f" SELECT {what.columns} FROM first CROSS JOIN problems p{what.table}"
        f" WHERE p.site_id = :site_id AND p.number = first.number{what.condition} {order(filters)}",
        most=most,
        **(what.values | where.values | way.values),
    )
