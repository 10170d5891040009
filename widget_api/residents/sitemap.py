"""Sitemaps (sitemaps.org): every page that may be indexed, in parts of numbers that never move to another part."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from html import escape

from widget_api import clock
from widget_api.database import Database
from widget_api.residents import sitemap_store

PART = 50_000  # addresses a file may hold
PAGES = 2  # addresses that are no problem's: the list, the form
PAGE = 2_000  # rows read at a time
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def parts(newest: int) -> int:
    """Into how many files the numbers up to `newest` go. The first also holds the list and the form."""
    return -(-(newest + PAGES) // PART)


async def pieces(database: Database, site_id: str, address: str, part: int) -> AsyncIterator[bytes]:
    """A file of addresses; `address` is that of the site's page, `part` is counted from 1."""
    after, last = max(0, (part - 1) * PART - PAGES), part * PART - PAGES
    yield f"{_HEAD}<urlset {_SPACE}>\n".encode()
    if part == 1:
        yield (_url(address, await sitemap_store.last_change(database, site_id)) + _url(f"{address}/report")).encode()
    while True:
        rows = await sitemap_store.between(database, site_id, after, last, PAGE)
        yield "".join(_url(f"{address}/problems/{row['number']}", row["updated_at"]) for row in rows).encode()
        if len(rows) < PAGE:
            break
        after = rows[-1]["number"]
    yield b"</urlset>\n"


def index(addresses: Iterable[str]) -> bytes:
    listed = "".join(f"<sitemap><loc>{escape(one)}</loc></sitemap>\n" for one in addresses)
    return f"{_HEAD}<sitemapindex {_SPACE}>\n{listed}</sitemapindex>\n".encode()


def _url(address: str, changed: int | None = None) -> str:
    when = "" if changed is None else f"<lastmod>{clock.rfc3339(changed)}</lastmod>"
    return f"<url><loc>{escape(address)}</loc>{when}</url>\n"
