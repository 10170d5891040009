"""What stands under a published problem on its page: a form to follow it, the discussion, a form to join in."""

from __future__ import annotations

from typing import Any

from widget_api import clock, i18n
from widget_api.comments import service
from widget_api.comments.model import NAME_LENGTH, TEXT_LENGTH
from widget_api.context import Context
from widget_api.errors import Conflict
from widget_api.residents import form_values
from widget_api.sites.model import Site

LIMITS = {"name": NAME_LENGTH[1], "text": TEXT_LENGTH[1]}


async def view(context: Context, site: Site, number: int, language: str, cursor: str) -> dict[str, Any]:
    """Values of the macro `under` of city/people.html. `cursor` is where a later page of them begins."""
    forms = await form_values.values(context, site, language)
    found: dict[str, Any] = {
        "follow": forms,
        "discussion": site.discussion != "off",
        "comments": [],
        "next": None,
        "later": False,
        "comment": None,
        "limits": LIMITS,
    }
    if not found["discussion"]:
        return found
    database = context.database
    page = await service.read_page(database, site, number, cursor)
    found |= {
        "comments": [{**one, "day": _day(language, one["at"], site.time_zone)} for one in page["items"]],
        "next": page["next"],
        "later": bool(cursor),
    }
    try:
        await service.find_open_problem(database, site, number)
    except Conflict:
        return found  # merged: what was said stays to be read, the discussion goes on elsewhere
    return found | {"comment": await form_values.values(context, site, language)}


def _day(language: str, at: str, time_zone: str) -> str:
    return i18n.format_day(language, clock.parse_rfc3339(at), time_zone)
