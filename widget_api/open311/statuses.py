"""Our statuses in the words of GeoReport (open, closed) and of FixMyStreet's updates, and back."""

from __future__ import annotations

import re

from widget_api.problems.model import CLOSED, OPEN, STATUSES, Status

UPDATE_STATUS: dict[Status, str] = {
    "moderation": "FOR_TRIAGE",
    "accepted": "OPEN",
    "forwarded": "INTERNAL_REFERRAL",
    "in_progress": "IN_PROGRESS",
    "planned": "ACTION_SCHEDULED",
    "resolved": "FIXED",
    "answered": "CLOSED",
    "redirected": "NOT_COUNCILS_RESPONSIBILITY",
    "duplicate": "DUPLICATE",
    "rejected": "NO_FURTHER_ACTION",
    "confirmed": "FIXED",
    "reopened": "REOPEN",
    "withdrawn": "CANCELLED",
}

# What other systems say. FIXED is the agency's word there: that the author agrees is told by an exact code alone.
_FROM_UPDATE_STATUS: dict[str, Status] = {
    **{name: status for status, name in UPDATE_STATUS.items() if status != "confirmed"},
    "INVESTIGATING": "in_progress",
    "FIXED_COUNCIL": "resolved",  # FixMyStreet's finer names (perllib/FixMyStreet/DB/ResultSet/Problem.pm)
    "FIXED_USER": "resolved",
    "UNABLE_TO_FIX": "answered",
    "NOT_RESPONSIBLE": "redirected",
    "REOPENED": "reopened",
}


def georeport_status(status: str) -> str:
    """`open` or `closed`."""
    return "open" if status in OPEN else "closed"


def exact(code: str | None) -> Status | None:
    """One of our own codes, as another instance of this service tells it, or None."""
    return next((status for status in STATUSES if status == code), None)


def known(name: str) -> bool:
    """Whether a status told by another system is one at all."""
    return _word(name).upper() in _FROM_UPDATE_STATUS  # «open» and «closed» are among them


def from_elsewhere(name: str | None, ours: str) -> Status | None:
    """What a status told by another system makes of a problem that is in `ours`; None: nothing.

    «open» and «closed» are all GeoReport knows, so they change nothing unless they contradict ours. Written in capitals
    they are FixMyStreet's names for «accepted» and «answered», and say a little more.
    """
    word = _word(name or "")
    if word.upper() == "OPEN":
        if ours in CLOSED:
            return "reopened"
        return "accepted" if ours == "moderation" and word == "OPEN" else None
    if word.upper() == "CLOSED":
        if ours in CLOSED:
            return None
        return "answered" if word == "CLOSED" else "resolved"
    status = _FROM_UPDATE_STATUS.get(word.upper())
    return None if status == ours else status


def _word(name: str) -> str:
    """«fixed - council» → «fixed_council»."""
    return re.sub(r"[\s_-]+", "_", name.strip())
