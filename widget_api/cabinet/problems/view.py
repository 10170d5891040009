"""Format a report, its timeline and its deliveries for its page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import orjson

from widget_api import i18n
from widget_api.cabinet.organisation import deliveries_service
from widget_api.cabinet.problems.inbox_rows import category_name, coordinates_text, due_mark, map_link, platform_name
from widget_api.casework import queries
from widget_api.casework.drafts import Draft
from widget_api.casework.service import ProblemDetail
from widget_api.clock import rfc3339
from widget_api.database import Row
from widget_api.deliveries.model import UNPUBLISHED
from widget_api.people.model import EXTENDED
from widget_api.problems import timeline, wording
from widget_api.problems.deadline import find_service_due
from widget_api.problems.model import OPEN, REASONS, Contact, is_official
from widget_api.sites.model import Category, Site
from widget_api.sites.routing_rules import Rule


def problem_view(language: str, dossier: ProblemDetail, site: Site) -> dict[str, Any]:
    """A report with what its page says of it; empty texts are not shown."""
    row, zone = dossier.row, dossier.site.time_zone
    due = row["answer_due"] if dossier.site.assigned_to is None else find_service_due(row)
    contact = dossier.contact
    confirmed_at = contact["confirmed_at"] if contact else None
    said_in, said = _awaited_text(dossier)
    return dict(row) | {
        "seen": row["status_event"],
        "category": category_name(language, site, row["category"]),
        "erased": row["erased_at"] is not None,
        "unconfirmed": bool(contact and contact["email"]) and confirmed_at is None,
        "due": due_mark(language, dict(row) | {"answer_due": due}, zone, dossier.now),
        # The agency's alone: beside the date that a service was given it would read as the service's first one.
        "first_due": i18n.format_date(language, row["first_due"])
        if dossier.site.assigned_to is None and row["answer_due"] != row["first_due"]
        else "",
        "address": row["address"] or "",
        "coordinates": coordinates_text(row),
        "map_link": map_link(row),
        "received": i18n.format_moment(language, row["created_at"], zone),
        "expected": i18n.format_date(language, row["expected_on"]) if row["expected_on"] else "",
        "responsible": row["responsible"] or "",
        "duplicate_href": f"/cabinet/problems/{dossier.duplicate_id}" if dossier.duplicate_id else "",
        "source": row["source_name"] or source_text(language, row),
        "responder": platform_name(language, row),
        "page_url": row["page_url"] or "",
        "answers": answer_texts(dossier, site, language),
        "confirmed": i18n.format_moment(language, confirmed_at, zone) if confirmed_at else "",
        "said": said,
        "said_in": said_in,
        "reach": _contact_reach(contact) if dossier.site.is_own else "hidden",
        "document": _document_text(language, row) if dossier.site.named is None else "",
        "no_contact": _find_contact_gap(dossier),
    }


def _find_contact_gap(dossier: ProblemDetail) -> str:
    """Why no contact is shown: none | elsewhere | service; empty where there is one."""
    if not dossier.site.is_own:
        return "service"
    if has_contact(dossier):
        return ""
    return "elsewhere" if dossier.row["source"] in ("georeport", "platform") else "none"


def draft_views(
    language: str, own: Draft | None, others: Sequence[Draft], entries: Sequence[Mapping[str, Any]], time_zone: str
) -> list[dict[str, Any]]:
    """What the page says of the user's own draft, then of those of colleagues.

    `entries` are those of the timeline, of which one says who returned the draft, and when.
    """
    return [
        vars(one)
        | {
            "kind": _draft_kind(one, own),
            "moment": i18n.format_moment(language, one.changed_at, time_zone),
            "returned": next((entry for entry in reversed(entries) if entry["returned_to"] == one.user_id), None),
        }
        for one in (*([own] if own else []), *others)
    ]


def _draft_kind(draft: Draft, own: Draft | None) -> str:
    """One of own | returned | waiting (all own) | submitted | sent_back | typing | begun."""
    if draft is own:
        return "waiting" if draft.submitted_at is not None else "returned" if draft.remark else "own"
    if draft.submitted_at is not None:
        return "submitted"
    return "sent_back" if draft.remark else "typing" if draft.is_typing else "begun"


def source_text(language: str, row: Row) -> str:
    """How a report came: by which interface, or how it reached the official who entered it."""
    if row["channel"]:
        return i18n.text(language, f"channels.{row['channel']}")
    return i18n.text(language, f"cabinet.problem.sources.{row['source']}")


def rule_text(language: str, rule: Rule | None, *, planned: bool = False) -> str:
    """To whom a report goes when it is taken up; empty where no rule applies. Planned work has a date, not days."""
    if rule is None:
        return ""
    key = "cabinet.assignment.rule" if rule.days is None or planned else "cabinet.assignment.rule_days"
    return i18n.text(language, key, service=rule.service.name, count=rule.days or 0)


def reject_reasons(language: str, site: Site) -> list[tuple[str, str, str]]:
    """The reasons of a rejection: code, name, and the text it begins with, in the language of the site."""
    return [
        (
            code,
            i18n.text(language, f"rejection.reason.{code}"),
            i18n.text(site.language, key) if i18n.has(key := f"rejection.text.{code}") else "",
        )
        for code in REASONS
    ]


def insert_reason(given: Mapping[str, str], reasons: Sequence[tuple[str, str, str]]) -> dict[str, str]:
    """The fields of a decision that is shown again, with the text of the chosen reason where none was written."""
    chosen = next((text for code, _, text in reasons if code == given.get("reject_reason")), "")
    fill = given.get("to") == "rejected" and chosen and not given.get("text", "").strip()
    return {**given, "text": chosen} if fill else dict(given)


def has_contact(dossier: ProblemDetail) -> bool:
    """Whether the report has contact data."""
    contact = dossier.contact
    return contact is not None and any(contact[field.name] for field in fields(Contact) if field.type != "bool")


def _document_text(language: str, row: Row) -> str:
    if not row["document_date"]:
        return row["document_number"] or ""
    day = i18n.format_date(language, row["document_date"])
    return i18n.text(language, "answering.document.of", number=row["document_number"], date=day)


def _contact_reach(contact: Row | None) -> str:
    """How the author sees a question: letter | unconfirmed | stopped | code."""
    if contact is None or contact["email"] is None:
        return "code"
    if contact["confirmed_at"] is None:
        return "unconfirmed"
    return "letter" if contact["stopped_at"] is None else "stopped"


def _awaited_text(dossier: ProblemDetail) -> tuple[str, str]:
    """The event that awaits an answer of the other side, and its text."""
    kind = {"author": "asked", "agency": "clarified"}.get(dossier.row["awaits"])
    last = next((row for row in reversed(dossier.timeline) if row["kind"] == kind), None)
    return (last["id"], dossier.texts.get(last["text_id"] or "", "")) if last is not None else ("", "")


def latest_status(language: str, dossier: ProblemDetail, site: Site) -> dict[str, str]:
    """Who set the present status, and when, for users whose decision came too late."""
    row = next(row for row in reversed(dossier.timeline) if row["id"] == dossier.row["status_event"])
    entry = _entry_view(language, row, dossier, site)
    status = i18n.text(language, f"status.{dossier.row['status']}")
    return {"status": status, "who": entry["who"], "moment": entry["moment"]}


def entry_views(
    language: str, dossier: ProblemDetail, site: Site
) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    """The timeline, and its entry by which the author sent an answer back to work that was not given anew since."""
    entries = [_entry_view(language, row, dossier, site) for row in dossier.timeline]
    return entries, timeline.mark_disputed(entries)


def _entry_view(language: str, row: Row, dossier: ProblemDetail, site: Site) -> dict[str, Any]:
    text, data = dossier.texts.get(row["text_id"] or "", ""), queries.parse_data(row)
    return dict(row) | {
        "title": _title(language, row, dossier.texts, dossier.assignment.names, site),
        "at": rfc3339(row["at"]),
        "moment": i18n.format_moment(language, row["at"], dossier.site.time_zone),
        "who": row["user_email"]
        or timeline.find_sender(row["actor"], row["sender"])
        or i18n.text(language, f"events.actor.{row['actor']}"),
        "note": wording.note(language, data := queries.parse_data(row)),
        "text": text,
        "official": is_official(row["status"], text, data),
        **_returned_view(language, row, data, dossier.texts),
    }


def _returned_view(language: str, row: Row, data: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Whose decision an event returned, and what it was. Events of earlier releases do not say the latter."""
    if row["kind"] != "approval_returned":
        return {"returned_to": None, "returned_text": ""}
    to = data.get("to") or ""
    key = "answering.extension.choice" if to == EXTENDED else f"status_action.{to}"
    return {
        "returned_to": data["user"],
        "returned_decision": i18n.text(language, key) if to else "",
        "returned_text": texts.get(data.get("answer") or "", ""),
    }


