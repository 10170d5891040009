"""Parse and represent the filter of lists, maps, feeds and exports, and encode the end of a page as a cursor.

A cursor is valid for its own filter and site. It contains nothing secret, and anyone may read from any position; the
checksum only detects cursors that were truncated, mixed up or made by hand.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Literal
from zlib import crc32

from widget_api.browse.listing import answers
from widget_api.browse.queries import LIMIT, ORDERS, PARTICIPANTS, Bbox, Page, Selection, Viewport
from widget_api.sites.model import Site
from widget_api.validation import names, parse_query, values, wrong_parameter

Answers = tuple[tuple[str, tuple[str, ...]], ...]  # codes of questions, each with values, one of which an entry has
Position = tuple[int | str, int]  # the sort key and number of the last item seen
_TEXT = re.compile(r"([0-9a-f]{8})\.(-?[0-9]{1,18}|[0-9]{4}-[0-9]{2}-[0-9]{2})\.([1-9][0-9]{0,9})")


def encode_position(position: Position, fingerprint: str) -> str:
    """Encode a position; `fingerprint` is that of the filter."""
    key, number = position
    place = f"{key}.{number}"
    return f"{_checksum(place, fingerprint):08x}.{place}"


def decode_position(text: str, fingerprint: str, kind: type) -> Position | None:
    """Decode a cursor; None if it does not belong to this filter. `kind` is the type of the sort key."""
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    checksum, key, number = match.groups()
    if (
        int(number) >= 2**31
        or (kind is str) != (key[4:5] == "-")
        or int(checksum, 16) != _checksum(text[9:], fingerprint)
    ):
        return None
    return key if kind is str else int(key), int(number)


def _checksum(place: str, fingerprint: str) -> int:
    return crc32(f"{fingerprint}.{place}".encode())


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The selection, order and position of a read; equal filters give equal results."""

    statuses: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    district: str = ""
    bbox: Bbox | None = None
    near: tuple[float, float, float] | None = None  # latitude, longitude, metres; `bbox` then contains the circle
    words: str = ""  # as entered
    since: int | None = None  # Unix time, inclusive
    until: int | None = None  # Unix time, exclusive
    overdue: bool = False
    answers: Answers = ()
    dated: Literal["", "current", "past"] = ""
    sort: str = "new"
    limit: int = LIMIT
    after: Position | None = None  # sort key and number of the last item seen
    backwards: bool = False  # read from `after` towards the beginning

    @property
    def selection(self) -> tuple[object, ...]:
        """The fields that select problems, without their order and paging."""
        return tuple([getattr(self, name) for name in _SELECTING])

    @property
    def narrow(self) -> bool:
        """Whether the filter excludes anything."""
        return self.selection != _UNFILTERED

    @property
    def cost(self) -> int:
        """The relative cost of finding the problems, 0 for the unfiltered list: by an index, or by reading along it."""
        indexed = bool(self.statuses or self.categories or self.district or self.bbox or self.answers or self.dated)
        period = self.since is not None or self.until is not None
        return indexed + 3 * (bool(self.words) + bool(self.near) + period + self.overdue)

    def starting_after(self, after: Position) -> Filters:
        """Return a copy with that position. `replace` takes twenty times as long, and every page needs a copy."""
        copy = object.__new__(Filters)
        copy.__dict__.update(self.__dict__, after=after)
        return copy

    def fingerprint(self, site_id: str) -> str:
        """Hash the filter without its position, since a cursor is valid for its own filter and site only."""
        return _fingerprint(site_id, self.selection, self.sort)


_FIELDS = {field.name for field in fields(Filters)}
_SELECTING = tuple(field.name for field in fields(Filters) if field.name not in ("sort", "limit", "after", "backwards"))
_UNFILTERED = Filters().selection


@lru_cache(maxsize=256)
def _fingerprint(site_id: str, selection: tuple[object, ...], sort: str) -> str:
    return hashlib.sha256(repr((site_id, selection, sort)).encode()).hexdigest()


def parse(query: Iterable[tuple[str, str]], site: Site, declaration: type[Selection] = Page) -> Filters:
    """Parse the pairs of a query; an empty value equals an absent one. `declaration` lists the allowed parameters.

    Raises Malformed that names the parameter: `parameter_unknown`, `parameter_wrong`.
    """
    query, own = answers.take_parameters(query, site) if site.collection else (query, answers.NONE)
    given = values(query, names(declaration))
    cursor = given.pop("cursor", None)
    filters = _filters(declaration, tuple(given.items()), site.time_zone)
    if site.is_dated and declaration in (Page, Viewport):  # a map shows what stands in the list beside it
        filters = replace(filters, dated="past" if own.past else "current")
        if "sort" not in given:
            filters = replace(filters, sort="latest" if own.past else "soonest")
    elif own.past:
        filters = replace(filters, dated="past")
    if own.chosen:
        filters = replace(filters, answers=own.chosen)
    if filters.sort == "support" and site.collection is not None and site.collection.counts_participants:
        filters = replace(filters, sort=PARTICIPANTS)
    if cursor is None:
        return filters
    next_page = _next_page(filters, cursor, site.id)
    if next_page is None:
        raise wrong_parameter("cursor")
    return next_page


def _next_page(filters: Filters, cursor: str, site_id: str) -> Filters | None:
    """Return the filter of the page after the cursor; None if the cursor is not of this filter and site."""
    after = decode_position(cursor, filters.fingerprint(site_id), ORDERS[filters.sort].kind)
    return None if after is None else filters.starting_after(after)


@lru_cache(maxsize=128)
def _filters(declaration: type[Selection], given: tuple[tuple[str, str], ...], time_zone: str) -> Filters:
    query = parse_query(declaration, dict(given), time_zone)
    if query.since is not None and query.until is not None and query.since >= query.until:
        raise wrong_parameter("until")
    return Filters(**{name: getattr(query, name) for name in query.model_fields_set & _FIELDS})
