"""Writes all published problems under a filter, page by page: no connection and no transaction outlives a page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import orjson

from widget_api import clock, i18n
from widget_api.browse import listing
from widget_api.browse.open_data import model
from widget_api.database import Database, Row
from widget_api.sites.model import Site

PAGE = 200  # problems: a quarter of a megabyte
PORTION = 40  # problems written in one go: 2 ms, in which nobody else is answered


@dataclass(frozen=True, kw_only=True)
class Export:
    """What is written: the problems of a site as they are on its `today`, named in a language."""

    site: Site
    filters: listing.Filters
    today: date
    language: str
    public_url: str


async def csv(database: Database, export: Export, separator: str) -> AsyncIterator[bytes]:
    """Pieces of a CSV file with a header."""
    head = model.header(separator)
    async for items in _pages(database, export):
        yield head + model.lines(items, separator)
        head = b""
    if head:
        yield head


async def geojson(database: Database, export: Export) -> AsyncIterator[bytes]:
    """Pieces of a FeatureCollection."""
    before = model.collection_head(
        {
            "license": model.license_url(export.site.license),
            "attribution": f"{export.site.name}, {export.site.agency.name}",
            "generated_at": clock.rfc3339(clock.now()),
        }
    )
    async for items in _pages(database, export):
        yield before + b",\n".join(orjson.dumps(model.feature(item)) for item in items)
        before = b",\n"
    yield b"]}" if before == b",\n" else before + b"]}"


async def _pages(database: Database, export: Export) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """Portions in the filter's order. Each page is read anew, so what changes meanwhile is told as it is then.

    In a thread: a file is hundreds of pages, and read at once they would leave nobody else a turn.
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
