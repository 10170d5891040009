"""Convert a parsed letter to a change of a report, or find the reason to hold it for review."""

from __future__ import annotations

from widget_api.database import Row
from widget_api.mailbox.commands import Command
from widget_api.mailbox.parse import Letter
from widget_api.problems.change import LONGEST_TEXT
from widget_api.problems.model import NEEDS, Change, allowed
from widget_api.sites.model import Site


def build_change(command: Command, letter: Letter, status: str, in_attachments: str) -> Change:
    """Build the change that a letter requests, without checking permission. A letter without a command is an answer.

    «В работе до 15.12» for a report already in progress sets a new date. `in_attachments` is the text used for a letter
    that has attachments only.
    """
    to = command.status or "answered"
    if to == "in_progress" and command.expected_on and to not in allowed("agent", status):
        to = "planned"
    text = command.text or (in_attachments if letter.attachments and "text" in NEEDS.get(to, ()) else "")
    return Change(
        to=to,
        text=text or None,
        expected_on=command.expected_on,
        responsible=command.responsible,
        duplicate_of=command.duplicate_of,
    )


def find_hold_reason(command: Command, change: Change, problem: Row, site: Site) -> str | None:
    """Return the reason why a change is not published at once, one of `model.REASONS`, or None."""
    if problem["spam"]:
        return "spam"
    if problem["status"] == "moderation" and site.moderator != "agent":
        return "moderator"
    if site.mail_answers == "hold":
        return "site"
    if command.unclear:
        return "unclear"
    if "\ufffd" in (change.text or ""):
        return "other"  # characters were lost in transit
    if command.wrong:
        return command.wrong
    if command.status is None and not change.text:
        return "empty"
    if change.to not in allowed("agent", problem["status"]):
        return "status"
    missing = next((name for name in NEEDS.get(change.to, ()) if not getattr(change, name)), None)
    if missing:
        return missing
    return "too_long" if len(change.text or "") > LONGEST_TEXT else None
