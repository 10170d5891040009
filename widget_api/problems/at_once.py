"""A plain page of the list, told before routing: what is asked most, and often of many pages in a row.

On SQLite all it takes is in this process, so there is nothing to wait for, and what routing, middleware and tasks do
around an answer would cost more than the answer (docs/decisions/0031-kept-when-asked-again.md). Whatever is not plain,
not known yet or not right goes the whole way: it refuses better.
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

from widget_api import clock, http
from widget_api.context import Context
from widget_api.errors import DomainError
from widget_api.problems import listing
from widget_api.sites import service
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

PATTERN = "/api/v1/sites/{key}/problems"
LONGEST = 200  # bytes of a query: what is remembered of it must not fill the memory
_PATH = re.compile(rb"/api/v1/sites/([\w-]+)/problems")


def tag(site: Site, version: int, today: date, filters: listing.Filters) -> str:
    """The ETag of a page; `version` is the site's, `today` its own."""
    return http.tag(version, today, "list", filters.fingerprint(site.id), filters.limit, filters.after)


def page(context: Context, target: bytes) -> http.Told | None:
    """What `routes.problems` answers to this GET without If-None-Match; None where that takes the whole way."""
    path, _, query = target.partition(b"?")
    asked = _PATH.fullmatch(path)
    known = service.remembered(context.database, asked[1].decode("ascii")) if asked else None
    if known is None or len(query) > LONGEST:
        return None
    settings, site = known
    filters = _filters(query, site.id)
    if filters is None:
        return None
    today = local_date(clock.now(), site.time_zone)
    read = listing.page_at_once(context.database, site, filters, today, context.settings.public_url)
    if read is None:
        return None
    counters, content = read
    now, version = map(int, counters.split())
    if now != settings:
        return None  # the key may be good no more, or the site another
    etag = tag(site, version, today, filters)
    return http.told(PATTERN, content, etag, https=context.settings.https)


def _filters(query: bytes, site_id: str) -> listing.Filters | None:
    """A cursor is another each time, and stands last where the widget or `next` put it; the rest is seldom new."""
    before, found, cursor = query.rpartition(b"cursor=")
    if not found:
        return _plain(query)
    filters = _plain(before) if before[-1:] in (b"", b"&") else None
    return None if filters is None else listing.following(filters, cursor.decode("latin-1"), site_id)


@lru_cache(maxsize=256)
def _plain(query: bytes) -> listing.Filters | None:
    """Where nothing is asked but an order and a size."""
    try:
        return listing.paged(http.pairs(query))
    except DomainError:
        return None
