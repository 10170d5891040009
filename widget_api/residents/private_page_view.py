"""Build the values of the private page: the timeline, the next step, and the actions open to the author."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson

from widget_api import clock, i18n
from widget_api.attachments.documents import service
from widget_api.browse.point_map import draw_point
from widget_api.browse.received import waits_long
from widget_api.context import Context
from widget_api.database import Row
from widget_api.events import INTERNAL as INTERNAL_KINDS
from widget_api.mail import links
from widget_api.problems import pictures, timeline, wording
from widget_api.problems.deadline import is_overdue
from widget_api.problems.merges import list_merges
from widget_api.problems.model import MARKS, OPEN, RATEABLE, REOPEN_DAYS
from widget_api.problems.projections.outcomes import is_rejected_as_spam
from widget_api.problems.store import contacts, history
from widget_api.residents.service import possible_statuses
from widget_api.signing import Purpose, Signer
from widget_api.sites.deadlines import local_date, promised_date
from widget_api.sites.model import Site

_MARKS = frozenset({"spam", "unspam"})


async def page_values(context: Context, site: Site, problem: Row, language: str) -> dict[str, Any]:
    """Values of the template resident/problem.html."""
    now = clock.now()
    contact = await contacts.find(context.database, problem["id"])
    events, photos = await _read_events(context, site, problem, public=False)
    spam = is_rejected_as_spam(problem)
    has_email = contact is not None and contact["email"] is not None
    confirmed = has_email and contact is not None and contact["confirmed_at"] is not None
    erased, status = problem["erased_at"] is not None, problem["status"]
    able = possible_statuses(problem, now)
    decided = next((entry for entry in reversed(events) if entry["status"] == status), None)
    answer = _find_answer(events) if status in RATEABLE else None
    question = _find_question(events) if problem["awaits"] == "author" and status in OPEN else None
    shown = _hide_contents(events, answer, question)
    return {
        "site": site,
        "problem": problem,
        "shown_status": "rejected" if spam else status,
        "photos": [photo for photo in photos if photo["role"] == "report"],
        "category_name": site.category_name(language, problem["category"]),
        "answers": wording.describe_answers(language, site, problem["category"], orjson.loads(problem["answers"])),
        "map": None if erased else draw_point(site, context.settings, problem["lat"], problem["lng"]),
        "overdue": is_overdue(problem, local_date(now, site.time_zone)),
        "entries": timeline_entries(language, site, shown, problem, to_author=True),
        "platforms": () if erased else await history.links(context.database, problem["id"]),  # erased there as well
        "waiting": has_email and not confirmed,
        "letters": "none" if not confirmed else "stopped" if contact and contact["stopped_at"] else "sent",
        "next": _next_text(
            language,
            site,
            problem,
            has_email and not confirmed,
            wording.speaker(language, decided, site.agency.name) if decided else site.agency.name,
        ),
        "named": contact is not None and bool(contact["publish_name"]),
        "open": status in OPEN and not erased,
        "question": question and question["text"],
        "answer": answer and {**answer, "author": wording.author(language, answer, site.agency.name)},
        "main": None if erased else await _main_problem(context, site, problem, language),
        "possible": able,
        "reopen_until": local_date(problem["status_at"], site.time_zone) + timedelta(days=REOPEN_DAYS),
        "judging": status if able & {"confirmed", "reopened"} else None,
        "rateable": status in RATEABLE and not erased,
        "marks": MARKS,
    }


async def _read_events(
    context: Context, site: Site, problem: Row, *, public: bool
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The timeline, each entry with its photos and documents; and all photos."""
    photos = pictures.gallery(context, await pictures.list_pictures(context.database, problem["id"]))
    files = service.signed_documents(context, await service.list_attached(context.database, site.id, problem["id"]))
    entries = await timeline.read_timeline(context.database, problem["id"], public=public)
    marks = [one for one in entries if one["kind"] == "spam"] if is_rejected_as_spam(problem) else []
    events = [one for one in entries if one in marks[-1:] or one["kind"] not in INTERNAL_KINDS | _MARKS]
    for entry in events:
        entry["photos"] = [
            one for one in photos if one["role"] in ("clarification", "answer") and one["event_id"] == entry["id"]
        ]
        entry["documents"] = [one for one in files if one["event_id"] == entry["id"]]
    return events, photos


