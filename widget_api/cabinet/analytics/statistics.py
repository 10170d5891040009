"""Serve /cabinet/analytics: what happens on the territory, for heads and administrators, with a CSV of each table."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import i18n, web
from widget_api.browse import growth, open_data_formats, places, received, statistics
from widget_api.browse.figures import DEFINED, name_at
from widget_api.browse.regional_report import period_text
from widget_api.cabinet.analytics import density_map as analytics_map
from widget_api.cabinet.analytics import tables as analytics_view
from widget_api.cabinet.analytics.scope import PATH, Scope, read_scope, template_values
from widget_api.cabinet.analytics.tables import Groups, Table
from widget_api.cabinet.http import file_headers, find_user, language_of, render_page, require_user, version_response
from widget_api.database import Database
from widget_api.errors import NotFound
from widget_api.geo.address import LONGEST_STREET
from widget_api.people import store
from widget_api.people.model import User
from widget_api.problems.projections.figures import CELL_LEVEL
from widget_api.sites import service as sites
from widget_api.validation import clean

_FINE_LEVEL, _MAX_FINE = 16, 20_000  # cells of 350 m, as long as so many reports can be counted one by one
_SEPARATOR = ";"  # of spreadsheets of countries with a decimal comma


async def _compare(database: Database, scope: Scope, dimension: statistics.Dimension) -> tuple[Groups, Groups | None]:
    """The statistics of each group now and in the period before."""
    before = scope.query.shifted_back()
    return (
        await statistics.read_by(database, scope.query, dimension, scope.now),
        await statistics.read_by(database, before, dimension, scope.now) if before else None,
    )


async def show_overview(request: Request, user: User) -> Response:
    """GET /cabinet/analytics?from&to&site&category&service&district"""
    scope, language = await read_scope(request, user), language_of(request, user)
    database = web.context(request).database.in_threads()
    now, before = await _compare(database, scope, "category")
    found, earlier = statistics.combine(now.values()), None if before is None else statistics.combine(before.values())
    year = scope.query.year_ago()
    past = await statistics.read(database, year, scope.now) if year else None
    compared: dict[bool, list[str]] = {True: [], False: []}  # periods by whether they have figures
    for query, other in ((scope.query.shifted_back(), earlier), (year, past)):
        if query is not None and other is not None:
            compared[analytics_view.is_comparable(other)].append(period_text(language, query, scope.today))
    months = await statistics.read_months(database, scope.query, scope.today)
    objections = await places.list_objections(database, scope.query) if found.returned else []
    return render_page(
        request,
        user,
        "analytics.html",
        **template_values(language, scope, PATH),
        tiles=analytics_view.make_tiles(language, scope, found, earlier, past),
        compared=i18n.format_list(language, list(dict.fromkeys(compared[True]))),
        without_figures=i18n.format_list(language, list(dict.fromkeys(compared[False]))),
        growing=[
            (analytics_view.growth_sentence(language, scope, topic), _growth_url(scope, topic))
            for topic in await growth.find_growing(database, scope.query, scope.today)
        ],
        chart=analytics_view.draw_months(language, months),
        tables={
            table.name: table
            for table in (
                analytics_view.months_table(language, months),
                analytics_view.categories_table(language, scope, now, before),
                analytics_view.statuses_table(language, scope, found),
                analytics_view.outcomes_table(language, await received.read(database, scope.query, scope.now)),
                analytics_view.sources_table(language, found),
                analytics_view.ratings_table(language, found),
            )
        },
        found=found,
        defined=[name_at("analytics", name) for name in DEFINED],
        objections=[
            {
                "href": f"/cabinet/problems/{row['id']}",
                "number": row["number"],
                "text": row["text"],
                "day": i18n.format_day(language, row["at"], (await sites.by_id(database, row["site_id"])).time_zone),
            }
            for row in objections
        ],
        show=_formatter(language),
        version=await _read_version(request, user, scope),
    )


def _growth_url(scope: Scope, topic: growth.Topic) -> str:
    if topic.kind == "category":
        week = replace(scope.query, first=topic.monday, last=topic.monday + timedelta(days=6))
        return scope.list_url(week, category=topic.name)
    return analytics_view.street_url(scope, topic.name, topic.site_id)


async def show_services(request: Request, user: User) -> Response:
    """GET /cabinet/analytics/services: the agency's services side by side."""
    scope, language = await read_scope(request, user), language_of(request, user)
    if not scope.services:
        raise NotFound
    now, before = await _compare(web.context(request).database.in_threads(), scope, "service")
    return render_page(
        request,
        user,
        "analytics_groups.html",
        **template_values(language, scope, f"{PATH}/services"),
        table=analytics_view.groups_table(language, scope, "services", now, before),
        show=_formatter(language),
        version=await _read_version(request, user, scope),
    )