def _title(language: str, row: Row, texts: Mapping[str, str], names: Mapping[str, str], site: Site) -> str:
    if row["kind"] == "status":
        data = queries.parse_data(row)
        responsible = texts.get(str(data.get("responsible", "")))
        if responsible and row["status"] in ("forwarded", "redirected"):
            return i18n.text(language, f"status_event.{row['status']}_to", responsible=responsible)
        if data.get("expected_on") and row["status"] == "planned":
            day = i18n.format_date(language, str(data["expected_on"]))
            return i18n.text(language, "status_event.planned_on", date=day)
        if data.get("duplicate_of") and row["status"] == "duplicate":
            return i18n.text(language, "status_event.duplicate_of", number=data["duplicate_of"])
        if row["status"] == "rejected" and (titled := wording.rejection_title(site, language, data.get("reason"))):
            return titled
        return i18n.text(language, f"status_event.{row['status']}")
    data = queries.parse_data(row)
    if row["kind"] == "corrected":
        known = site.known_category(former := data.get("from", ""))
        value = i18n.category_name(language, former, known.name if known else None)
        return i18n.text(language, f"answering.correction.history.{data['field']}", value=value)
    if row["kind"] == "note" and "corrects" in data:
        return i18n.text(language, "events.answer_corrected")
    if row["kind"] == "note" and data.get("expected_on"):
        return i18n.text(language, "events.extended", date=i18n.format_date(language, str(data["expected_on"])))
    key = f"events.{row['kind']}"
    if row["kind"] == "assigned":
        name = names.get(queries.parse_data(row).get("user") or "")
        return i18n.text(language, "events.assigned_to", name=name) if name else i18n.text(language, "events.assigned")
    if row["kind"] == "rated":
        return i18n.text(language, key, mark=queries.parse_data(row)["mark"])
    return i18n.text(language, key if i18n.has(key) else "cabinet.event")


