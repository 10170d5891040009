"""The SQL of a filter: conditions and values, for whichever read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from widget_api.problems.listing.filters import SORTS, Filters
from widget_api.problems.model import OPEN

_OPEN = ", ".join(f"'{status}'" for status in sorted(OPEN))


def conditions(filters: Filters, today: date, dialect: str) -> tuple[str, dict[str, Any]]:
    """« AND …» behind `site_id = :site_id AND published`, the page's position among it."""
    parts, values = list[str](), dict[str, Any]()

    def when(sql: str, **more: Any) -> None:
        parts.append(f" AND {sql}")
        values.update(more)

    if filters.statuses:
        when(*_one_of("status", filters.statuses, values))
    if filters.categories:
        when(*_one_of("category", filters.categories, values))
    if filters.bbox:
        values |= dict(zip(("west", "south", "east", "north"), filters.bbox, strict=True))
        when("lat BETWEEN :south AND :north AND lng BETWEEN :west AND :east")
    if filters.since is not None:
        when("created_at >= :since", since=filters.since)
    if filters.until is not None:
        when("created_at < :until", until=filters.until)
    if filters.overdue or filters.sort == "due":
        when(f"status IN ({_OPEN})")
    if filters.overdue:
        when("answer_due < :today", today=today.isoformat())
    for index, word in enumerate(filters.words.split()):
        escaped = word.casefold().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        fold = "lower" if dialect == "postgresql" else "casefold"
        when(f"{fold}(description || ' ' || COALESCE(address, '')) LIKE :word{index} ESCAPE '\\'")
        values[f"word{index}"] = f"%{escaped}%"
    if filters.after:
        sort = SORTS[filters.sort]
        key, number = filters.after
        sign = "<" if sort.newest_first else ">"
        when(f"({sort.column}, number) {sign} (:after_key, :after_number)", after_key=key, after_number=number)
    return "".join(parts), values


def order(filters: Filters) -> str:
    sort = SORTS[filters.sort]
    direction = "DESC" if sort.newest_first else "ASC"
    return f" ORDER BY {sort.column} {direction}, number {direction}"


def _one_of(column: str, chosen: Sequence[str], values: dict[str, Any]) -> tuple[str]:
    names = {f"{column}{index}": value for index, value in enumerate(chosen)}
    values |= names
    return (f"{column} IN ({', '.join(f':{name}' for name in names)})",)
