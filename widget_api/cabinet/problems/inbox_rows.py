"""Format reports for the list and «today»: texts, marks, filters, and links that keep the selection."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from widget_api import i18n
from widget_api.casework import queries
from widget_api.casework.selection import GROUPS, NONE, RESPONDERS, SORTS, TABS, Selection
from widget_api.casework.service import Inbox, Today
from widget_api.clock import rfc3339
from widget_api.database import Row
from widget_api.geo import model as places
from widget_api.problems.deadline import is_overdue, is_running
from widget_api.problems.model import STATUSES
from widget_api.sites.deadlines import add_working_days, local_date, promised_date
from widget_api.sites.model import Site

Sites = Mapping[str, Site]
Assignees = Mapping[str, list[tuple[str, str]]]  # «service» and «person»: identifiers and names
TODAY_PATH = "/cabinet/"
LIST_PATH = "/cabinet/problems"


def selection_url(selection: Selection, path: str = LIST_PATH, **more: str) -> str:
    """The address of the list or a report that keeps the selection."""
    query = urlencode(selection.parameters() | more)
    return f"{path}?{query}" if query else path


def inbox_rows(
    language: str, rows: Iterable[Row], selection: Selection, found: Inbox | Today, sites: Sites
) -> list[dict[str, Any]]:
    """Reports with what a list says of them; `selection` is kept in the links."""
    zones = {site.id: site.time_zone for site in found.sites}
    names = {site.id: site.name for site in found.sites}
    shorts = {site.id: site.short for site in found.sites}
    return [
        dict(row)
        | {
            "href": selection_url(selection, f"/cabinet/problems/{row['id']}"),
            "category": category_name(language, sites[row["site_id"]], row["category"]),
            "text": row["description"],
            "place": row["address"] or coordinates_text(row),
            "site": names[row["site_id"]],
            "short": shorts[row["site_id"]],
            "responder": platform_name(language, row),
            "received": i18n.format_moment(language, row["created_at"], zones[row["site_id"]]),
            "received_at": rfc3339(row["created_at"]),
            "due": due_mark(language, row, zones[row["site_id"]], found.now),
            "unconfirmed": row["unconfirmed"] and row["status"] == "moderation",
            "erased": row["erased_at"] is not None,
        }
        for row in rows
    ]


def tab_links(found: Inbox) -> list[dict[str, Any]]:
    """Name, link and count of each tab, «99+» beyond MAX_COUNT."""
    chosen = found.selection
    return [
        {
            "name": tab,
            "href": selection_url(chosen.of_tab(tab)),
            "current": tab == chosen.tab,
            "many": count_text(found.counts.get(tab, 0)),
        }
        for tab in TABS
    ]


def filter_chips(language: str, found: Inbox, sites: Sites, assignees: Assignees) -> list[tuple[str, str]]:
    """The words of each filter that is set, and the link without it."""
    chosen = replace(found.selection, after=None)

    def texts() -> Iterator[tuple[str, Selection]]:
        if chosen.query:
            yield f"«{chosen.query}»", replace(chosen, query="")
        if chosen.status:
            named = [status_text(language, name) for name in chosen.status.split(",")]
            yield ", ".join(named), replace(chosen, status="")
        for code in chosen.categories:
            rest = tuple(other for other in chosen.categories if other != code)
            yield _category_text(language, code, sites), replace(chosen, categories=rest)
        if chosen.district:
            yield _district_text(language, chosen.district, sites), replace(chosen, district="")
        if chosen.counted:
            yield i18n.text(language, "cabinet.list.chip.counted"), replace(chosen, counted=False)
        for name, day, without in (
            ("since", chosen.since, replace(chosen, since="")),
            ("until", chosen.until, replace(chosen, until="")),
        ):
            if day:
                date = i18n.format_date(language, day)
                yield i18n.text(language, f"cabinet.list.chip.{name}", date=date), without
        if chosen.bbox:
            yield i18n.text(language, "cabinet.list.chip.bbox"), replace(chosen, bbox=None)
        if chosen.service:
            yield _assignee_text(language, "service", chosen.service, assignees), replace(chosen, service="")
        if chosen.person:
            yield _assignee_text(language, "person", chosen.person, assignees), replace(chosen, person="")
        if chosen.author:
            name = "old" if chosen.contact is None else "author"
            text = chosen.contact.text if chosen.contact else ""
            yield i18n.text(language, f"lists.author.{name}", text=text), replace(chosen, author="", contact=None)
        if chosen.responder:
            text = i18n.text(language, f"cabinet.list.responder.{chosen.responder}")
            yield i18n.text(language, "cabinet.list.responds", name=text), replace(chosen, responder="")
        if chosen.site_id and len(found.sites) > 1:
            name = next(site.name for site in found.sites if site.id == chosen.site_id)
            yield name, replace(chosen, site_id=None)

    return [(text, selection_url(without)) for text, without in texts()]


def filter_options(language: str, found: Inbox, sites: Sites) -> dict[str, list[tuple[str, str]]]:
    """Values and names of each field of choices; what an address chose beyond them is among them."""
    chosen = found.selection
    part = replace(chosen, status="").part
    statuses = [status for status in STATUSES if status in part.statuses]
    groups = [name for name, group in GROUPS.items() if chosen.tab == "all" or name == chosen.status]
    of = [site for site in sites.values() if chosen.site_id in (None, site.id)]
    codes = sorted({category.code for site in of for category in site.categories})
    known = {code: _category_text(language, code, sites) for code in {*codes, *chosen.categories}}
    alike = defaultdict[str, list[str]](list)  # categories of one name, of several collections
    for code in codes:
        alike[known[code]].append(code)
    options: dict[str, list[tuple[str, str]]] = {
        "site": [(site.id, site.name) for site in found.sites],
        "status": [(name, status_text(language, name)) for name in [*groups, *(statuses if len(statuses) > 1 else [])]],
        "category": [(",".join(alike[name]), name) for name in sorted(alike)],
        "district": list({one.id: (one.id, one.name) for site in sites.values() for one in site.districts}.values()),
        "responder": [
            (name, i18n.text(language, f"cabinet.list.responder.{name}"))
            for name in RESPONDERS
            if name and (chosen.responder or (part.own is None and any(not site.assigned_to for site in found.sites)))
        ],
        "sort": [(name, i18n.text(language, f"cabinet.list.sort.{name}")) for name in SORTS],
    }
    for name in ("status", "category"):
        value = chosen.fields()[name]
        if value and value not in dict(options[name]):
            texts = [status_text(language, one) if name == "status" else known[one] for one in value.split(",")]
            options[name].insert(0, (value, ", ".join(texts)))
    if chosen.district and chosen.district not in dict(options["district"]):
        options["district"].insert(0, (chosen.district, _district_text(language, chosen.district, sites)))
    return options


def _assignee_text(language: str, kind: str, chosen: str, assignees: Assignees) -> str:
    """«Служба: Дороги», of one that the user cannot see without its name."""
    unknown = i18n.text(language, f"lists.assignee.{'none' if chosen == NONE else 'unknown'}")
    return i18n.text(language, f"lists.assignee.{kind}", name=dict(assignees[kind]).get(chosen, unknown))


def _district_text(language: str, district_id: str, sites: Sites) -> str:
    if district_id == NONE:
        return i18n.text(language, "analytics.districts.none")
    known = (one.name for site in sites.values() for one in site.districts if one.id == district_id)
    return next(known, i18n.text(language, "cabinet.list.no_district"))


def status_text(language: str, name: str) -> str:
    """The name of a status or of a group of them."""
    for key in (f"cabinet.list.group.{name}", f"status.{name}"):
        if i18n.has(key):
            return i18n.text(language, key)
    return i18n.text(language, f"cabinet.list.public_group.{name}")


def _category_text(language: str, code: str, sites: Sites) -> str:
    """The name of a category on the first site that has it; collections give a code other names than cities do."""
    named = (site for site in sites.values() if site.known_category(code))
    site = min(named, key=lambda one: one.collection is not None, default=None)
    return category_name(language, site, code) if site else i18n.category_name(language, code)


def count_text(count: int) -> str:
    return f"{queries.MAX_COUNT - 1}+" if count >= queries.MAX_COUNT else str(count) if count else ""


def category_name(language: str, site: Site, code: str) -> str:
    known = site.known_category(code)
    return i18n.category_name(language, code, known.name if known else None)


def platform_name(language: str, row: Row) -> str:
    """The name of the platform that answers a report mirrored from it; empty for the agency's own reports."""
    if row["mirror_of"] is None:
        return ""
    return row["source_name"] or i18n.text(language, "cabinet.list.responder.platform")


