"""Parse which reports the pages of analytics count: a period, a site, a category, a service and a district.

Heads and administrators read statistics: an agency's of its sites and those of the agencies below it, a service's of
what is assigned to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request

from widget_api import clock, i18n, web
from widget_api.browse.regional_report import period_text
from widget_api.browse.statistics import Query, add_months, month_end
from widget_api.cabinet.http import language_of
from widget_api.cabinet.problems.inbox_rows import selection_url
from widget_api.casework.selection import NONE, Selection
from widget_api.errors import NotFound
from widget_api.people import organisation_store, store
from widget_api.people.model import User, choose_counted
from widget_api.people.report_letters import count_chosen
from widget_api.sites.deadlines import local_date
from widget_api.validation import clean

PATH = "/cabinet/analytics"
_FIRST_YEAR = 2000  # earlier dates are typing errors
PARAMETERS = ("from", "to", "site", "category", "service", "district")
_LONGEST = 100  # characters of a parameter
_FIRST_WEEK = 7  # days of a month in which it says little, and in which one reports on the month before


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The reports that a page counts, and what its filter offers."""

    query: Query
    today: date
    now: int
    chosen: Mapping[str, str]  # the parameters as given, for the fields of the form
    wrong: Mapping[str, str]  # sentences about malformed dates, by field
    sites: list[tuple[str, str]]  # (id, name) of all that may be chosen
    categories: list[tuple[str, str]]
    services: list[tuple[str, str]]  # empty for a service, which sees its own reports
    districts: list[tuple[str, str]]

    def url(self, path: str = PATH, **changes: str) -> str:
        """The address of a page with the same reports, but for `changes`; an empty value leaves a parameter out."""
        merged = {name: value for name, value in {**self.chosen, **changes}.items() if value}
        return f"{path}?{urlencode(merged)}" if merged else path

    def list_url(self, query: Query | None = None, /, **filters: str) -> str:
        """The list of the reports that this scope counts, of another period if `query` is given.

        `filters` are further parameters of `Selection`.
        """
        query = query or self.query
        days = {name: day.isoformat() for name, day in (("since", query.first), ("until", query.last)) if day}
        known = {name: self.chosen[name] for name in ("site", "category", "district") if name in self.chosen}
        if self.services:  # a service counts what is assigned to it, and its list has nothing else
            known["service"] = self.chosen.get("service", "")
        return selection_url(Selection.read({**known, **days, "counted": "yes", **filters}))

    def name(self, kind: str, key: str) -> str:
        """The name of one of the `sites`, `categories`, `services` or `districts`; empty where it is unknown."""
        named: list[tuple[str, str]] = getattr(self, kind)
        return dict(named).get(key, "")


