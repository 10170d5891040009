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

NAMES = tuple(_FROM_UPDATE_STATUS)

# The detailed statuses of CitySDK's participation API, as its clients ask for them.
_CITYSDK: dict[str, frozenset[str]] = {
    "PENDING": frozenset({"moderation"}),
    "RECEIVED": frozenset({"accepted"}),
    "IN_PROCESS": frozenset({"forwarded", "in_progress", "planned", "reopened"}),
    "PROCESSED": frozenset({"resolved", "answered", "confirmed"}),
    "REJECTED": frozenset({"rejected", "redirected", "duplicate"}),
}
COARSE, DETAILED = ("open", "closed"), tuple(dict.fromkeys((*UPDATE_STATUS, *NAMES, *_CITYSDK)))


def georeport_status(status: str) -> str:
    """`open` or `closed`."""
    return "open" if status in OPEN else "closed"


def expand_coarse(name: str) -> frozenset[str]:
    """Ours that «open» or «closed» stands for; empty where it is neither."""
    return {"open": OPEN, "closed": CLOSED}.get(name.lower(), frozenset())


def expand_detailed(name: str) -> frozenset[str]:
    """Ours that a detailed status stands for: our own code, a name of FixMyStreet's updates, one of CitySDK's."""
    if code := parse_exact(name):
        return frozenset({code})
    named = frozenset(status for status, update in UPDATE_STATUS.items() if update == name.upper())
    other = _FROM_UPDATE_STATUS.get(_normalise(name).upper())
    return named or _CITYSDK.get(name.upper()) or (frozenset({other}) if other else frozenset())


def parse_exact(code: str | None) -> Status | None:
    """One of our own codes, as another instance of this service tells it, or None."""
    return next((status for status in STATUSES if status == code), None)


def is_known(name: str) -> bool:
    """Whether a status told by another system is one at all."""
    return _normalise(name).upper() in _FROM_UPDATE_STATUS  # «open» and «closed» are among them


def map_foreign_status(name: str | None, ours: str) -> Status | None:
    """What a status told by another system makes of a problem that is in `ours`; None: nothing.

    «open» and «closed» are all GeoReport knows, so they change nothing unless they contradict ours. Written in capitals
    they are FixMyStreet's names for «accepted» and «answered», and say a little more.
    """
    word = _normalise(name or "")
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


def _normalise(name: str) -> str:
    """«fixed - council» → «fixed_council»."""
    return re.sub(r"[\s_-]+", "_", name.strip())