def answer_texts(dossier: ProblemDetail, site: Site, language: str) -> list[tuple[str, str]]:
    """The category's questions with the answers, in the resident's wording."""
    given: dict[str, str | list[str]] = orjson.loads(dossier.row["answers"])
    category = site.known_category(dossier.row["category"]) or Category(code=dossier.row["category"])
    return [wording.describe_answer(language, category, code, answer) for code, answer in given.items()]


def delivery_rows(language: str, rows: Sequence[Row], problem: Row) -> list[dict[str, Any]]:
    return [
        dict(row)
        | {
            "label": i18n.text(language, f"cabinet.deliveries.state.{_delivery_state(row, problem)}"),
            "what": deliveries_service.event_text(language, row),
            "where": deliveries_service.recipient_text(language, row),
            "detail": _delivery_detail(language, row, problem),
            "at": i18n.format_moment(language, row["delivered_at"] or row["created_at"], row["time_zone"]),
        }
        for row in rows
    ]


def _delivery_state(row: Row, problem: Row) -> str:
    waits = row["state"] == "dropped" and row["reason"] == UNPUBLISHED and problem["status"] in OPEN
    return "awaiting" if waits else row["state"]


def _delivery_detail(language: str, row: Row, problem: Row) -> str:
    if row["state"] == "dropped" and row["reason"] == UNPUBLISHED:
        return i18n.text(language, f"cabinet.deliveries.unpublished.{_delivery_state(row, problem)}")
    error = deliveries_service.error_text(language, row) or row["last_error"] or ""
    if row["state"] == "dead":
        return error
    if row["state"] == "pending" and row["attempts"]:
        moment = i18n.format_moment(language, row["next_at"], row["time_zone"])
        return i18n.text(language, "cabinet.deliveries.next", moment=moment, error=error)
    return ""
