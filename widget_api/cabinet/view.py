"""Turns rows into the words and marks a template shows; it decides nothing and asks no database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import orjson

from widget_api import i18n
from widget_api.cabinet import inbox
from widget_api.cabinet.model import TABS, Selection, VisibleSite
from widget_api.cabinet.service import Dossier, Inbox
from widget_api.clock import rfc3339
from widget_api.database import Row
from widget_api.errors import FieldError, Invalid
from widget_api.problems.deadlines import after_working_days, local_date
from widget_api.problems.model import ANSWERS, OPEN
from widget_api.sites.model import Site

Sites = Mapping[str, Site]
LIST = "/cabinet/"
_MAP = "https://www.openstreetmap.org/?mlat={lat}&mlon={lng}#map=18/{lat}/{lng}"


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


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One report as its page shows it; empty texts are not shown."""

    id: str
    number: int
    status: str
    seen: str  # the status event that a decision is about
    category: str
    description: str
    erased: bool
    spam: bool
    published: bool
    unconfirmed: bool
    due: Due | None
    address: str
    coordinates: str
    map_link: str
    received: str
    expected: str
    responsible: str
    duplicate_of: int | None
    duplicate_href: str
    source: str
    page_url: str
    answers: list[tuple[str, str]]
    contact_name: str
    contact_email: str
    contact_phone: str
    confirmed: str
    publish_name: bool
    no_contact: str  # why there is none, where there is none: none | elsewhere


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One event of the timeline."""

    kind: str
    status: str | None
    title: str
    at: str
    moment: str
    who: str
    text: str
    official: bool


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One delivery: what, to whom, how it stands."""

    id: str
    what: str
    where: str
    state: str
    detail: str
    at: str


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
    return f"{inbox.COUNTED - 1}+" if count >= inbox.COUNTED else str(count) if count else ""


def category(language: str, site: Site, code: str) -> str:
    known = site.category(code)
    return i18n.category_name(language, code, known.name if known else None)


def place(row: Row) -> str:
    return row["address"] or coordinates(row)


def coordinates(row: Row) -> str:
    return "" if row["lat"] is None or row["lng"] is None else f"{row['lat']:.5f}, {row['lng']:.5f}"


def map_link(row: Row) -> str:
    return _MAP.format(lat=f"{row['lat']:.6f}", lng=f"{row['lng']:.6f}") if coordinates(row) else ""


def due(language: str, row: Row, time_zone: str, now: int) -> Due | None:
    """None where nothing is owed any more."""
    if row["status"] not in OPEN or row["spam"]:
        return None
    today = local_date(now, time_zone)
    state = ""
    if inbox.is_overdue(row, time_zone, now):
        state = "overdue"
    elif row["answer_due"] <= after_working_days(today, 1).isoformat():
        state = "soon"
    return Due(text=i18n.format_date(language, row["answer_due"]), state=state)


# --- one report ----------------------------------------------------------------------------------------------------


def problem(language: str, dossier: Dossier, site: Site) -> Problem:
    row, zone = dossier.row, dossier.site.time_zone
    elsewhere = row["source"] in ("georeport", "platform")
    return Problem(
        id=row["id"],
        number=row["number"],
        status=row["status"],
        seen=row["status_event"],
        category=category(language, site, row["category"]),
        description=row["description"],
        erased=row["erased_at"] is not None,
        spam=bool(row["spam"]),
        published=bool(row["published"]),
        unconfirmed=row["contact_email"] is not None and row["confirmed_at"] is None,
        due=due(language, row, zone, dossier.now),
        address=row["address"] or "",
        coordinates=coordinates(row),
        map_link=map_link(row),
        received=i18n.format_moment(language, row["created_at"], zone),
        expected=i18n.format_date(language, row["expected_on"]) if row["expected_on"] else "",
        responsible=row["responsible"] or "",
        duplicate_of=row["duplicate_of"],
        duplicate_href=f"/cabinet/problems/{dossier.duplicate_id}" if dossier.duplicate_id else "",
        source=row["source_name"] or i18n.text(language, f"cabinet.problem.sources.{row['source']}"),
        page_url=row["page_url"] or "",
        answers=answers(dossier, site),
        contact_name=row["contact_name"] or "",
        contact_email=row["contact_email"] or "",
        contact_phone=row["contact_phone"] or "",
        confirmed=i18n.format_moment(language, row["confirmed_at"], zone) if row["confirmed_at"] else "",
        publish_name=bool(row["publish_name"]),
        no_contact="elsewhere" if elsewhere else "none",
    )


