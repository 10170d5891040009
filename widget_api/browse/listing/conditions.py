"""Build the SQL conditions and values of a filter, for every kind of read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Any

from widget_api.browse.listing.filters import Filters
from widget_api.browse.queries import ORDERS
from widget_api.database.word_forms import tsquery
from widget_api.geo.model import METRES_PER_DEGREE
from widget_api.problems.deadline import overdue_sql
from widget_api.status_table import OPEN_PUBLIC_STATUSES

# Exactly as in the index of due dates (database/schema/problems.py): SQLite matches partial indexes by text.
OPEN_STATUSES = ", ".join(f"'{status}'" for status in OPEN_PUBLIC_STATUSES)
# The expression of PostgreSQL's full-text index (migration 0003), and its query.
WORDS_OF = "words_of(p.site_id, p.description, p.address)"
WORDS = "CAST(:site_word AS tsquery) && to_tsquery('widget_words', :words)"
DATED = "p.begins_on IS NOT NULL"  # exactly as in the indexes of days
# Distance in squared degrees of latitude, in the plane of geo.model.distance. Comparing squares needs no square root.
APART = (
    "((p.lat - :lat) * (p.lat - :lat) + :narrow * CASE WHEN ABS(p.lng - :lng) > 180"
    " THEN (360 - ABS(p.lng - :lng)) * (360 - ABS(p.lng - :lng)) ELSE (p.lng - :lng) * (p.lng - :lng) END)"
)


def circle(lat: float, lng: float, metres: float) -> dict[str, float]:
    """Return the values of `APART <= :square`."""
    return {
        "lat": lat,
        "lng": lng,
        "narrow": math.cos(math.radians(lat)) ** 2,
        "square": (metres / METRES_PER_DEGREE) ** 2,
    }


class Where:
    """Conditions on `problems p`, and their values."""

    def __init__(self, site_id: str, seen: str = "p.published") -> None:
        self._parts = ["p.site_id = :site_id", seen]
        self.values: dict[str, Any] = {"site_id": site_id}

    def also(self, sql: str, **values: Any) -> None:
        self._parts.append(sql)
        self.values |= values

    def one_of(self, column: str, chosen: Sequence[str]) -> None:
        self.also(f"p.{column} IN ({self.names(column, chosen)})")

    def names(self, column: str, chosen: Sequence[str]) -> str:
        names = {f"{column}{index}": value for index, value in enumerate(chosen)}
        self.values |= names
        return ", ".join(f":{name}" for name in names)

    def __str__(self) -> str:
        return " AND ".join(self._parts)


def conditions(site_id: str, filters: Filters, today: date, dialect: str, seen: str = "p.published") -> Where:
    """Return all conditions of a filter, including the page's position.

    `seen` replaces the condition «published» for readers other than the public.
    """
    where = Where(site_id, seen)
    if filters.statuses:
        where.one_of("status", filters.statuses)
    if filters.categories:
        where.one_of("category", filters.categories)
    if filters.district:
        where.also("p.district = :district", district=filters.district)
    if filters.bbox:
        corners = zip(("west", "south", "east", "north"), filters.bbox, strict=True)
        where.also("p.lat BETWEEN :south AND :north AND p.lng BETWEEN :west AND :east", **dict(corners))
    if filters.near:
        where.also(f"{APART} <= :square", **circle(*filters.near))
    if filters.since is not None:
        where.also("p.created_at >= :since", since=filters.since)
    if filters.until is not None:
        where.also("p.created_at < :until", until=filters.until)
    if filters.dated:
        sign = ">=" if filters.dated == "current" else "<"
        where.also(f"{DATED} AND p.ends_on {sign} :today", today=today.isoformat())
    elif ORDERS[filters.sort].column == "begins_on":
        where.also(DATED)
    for index, (code, chosen) in enumerate(filters.answers):
        found, values = answered(index, code, chosen)
        where.also(f"EXISTS (SELECT 1 FROM {found} AND a.site_id = p.site_id AND a.number = p.number)", **values)
    if filters.overdue or filters.sort == "due":
        where.also(f"p.status IN ({OPEN_STATUSES})")
    if filters.overdue:
        where.also(overdue_sql(), today=today.isoformat())
    if filters.words and dialect == "sqlite":
        where.also("says(p.description || ' ' || COALESCE(p.address, ''), :words)", words=filters.words)
    elif filters.words:
        where.also(f"{WORDS_OF} @@ ({WORDS})", words=tsquery(filters.words), site_word=site_word(site_id))
    if filters.after:
        sort = ORDERS[filters.sort]
        key, number = filters.after
        sign = "<" if sort.newest_first != filters.backwards else ">"
        where.also(
            f"(p.{sort.column}, p.number) {sign} (:after_key, :after_number)", after_key=key, after_number=number
        )
    return where


def answered(index: int, code: str, chosen: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Return the SQL after FROM of the answers `a` to a question that are one of those chosen, and its values."""
    values = {f"answer{index}_{place}": value for place, value in enumerate(chosen)}
    listed = ", ".join(f":{name}" for name in values)
    return f"entry_answers a WHERE a.code = :question{index} AND a.value IN ({listed})", {
        f"question{index}": code,
        **values,
    }


def site_word(site_id: str) -> str:
    """Return the word that marks a site's problems in PostgreSQL's full-text index."""
    return f"'@{site_id}'"


def order(filters: Filters, table: str = "p") -> str:
    sort = ORDERS[filters.sort]
    direction = "DESC" if sort.newest_first != filters.backwards else "ASC"
    return f"ORDER BY {table}.{sort.column} {direction}, {table}.number {direction}"
