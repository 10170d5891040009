"""Serve a site's public pages without scripts: the list, a published problem, the page for frames."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.browse import (
    coverage,
    coverage_map,
    detail,
    listing,
    open_data_formats,
    point_map,
    published_figures,
    published_reports,
    queries,
    statistics,
)
from widget_api.database import Database
from widget_api.errors import NotFound
from widget_api.participation import store as participants
from widget_api.problems import timeline
from widget_api.problems.model import parse_number
from widget_api.problems.store import contacts, records
from widget_api.residents import (
    application,
    city_head,
    collection_view,
    participation,
    problem_forms,
    site_pages_view,
)
from widget_api.signing import Purpose
from widget_api.sites import appearance, changes, collection, origins, presets, service, store
from widget_api.sites.deadlines import local_date
from widget_api.sites.install import options
from widget_api.sites.model import Site, is_slug
from widget_api.visits import store as visits


async def site_page(request: Request) -> Response:
    """GET /s/{key}: statistics, the filter, the list. Unknown query parameters are ignored.

    `preview`, a token that the cabinet gives, shows a draft of a collection.
    """
    context, previewed = web.context(request), await _find_draft(request)
    site, version = previewed or await service.by_key_with_version(context.database, request.path_params["key"])
    language = web.negotiate_language(request, site.language)
    stored, site = site, presets.localize(site, language)
    pairs = site_pages_view.filter_pairs(request.query_params.multi_items(), site)
    filters, wrong = site_pages_view.parse_filter(pairs, site)
    now = clock.now()
    today = local_date(now, site.time_zone)
    found = listing.Page(rows=[], end=None)  # where the filter is invalid, the form alone is shown
    if not wrong:
        async with web.expensive_read(request, site.id, filters.cost):
            found = await listing.find(context.database, site.id, filters, today, filters.limit)
    newer = None  # the query of the previous page
    if filters.after and found.rows:
        start = await listing.find_page_start(context.database, site.id, filters, today, found.rows[0], queries.LIMIT)
        newer = site_pages_view.filter_query(
            pairs, cursor=listing.encode_cursor(site.id, filters, start) if start else ""
        )
    address = f"{context.settings.public_url}/s/{site.key}"
    own = site.collection
    description = own.summary if own else i18n.text(language, "city.lead", site=site.name)
    covered = await coverage.read(context.database, stored, version) if own and filters.after is None else None
    zoom = context.settings.tiles_zoom if context.settings.tiles else None
    query = site_pages_view.filter_query(pairs)
    narrow = replace(filters, dated="").narrow  # entries to come are what such a list has
    plain = not (narrow or wrong or filters.after)
    town_map = None
    if own is None and not wrong:
        town_map = await city_head.map_values(context, site, filters, found.rows, today, language)
    figures = await published_figures.read(context.database, statistics.Query(sites=(site,)), now, language)
    items = [
        site_pages_view.list_item(site, language, listing.item(row, today, site, context.settings.public_url))
        for row in found.rows
    ]
    form = site_pages_view.filter_form(pairs, filters, wrong, site, language)
    most = await participants.find_most(context.database, site.id) if own and own.action == "vote" else 0
    return web.html_response(
        request,
        "city/collection.html" if own else "city/site.html",
        400 if wrong else 200,
        public=not previewed,
        private=bool(previewed),
        preview=bool(previewed),
        policy=web.PAGE_POLICY if own else web.WIDGET_POLICY,
        language=language,
        site=site,
        kept=site_pages_view.filter_query(pairs)[1:],
        here=f"/s/{site.key}",
        application=None if own else application.page_values(site),
        made=i18n.format_moment(language, now, site.time_zone, today=today),
        query=query,
        files=site_pages_view.files_query([] if wrong else pairs, site, language),
        form=form,
        filtered=narrow or bool(wrong),
        figures=site_pages_view.statistics_values(
            figures,
            await statistics.read_published(context.database, site),
            language,
        ),
        town_map=town_map,
        of_area=filters.bbox is not None,
        pairs=await city_head.pairs_values(context, site, today, language) if own is None and plain else [],
        reports=[
            published_reports.link(language, site, row)
            for row in (await published_reports.list_reports(context.database, site.id) if plain else [])
        ],
        items=collection_view.make_cards(site, language, items, most) if own else items,
        kinds=collection_view.list_kinds(site, language, pairs, filters, figures) if own else [],
        every=site_pages_view.filter_query(pairs, category=""),
        orders=collection_view.list_orders(pairs, form["sorts"], form["sort"]) if own else [],
        result="" if wrong else site_pages_view.result_text(site, filters, found, language),
        newer=newer,
        older=site_pages_view.filter_query(pairs, cursor=listing.encode_cursor(site.id, filters, found.end))
        if found.end
        else None,
        first=filters.after is None,
        host=site_pages_view.agency_site_url(site),
        license=open_data_formats.license_url(site.license),
        license_name=site.license,
        coverage=covered,
        coverage_kinds=dict(next(one.values for one in site.fields if one.code == covered.asked)) if covered else {},
        map=covered and await asyncio.to_thread(coverage_map.draw_coverage, site.districts, covered.districts, zoom),
        attribution=context.settings.tiles_attribution if context.settings.tiles else "",
        visits=await _list_results(context.database, site, language) if own and own.visits and plain else [],
        vote=participation.vote_values(site, language) if own and own.action == "vote" and plain else None,
        open=own is None or own.takes_entries(now),
        collections=[] if own else [child for child, _, _ in await collection.list_collections(context.database, site)],
        meta={
            "title": site.name if own else i18n.text(language, "city.title"),
            "description": description,
            "address": address,
            "image": None,
            "kind": "website",
            "unlisted": bool(query) or filters.after is not None,
            "structured_data": site_pages_view.dataset_jsonld(
                site,
                address,
                context.settings.public_url + site.entries_api,
                open_data_formats.license_url(site.license),
                description,
            ),
        },
    )


async def _find_draft(request: Request) -> tuple[Site, int] | None:
    """The collection of a preview's token, and its version; None for any other address than its own, and once the
    collection was published, or hidden, after the link was made.
    """
    context, token = web.context(request), request.query_params.get("preview", "")
    draft = context.signer.read(Purpose.PREVIEW, token) if token else None
    site_id, disabled_at = draft if isinstance(draft, list) and len(draft) == 2 else ("", None)
    counters = await store.find_counters(context.database, site_id) if site_id else None
    if counters is None or disabled_at is None:
        return None
    if disabled_at != await changes.find_disabled_at(context.database, site_id):
        return None
    site = await service.by_id(context.database, site_id)
    return (site, counters["version"]) if site.key == request.path_params["key"] else None


_MOST_VISITS = 20


async def _list_results(database: Database, site: Site, language: str) -> list[dict[str, Any]]:
    """Visits with their results, and the names of those who accepted and agreed to be named."""
    found = []
    for row in await visits.list_results(database, site.id, _MOST_VISITS):
        team = [one for one in await visits.list_invited(database, row["id"]) if one["state"] == "accepted"]
        names = [one["name"] for one in team if one["published"] and one["name"]]
        texts = {name: row[name] for name in ("place", "result", "agency")}
        day = i18n.format_day(language, row["at"], site.time_zone)
        found.append({**texts, "day": day, "team": len(team), "names": names})
    return found


async def problem_page(request: Request) -> Response:
    """GET /s/{key}/problems/{number}"""
    context = web.context(request)
    site = await service.by_key(context.database, request.path_params["key"])
    language = web.negotiate_language(request, site.language)
    site = presets.localize(site, language)
    number = parse_number(request.path_params["number"])
    found = await listing.find_published(context.database, site.id, number)
    row = found and await records.find(context.database, found["id"])
    if found is None or row is None:
        raise NotFound("problem_not_found")
    entries = await timeline.read_timeline(context.database, row["id"], public=True)
    today = local_date(clock.now(), site.time_zone)
    item = listing.item(found, today, site, context.settings.public_url)
    attached = await detail.Attached.read(context, site.id, row["id"])
    entries = [{**entry, **attached.of(entry)} for entry in entries]
    values = site_pages_view.problem_values(site, language, item, row, entries, today)
    merged_into = row["duplicate_of"] if row["status"] == "duplicate" else None
    target = merged_into and await listing.find_published(context.database, site.id, merged_into)
    return web.html_response(
        request,
        "city/problem.html",
        language=language,
        site=site,
        host=site_pages_view.agency_site_url(site),
        here=f"/s/{site.key}",
        files=site_pages_view.files_query([], site, language),
        meta={
            "title": f"{i18n.text(language, 'common.number', number=row['number'])}. {values['item']['first_line']}",
            "description": site_pages_view.summary_text(row["description"]),
            "address": f"{context.settings.public_url}{site.entries_path}/{row['number']}",
            "image": next((photo["url"] for photo in item["photos"]), None),
            "kind": "article",
            "unlisted": False,
            "structured_data": None,
        },
        author=await contacts.published_name(context.database, row["id"]),
        merged_into=merged_into if target else None,
        map=point_map.draw_point(site, context.settings, row["lat"], row["lng"]),
        **values,
        action=await participation.action_values(context, site, row, language),
        people=await problem_forms.section_values(
            context, site, row["number"], language, request.query_params.get("comments", "")
        ),
    )


async def embed_page(request: Request) -> Response:
    """GET /s/{key}/embed: the widget in a frame, for host pages that allow no scripts.

    `type`, `view`, `category`, `collection`, `theme`, `accent`, `lang`, `lat`, `lng` and `address` are the widget's;
    `preview` is the generator's.
    """
    context, key, query = web.context(request), request.path_params["key"], request.query_params
    around = _embedding_origin(request)
    try:
        site = await service.by_key(context.database, key)
    except NotFound:
        expired = await service.find_expired(context.database, key)
        if expired is not None and around:
            context.sightings.note(expired, "key_expired", around)
        raise
    if around and "preview" not in query:
        context.sightings.note(site, "framed" if around in site.origins else "origin_refused", around)
        if key != site.key and around in site.origins:
            context.sightings.note(site, "key_old", around)
    framing = "'self'" if "preview" in query else " ".join(_list_framing(site)) or "'none'"
    policy = web.WIDGET_POLICY.replace("frame-ancestors 'none'", f"frame-ancestors {framing}")
    accent = options.parse_colour(query.get("accent")) or site.accent
    return web.html_response(
        request,
        "city/embed.html",
        language=web.negotiate_language(request, site.language),
        site=site,
        policy=policy,
        origins=[origins.origin_of_url(context.settings.public_url)] if "preview" in query else sorted(site.origins),
        type="basic" if query.get("type") == "basic" else site.type,
        view="figures" if query.get("view") == "figures" else "inline",
        category=site.category(query.get("category", "")) and query["category"],
        collections=" ".join(slug for slug in re.split(r"[\s,]+", query.get("collection", "")) if is_slug(slug)),
        place=options.parse_place(query, site),
        look=query.get("theme") if query.get("theme") in options.THEMES else "",
        hidden=" ".join(options.parse_hidden(query.get("hide", ""), site)),
        accent=accent,
        ink=accent and appearance.choose_ink(accent),
    )


def _embedding_origin(request: Request) -> str:
    """The origin of the page that embeds this one, where the browser sends it; empty otherwise."""
    if request.headers.get("sec-fetch-dest") != "iframe":
        return ""
    try:
        found = origins.origin_of_url(request.headers.get("referer", ""))
    except origins.InvalidOrigin:
        return ""
    return "" if found == origins.origin_of_url(web.context(request).settings.public_url) else found


async def instance_page(request: Request) -> Response:
    """GET /stats: the figures of all sites of the service together."""
    context, language = web.context(request), web.negotiate_language(request)
    async with web.expensive_read(request, "", published_figures.COST_OF_ALL):
        found = await published_figures.read_instance(
            context.database, await store.count_sites(context.database), clock.now()
        )
    return web.html_response(
        request,
        "city/instance.html",
        public=True,
        language=language,
        address=f"{context.settings.public_url}/stats",
        tiles=list(published_figures.instance_tiles(found, language)),
        outcomes=found["outcomes"],
    )


def _list_framing(site: Site) -> list[str]:
    """The origins that may frame the widget; a test key works on the reader's own machine too."""
    return sorted(site.origins) + (["http://localhost:*", "http://127.0.0.1:*"] if site.is_test else [])


routes: list[BaseRoute] = [
    Route("/stats", instance_page, methods=["GET"]),
    Route("/s/{key}", site_page, methods=["GET"]),
    Route("/s/{key}/embed", embed_page, methods=["GET"]),
    Route("/s/{key}/problems/{number}", problem_page, methods=["GET"]),
]