def latest_status(language: str, dossier: Dossier) -> dict[str, str]:
    """Who gave the report its present status, and when: for the one who was slower."""
    row = next(row for row in reversed(dossier.timeline) if row["id"] == dossier.row["status_event"])
    entry = _entry(language, row, dossier)
    status = i18n.text(language, f"status.{dossier.row['status']}")
    return {"status": status, "who": entry.who, "moment": entry.moment}


def field_errors(language: str, wrong: Invalid | None) -> dict[str, str]:
    """Field → sentence: the cabinet's own where it has one."""
    return {} if wrong is None else {error.field: _sentence(language, error) for error in wrong.fields}


def _sentence(language: str, error: FieldError) -> str:
    own = f"cabinet.fields.{error.code}_{error.field}"
    if i18n.has(own):
        return i18n.text(language, own, **dict(error.values))
    code = error.code if i18n.has(f"fields.{error.code}") else "invalid"
    return i18n.field_error(language, error.field, code, error.values)


def entries(language: str, dossier: Dossier) -> list[Entry]:
    return [_entry(language, row, dossier) for row in dossier.timeline]


def _entry(language: str, row: Row, dossier: Dossier) -> Entry:
    return Entry(
        kind=row["kind"],
        status=row["status"],
        title=_title(language, row, dossier.texts),
        at=rfc3339(row["at"]),
        moment=i18n.format_moment(language, row["at"], dossier.site.time_zone),
        who=row["user_email"] or i18n.text(language, f"events.actor.{row['actor']}"),
        text=dossier.texts.get(row["text_id"] or "", ""),
        official=row["status"] in ANSWERS,
    )


def _title(language: str, row: Row, texts: Mapping[str, str]) -> str:
    if row["kind"] == "status":
        data = inbox.data_of(row)
        responsible = texts.get(str(data.get("responsible", "")))
        if responsible and row["status"] in ("forwarded", "redirected"):
            return i18n.text(language, f"events.status.{row['status']}_to", responsible=responsible)
        if data.get("expected_on") and row["status"] == "planned":
            day = i18n.format_date(language, str(data["expected_on"]))
            return i18n.text(language, "events.status.planned_on", date=day)
        if data.get("duplicate_of") and row["status"] == "duplicate":
            return i18n.text(language, "events.status.duplicate_of", number=data["duplicate_of"])
        return i18n.text(language, f"events.status.{row['status']}")
    key = f"events.{row['kind']}"
    return i18n.text(language, key if i18n.has(key) else "cabinet.event")


def answers(dossier: Dossier, site: Site) -> list[tuple[str, str]]:
    """The questions of the category with what was answered, in the words the resident saw."""
    given: dict[str, str | list[str]] = orjson.loads(dossier.row["answers"])
    known = site.category(dossier.row["category"])
    questions = {question.code: question for question in known.questions} if known else {}
    shown = []
    for code, answer in given.items():
        question = questions.get(code)
        names = dict(question.values) if question else {}
        parts = answer if isinstance(answer, list) else [answer]
        shown.append((question.description if question else code, ", ".join(names.get(part, part) for part in parts)))
    return shown


def sent(language: str, rows: Sequence[Row]) -> list[Sent]:
    return [
        Sent(
            id=row["id"],
            what=_what(language, row),
            where=_where(language, row),
            state=row["state"],
            detail=_detail(language, row),
            at=i18n.format_moment(language, row["delivered_at"] or row["created_at"], row["time_zone"]),
        )
        for row in rows
    ]


def _what(language: str, row: Row) -> str:
    key = f"status.{row['status']}" if row["kind"] == "status" else f"events.{row['kind']}"
    return i18n.text(language, key if i18n.has(key) else "cabinet.event")


def _where(language: str, row: Row) -> str:
    sink = str(row["sink"])
    if sink.startswith("platform:"):
        return row["platform_name"] or i18n.text(language, "cabinet.sink.platform")
    return i18n.text(language, f"cabinet.sink.{sink}")


def _detail(language: str, row: Row) -> str:
    if row["state"] == "dead":
        return row["last_error"] or ""
    if row["state"] == "pending" and row["attempts"]:
        moment = i18n.format_moment(language, row["next_at"], row["time_zone"])
        return i18n.text(language, "cabinet.deliveries.next", moment=moment, error=row["last_error"] or "")
    return ""
