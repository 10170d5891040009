"""The page that nearly everybody asks for: nothing left out, in one of the orders. One statement makes all its bytes.

Joined by the database, twenty items come as one value: no row becomes an object on its way, which was half of what a
page cost (docs/decisions/0031-kept-when-asked-again.md).
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import Any

import orjson

from widget_api import clock
from widget_api.database import Database, Row
from widget_api.problems.listing import cursors
from widget_api.problems.listing.conditions import conditions, order
from widget_api.problems.listing.filters import SORTS, Filters
from widget_api.problems.listing.items import filled
from widget_api.problems.projections.words import first_row
from widget_api.sites.model import Site

LATE, IN_TIME = b',"overdue":true}', b',"overdue":false}'
_BETWEEN = b",\n"  # within an item a line's end is written as two characters


async def page_json(database: Database, site: Site, filters: Filters, today: date, public_url: str) -> bytes:
    """`{items, next}` as it is sent."""
    rows = await database.rows_at_once(_sql(database.dialect, filters), **_values(site, filters, today))
    return _told(rows[0], site, filters, public_url)


def _sql(dialect: str, filters: Filters) -> str:
    return _statement(dialect, filters.sort, filters.backwards, filters.after is not None)


@lru_cache(maxsize=64)
def _statement(dialect: str, sort: str, backwards: bool, further: bool) -> str:
    shape = Filters(sort=sort, backwards=backwards, after=(0, 0) if further else None)
    column, kind = SORTS[sort].column, "BLOB" if dialect == "sqlite" else "bytea"
    page = f"""
        SELECT p.{column}, p.number, i.item || CASE WHEN i.due < :today
               THEN CAST(:late AS {kind}) ELSE CAST(:in_time AS {kind}) END AS told
        FROM problems p CROSS JOIN problem_items i
        WHERE {conditions("", shape, date.max, dialect)} AND i.id = CAST(:first_item AS bigint) + p.number
        {order(shape)} LIMIT :most
        """
    # SQLite joins in the order the rows come in; PostgreSQL wants to be told.
    joined = (
        "CAST(group_concat(told, :between) AS BLOB)"
        if dialect == "sqlite"
        else f"string_agg(told, :between {order(shape, 'page')})"
    )
    return f"SELECT count(*), {joined} FROM ({page}) page"


def _values(site: Site, filters: Filters, today: date) -> dict[str, Any]:
    values = {
        "site_id": site.id,
        "first_item": first_row(site.ordinal),
        "today": today.isoformat(),
        "most": filters.limit + 1,  # one more: whether it comes says whether something follows
        "late": LATE,
        "in_time": IN_TIME,
        "between": _BETWEEN,
    }
    if filters.after is not None:
        values["after_key"], values["after_number"] = filters.after
    return values


def _told(row: Row, site: Site, filters: Filters, public_url: str) -> bytes:
    items = memoryview(told := filled(row[1] or b"", site, public_url))
    following = b"null"
    if row[0] > filters.limit:
        end = told.rindex(_BETWEEN)
        items = items[:end]
        last = orjson.loads(items[told.rfind(b"\n", 0, end) + 1 :])
        following = b'"%b"' % cursors.write(_position(last, filters.sort), filters.fingerprint(site.id)).encode()
    return b"".join((b'{"items":[', items, b'],"next":', following, b"}"))


def _position(item: dict[str, Any], sort: str) -> cursors.Position:
    """What an item is sorted by, as its row has it."""
    key = item[SORTS[sort].column]
    return clock.parse_rfc3339(key) if SORTS[sort].column.endswith("_at") else key, item["number"]
