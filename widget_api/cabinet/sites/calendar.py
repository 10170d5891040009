"""Serve /cabinet/sites/{site_id}/calendar: the days off and transferred working days by which due dates are counted."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from widget_api import clock, i18n, web
from widget_api.cabinet.http import Fields, journal_user, language_of, render_page, require_user, session_fields
from widget_api.cabinet.sites.settings import PATH, find_settable_site, find_site
from widget_api.errors import FieldError, Invalid
from widget_api.people.model import User
from widget_api.sites import changes
from widget_api.sites.deadlines import Calendar, russian_holidays
from widget_api.sites.model import Site

YEARS = 2  # shown: this and the next
KINDS = ("off", "on")


async def show_calendar(request: Request, user: User) -> Response:
    return _render(request, user, await find_site(request, user))


async def change_calendar(request: Request, user: User) -> Response:
    """POST: add one of the site's own days (`day`, `kind`), or `remove` one."""
    fields, site = await session_fields(request), await find_settable_site(request, user)
    days = site.calendar.own_days
    try:
        if removed := fields.get("remove"):
            days.pop(removed, None)
        else:
            wrong = [] if clock.is_date(fields.get("day", "")) else [FieldError("day", "date")]
            wrong += [] if fields.get("kind") in KINDS else [FieldError("kind", "required")]
            if wrong:
                raise Invalid(tuple(wrong))
            days[fields["day"]] = fields["kind"] == "on"
        await changes.update_site(
            web.context(request).database, site.id, {"calendar": days}, who=journal_user(request, user)
        )
    except Invalid as error:
        return _render(request, user, site, 422, given=fields, wrong=error)
    return web.see_other(f"{PATH}/{site.id}/calendar?done=1")


def _render(
    request: Request,
    user: User,
    site: Site,
    status: int = 200,
    *,
    given: Fields | None = None,
    wrong: Invalid | None = None,
) -> Response:
    language, given = language_of(request, user), given or {}
    year = site.calendar.local_date(clock.now()).year
    return render_page(
        request,
        user,
        "calendar.html",
        status,
        site=site,
        years=[(one, list_months(language, site.calendar, one)) for one in range(year, year + YEARS)],
        given={name: given.get(name, "") for name in ("day", "kind")},
        errors=wrong,
        may_set=user.may("sites.change"),
        section="sites",
        here=f"{PATH}/{site.id}/calendar",
    )


def list_months(language: str, calendar: Calendar, year: int) -> list[dict[str, Any]]:
    """The months of a year with such days, each with its `rows`.

    The present one is `open`, or the next that has any, and those with the site's own days.
    """
    months: list[dict[str, Any]] = [
        {"name": _month_name(language, month), "month": month, "rows": list(rows)}
        for month, rows in groupby(calendar_rows(language, calendar, year), lambda row: str(row["day"])[:7])
    ]
    today = calendar.local_date(clock.now()).isoformat()[:7]
    shown = next((one["month"] for one in months if one["month"] >= today), None) if today[:4] == str(year) else None
    return [one | {"open": one["month"] == shown or any(row["own"] for row in one["rows"])} for one in months]


def _month_name(language: str, month: str) -> str:
    name, _, _ = i18n.format_month(language, date.fromisoformat(f"{month}-01")).partition(i18n.NO_BREAK_SPACE)
    return name.capitalize()


def calendar_rows(language: str, calendar: Calendar, year: int) -> list[dict[str, Any]]:
    """The days of a year that are no ordinary weekday or weekend: free weekdays, worked weekends, the site's own."""
    own = calendar.own_days
    days = [date(year, 1, 1) + timedelta(days=one) for one in range(366)]
    return [
        {
            "day": day.isoformat(),
            "text": i18n.format_weekday(language, day),
            "name": "" if day.isoformat() in own else russian_holidays(language).get(day) or "",
            "works": calendar.is_working_day(day),
            "own": day.isoformat() in own,
        }
        for day in days
        if day.year == year and (calendar.is_working_day(day) != (day.weekday() < 5) or day.isoformat() in own)
    ]


routes: list[BaseRoute] = [
    Route(PATH + "/{site_id}/calendar", require_user(show_calendar), methods=["GET"]),
    Route(PATH + "/{site_id}/calendar", require_user(change_calendar), methods=["POST"]),
]
