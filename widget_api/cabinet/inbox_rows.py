"""Format rows of the inbox for the list: texts, marks, and links that keep the selection."""

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
LIST_PATH = "/cabinet/"


@dataclass(frozen=True, kw_only=True)
class DueMark:
    """The due date of an answer and its urgency: "" | soon | overdue."""

    text: str
    state: str


@dataclass(frozen=True, kw_only=True)
class InboxRow:
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
    due: DueMark | None
    unconfirmed: bool
    spam: bool
    erased: bool
    awaits: str | None


def selection_url(selection: Selection, path: str = LIST_PATH, **more: str) -> str:
    """The address of the list or a report that keeps the selection."""
    query = urlencode(selection.parameters() | more)
    return f"{path}?{query}" if query else path


def inbox_rows(language: str, found: Inbox, sites: Sites) -> list[InboxRow]:
    names = {site.id: site for site in found.sites}
    return [_inbox_row(language, row, names[row["site_id"]], sites, found) for row in found.rows]


def _inbox_row(language: str, row: Row, site: VisibleSite, sites: Sites, found: Inbox) -> InboxRow:
    return InboxRow(
        id=row["id"],
        href=selection_url(found.selection, f"/cabinet/problems/{row['id']}"),
        number=row["number"],
        status=row["status"],
        category=category_name(language, sites[site.id], row["category"]),
        text=row["description"],
        place=place_text(row),
        site=site.name,
        received=i18n.format_moment(language, row["created_at"], site.time_zone),
        received_at=rfc3339(row["created_at"]),
        due=due_mark(language, row, site.time_zone, found.now),
        unconfirmed=bool(row["unconfirmed"]) and row["status"] == "moderation",
        spam=bool(row["spam"]),
        erased=row["erased_at"] is not None,
        awaits=row["awaits"],
    )


def tab_links(found: Inbox) -> list[dict[str, Any]]:
    """Name, link and count of each tab, «99+» beyond MAX_COUNT."""
    return [
        {
            "name": tab,
            "href": selection_url(replace(found.selection, tab=tab, after=None)),
            "current": tab == found.selection.tab,
            "many": _count_text(found.counts.get(tab, 0)),
        }
        for tab in TABS
    ]


def older_url(found: Inbox) -> str:
    """The link to the next page, empty on the last."""
    return selection_url(replace(found.selection, after=found.next)) if found.next else ""


def newest_url(found: Inbox) -> str:
    """The link back to the first page, empty there."""
    return selection_url(replace(found.selection, after=None)) if found.selection.after else ""


def _count_text(count: int) -> str:
    return f"{inbox_store.MAX_COUNT - 1}+" if count >= inbox_store.MAX_COUNT else str(count) if count else ""


def category_name(language: str, site: Site, code: str) -> str:
    known = site.category(code)
    return i18n.category_name(language, code, known.name if known else None)


def place_text(row: Row) -> str:
    return row["address"] or coordinates_text(row)


def coordinates_text(row: Row) -> str:
    return "" if row["lat"] is None or row["lng"] is None else f"{row['lat']:.5f}, {row['lng']:.5f}"


def map_link(row: Row) -> str:
    return places.map_link(row["lat"], row["lng"]) if coordinates_text(row) else ""


def due_mark(language: str, row: Row, time_zone: str, now: int) -> DueMark | None:
    """The due date; None where no answer is due any more or there is no date."""
    if not is_running(row) or promised_date(row["answer_due"]) is None:
        return None
    today = local_date(now, time_zone)
    state = ""
    if is_overdue(row, today):
        state = "overdue"
    elif row["answer_due"] <= add_working_days(today, 1).isoformat():
        state = "soon"
    return DueMark(text=i18n.format_date(language, row["answer_due"]), state=state)
