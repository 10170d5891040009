"""What a list, a map, a feed or an export may be asked for: one parser for all of them.

A wrong value is refused by the name of its parameter, an unknown name by itself: a misspelt filter that were let pass
would answer with everything, and nobody would notice.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from widget_api import status_table
from widget_api.errors import Malformed
from widget_api.problems.intake import coordinate
from widget_api.problems.listing import cursors
from widget_api.problems.model import STATUSES
from widget_api.sites.model import Site
from widget_api.tables import PUBLIC_STATUSES

Bbox = tuple[float, float, float, float]  # west, south, east, north

LIMIT, LARGEST_LIMIT = 20, 100
LONGEST_QUERY = 200
LONGEST_VALUE = 4000  # characters of any one parameter
LONGEST_CODE, MOST_CODES = 100, 100
GROUPS: Mapping[str, tuple[str, ...]] = {
    group: tuple(status for status, one in status_table.STATUSES.items() if one.group == group)
    for group in ("new", "working", "done", "closed")
}
# The names by which a read may be asked: which problems, and in what order and portions.
FILTERS = frozenset({"status", "category", "bbox", "q", "since", "until", "overdue"})
PAGING = frozenset({"sort", "limit", "cursor"})
# The language of errors, what only keeps caches apart, and what else stands in the address of a view that was shared:
# the widget's loader has no room to read it and asks with all of it.
PASSED = frozenset({"lang", "v", "problem"})
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class Sort:
    """A column and its direction; `number` decides between equals, in the same direction."""

    column: str
    newest_first: bool = True
    kind: type = int


SORTS: Mapping[str, Sort] = {
    "new": Sort("created_at"),
    "updated": Sort("updated_at"),
    "support": Sort("supporters"),
    "due": Sort("answer_due", newest_first=False, kind=str),  # the open ones alone: the others owe nothing any more
}


_OFFERED: Mapping[str, tuple[str, ...]] = {  # of each name that takes one of a few values
    "status": (*GROUPS, *PUBLIC_STATUSES),
    "overdue": ("true",),
    "sort": tuple(SORTS),
}


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What was asked for; two equal ones are the same read."""

    statuses: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    bbox: Bbox | None = None
    near: tuple[float, float, float] | None = None  # latitude, longitude, metres; `bbox` then holds all of it
    words: str = ""  # as a person wrote them
    since: int | None = None  # seconds: the first that counts
    until: int | None = None  # seconds: the first that counts no more
    overdue: bool = False
    sort: str = "new"
    limit: int = LIMIT
    after: cursors.Position | None = None  # sort key and number of the last item seen
    backwards: bool = False  # from there towards the beginning

    @property
    def asked(self) -> tuple[object, ...]:
        """What decides which problems are meant, whatever their order and portions."""
        return tuple([getattr(self, name) for name in _ASKED])

    @property
    def narrow(self) -> bool:
        """Whether anything is left out."""
        return self.asked != _EVERYTHING

    @property
    def cost(self) -> int:
        """What finding these problems costs, beside the newest of all: an index each, or reading along."""
        indexed = bool(self.statuses or self.categories or self.bbox or self.near)
        return indexed + 3 * (bool(self.words) + (self.since is not None or self.until is not None) + self.overdue)

    def going_on(self, after: cursors.Position) -> Filters:
        """The same after that position. `replace` would take twenty times as long: each page asks for it."""
        copy = object.__new__(Filters)
        copy.__dict__.update(self.__dict__, after=after)
        return copy

    def fingerprint(self, site_id: str) -> str:
        """Of the filter without the page: a cursor is good for its own filter and site only."""
        return _fingerprint(site_id, self.asked, self.sort)


_ASKED = tuple(one.name for one in fields(Filters) if one.name not in ("sort", "limit", "after", "backwards"))
_ANY = Filters()
_EVERYTHING = _ANY.asked


@lru_cache(maxsize=256)
def _fingerprint(site_id: str, asked: tuple[object, ...], sort: str) -> str:
    return hashlib.sha256(repr((site_id, asked, sort)).encode()).hexdigest()


def parse(query: Iterable[tuple[str, str]], site: Site, *, names: frozenset[str] = FILTERS | PAGING) -> Filters:
    """Filters from the pairs of a query; an empty value equals an absent one.

    `names` are the parameters this read knows, its own ones (which it parses by itself) among them.
    Raises Malformed that names the parameter: `parameter_unknown`, `parameter_wrong`.
    """
    given = values(query, names)
    cursor = given.pop("cursor", None)
    filters = _filters(tuple(given.items()), site.time_zone) if given else _ANY
    if cursor is None:
        return filters
    further = _following(filters, cursor, site.id)
    if further is None:
        raise _wrong("cursor")
    return further


