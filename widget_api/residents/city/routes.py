"""GET /s/{key}, one published problem, and the page that may be framed: plain pages for whoever has only a link."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, http, i18n
from widget_api.errors import NotFound
from widget_api.install import colours, options
from widget_api.problems import listing, store, timeline, wording
from widget_api.residents.private import view as private
from widget_api.sites import origins, service
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

_FIRST_LINE = 160  # characters of a report in the list


async def site_page(request: Request) -> Response:
    """GET /s/{key}"""
    context = http.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    language = http.language(request, site.language)
    cursor = request.query_params.get("cursor", "")
    filters = listing.parse([("cursor", cursor)], site)
    today = local_date(clock.now(), site.time_zone)
    found = await listing.page(context.database, site.id, filters, today, context.settings.public_url)
    return http.html(
        request,
        "city/site.html",
        language=language,
        site=site,
        items=[_item(site, language, item) for item in found["items"]],
        next=found["next"],
        first=not cursor,
    )


def _item(site: Site, language: str, item: dict[str, Any]) -> dict[str, Any]:
    category = site.category(item["category"])
    return {
        **item,
        "first_line": wording.first_line(item["description"], _FIRST_LINE),
        "category_name": i18n.category_name(language, item["category"], category.name if category else None),
        "day": i18n.format_day(language, clock.parse_rfc3339(item["created_at"]), site.time_zone),
    }


async def problem_page(request: Request) -> Response:
    """GET /s/{key}/problems/{number}"""
    context = http.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    language = http.language(request, site.language)
    number = request.path_params["number"]
    row = (
        await listing.published(context.database, site.id, int(number[:10]))
        if number.isascii() and number.isdigit()
        else None
    )
    if row is None:
        raise NotFound("problem_not_found")
    entries = await timeline.told(context.database, row["id"], public=True)
    item = listing.item(row, local_date(clock.now(), site.time_zone), context.settings.public_url)
    answer = timeline.answer(entries)
    shown = [{**entry, "text": None} if entry is answer else entry for entry in entries]  # it stands above already
    return http.html(
        request,
        "city/problem.html",
        language=language,
        site=site,
        item=_item(site, language, item),
        entries=private.told(language, site, shown, await store.find(context.database, row["id"])),
        answer=answer and {**answer, "day": i18n.format_day(language, answer["at"], site.time_zone)},
    )


async def embed_page(request: Request) -> Response:
    """GET /s/{key}/embed: for frames on the site's own pages, where a host allows no scripts.

    `type`, `category`, `theme`, `accent` and `lang` are the widget's attributes. `preview` is for our own pages alone.
    """
    context, key, query = http.context(request), request.path_params["key"], request.query_params
    around = _around(request)
    try:
        site = await service.by_key(context.database, key)
    except NotFound:
        lapsed = await service.lapsed(context.database, key)
        if lapsed is not None and around:
            context.sightings.note(lapsed, "key_expired", around)
        raise
    if around and "preview" not in query:
        context.sightings.note(site, "framed" if around in site.origins else "origin_refused", around)
        if key != site.key and around in site.origins:
            context.sightings.note(site, "key_old", around)
    framing = "'self'" if "preview" in query else " ".join(sorted(site.origins)) or "'none'"
    policy = http.PAGE_POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {framing}")
    policy = policy.replace("img-src 'self'", "img-src 'self' blob:")
    accent = options.colour(query.get("accent")) or site.accent
    return http.html(
        request,
        "city/embed.html",
        language=http.language(request, site.language),
        site=site,
        policy=policy,
        origins=[origins.of_url(context.settings.public_url)] if "preview" in query else sorted(site.origins),
        type="basic" if query.get("type") == "basic" else site.type,
        category=site.category(query.get("category", "")) and query["category"],
        look=query.get("theme") if query.get("theme") in options.THEMES else "",
        accent=accent,
        ink=accent and colours.ink_for(accent),
    )


def _around(request: Request) -> str:
    """The origin of the page that frames this one, where its browser tells it."""
    if request.headers.get("sec-fetch-dest") != "iframe":
        return ""
    try:
        found = origins.of_url(request.headers.get("referer", ""))
    except origins.NotAnOrigin:
        return ""
    return "" if found == origins.of_url(http.context(request).settings.public_url) else found


routes: list[BaseRoute] = [
    Route("/s/{key}", site_page, methods=["GET"]),
    Route("/s/{key}/embed", embed_page, methods=["GET"]),
    Route("/s/{key}/problems/{number}", problem_page, methods=["GET"]),
]
