"""Describe an event of a problem in a sentence, the same in letters, on pages and in the cabinet."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from widget_api import i18n
from widget_api.database import Database
from widget_api.deliveries.model import Delivery
from widget_api.problems import timeline
from widget_api.problems.model import is_official
from widget_api.problems.store import history
from widget_api.sites.deadlines import promised_date
from widget_api.sites.model import Category, Site
from widget_api.web import pages

Entry = Mapping[str, Any]  # an entry of problems.timeline
_FROM_ELSEWHERE = frozenset({"resolved", "answered", "note"})  # their usual sentences say that the agency did it


def first_line(text: str, longest: int) -> str:
    """Return the first line of a text, cut between words to `longest` characters."""
    line = text.partition("\n")[0]
    return line if len(line) <= longest else line[:longest].rsplit(" ", 1)[0].rstrip(" .,;:—") + "…"


def due_text(language: str, day: str) -> str:
    """Return the day of an answer in words, empty where none is due."""
    return "" if promised_date(day) is None else i18n.format_date(language, day)


def describe_answer(language: str, category: Category, code: str, answer: str | list[str]) -> tuple[str, str]:
    """Return a question and its answer in words; a day and a number as people write them."""
    question, text = category.describe_answer(code, answer)
    datatype = next((one.datatype for one in category.questions if one.code == code), None)
    if datatype == "datetime":
        with contextlib.suppress(ValueError):  # the answer to an earlier question of the same code
            text = i18n.format_date(language, text[:10])
    elif datatype == "number":
        whole = text.replace(",", ".").removesuffix(".0")
        if whole.isdecimal() and len(whole) <= 15:
            text = i18n.format_number(language, int(whole))
    return question, text


def describe_answers(
    language: str, site: Site, code: str, given: Mapping[str, str | list[str]]
) -> list[tuple[str, str]]:
    """Return the questions of a category that were answered, in their order, and the answers in words."""
    category = site.known_category(code)
    asked = sorted(category.questions, key=lambda one: one.order) if category else ()
    return [
        describe_answer(language, category, one.code, answer)
        for one in asked
        if category is not None and (answer := given.get(one.code))
    ]


def title(language: str, entry: Entry, *, to_author: bool = False) -> str:
    """Return a sentence without a full stop («Работы запланированы на 12 декабря»), addressing the author as «вы»."""
    status = entry["status"]
    if to_author and entry["actor"] == "resident" and i18n.has(own := f"events.yours.{status or entry['kind']}"):
        return i18n.text(language, own, mark=entry["mark"])
    if entry["kind"] == "rated":
        return i18n.text(language, "events.rated", mark=entry["mark"])
    if is_extension(entry):
        return i18n.text(language, "events.extended", date=i18n.format_date(language, entry["expected_on"]))
    if is_correction(entry):
        return i18n.text(language, "events.answer_corrected")
    if entry.get("field"):
        return i18n.text(language, f"events.field_corrected.{entry['field']}")
    if entry["kind"] == "note" and entry.get("unofficial"):
        return i18n.text(language, "events.note_from_elsewhere")
    if status is None or entry["kind"] == "received":
        return i18n.text(language, f"events.{entry['kind']}")
    if status == "planned" and entry["expected_on"]:
        return i18n.text(language, "status_event.planned_on", date=i18n.format_date(language, entry["expected_on"]))
    if status in ("forwarded", "redirected") and entry["responsible"]:
        return i18n.text(language, f"status_event.{status}_to", responsible=entry["responsible"])
    if entry.get("apart_from"):
        return i18n.text(language, "status_event.apart_from", number=entry.get("apart_from"))
    if status == "duplicate" and entry["duplicate_of"]:
        return i18n.text(language, "status_event.duplicate_of", number=entry["duplicate_of"])
    return i18n.text(language, f"status_event.{status}")


def rejection_title(site: Site, language: str, reason: str | None) -> str | None:
    """Return the sentence that a report was rejected for a reason; None where its text alone says why."""
    if reason is None or reason == "other":
        return None
    name = i18n.text(language, f"rejection.reason.{reason}").lower()
    return say(site, language, "status_event.rejected_for", reason=name)


def event_title(language: str, site: Site, entry: Entry, *, to_author: bool = False) -> str:
    """Return the sentence of `title`; an entry of a collection is not called a report."""
    name = entry["status"] if entry["kind"] == "status" else entry["kind"]
    yours = to_author and entry["actor"] == "resident" and i18n.has(f"events.yours.{name}")
    if not site.is_due and name == "planned" and entry["expected_on"]:  # nobody promised work
        return i18n.text(language, "collections.planned_on", date=i18n.format_date(language, entry["expected_on"]))
    if name == "rejected" and (titled := rejection_title(site, language, entry.get("reason"))):
        return titled
    if site.collection and not yours and i18n.has(own := f"collections.events.{name}"):
        return i18n.text(language, own)
    return title(language, entry, to_author=to_author)


def say(site: Site, language: str, key: str, /, **values: object) -> str:
    """Return a text about a report, or about an entry where the site is a collection."""
    return (i18n.entry_text if site.collection else i18n.text)(language, key, **values)


def is_extension(entry: Entry) -> bool:
    """Whether an event puts off the answer: a note with a date (problems.extension)."""
    return entry["kind"] == "note" and bool(entry["expected_on"]) and not entry.get("unofficial")


def is_correction(entry: Entry) -> bool:
    """Whether an event replaces the official answer (problems.correction)."""
    return entry["kind"] == "note" and bool(entry.get("official"))


def shape(entry: Entry) -> str | None:
    """Return the shape of the status set by an event; None if it set none."""
    return pages.SHAPES[entry["status"]] if entry["status"] and entry["kind"] != "received" else None


def author(language: str, entry: Entry, agency: str, *, to_author: bool = False) -> str:
    """Return who acted: agencies and other systems by their names, people by their role."""
    if to_author and entry["actor"] == "resident":
        return i18n.text(language, "events.actor.you")
    if entry["actor"] == "agent":
        return agency
    return entry["sender"] or i18n.text(language, f"events.actor.{entry['actor']}")


def speaker(language: str, entry: Entry, agency: str) -> str:
    """Return in whose name a decision was made: the agency, or a system that does not speak for it."""
    return author(language, entry, agency) if entry["unofficial"] else agency


def note(language: str, entry: Entry) -> str:
    """Return a sentence about who decided where it was not the agency, empty elsewhere."""
    return i18n.text(language, "events.in_place") if entry.get("in_place") else ""


def text_name(entry: Entry) -> str:
    """Return the dictionary key of an event's text: its status or kind, or a variant for events of other systems."""
    if entry.get("apart_from"):
        return "apart"
    if is_extension(entry):
        return "extended"
    if is_correction(entry):
        return "corrected"
    if entry["kind"] == "corrected":
        return "report_corrected"
    name = entry["status"] if entry["kind"] == "status" else entry["kind"]
    return f"from_elsewhere.{name}" if entry["unofficial"] and name in _FROM_ELSEWHERE else str(name)


async def read_entry(database: Database, delivery: Delivery) -> dict[str, Any]:
    """Return the event of a delivery as a timeline entry. Texts are read anew, since they may have been erased."""
    bodies = {row["id"]: row["body"] for row in await history.texts_of(database, delivery.problem_id)}
    text = bodies.get(delivery.text_id or "") or None
    return {
        "at": delivery.at,
        "kind": delivery.kind,
        "status": delivery.status,
        "actor": delivery.actor,
        "sender": timeline.find_sender(delivery.actor, await history.sender(database, delivery.source)),
        "text": text,
        "official": is_official(delivery.status, text, delivery.data),
        **timeline.read_data(delivery.data, bodies),
        "mark": delivery.data.get("mark"),
        "photos": delivery.data.get("photos", 0),
        "corrected": [*delivery.data.get("also", ()), delivery.data["field"]] if delivery.kind == "corrected" else [],
    }