def periods(today: date) -> dict[str, tuple[date, date] | None]:
    """The periods that pages offer by name; None = since the beginning. None of them ends after today."""
    month, quarter = today.replace(day=1), today.replace(month=(today.month - 1) // 3 * 3 + 1, day=1)
    before = add_months(month, -1)
    return {
        "month": (month, today),
        "last_month": (before, month_end(before)),
        "quarter": (quarter, today),
        "year": (today.replace(month=1, day=1), today),
        "twelve": (add_months(month, -11), today),
        "all": None,
    }


async def read_scope(request: Request, user: User) -> Scope:
    """Read the scope from the address. Raises NotFound for who reads no statistics, and for a site of others.

    Without parameters the period is the month so far, in its first week the month before; `from=all` is all time.
    """
    if not user.may("statistics.read"):
        raise NotFound
    database, language, now = web.context(request).database, language_of(request, user), clock.now()
    given = {name: clean(request.query_params.get(name, ""))[:_LONGEST] for name in PARAMETERS}
    visible = [site for site in await store.list_report_sites(database, user) if site.named is None]
    chosen = [site for site in visible if site.id == given["site"]] if given["site"] else choose_counted(visible)
    if given["site"] and not chosen:
        raise NotFound
    counted = await count_chosen(database, user, chosen)
    of, assigned = counted.sites, counted.service is not None
    today = local_date(now, of[0].time_zone if of else "UTC")
    period, wrong = _read_period(language, given, today)
    names = {category.code: category.name for site in reversed(of) for category in site.categories}
    services = (
        []
        if assigned
        else [
            (row["id"], row["name"])
            for row in await organisation_store.list_agencies(database, user.agency_id or "")
            if row["id"] != user.agency_id
        ]
    )
    query = replace(counted, category=given["category"] or None, district=_optional(given["district"]))
    service = counted.service if assigned else _optional(given["service"])
    return Scope(
        query=replace(query, service=service, first=period[0], last=period[1]),
        today=today,
        now=now,
        chosen={name: value for name, value in given.items() if value},
        wrong=wrong,
        sites=[(site.id, site.name) for site in visible],
        categories=sorted(
            ((code, i18n.category_name(language, code, name)) for code, name in names.items()), key=lambda pair: pair[1]
        ),
        services=services,
        districts=[(district.id, district.name) for site in of for district in site.districts],
    )


def _optional(given: str) -> str | None:
    return "" if given == NONE else given or None


def _read_period(
    language: str, given: Mapping[str, str], today: date
) -> tuple[tuple[date | None, date | None], dict[str, str]]:
    """The period, and what is wrong with the dates; the month so far where one is."""
    offered = periods(today)
    if given["from"] == "all":
        return (None, None), {}
    if not given["from"] and not given["to"]:
        return offered["last_month" if today.day <= _FIRST_WEEK else "month"] or (None, None), {}
    days: dict[str, date | None] = {"from": None, "to": None}
    wrong: dict[str, str] = {}
    for name in days:
        if given[name]:
            if clock.is_date(given[name]) and int(given[name][:4]) >= _FIRST_YEAR:
                days[name] = date.fromisoformat(given[name])
            else:
                wrong[name] = i18n.text(language, "analytics.filter.wrong_date")
    first, last = days["from"], days["to"] and min(days["to"], today)  # nothing has happened later
    if not wrong and first and first > (last or today):
        wrong["to" if last else "from"] = i18n.text(language, "analytics.filter.wrong_order")
    if wrong:
        return offered["month"] or (None, None), wrong
    return (first, last or today), {}


def template_values(language: str, scope: Scope, path: str) -> dict[str, Any]:
    """Values of the frame of each page: heading, filter and links between the pages."""
    site = scope.name("sites", scope.chosen.get("site", "")) if len(scope.sites) > 1 else ""
    shown = (scope.query.first, scope.query.last)
    return {
        "scope": scope,
        "path": path,
        "here": scope.url(path),
        "filtered": ", ".join(filter(None, [site, *describe_filters(language, scope)])),
        "period": period_text(language, scope.query, scope.today),
        "periods": [
            (name, scope.url(path, **_dates(days)), shown == (days or (None, None)))
            for name, days in periods(scope.today).items()
        ],
        # A field of a date takes nothing else.
        "dates": {name: scope.chosen.get(name, "") for name in ("from", "to") if name not in scope.wrong}
        if scope.wrong
        else _dates(shown, ""),
        "poll": scope.url(f"{PATH}/version"),
    }


def describe_filters(language: str, scope: Scope) -> list[str]:
    """The names of the category, service and district that are asked for."""
    service, district = scope.query.service, scope.query.district
    chosen = [
        scope.name("categories", scope.query.category or ""),
        i18n.text(language, "analytics.services.none") if service == "" else scope.name("services", service or ""),
        i18n.text(language, "analytics.districts.none") if district == "" else scope.name("districts", district or ""),
    ]
    return [name for name in chosen if name]


def _dates(days: tuple[date | None, date | None] | None, every: str = "all") -> dict[str, str]:
    """The parameters of a period."""
    first, last = days or (None, None)
    return {"from": first.isoformat() if first else every, "to": last.isoformat() if last else ""}
