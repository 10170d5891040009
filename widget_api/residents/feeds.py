"""GET /s/{key}/feed.atom, the sitemaps of a site, /robots.txt."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.browse import listing
from widget_api.errors import NotFound
from widget_api.residents import atom, site_pages_view, sitemap, sitemap_store
from widget_api.sites import service
from widget_api.sites.deadlines import local_date

_MOST_NAMED = 1_000  # sites of which robots.txt says where their sitemaps are
_ROBOTS = """User-agent: *
Disallow: /api/
Disallow: /cabinet/
Disallow: /confirm/
Disallow: /display
Disallow: /follow/
Disallow: /comment/
Disallow: /moderate/
Disallow: /mine
Disallow: /open311/
Disallow: /t/
Disallow: /tiles/
Disallow: /track
Disallow: /unsubscribe/
Disallow: /s/*/embed
Disallow: /s/*/install
"""


async def feed(request: Request) -> Response:
    """GET /s/{key}/feed.atom: what changed last comes first, unless the filter sorts otherwise."""
    context = web.context(request)
    site, version = await service.current(context.database, request.path_params["key"])
    # A subscription is the same feed to every reader: its language is asked for, or the site's.
    language = i18n.known(request.query_params.get("lang") or site.language)
    today = local_date(clock.now(), site.time_zone)
    tag = web.make_etag(site.id, version, today, "atom", request.url.query, language)
    headers = {"Content-Language": language}
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304, headers=headers)
    pairs = request.query_params.multi_items()
    given = dict(pairs)
    usual = [("sort", "updated")] * (not given.get("sort")) + [("limit", str(atom.ENTRIES))] * (not given.get("limit"))
    filters = listing.parse([*pairs, *usual], site)
    public_url = context.settings.public_url
    async with web.expensive_read(request, site.id, filters.cost):
        found = await listing.page(context.database, site, filters, today, public_url)
    asked, limit = site_pages_view.asked(pairs) + [("lang", language)] * ("lang" in given), given.get("limit", "")
    content = atom.written(
        site,
        language,
        [site_pages_view.item(site, language, one) for one in found["items"]],
        public_url=public_url,
        query=site_pages_view.kept(asked),
        itself=site_pages_view.kept(asked, limit=limit),
        following=site_pages_view.kept(asked, limit=limit, cursor=found["next"]) if found["next"] else None,
    )
    return web.cacheable_response(content, tag, headers=headers, media_type="application/atom+xml")


async def site_map(request: Request) -> Response:
    """GET /s/{key}/sitemap.xml: all addresses, or an index of the files that hold them."""
    context = web.context(request)
    site, version = await service.current(context.database, request.path_params["key"])
    tag = web.make_etag(site.id, version, "sitemap", site.key)
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    await context.limits.hit("exports", web.client_address(request), site.id)
    many = sitemap.parts(await sitemap_store.newest(context.database, site.id))
    address = f"{context.settings.public_url}/s/{site.key}"
    if many > 1:
        listed = sitemap.index(f"{address}/sitemap-{part}.xml" for part in range(1, many + 1))
        return web.cacheable_response(listed, tag, media_type="application/xml")
    pieces = sitemap.pieces(context.database, site.id, address, 1)
    return web.StreamedResponse(pieces, {"ETag": tag, "Cache-Control": web.SHARED_CACHE_CONTROL}, "application/xml")


async def site_map_part(request: Request) -> Response:
    """GET /s/{key}/sitemap-{part}.xml"""
    context = web.context(request)
    site, version = await service.current(context.database, request.path_params["key"])
    part: int = request.path_params["part"]
    tag = web.make_etag(site.id, version, "sitemap", part, site.key)
    if web.is_not_modified(request, tag):
        return web.cacheable_response(b"", tag, 304)
    await context.limits.hit("exports", web.client_address(request), site.id)
    if not 1 <= part <= sitemap.parts(await sitemap_store.newest(context.database, site.id)):
        raise NotFound
    pieces = sitemap.pieces(context.database, site.id, f"{context.settings.public_url}/s/{site.key}", part)
    return web.StreamedResponse(pieces, {"ETag": tag, "Cache-Control": web.SHARED_CACHE_CONTROL}, "application/xml")


async def robots(request: Request) -> Response:
    """GET /robots.txt (RFC 9309). Views of a list are not named: a crawler must read them to see `noindex`."""
    context = web.context(request)
    sites = (await service.all_sites(context.database))[:_MOST_NAMED]
    maps = "".join(f"Sitemap: {context.settings.public_url}/s/{site.key}/sitemap.xml\n" for site in sites)
    return PlainTextResponse(f"{_ROBOTS}\n{maps}", headers={"Cache-Control": "public, max-age=3600"})


routes: list[BaseRoute] = [
    Route("/robots.txt", robots, methods=["GET"]),
    Route("/s/{key}/feed.atom", feed, methods=["GET"]),
    Route("/s/{key}/sitemap.xml", site_map, methods=["GET"]),
    Route("/s/{key}/sitemap-{part:int}.xml", site_map_part, methods=["GET"]),
]