def _following(filters: Filters, cursor: str, site_id: str) -> Filters | None:
    """The page after that one; None where the cursor is none of this filter and site."""
    after = cursors.read(cursor, filters.fingerprint(site_id), SORTS[filters.sort].kind)
    return None if after is None else filters.going_on(after)


@lru_cache(maxsize=128)
def _filters(given: tuple[tuple[str, str], ...], time_zone: str) -> Filters:
    asked = dict[str, Any]()
    for name, value in given:
        if name in _READING:
            field, read = _READING[name]
            asked[field] = read(value, time_zone)
            if asked[field] is None:
                raise _wrong(name)
    since, until = asked.get("since"), asked.get("until")
    if since is not None and until is not None and since >= until:
        raise _wrong("until")
    return Filters(**asked)


def values(query: Iterable[tuple[str, str]], names: frozenset[str]) -> dict[str, str]:
    """The parameters that were given, each once: a form's checkboxes repeat a name, which means a list.

    Raises Malformed where a name is unknown, or a value is longer than any may be or holds what no text holds.
    """
    given = dict[str, str]()
    for name, value in query:
        if name in PASSED:
            continue
        if name not in names:
            known = tuple(sorted(names | {"lang"}))
            raise Malformed("parameter_unknown", parameter=_UNREADABLE.sub("", name[:50]), allowed=known)
        if not value:
            continue
        if name in given and name not in ("status", "category") and given[name] != value:
            raise _wrong(name)
        given[name] = f"{given[name]},{value}" if name in given and given[name] != value else value
        if len(given[name]) > LONGEST_VALUE or _UNREADABLE.search(value):
            raise _wrong(name)
    return given


def _wrong(name: str) -> Malformed:
    return Malformed("parameter_wrong", parameter=name, allowed=_OFFERED.get(name, ()))


def _list(text: str) -> list[str]:
    return sorted({part.strip() for part in text.split(",") if part.strip()})


def _statuses(text: str) -> tuple[str, ...] | None:
    asked = _list(text)
    if not asked or not set(asked) <= {*GROUPS, *STATUSES}:
        return None
    return tuple(sorted({status for name in asked for status in GROUPS.get(name, (name,))}))


def _categories(text: str) -> tuple[str, ...] | None:
    """Codes as they are: a site may have switched a category off whose problems still stand."""
    codes = _list(text)
    return tuple(codes) if 0 < len(codes) <= MOST_CODES and all(len(one) <= LONGEST_CODE for one in codes) else None


def bbox(text: str) -> Bbox | None:
    """«west,south,east,north» in degrees; None where it is none, inverted, or crosses the 180th meridian."""
    parts = text.split(",")
    numbers = [coordinate(part, bound) for part, bound in zip(parts, (180, 90, 180, 90), strict=False)]
    if len(parts) != 4 or None in numbers:
        return None
    west, south, east, north = (number for number in numbers if number is not None)
    return (west, south, east, north) if west < east and south < north else None


def _words(text: str) -> str | None:
    """One space between words; blanks alone ask for nothing, as an absent parameter does."""
    words = " ".join(text.split())
    return words if len(words) <= LONGEST_QUERY else None


def _midnight(text: str, time_zone: str, days: int) -> int | None:
    """The second at which a local «YYYY-MM-DD», or the day so many days after it, begins."""
    if not _DAY.fullmatch(text):
        return None
    try:
        day = date.fromisoformat(text) + timedelta(days=days)
        return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone)).timestamp())
    except (ValueError, OverflowError):
        return None


def _true(text: str) -> bool | None:
    return True if text == "true" else None


def _sort(text: str) -> str | None:
    return text if text in SORTS else None


def _limit(text: str) -> int | None:
    return int(text) if re.fullmatch("[0-9]{1,3}", text) and 1 <= int(text) <= LARGEST_LIMIT else None


# What stands for which parameter, and what makes it of the text and the site's time zone; None where it makes nothing.
_READING: Mapping[str, tuple[str, Callable[[str, str], object]]] = {
    "status": ("statuses", lambda text, zone: _statuses(text)),
    "category": ("categories", lambda text, zone: _categories(text)),
    "bbox": ("bbox", lambda text, zone: bbox(text)),
    "q": ("words", lambda text, zone: _words(text)),
    "since": ("since", lambda text, zone: _midnight(text, zone, 0)),
    "until": ("until", lambda text, zone: _midnight(text, zone, 1)),
    "overdue": ("overdue", lambda text, zone: _true(text)),
    "sort": ("sort", lambda text, zone: _sort(text)),
    "limit": ("limit", lambda text, zone: _limit(text)),
}
