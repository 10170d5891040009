"""Turns rows of the inbox into lines of the list: words, marks, links that keep the selection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from widget_api import i18n
from widget_api.cabinet import inbox_store
from widget_api.cabinet.inbox_service import Inbox
from widget_api.clock import rfc3339
from widget_api.database import Row
from widget_api.geo import model as places
from widget_api.people.model import TABS, Selection, VisibleSite
from widget_api.problems.deadline import is_overdue, is_running
from widget_api.sites.deadlines import add_working_days, local_date, promised_date
from widget_api.sites.model import Site

Sites = Mapping[str, Site]
LIST = "/cabinet/"


@dataclass(frozen=True, kw_only=True)
class Due:
    """When an answer is due; `state` says whether it matters now: "" | soon | overdue."""

    text: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the list."""

    id: str
    href: str
    number: int
    status: str
    category: str
    text: str
    place: str
    site: str
    received: str
    received_at: str
    due: Due | None
    unconfirmed: bool
    spam: bool
    erased: bool
    awaits: str | None


def address_of(selection: Selection, path: str = LIST, **more: str) -> str:
    """A link that keeps the selection."""
    query = urlencode(selection.parameters() | more)
    return f"{path}?{query}" if query else path


def lines(language: str, found: Inbox, sites: Sites) -> list[Line]:
    names = {site.id: site for site in found.sites}
    return [_line(language, row, names[row["site_id"]], sites, found) for row in found.rows]


def _line(language: str, row: Row, site: VisibleSite, sites: Sites, found: Inbox) -> Line:
    return Line(
        id=row["id"],
        href=address_of(found.selection, f"/cabinet/problems/{row['id']}"),
        number=row["number"],
        status=row["status"],
        category=category(language, sites[site.id], row["category"]),
        text=row["description"],
        place=place(row),
        site=site.name,
        received=i18n.format_moment(language, row["created_at"], site.time_zone),
        received_at=rfc3339(row["created_at"]),
        due=due(language, row, site.time_zone, found.now),
        unconfirmed=bool(row["unconfirmed"]) and row["status"] == "moderation",
        spam=bool(row["spam"]),
        erased=row["erased_at"] is not None,
        awaits=row["awaits"],
    )


def tabs(found: Inbox) -> list[dict[str, Any]]:
    """Name, link, and how many wait where somebody does, «99+» beyond what is counted."""
    return [
        {
            "name": tab,
            "href": address_of(replace(found.selection, tab=tab, after=None)),
            "current": tab == found.selection.tab,
            "many": _many(found.counts.get(tab, 0)),
        }
        for tab in TABS
    ]


def older(found: Inbox) -> str:
    """The link to the next page, empty on the last."""
    return address_of(replace(found.selection, after=found.next)) if found.next else ""


def newest(found: Inbox) -> str:
    """The link back to the first page, empty there."""
    return address_of(replace(found.selection, after=None)) if found.selection.after else ""


def _many(count: int) -> str:
    return f"{inbox_store.COUNTED - 1}+" if count >= inbox_store.COUNTED else str(count) if count else ""


def category(language: str, site: Site, code: str) -> str:
    known = site.category(code)
    return i18n.category_name(language, code, known.name if known else None)


def place(row: Row) -> str:
    return row["address"] or coordinates(row)


def coordinates(row: Row) -> str:
    return "" if row["lat"] is None or row["lng"] is None else f"{row['lat']:.5f}, {row['lng']:.5f}"


def map_link(row: Row) -> str:
    return places.map_link(row["lat"], row["lng"]) if coordinates(row) else ""


def due(language: str, row: Row, time_zone: str, now: int) -> Due | None:
    """None where nothing is owed any more, or was promised."""
    if not is_running(row) or promised_date(row["answer_due"]) is None:
        return None
    today = local_date(now, time_zone)
    state = ""
    if is_overdue(row, today):
        state = "overdue"
    elif row["answer_due"] <= add_working_days(today, 1).isoformat():
        state = "soon"
    return Due(text=i18n.format_date(language, row["answer_due"]), state=state)