def coordinates_text(row: Row) -> str:
    return "" if row["lat"] is None or row["lng"] is None else f"{row['lat']:.5f}, {row['lng']:.5f}"


def map_link(row: Row) -> str:
    return places.map_link(row["lat"], row["lng"]) if coordinates_text(row) else ""


def due_mark(language: str, row: Row | Mapping[str, Any], time_zone: str, now: int) -> dict[str, str] | None:
    """The due date, its urgency ("" | soon | overdue) and, within a week, the days left in words.

    None where no answer is due any more or there is no date.
    """
    if not is_running(row) or promised_date(row["answer_due"]) is None:
        return None
    today = local_date(now, time_zone)
    state = ""
    if is_overdue(row, today):
        state = "overdue"
    elif row["answer_due"] <= add_working_days(today, 1).isoformat():
        state = "soon"
    return {
        "text": i18n.format_date(language, row["answer_due"]),
        "state": state,
        "left": days_left(language, (date.fromisoformat(row["answer_due"]) - today).days),
    }


def days_left(language: str, days: int) -> str:
    """Return how long there is until a day, or how long ago it was, in words; empty if it is more than a week ahead."""
    if days > 7:
        return ""
    name = "late" if days < 0 else "today" if days == 0 else "left"
    return i18n.text(language, f"cabinet.list.days.{name}", count=abs(days))
