"""Enqueue, compose and send letters to residents about a problem: what those of all kinds have in common.

A letter that a person requested and no event causes is enqueued by the problem's first event, with a sink of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from widget_api import i18n
from widget_api.clock import new_id
from widget_api.context import Context
from widget_api.database import Row, Transaction
from widget_api.deliveries.model import REQUESTED
from widget_api.mail import links, messages, sender, verp
from widget_api.mail.messages import Thread
from widget_api.problems import wording
from widget_api.problems.model import OPEN, REOPEN_DAYS, allowed
from widget_api.problems.store import contacts, history
from widget_api.problems.submit import OTHER_LETTERS_A_DAY
from widget_api.sites.deadlines import local_date
from widget_api.sites.model import Site

Problem = Row | Mapping[str, Any]
_PREHEADER = 120  # characters; mail programs show no more


async def enqueue_letter(
    tx: Transaction, received: Row, sink: str, now: int, *, priority: int = REQUESTED, leaves_at: int | None = None
) -> None:
    """Enqueue a letter, also one that was sent before; does nothing while the same letter is pending or being sent.

    `received` is the problem's first event: id, site_id, problem_id, position. `created_at` grows with each request,
    since the letter's Message-ID is made from it. `leaves_at` is the earliest time of sending (Unix time).
    """
    await tx.run(
        "INSERT INTO deliveries"
        " (id, site_id, problem_id, event_id, position, sink, lane, opens, state, next_at, created_at)"
        " VALUES (:id, :site_id, :problem_id, :event_id, :position, :sink, :lane, FALSE, 'pending', :leaves_at, :now)"
        " ON CONFLICT (site_id, event_id, sink) DO UPDATE SET state = 'pending', attempts = 0, next_at = :leaves_at,"
        " reason = NULL,"
        " created_at = CASE WHEN deliveries.created_at < :now THEN :now ELSE deliveries.created_at + 1 END"
        " WHERE deliveries.state NOT IN ('pending', 'leased')",
        id=new_id(),
        site_id=received["site_id"],
        problem_id=received["problem_id"],
        event_id=received["id"],
        position=received["position"],
        sink=sink,
        lane=priority,
        leaves_at=now if leaves_at is None else leaves_at,
        now=now,
    )


async def enqueue_limited_letter(
    tx: Transaction, problem_id: str, sink: str, email: str, now: int, kind: str = "", most: int = OTHER_LETTERS_A_DAY
) -> bool:
    """Enqueue a letter that a stranger may have caused. False if the mailbox has reached the daily limit."""
    if await contacts.letters_today(tx, email, now, kind) >= most:
        return False
    await contacts.add_letter(tx, email, now, kind)
    await enqueue_letter(tx, await history.received_event(tx, problem_id), sink, now)
    return True


def about_problem(site: Site, problem: Problem, language: str) -> dict[str, Any]:
    """Return the template values that every letter about a problem has."""
    return {
        "site": site,
        "agency": site.agency.name,
        "site_name": site.name,
        "problem_number": problem["number"],
        "category_name": site.category_name(language, problem["category"]),
    }


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What a letter about an event has beside the event. `into` is the number of the problem that is worked on."""

    language: str
    attached: list[tuple[str, str]]  # the names and links of a decision's photos and documents
    into: int | None
    track_url: str
    stop_url: str


def news_values(context: Context, site: Site, problem: Problem, entry: wording.Entry, letter: Letter) -> dict[str, Any]:
    """Return the values of the template `status`, the letter to an author about an event of the report."""
    language, into = letter.language, letter.into
    about = " ".join(filter(None, (_about_text(language, site, problem, entry, into), wording.note(language, entry))))
    return {
        **about_problem(site, problem, language),
        "title": (title := wording.event_title(language, site, entry)),
        "about": about,
        "preheader": preheader(f"{title}. {entry['text'] or about}"),
        "button": _button_text(language, entry),
        "text": entry["text"],
        "attached": letter.attached,
        "author": wording.author(language, entry, site.agency.name),
        **_corrected_text(language, problem, entry),
        "next": _next_text(language, site, problem, entry),
        "track_url": letter.track_url,
        "into": into,
        "into_url": links.problem_url(context, site, into) if into else None,
        "stop_url": letter.stop_url,
    }


def _about_text(language: str, site: Site, problem: Problem, entry: wording.Entry, into: int | None) -> str:
    """What an event means for its reader; each status has its own text."""
    return wording.say(
        site,
        language,
        f"status_letter.{wording.text_name(entry)}",
        number=into or entry["duplicate_of"] or entry.get("apart_from") or problem["number"],
        sender=wording.author(language, entry, ""),
        corrected=", ".join(i18n.text(language, f"mail.corrected.{name}") for name in entry.get("corrected", ())),
    )


def _corrected_text(language: str, problem: Problem, entry: wording.Entry) -> dict[str, Any]:
    """What a report says now, in place of the former text of a correction."""
    if entry["kind"] != "corrected":
        return {}
    text = problem["description"] if "description" in entry["corrected"] else None
    return {"text": text, "author": i18n.text(language, "mail.corrected.now")}


def _button_text(language: str, entry: wording.Entry) -> str:
    """The label of the button, by what there is to do."""
    name = entry["status"] or entry["kind"]
    own = f"mail.status.buttons.{name}"
    return i18n.text(language, own if i18n.has(own) else "mail.status.buttons.else")


def _next_text(language: str, site: Site, problem: Problem, entry: wording.Entry) -> str | None:
    """What the resident can expect or do after this event; None where the status has changed since."""
    status = entry["status"]
    if status in OPEN and status != "planned" and problem["status"] in OPEN:
        due = wording.due_text(language, problem["answer_due"])
        return i18n.text(language, "mail.status.due", date=due) if due else None
    if status is not None and "reopened" in allowed("resident", status):
        last = local_date(entry["at"], site.time_zone) + timedelta(days=REOPEN_DAYS)
        return wording.say(site, language, f"mail.status.reopen.{status}", date=i18n.format_date(language, last))
    return None


def preheader(text: str) -> str:
    """Return the text that a mail program's list shows beside the subject."""
    line = " ".join(text.split())
    return line if len(line) <= _PREHEADER else line[:_PREHEADER].rsplit(" ", 1)[0] + "…"


async def send(
    context: Context,
    template: str,
    language: str,
    to: str,
    site: Site,
    thread: Thread,
    values: dict[str, Any],
    unsubscribe: str | None = None,
    bounces: tuple[verp.Bounce, str] | None = None,
    reply_to: str | None = None,
) -> None:
    """Compose a letter in the agency's name and pass it to the mail server. Raises GiveUp, Retry.

    `bounces` is whom a returned letter marks as failed: the author of a problem (`contact`), or a follower.
    """
    letter = messages.compose(
        template,
        language,
        to=to,
        mail_from=context.settings.mail_from,
        sender_name=site.agency.name,
        thread=thread,
        values=values,
        unsubscribe=unsubscribe,
        reply_to=reply_to,
        mark=i18n.text(language, "mail.test") + " " if site.is_test else "",
    )
    bounces_to = verp.bounce_address(context.settings, context.signer, *bounces) if bounces else None
    await sender.send_message(context.settings, letter, bounces_to)
