"""Write all published problems of a filter, page by page. Connections and transactions are released after each page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import orjson

from widget_api import clock, i18n
from widget_api.browse import listing
from widget_api.browse import open_data_formats as formats
from widget_api.database import Database, Row
from widget_api.sites.model import Site

PAGE = 200  # problems; a quarter of a megabyte
PORTION = 40  # problems rendered without yielding to other requests: 2 ms


@dataclass(frozen=True, kw_only=True)
class Export:
    """The parameters of an export. `today` is the current date at the site, `language` that of names."""

    site: Site
    filters: listing.Filters
    today: date
    language: str
    public_url: str


async def csv(database: Database, export: Export, separator: str) -> AsyncIterator[bytes]:
    """Yield pieces of a CSV file with a header."""
    head = formats.header(separator)
    async for items in _pages(database, export):
        yield head + formats.lines(items, separator)
        head = b""
    if head:
        yield head


async def geojson(database: Database, export: Export) -> AsyncIterator[bytes]:
    """Yield pieces of a FeatureCollection."""
    before = formats.collection_head(
        {
            "license": formats.license_url(export.site.license),
            "attribution": f"{export.site.name}, {export.site.agency.name}",
            "generated_at": clock.rfc3339(clock.now()),
        }
    )
    async for items in _pages(database, export):
        yield before + b",\n".join(orjson.dumps(formats.feature(item)) for item in items)
        before = b",\n"
    yield b"]}" if before == b",\n" else before + b"]}"


async def _pages(database: Database, export: Export) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """Yield portions in the filter's order. Each page is read anew, in its state at that time.

    Reads run in a thread: a file has hundreds of pages, which would block other requests of the event loop.
    """
    database, filters = database.in_threads(), export.filters
    while True:
        rows = await listing.rows(database, export.site.id, filters, export.today, PAGE)
        for first in range(0, len(rows), PORTION):
            portion = rows[first : first + PORTION]
            yield [_named(row, export) for row in portion]
        if len(rows) < PAGE:
            return
        filters = replace(filters, after=listing.position(filters, rows[-1]))


def _named(row: Row, export: Export) -> dict[str, Any]:
    item = listing.item(row, export.today, export.site, export.public_url, export.language)
    return {
        "number": item["number"],
        "url": item["url"],
        "status": item["status"],
        "status_name": i18n.text(export.language, f"status.{item['status']}"),
        **{name: value for name, value in item.items() if name not in ("number", "url", "status")},
    }
