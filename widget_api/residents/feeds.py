"""Serve a site's Atom feed (RFC 4287) of any filter, its sitemaps, and /robots.txt."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from html import escape
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.browse import listing
from widget_api.context import Context
from widget_api.database import Database, Row
from widget_api.errors import NotFound
from widget_api.problems import wording
from widget_api.residents import site_pages_view
from widget_api.sites import collection, service
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site
from widget_api.web import pages

_MAX_SITEMAPS = 1_000  # sites whose sitemaps robots.txt names
_ROBOTS = """User-agent: *
Disallow: /action/
Disallow: /api/
Disallow: /cabinet/
Disallow: /confirm/
Disallow: /display
Disallow: /follow/
Disallow: /invited/
Disallow: /comment/
Disallow: /moderate/
Disallow: /mine
Disallow: /my-action/
Disallow: /my-comment/
Disallow: /open311/
Disallow: /sites/application/
Disallow: /t/
Disallow: /tiles/
Disallow: /track
Disallow: /unfollow/
Disallow: /unsubscribe/
Disallow: /renew/
Disallow: /s/*/c/*/count/
Disallow: /s/*/embed
Disallow: /s/*/install
"""
MAX_ENTRIES = 50
_TITLE_LENGTH = 160  # characters
_INVALID_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2
PART_SIZE = 50_000  # addresses, the protocol's limit of a file
OTHER_PAGES = 2  # the list and the form, in the first part
BATCH_SIZE = 2_000  # rows
_XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_SITEMAP_NAMESPACE = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"'


async def get_feed(request: Request) -> Response:
    """GET /s/{key}/feed.atom: the latest changes first, unless the filter sorts otherwise."""
    context = web.context(request)
    site, version = await service.by_key_with_version(context.database, request.path_params["key"])
    # Not negotiated, since a subscription must be the same feed for every reader.
    language = i18n.supported_language(request.query_params.get("lang") or site.language)
    today = local_date(clock.now(), site.time_zone)
    tag = web.make_etag(site.id, version, today, "atom", request.url.query, language)
    headers = {"Content-Language": language}
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304, headers=headers)
    pairs = request.query_params.multi_items()
    given = dict(pairs)
    usual = [("sort", "updated")] * (not given.get("sort")) + [("limit", str(MAX_ENTRIES))] * (not given.get("limit"))
    filters = listing.parse([*pairs, *usual], site)
    public_url = context.settings.public_url
    async with web.expensive_read(request, site.id, filters.cost):
        found = await listing.page(context.database, site, filters, today, public_url)
    query, limit = (
        site_pages_view.filter_pairs(pairs, site) + [("lang", language)] * ("lang" in given),
        given.get("limit", ""),
    )
    content = render_feed(
        site,
        language,
        [site_pages_view.list_item(site, language, one) for one in found["items"]],
        public_url=public_url,
        query=site_pages_view.filter_query(query),
        itself=site_pages_view.filter_query(query, limit=limit),
        following=site_pages_view.filter_query(query, limit=limit, cursor=found["next"]) if found["next"] else None,
    )
    return web.cacheable_response(content, tag, headers=headers, media_type="application/atom+xml")


async def get_sitemap(request: Request) -> Response:
    """GET /s/{key}/sitemap.xml: all addresses, or an index of the parts that hold them and those of collections."""
    context = web.context(request)
    database, public_url = context.database, context.settings.public_url
    site, version = await service.by_key_with_version(database, request.path_params["key"])
    own = await collection.list_collections(database, site)
    tag = web.make_etag(site.id, version, "sitemap", site.key, _has_form(site), *(of_own for _, of_own, _ in own))
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    await context.limits.hit("exports", web.client_address(request), site.id)
    parts = [
        f"{public_url}/s/{one.key}/sitemap-{part}.xml"
        for one in (site, *(child for child, _, _ in own))
        for part in range(1, count_parts(await find_newest_number(database, one.id)) + 1)
    ]
    if len(parts) > 1:
        return web.cacheable_response(render_index(parts), tag, media_type="application/xml")
    return _part_response(context, site, 1, tag)


async def get_sitemap_part(request: Request) -> Response:
    """GET /s/{key}/sitemap-{part}.xml"""
    context = web.context(request)
    site, version = await service.by_key_with_version(context.database, request.path_params["key"])
    part: int = request.path_params["part"]
    tag = web.make_etag(site.id, version, "sitemap", part, site.key, _has_form(site))
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    await context.limits.hit("exports", web.client_address(request), site.id)
    if not 1 <= part <= count_parts(await find_newest_number(context.database, site.id)):
        raise NotFound
    return _part_response(context, site, part, tag)


def _part_response(context: Context, site: Site, part: int, tag: str) -> Response:
    pieces = render_part(context.database, site, context.settings.public_url, part)
    return web.StreamedResponse(pieces, {"ETag": tag, "Cache-Control": web.SHARED_CACHE_CONTROL}, "application/xml")


def _has_form(site: Site) -> bool:
    return site.collection is None or site.collection.takes_entries(clock.now())


async def get_robots(request: Request) -> Response:
    """GET /robots.txt (RFC 9309). Filtered lists are not excluded: a crawler must read them to see `noindex`."""
    context = web.context(request)
    sites = (await service.list_sites(context.database))[:_MAX_SITEMAPS]
    maps = "".join(f"Sitemap: {context.settings.public_url}/s/{site.key}/sitemap.xml\n" for site in sites)
    return PlainTextResponse(f"{_ROBOTS}\n{maps}", headers={"Cache-Control": "public, max-age=3600"})


routes: list[BaseRoute] = [
    Route("/robots.txt", get_robots, methods=["GET"]),
    Route("/s/{key}/feed.atom", get_feed, methods=["GET"]),
    Route("/s/{key}/sitemap.xml", get_sitemap, methods=["GET"]),
    Route("/s/{key}/sitemap-{part:int}.xml", get_sitemap_part, methods=["GET"]),
]


def xml_text(value: str | None) -> str:
    """Replace characters that XML forbids even escaped; other systems may send them."""
    return _INVALID_XML.sub("\ufffd", value or "")


def entry_id(public_url: str, site: Site, number: int | None = None) -> str:
    """The permanent identifier (RFC 4151) of a problem, or of the site where `number` is None."""
    host = urlsplit(public_url).hostname or "localhost"
    return f"tag:{host},2026:{site.id}" + ("" if number is None else f"/{number}")


def render_feed(
    site: Site,
    language: str,
    items: Sequence[dict[str, Any]],
    *,
    public_url: str,
    query: str,
    itself: str,
    following: str | None,
) -> bytes:
    """Render items of a list, with `category_name`, as a feed.

    `query` is the filter's, `itself` includes the page's size. `updated` is that of the latest change, so that an
    unchanged feed is identical to the byte.
    """
    page = f"{public_url}/s/{site.key}"
    document = pages.render(
        "city/feed.xml",
        language,
        site=site,
        id=entry_id(public_url, site) + xml_text(query),
        page=page,
        query=query,
        itself=itself,
        following=following,
        updated=max((one["updated_at"] for one in items), default=clock.rfc3339(0)),
        entries=[
            {
                **one,
                "id": entry_id(public_url, site, one["number"]),
                "title": xml_text(one.get("title") or wording.first_line(one["description"], _TITLE_LENGTH)),
                "description": xml_text(one["description"]),
                "address": xml_text(one["address"]),
                "page": f"{public_url}{site.entries_path}/{one['number']}",
            }
            for one in items
        ],
        text=xml_text,
    )
    return document.encode()


def count_parts(newest: int) -> int:
    """The number of parts for problems up to number `newest`."""
    return -(-(newest + OTHER_PAGES) // PART_SIZE)


async def render_part(database: Database, site: Site, public_url: str, part: int) -> AsyncIterator[bytes]:
    """Yield a part, counted from 1; the first begins with the site's page and its form."""
    after, last = max(0, (part - 1) * PART_SIZE - OTHER_PAGES), part * PART_SIZE - OTHER_PAGES
    yield f"{_XML_HEAD}<urlset {_SITEMAP_NAMESPACE}>\n".encode()
    if part == 1:
        address = f"{public_url}/s/{site.key}"
        form = _url_element(f"{address}/report") if _has_form(site) else ""
        yield (_url_element(address, await find_last_change(database, site.id)) + form).encode()
    address = public_url + site.entries_path
    while True:
        rows = await list_numbers(database, site.id, after, last, BATCH_SIZE)
        yield "".join(_url_element(f"{address}/{row['number']}", row["updated_at"]) for row in rows).encode()
        if len(rows) < BATCH_SIZE:
            break
        after = rows[-1]["number"]
    yield b"</urlset>\n"


def render_index(addresses: Iterable[str]) -> bytes:
    listed = "".join(f"<sitemap><loc>{escape(one)}</loc></sitemap>\n" for one in addresses)
    return f"{_XML_HEAD}<sitemapindex {_SITEMAP_NAMESPACE}>\n{listed}</sitemapindex>\n".encode()


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
