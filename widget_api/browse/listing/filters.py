"""What a list, a map, a feed or an export was asked for: one filter for all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import lru_cache

from widget_api.browse.listing import cursors
from widget_api.browse.queries import LIMIT, SORTS, Bbox, Page, Selection
from widget_api.sites.model import Site
from widget_api.validation import names, parse_query, values, wrong_parameter


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


_FIELDS = {one.name for one in fields(Filters)}
_ASKED = tuple(one.name for one in fields(Filters) if one.name not in ("sort", "limit", "after", "backwards"))
_EVERYTHING = Filters().asked


@lru_cache(maxsize=256)
def _fingerprint(site_id: str, asked: tuple[object, ...], sort: str) -> str:
    return hashlib.sha256(repr((site_id, asked, sort)).encode()).hexdigest()


def parse(query: Iterable[tuple[str, str]], site: Site, asked: type[Selection] = Page) -> Filters:
    """Filters from the pairs of a query; an empty value equals an absent one. `asked` declares what it may hold.

    Raises Malformed that names the parameter: `parameter_unknown`, `parameter_wrong`.
    """
    given = values(query, names(asked))
    cursor = given.pop("cursor", None)
    filters = _filters(asked, tuple(given.items()), site.time_zone)
    if cursor is None:
        return filters
    further = _following(filters, cursor, site.id)
    if further is None:
        raise wrong_parameter("cursor")
    return further


def _following(filters: Filters, cursor: str, site_id: str) -> Filters | None:
    """The page after that one; None where the cursor is none of this filter and site."""
    after = cursors.read(cursor, filters.fingerprint(site_id), SORTS[filters.sort].kind)
    return None if after is None else filters.going_on(after)


@lru_cache(maxsize=128)
def _filters(asked: type[Selection], given: tuple[tuple[str, str], ...], time_zone: str) -> Filters:
    query = parse_query(asked, dict(given), time_zone)
    if query.since is not None and query.until is not None and query.since >= query.until:
        raise wrong_parameter("until")
    return Filters(**{name: getattr(query, name) for name in query.model_fields_set & _FIELDS})