def _hide_contents(events: list[dict[str, Any]], *above: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The timeline without the contents of those entries that the page shows above it."""
    hidden: dict[str, Any] = {"text": None, "photos": [], "documents": []}
    return [{**entry, **hidden} if any(entry is one for one in above) else entry for entry in events]


async def _main_problem(context: Context, site: Site, problem: Row, language: str) -> dict[str, Any] | None:
    """Public values of the problem that this one was finally merged into; None where it was not merged."""
    merges = await list_merges(context.database, problem)
    if not merges:
        return None
    main = merges[-1]
    events, _ = await _read_events(context, site, main, public=True)
    answer = timeline.find_answer(events)
    return {
        "number": main["number"],
        "status": main["status"],
        "overdue": is_overdue(main, local_date(clock.now(), site.time_zone)),
        "url": links.problem_url(context, site, main["number"]),
        "answer": answer and {**answer, "author": wording.author(language, answer, site.agency.name)},
        "entries": timeline_entries(language, site, _hide_contents(events, answer), main),
    }


def issue_form_id(signer: Signer, problem: Row) -> str:
    """The signed identifier of a clarification form, which becomes the event's."""
    return signer.sign(Purpose.FORM, {"c": clock.new_id(), "p": problem["id"]})


def read_form_id(signer: Signer, problem: Row, token: str) -> str:
    """The identifier of a form; a new one where it is forged, another problem's or too old, so that no text is lost."""
    payload = signer.read(Purpose.FORM, token)
    ours = isinstance(payload, dict) and payload.get("p") == problem["id"]
    return str(payload["c"]) if ours and isinstance(payload, dict) else clock.new_id()


async def step_values(context: Context, site: Site, problem: Row, language: str) -> dict[str, Any]:
    """Values of the pages that explain withdrawing, erasing and changing the link."""
    contact = await contacts.find(context.database, problem["id"])
    platforms = await history.links(context.database, problem["id"])
    return {
        "site": site,
        "problem": problem,
        "category_name": site.category_name(language, problem["category"]),
        "platforms": [platform["name"] for platform in platforms],
        "possible": "withdrawn" in possible_statuses(problem, clock.now()),
        "erasable": problem["erased_at"] is None,
        "mailed": contact is not None and bool(contact["email"]) and contact["confirmed_at"] is not None,
    }


def _find_answer(events: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The entry that closed the report, with an answer or a reason, or the newest correction of the answer."""
    closing = RATEABLE - {"confirmed"}
    return next(
        (entry for entry in reversed(events) if entry["text"] and (entry["status"] in closing or entry["official"])),
        None,
    )


def _find_question(events: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The newest question, which supersedes earlier ones."""
    return next((entry for entry in reversed(events) if entry["kind"] == "asked"), None)


def timeline_entries(
    language: str,
    site: Site,
    entries: list[dict[str, Any]],
    problem: Row | None,
    *,
    to_author: bool = False,
) -> list[dict[str, Any]]:
    """Entries for the timeline macro, with lists of their `photos` and `documents`; the expected next step is last."""
    # A problem of a platform is answered by the platform.
    source_name = problem["source_name"] if problem is not None and problem["mirror_of"] else None
    shown = [
        {
            "day": i18n.format_day(language, entry["at"], site.time_zone),
            "clock": i18n.format_clock(language, entry["at"], site.time_zone),
            "title": wording.event_title(language, site, entry, to_author=to_author),
            "shape": wording.shape(entry),
            "note": wording.note(language, entry),
            "text": entry["text"],
            "author": i18n.text(language, "resident.problem.former")
            if entry["kind"] == "corrected"
            else wording.author(language, entry, source_name or site.agency.name, to_author=to_author),
            "official": bool(entry["text"])
            and entry["actor"] != "resident"
            and not entry["unofficial"]
            and entry["kind"] != "corrected",
            "disputed": entry["disputed"]
            and i18n.text(language, "resident.problem.disputed" if to_author else "city.disputed"),
            "hollow": False,
            "photos": entry["photos"] if isinstance(entry.get("photos"), list) else [],
            "documents": entry.get("documents", []),
        }
        for entry in entries
    ]
    if problem is not None and (ahead := _next_step(problem)):
        day, name = ahead
        shown.append(
            {
                "day": i18n.format_date(language, day),
                "clock": None,
                "title": i18n.text(language, f"resident.step.{name}" if site.is_due else "collections.step"),
                "shape": None,
                "text": None,
                "hollow": True,
                "photos": [],
                "documents": [],
                "official": False,
            }
        )
    return shown


def _next_step(problem: Row) -> tuple[str, str] | None:
    """The day and the name of the expected next step."""
    if problem["status"] not in OPEN or problem["erased_at"] is not None or is_rejected_as_spam(problem):
        return None
    if problem["status"] == "planned" and problem["expected_on"]:
        return problem["expected_on"], "planned"
    due = promised_date(problem["answer_due"])
    return (due, "answer") if due else None


def _next_text(language: str, site: Site, problem: Row, waiting: bool, agency: str) -> str:
    """What the author can expect, in a sentence or two; `agency` is the name of whoever set the status."""
    if problem["erased_at"] is not None:
        return wording.say(site, language, "status_next.erased")
    if is_rejected_as_spam(problem):
        return wording.say(site, language, "status_next.spam")
    status = problem["status"]
    due = wording.due_text(language, problem["answer_due"])
    if not due and i18n.has(own := f"collections.next.{status}"):
        return i18n.text(language, own)
    if status == "moderation":
        after = waiting and site.moderation == "after"
        name = "confirm" if after else "silence" if waits_long(problem, site.calendar, clock.now()) else "moderation"
        return wording.say(site, language, f"status_next.{name}", date=due)
    if problem["awaits"] == "author":
        return wording.say(site, language, "status_next.paused", date=due)
    return wording.say(site, language, f"status_next.{status}", agency=agency, date=due)
