"""From what a letter says to a decision about a report, or to the reason why somebody has to look at it first."""

from __future__ import annotations

from widget_api.database import Row
from widget_api.mailbox.commands import Command
from widget_api.mailbox.parse import Letter
from widget_api.problems.change import LONGEST_TEXT
from widget_api.problems.model import NEEDS, Change, allowed
from widget_api.sites.model import Site


def build_change(asked: Command, letter: Letter, status: str, in_attachments: str) -> Change:
    """What the letter asks for, whether or not it may. Without a word of its own it is an answer.

    «В работе до 15.12» of a report that is in work already is a new date. `in_attachments` is said for a letter whose
    attachments say it all.
    """
    to = asked.status or "answered"
    if to == "in_progress" and asked.expected_on and to not in allowed("agent", status):
        to = "planned"
    text = asked.text or (in_attachments if letter.attachments and "text" in NEEDS.get(to, ()) else "")
    return Change(
        to=to,
        text=text or None,
        expected_on=asked.expected_on,
        responsible=asked.responsible,
        duplicate_of=asked.duplicate_of,
    )


def find_hold_reason(asked: Command, change: Change, problem: Row, site: Site) -> str | None:
    """Why this is not published at once: one of model.REASONS."""
    if problem["spam"]:
        return "spam"
    if problem["status"] == "moderation" and site.moderator != "agent":
        return "moderator"
    if site.mail_answers == "hold":
        return "site"
    if asked.unclear:
        return "unclear"
    if "\ufffd" in (change.text or ""):
        return "other"  # something of it was lost on the way
    if asked.wrong:
        return asked.wrong
    if asked.status is None and not change.text:
        return "empty"
    if change.to not in allowed("agent", problem["status"]):
        return "status"
    missing = next((name for name in NEEDS.get(change.to, ()) if not getattr(change, name)), None)
    if missing:
        return missing
    return "too_long" if len(change.text or "") > LONGEST_TEXT else None
