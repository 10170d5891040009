"""Map statuses to GeoReport's (open, closed) and to the names in FixMyStreet's updates, and back."""

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

# Statuses that share a name with another one, which is what the name means when another system uses it. FIXED is the
# agency's statement there: only our own code says that the author confirmed it.
_EXACT_ONLY: frozenset[Status] = frozenset({"confirmed"})

# Names of other systems.
_FROM_UPDATE_STATUS: dict[str, Status] = {
    **{name: status for status, name in UPDATE_STATUS.items() if status not in _EXACT_ONLY},
    "INVESTIGATING": "in_progress",
    "FIXED_COUNCIL": "resolved",  # FixMyStreet's finer names (perllib/FixMyStreet/DB/ResultSet/Problem.pm)
    "FIXED_USER": "resolved",
    "UNABLE_TO_FIX": "answered",
    "NOT_RESPONSIBLE": "redirected",
    "REOPENED": "reopened",
}

NAMES = tuple(_FROM_UPDATE_STATUS)

# The detailed statuses of CitySDK's participation API, by which its clients filter.
_CITYSDK: dict[str, frozenset[str]] = {
    "PENDING": frozenset({"moderation"}),
    "RECEIVED": frozenset({"accepted"}),
    "IN_PROCESS": frozenset({"forwarded", "in_progress", "planned", "reopened"}),
    "PROCESSED": frozenset({"resolved", "answered", "confirmed"}),
    "REJECTED": frozenset({"rejected", "redirected", "duplicate"}),
}
COARSE, DETAILED = ("open", "closed"), tuple(dict.fromkeys((*UPDATE_STATUS, *NAMES, *_CITYSDK)))


def georeport_status(status: str) -> str:
    """Return GeoReport's status, `open` or `closed`."""
    return "open" if status in OPEN else "closed"


def expand_coarse(name: str) -> frozenset[str]:
    """Return our statuses that «open» or «closed» comprises, or an empty set for any other name."""
    return {"open": OPEN, "closed": CLOSED}.get(name.lower(), frozenset())


def expand_detailed(name: str) -> frozenset[str]:
    """Return our statuses that a detailed status comprises: our own code, a name of FixMyStreet's or of CitySDK's."""
    if code := parse_exact(name):
        return frozenset({code})
    named = frozenset(status for status, update in UPDATE_STATUS.items() if update == name.upper())
    other = _FROM_UPDATE_STATUS.get(_normalise(name).upper())
    return named or _CITYSDK.get(name.upper()) or (frozenset({other}) if other else frozenset())


def parse_exact(code: str | None) -> Status | None:
    """Return a code of ours, as another instance of this service sends it, or None."""
    return next((status for status in STATUSES if status == code), None)


def is_known(name: str) -> bool:
    """Whether a status sent by another system is known."""
    return _normalise(name).upper() in _FROM_UPDATE_STATUS  # «open» and «closed» are among them


def map_foreign_status(name: str | None, ours: str) -> Status | None:
    """Return the new status of a problem in status `ours` after another system's status, or None if it stays.

    GeoReport has only «open» and «closed», so these change nothing unless they contradict our status. In capitals they
    are FixMyStreet's names for «accepted» and «answered», which are more specific.
    """
    name = _normalise(name or "")
    if name.upper() == "OPEN":
        if ours in CLOSED:
            return "reopened"
        return "accepted" if ours == "moderation" and name == "OPEN" else None
    if name.upper() == "CLOSED":
        if ours in CLOSED:
            return None
        return "answered" if name == "CLOSED" else "resolved"
    status = _FROM_UPDATE_STATUS.get(name.upper())
    return None if status == ours else status


def _normalise(name: str) -> str:
    """Join the words of a name with underscores: «fixed - council» becomes «fixed_council»."""
    return re.sub(r"[\s_-]+", "_", name.strip())
