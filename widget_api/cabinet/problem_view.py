"""Turns one report and its deliveries into the words and marks its page shows; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import orjson

from widget_api import i18n
from widget_api.cabinet import deliveries_view as deliveries
from widget_api.cabinet import inbox_store
from widget_api.cabinet.inbox_rows import Due, category, coordinates, due, map_link
from widget_api.cabinet.inbox_service import Dossier
from widget_api.clock import rfc3339
from widget_api.database import Row
from widget_api.errors import FieldError, Invalid
from widget_api.problems import timeline
from widget_api.problems.model import Contact, is_official
from widget_api.sites.model import Site


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
    first_due: str  # where the date shown has replaced it
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
    confirmed: str
    awaits: str | None  # author | agency
    said: str  # the newest question while it waits for the author, the newest reply while it waits for the agency
    said_in: str  # the event that said so
    reach: str  # how the author sees a question: letter | unconfirmed | stopped | code
    rating: int | None
    no_contact: str  # why there is none: none | elsewhere; empty where there is one


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One event of the timeline."""

    id: str
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


def problem(language: str, dossier: Dossier, site: Site) -> Problem:
    row, zone = dossier.row, dossier.site.time_zone
    contact = dossier.contact
    confirmed_at = contact["confirmed_at"] if contact else None
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
        unconfirmed=bool(contact and contact["email"]) and confirmed_at is None,
        due=due(language, row, zone, dossier.now),
        first_due=i18n.format_date(language, row["first_due"]) if row["answer_due"] != row["first_due"] else "",
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
        confirmed=i18n.format_moment(language, confirmed_at, zone) if confirmed_at else "",
        awaits=row["awaits"],
        said=_said(dossier)[1],
        said_in=_said(dossier)[0],
        reach=_reach(contact),
        rating=row["rating"],
        no_contact="" if has_contact(dossier) else "elsewhere" if elsewhere else "none",
    )


def has_contact(dossier: Dossier) -> bool:
    """Whether there is anything of a resident's to see for whoever may."""
    contact = dossier.contact
    return contact is not None and any(contact[field.name] for field in fields(Contact) if field.type != "bool")


def _reach(contact: Row | None) -> str:
    if contact is None or contact["email"] is None:
        return "code"
    if contact["confirmed_at"] is None:
        return "unconfirmed"
    return "letter" if contact["stopped_at"] is None else "stopped"


def _said(dossier: Dossier) -> tuple[str, str]:
    """The event whose words wait for the other side, and the words."""
    kind = {"author": "asked", "agency": "clarified"}.get(dossier.row["awaits"])
    last = next((row for row in reversed(dossier.timeline) if row["kind"] == kind), None)
    return (last["id"], dossier.texts.get(last["text_id"] or "", "")) if last is not None else ("", "")


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
        id=row["id"],
        kind=row["kind"],
        status=row["status"],
        title=_title(language, row, dossier.texts),
        at=rfc3339(row["at"]),
        moment=i18n.format_moment(language, row["at"], dossier.site.time_zone),
        who=row["user_email"]
        or timeline.find_sender(row["actor"], row["sender"])
        or i18n.text(language, f"events.actor.{row['actor']}"),
        text=(text := dossier.texts.get(row["text_id"] or "", "")),
        official=is_official(row["status"], text, inbox_store.data_of(row)),
    )


def _title(language: str, row: Row, texts: Mapping[str, str]) -> str:
    if row["kind"] == "status":
        data = inbox_store.data_of(row)
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
    if row["kind"] == "rated":
        return i18n.text(language, key, mark=inbox_store.data_of(row)["mark"])
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
            what=deliveries.what(language, row),
            where=deliveries.where(language, row),
            state=row["state"],
            detail=_detail(language, row),
            at=i18n.format_moment(language, row["delivered_at"] or row["created_at"], row["time_zone"]),
        )
        for row in rows
    ]


def _detail(language: str, row: Row) -> str:
    if row["state"] == "dead":
        return row["last_error"] or ""
    if row["state"] == "pending" and row["attempts"]:
        moment = i18n.format_moment(language, row["next_at"], row["time_zone"])
        return i18n.text(language, "cabinet.deliveries.next", moment=moment, error=row["last_error"] or "")
    return ""