async def show_places(request: Request, user: User) -> Response:
    """GET /cabinet/analytics/places?…&month&street: where reports come from; the houses of one street."""
    scope, language = await read_scope(request, user), language_of(request, user)
    context = web.context(request)
    database, settings = context.database.in_threads(), context.settings
    path, street = f"{PATH}/places", clean(request.query_params.get("street", ""))[:LONGEST_STREET]
    months = await places.count_months(database, scope.query)
    level = _FINE_LEVEL if sum(months.values()) <= _MAX_FINE else CELL_LEVEL
    area = await places.count_cells(database, scope.query, level)
    month = request.query_params.get("month", "")
    month = month if month in months else ""
    first = date.fromisoformat(f"{month}-01") if month else None
    shown_of = replace(scope.query, first=first, last=first) if first else scope.query
    shown = await places.count_cells(database, shown_of, level) if first else area
    density = analytics_map.draw_density(shown, area, level, settings.tiles_zoom if settings.tiles else None)
    tables = [analytics_view.streets_table(scope, await places.list_streets(database, scope.query))]
    if street:
        tables.append(analytics_view.houses_table(scope, await places.list_houses(database, scope.query, street)))
    if scope.districts:
        tables.append(
            analytics_view.groups_table(language, scope, "districts", *await _compare(database, scope, "district"))
        )
    return render_page(
        request,
        user,
        "analytics_places.html",
        **template_values(language, scope, path),
        density=density,
        cell_url=scope.list_url(places.widen(shown_of), view="map"),
        cell_titles={
            count: i18n.text(language, "lists.map.group", count=count)
            for count in {cell.count for cell in (density.cells if density else ())}
        },
        attribution=settings.tiles_attribution if settings.tiles else "",
        months=[
            {
                "name": i18n.format_month(language, date.fromisoformat(f"{name}-01")),
                "count": count,
                "href": scope.url(path, month=name, street=street),
                "current": name == month,
            }
            for name, count in months.items()
        ],
        month=month,
        every_month=scope.url(path, street=street),
        street=street,
        tables={table.name: table for table in tables},
        show=_formatter(language),
        version=await _read_version(request, user, scope),
    )


def _formatter(language: str) -> Callable[[analytics_view.Kind, analytics_view.Value], str]:
    return lambda kind, value: analytics_view.format_value(language, kind, value)


# --- files -----------------------------------------------------------------------------------------------------------


async def _make_table(name: str, database: Database, language: str, scope: Scope) -> Table | None:
    match name:
        case "months":
            months = await statistics.read_months(database, scope.query, scope.today)
            return analytics_view.months_table(language, months)
        case "categories":
            return analytics_view.categories_table(language, scope, *await _compare(database, scope, "category"))
        case "services":
            return analytics_view.groups_table(language, scope, name, *await _compare(database, scope, "service"))
        case "districts":
            return analytics_view.groups_table(language, scope, name, *await _compare(database, scope, "district"))
        case "streets":
            return analytics_view.streets_table(scope, await places.list_streets(database, scope.query))
        case "statuses":
            found = await statistics.read(database, scope.query, scope.now)
            return analytics_view.statuses_table(language, scope, found)
        case "outcomes":
            return analytics_view.outcomes_table(language, await received.read(database, scope.query, scope.now))
        case "sources":
            return analytics_view.sources_table(language, await statistics.read(database, scope.query, scope.now))
        case "ratings":
            return analytics_view.ratings_table(language, await statistics.read(database, scope.query, scope.now))
    return None


async def get_csv(request: Request, user: User) -> Response:
    """GET /cabinet/analytics/{table}.csv with the parameters of the pages. Shares are fractions, times are in hours."""
    scope, language = await read_scope(request, user), language_of(request, user)
    database = web.context(request).database.in_threads()
    table = await _make_table(request.path_params["table"], database, language, scope)
    if table is None:
        raise NotFound
    content = open_data_formats.header(_SEPARATOR, [_head(language, name, kind) for name, kind in table.columns])
    content += open_data_formats.table([row.cells for row in table.rows], _SEPARATOR)
    headers = file_headers(f"{table.name}-{scope.today}.csv")
    return Response(content, headers=headers, media_type=open_data_formats.CSV_TYPE)


def _head(language: str, name: str, kind: str) -> str:
    title = i18n.text(language, f"analytics.column.{name}")
    return f"{title}, {i18n.text(language, 'analytics.unit.hours')}" if kind == "hours" else title


# --- live ------------------------------------------------------------------------------------------------------------


async def _read_version(request: Request, user: User, scope: Scope) -> str:
    """A text that changes whenever the numbers may: with a change of a report, and at midnight."""
    position, version = await store.read_versions(
        web.context(request).database, [site.id for site in scope.query.sites]
    )
    text = f"{len(scope.query.sites)}-{position}-{version}-{scope.today}"
    return hashlib.sha256(text.encode()).hexdigest()  # a service may not count what the whole site does


async def get_version(request: Request) -> Response:
    """GET /cabinet/analytics/version, which the pages poll; 304 where nothing has changed."""
    user = await find_user(request)
    if user is None:
        return Response(status_code=401, headers={"Cache-Control": "no-store"})
    return version_response(request, await _read_version(request, user, await read_scope(request, user)))


routes: list[BaseRoute] = [
    Route(PATH, require_user(show_overview), methods=["GET"]),
    Route(f"{PATH}/services", require_user(show_services), methods=["GET"]),
    Route(f"{PATH}/places", require_user(show_places), methods=["GET"]),
    Route(f"{PATH}/version", get_version, methods=["GET"]),
    Route(PATH + "/{table}.csv", require_user(get_csv), methods=["GET"]),
]
