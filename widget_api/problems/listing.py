"""The published problems of a site, as the public reads them: rows straight to JSON, paged by keyset."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Any

import orjson

from widget_api import clock
from widget_api.database import Database, Row
from widget_api.errors import Malformed
from widget_api.problems.intake import clean, coordinate
from widget_api.problems.model import CLOSED, STATUSES

LIMIT, LARGEST_LIMIT = 20, 100
LONGEST_QUERY = 200
_SORTS = {"new": "created_at", "updated": "updated_at"}
# Named one by one: what a public answer may hold is decided here and nowhere else.
COLUMNS = (
    "number, category, description, address, lat, lng, status, created_at, updated_at, answer_due, photos, supporters,"
    " has_answer, source"
)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a list was asked for; two equal ones are the same list."""

    statuses: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    bbox: tuple[float, float, float, float] | None = None  # west, south, east, north
    words: str = ""
    sort: str = "new"
    limit: int = LIMIT
    after: tuple[int, int] | None = None  # the sort key and number of the last item seen

    def fingerprint(self) -> str:
        """Of the filter without the page: a cursor is good for its own filter only."""
        return _fingerprint(self.statuses, self.categories, self.bbox, self.words, self.sort)


@lru_cache(maxsize=256)
def _fingerprint(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


def parse(query: Mapping[str, str]) -> Filters:
    """Filters from query parameters; an empty one equals an absent one. Raises Malformed that names the parameter."""
    given = {name: value for name, value in query.items() if value}
    statuses = _list(given.get("status", ""))
    if not set(statuses) <= set(STATUSES):
        raise Malformed("parameter_wrong", parameter="status")
    categories = _list(given.get("category", ""))
    if len(categories) > 100 or any(len(code) > 100 for code in categories):
        raise Malformed("parameter_wrong", parameter="category")
    words = clean(given.get("q", ""))
    if len(words) > LONGEST_QUERY:
        raise Malformed("parameter_wrong", parameter="q")
    sort = given.get("sort", "new")
    if sort not in _SORTS:
        raise Malformed("parameter_wrong", parameter="sort")
    filters = Filters(
        statuses=statuses,
        categories=categories,
        bbox=bbox(given["bbox"]) if "bbox" in given else None,
        words=words,
        sort=sort,
        limit=_limit(given.get("limit", "")),
    )
    return replace(filters, after=_after(given["cursor"], filters)) if "cursor" in given else filters


def _list(text: str) -> tuple[str, ...]:
    return tuple(sorted({part.strip() for part in clean(text).split(",") if part.strip()}))


def _limit(text: str) -> int:
    if not text:
        return LIMIT
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= LARGEST_LIMIT:
        raise Malformed("parameter_wrong", parameter="limit")
    return int(text)


def bbox(text: str) -> tuple[float, float, float, float]:
    """«west,south,east,north» in degrees. Raises Malformed where it is none or inverted."""
    parts = text.split(",")
    bounds = (180, 90, 180, 90)
    numbers = [coordinate(part, bound) for part, bound in zip(parts, bounds, strict=False)]
    if len(parts) == 4 and None not in numbers:
        west, south, east, north = (number for number in numbers if number is not None)
        if west < east and south < north:
            return west, south, east, north
    raise Malformed("parameter_wrong", parameter="bbox")


def _after(text: str, filters: Filters) -> tuple[int, int]:
    try:
        fingerprint, key, number = orjson.loads(base64.urlsafe_b64decode(text[:200] + "=="))
        whole = type(key) is int and type(number) is int and abs(key) < 2**62 and abs(number) < 2**31
        if whole and fingerprint == filters.fingerprint():
            return key, number
    except (binascii.Error, ValueError, TypeError):
        pass
    raise Malformed("parameter_wrong", parameter="cursor")


def _cursor(filters: Filters, row: Row) -> str:
    position = [filters.fingerprint(), row[_SORTS[filters.sort]], row["number"]]
    return base64.urlsafe_b64encode(orjson.dumps(position)).decode().rstrip("=")


async def page(database: Database, site_id: str, filters: Filters, today: date, public_url: str) -> dict[str, Any]:
    """`{items, next}`: one page of the published problems; `today` is the site's own."""
    sort = _SORTS[filters.sort]
    conditions, values = _conditions(filters, database.dialect)
    # A filter may have to look long for its few matches; without one an index leads straight to them.
    filtered = filters.statuses or filters.categories or filters.bbox or filters.words
    read = database.rows if filtered else database.rows_at_once
    rows = await read(
        f"SELECT {COLUMNS} FROM problems WHERE site_id = :site_id AND published{conditions}"
        f" ORDER BY {sort} DESC, number DESC LIMIT :limit",
        site_id=site_id,
        limit=filters.limit + 1,
        **values,
    )
    items = [item(row, today, public_url) for row in rows[: filters.limit]]
    further = len(rows) > filters.limit
    return {"items": items, "next": _cursor(filters, rows[filters.limit - 1]) if further else None}


def _conditions(filters: Filters, dialect: str) -> tuple[str, dict[str, Any]]:
    sql, values = "", dict[str, Any]()
    for name, chosen in (("status", filters.statuses), ("category", filters.categories)):
        if chosen:
            names = {f"{name}{index}": value for index, value in enumerate(chosen)}
            values |= names
            sql += f" AND {name} IN ({', '.join(f':{one}' for one in names)})"
    if filters.bbox:
        values |= dict(zip(("west", "south", "east", "north"), filters.bbox, strict=True))
        sql += " AND lat BETWEEN :south AND :north AND lng BETWEEN :west AND :east"
    if filters.words:
        escaped = filters.words.casefold().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        values["words"] = f"%{escaped}%"
        fold = "lower" if dialect == "postgresql" else "casefold"
        sql += f" AND {fold}(description || ' ' || COALESCE(address, '')) LIKE :words ESCAPE '\\'"
    if filters.after:
        values["after_key"], values["after_number"] = filters.after
        sql += f" AND ({_SORTS[filters.sort]}, number) < (:after_key, :after_number)"
    return sql, values


def item(row: Row, today: date, public_url: str) -> dict[str, Any]:
    """One problem as lists show it. The row begins with COLUMNS: by place a value is found faster than by name."""
    (number, category, description, address, lat, lng, status, created_at, updated_at, answer_due, photos) = row[:11]
    return {
        "number": number,
        "category": category,
        "description": description,
        "address": address,
        "location": {"lat": lat, "lng": lng} if lat is not None else None,
        "status": status,
        "created_at": clock.rfc3339(created_at),
        "updated_at": clock.rfc3339(updated_at),
        "answer_due": answer_due,
        "overdue": status not in CLOSED and answer_due < today.isoformat(),
        "photos": _photos(photos, public_url) if photos != "[]" else [],
        "supporters": row[11],
        "has_answer": bool(row[12]),
        "source": row[13],
    }


def _photos(text: str, public_url: str) -> list[dict[str, Any]]:
    """Kept with addresses below the public URL, which may change; told with whole ones."""
    return [
        {name: f"{public_url}{value}" if name in ("url", "thumb") else value for name, value in one.items()}
        for one in orjson.loads(text)
    ]


def overdue(row: Row, today: date) -> bool:
    """Computed, never stored: still open on the day after the answer was due."""
    return row["status"] not in CLOSED and row["answer_due"] < today.isoformat()


async def published(database: Database, site_id: str, number: int) -> Row | None:
    """One published problem with its `id`; an unpublished number is as unknown as one that never was."""
    if not 0 < number < 2**31:
        return None
    return await database.row(
        f"SELECT {COLUMNS}, id FROM problems WHERE site_id = :site_id AND number = :number AND published",
        site_id=site_id,
        number=number,
    )
