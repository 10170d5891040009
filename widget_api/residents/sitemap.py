"""Render sitemaps (sitemaps.org) of all indexable pages, in parts from which a problem's number never moves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from html import escape

from widget_api import clock
from widget_api.database import Database, Row

PART_SIZE = 50_000  # addresses, the protocol's limit of a file
OTHER_PAGES = 2  # the list and the form, in the first part
BATCH_SIZE = 2_000  # rows
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


def count_parts(newest: int) -> int:
    """The number of parts for problems up to number `newest`."""
    return -(-(newest + OTHER_PAGES) // PART_SIZE)


async def render_part(database: Database, site_id: str, address: str, part: int) -> AsyncIterator[bytes]:
    """Yield a part; `address` is that of the site's page, `part` is counted from 1."""
    after, last = max(0, (part - 1) * PART_SIZE - OTHER_PAGES), part * PART_SIZE - OTHER_PAGES
    yield f"{_HEAD}<urlset {_NAMESPACE}>\n".encode()
    if part == 1:
        yield (
            _url_element(address, await find_last_change(database, site_id)) + _url_element(f"{address}/report")
        ).encode()
    while True:
        rows = await list_numbers(database, site_id, after, last, BATCH_SIZE)
        yield "".join(_url_element(f"{address}/problems/{row['number']}", row["updated_at"]) for row in rows).encode()
        if len(rows) < BATCH_SIZE:
            break
        after = rows[-1]["number"]
    yield b"</urlset>\n"


def render_index(addresses: Iterable[str]) -> bytes:
    listed = "".join(f"<sitemap><loc>{escape(one)}</loc></sitemap>\n" for one in addresses)
    return f"{_HEAD}<sitemapindex {_NAMESPACE}>\n{listed}</sitemapindex>\n".encode()


def _url_element(address: str, changed: int | None = None) -> str:
    when = "" if changed is None else f"<lastmod>{clock.rfc3339(changed)}</lastmod>"
    return f"<url><loc>{escape(address)}</loc>{when}</url>\n"


async def find_newest_number(database: Database, site_id: str) -> int:
    """The largest published number, 0 where there is none."""
    row = await database.row(
        "SELECT number FROM problems WHERE site_id = :site_id AND published ORDER BY number DESC LIMIT 1",
        site_id=site_id,
    )
    return int(row["number"]) if row else 0


async def find_last_change(database: Database, site_id: str) -> int | None:
    """When a published problem last changed; None where there is none."""
    row = await database.row(
        "SELECT updated_at FROM problems WHERE site_id = :site_id AND published ORDER BY updated_at DESC LIMIT 1",
        site_id=site_id,
    )
    return int(row["updated_at"]) if row else None


async def list_numbers(database: Database, site_id: str, after: int, last: int, most: int) -> Sequence[Row]:
    """`number` and `updated_at` of at most `most` published problems, numbered after `after` up to `last`."""
    return await database.rows(
        "SELECT number, updated_at FROM problems WHERE site_id = :site_id AND published"
        " AND number > :after AND number <= :last ORDER BY number LIMIT :most",
        site_id=site_id,
        after=after,
        last=last,
        most=most,
    )
