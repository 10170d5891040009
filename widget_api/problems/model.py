"""The life of a problem: its statuses, and the one table that says which actor may make which transition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from widget_api import status_table

Status = Literal[
    "moderation",
    "accepted",
    "forwarded",
    "in_progress",
    "planned",
    "resolved",
    "answered",
    "redirected",
    "duplicate",
    "rejected",
    "confirmed",
    "reopened",
    "withdrawn",
]
Source = Literal["widget", "form", "georeport", "platform"]  # by which API or form a report came
ActorKind = Literal["resident", "agent", "operator", "platform", "source", "system"]
Needs = Literal["text", "expected_on", "responsible", "duplicate_of"]

OPEN = frozenset(status for status, one in status_table.STATUSES.items() if one.stage == "open")
CLOSED = frozenset(status for status, one in status_table.STATUSES.items() if one.stage == "closed")
STATUSES: tuple[Status, ...] = Status.__args__  # type: ignore[attr-defined]

# What the agency may make of a report it is working on. None of these makes a report disappear.
_WORK: frozenset[str] = frozenset(
    {"forwarded", "in_progress", "planned", "resolved", "answered", "redirected", "duplicate", "rejected"}
)
_AGENCY: dict[str, frozenset[str]] = {
    "moderation": _WORK | {"accepted"},
    "accepted": _WORK,
    "forwarded": _WORK,
    "in_progress": _WORK - {"in_progress"},
    "planned": _WORK,  # planned again: another date
    "reopened": _WORK,
    "resolved": frozenset({"in_progress"}),
    "answered": frozenset({"in_progress", "resolved"}),
    "redirected": frozenset({"in_progress"}),
    "duplicate": frozenset({"in_progress"}),
    "rejected": frozenset({"accepted", "in_progress"}),
    "confirmed": frozenset(),
    "withdrawn": frozenset(),
}
_RESIDENT: dict[str, frozenset[str]] = {
    **{status: frozenset({"withdrawn"}) for status in STATUSES},
    "resolved": frozenset({"confirmed", "reopened", "withdrawn"}),
    "answered": frozenset({"confirmed", "reopened", "withdrawn"}),
    "rejected": frozenset({"reopened", "withdrawn"}),
    "withdrawn": frozenset(),
}
_NOTHING: dict[str, frozenset[str]] = {status: frozenset() for status in STATUSES}

TRANSITIONS: dict[ActorKind, dict[str, frozenset[str]]] = {
    "agent": _AGENCY,
    "operator": _AGENCY,
    "resident": _RESIDENT,
    "system": {
        **_NOTHING,
        "moderation": frozenset({"accepted"}),  # confirmation, where the site moderates after
        "duplicate": frozenset({"accepted", "moderation"}),  # what it was merged into is gone (recording.py)
    },
    "platform": _NOTHING,  # platform and source act by imported events, checked by MAY_SEND alone
    "source": _NOTHING,
}

# An imported event: may its sender set that status at all? The resident's own words belong to where the resident is.
MAY_SEND: dict[ActorKind, frozenset[str]] = {
    "platform": frozenset(STATUSES) - {"moderation", "confirmed", "withdrawn"},
    "source": frozenset(STATUSES),
}

NEEDS: dict[str, tuple[Needs, ...]] = {
    "forwarded": ("responsible",),
    "planned": ("expected_on",),
    "resolved": ("text",),
    "answered": ("text",),
    "redirected": ("responsible",),
    "duplicate": ("duplicate_of",),
    "rejected": ("text",),
    "reopened": ("text",),
}
ANSWERS: frozenset[str] = frozenset({"resolved", "answered"})  # their text is the official answer, see is_official
REOPEN_DAYS = 30
RATEABLE: frozenset[str] = frozenset({"resolved", "answered", "redirected", "rejected", "confirmed"})
MARKS = (5, 4, 3, 2, 1)  # the best first


def allowed(actor: ActorKind, status: str) -> frozenset[str]:
    """The statuses this actor may give a problem that is in `status`."""
    return TRANSITIONS[actor][status]


def is_official(status: str | None, text: str | None, data: Mapping[str, Any]) -> bool:
    """Whether an event is the agency's official answer.

    `data["unofficial"]` marks what was said by a system that does not speak for the agency (service.import_update).
    """
    return status in ANSWERS and bool(text) and not data.get("unofficial")


def has_author_here(source: str) -> bool:
    """Whoever sent a report through another system is reached by that system alone."""
    return source in ("widget", "form")


def next_to_act(awaits: str | None, kind: str) -> str | None:
    """Whose word is waited for after an event: a question waits for the author, what the author adds for the agency.

    A decision, whoever makes it, closes the conversation about the one before; asking moves no deadline.
    """
    if kind == "asked":
        return "author"
    if kind == "clarified":
        return "agency"
    return None if kind in ("status", "erased") else awaits


def is_published_after(published: bool, before: str, to: str) -> bool:
    """Whether the public sees a problem after a change.

    Public from the first decision on; a report rejected before anybody saw it stays unseen (its author and the platform
    learn the reason), though that author reopens it; withdrawing unpublishes; nothing else ever does.
    """
    if to == "withdrawn" or to == "moderation":
        return False
    if to in ("rejected", "duplicate") and before == "moderation":
        return False
    return True if to not in ("confirmed", "rejected", "duplicate", "reopened") else published


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts. `source` names the platform or token an imported event came from."""

    kind: ActorKind
    user_id: str | None = None
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """A wish to move a problem to another status, with what that status needs (NEEDS)."""

    to: Status
    text: str | None = None
    expected_on: str | None = None  # YYYY-MM-DD
    responsible: str | None = None
    duplicate_of: int | None = None
    photos: tuple[Photo, ...] = ()  # what is shown with the text
    documents: tuple[str, ...] = ()  # identifiers of what was received for this problem


@dataclass(frozen=True, kw_only=True)
class Update:
    """An event that happened elsewhere: `id` is its birth id, `at` in whole seconds, `status` None = a text only."""

    id: str
    at: int
    status: Status | None
    text: str | None = None
    actor: ActorKind | None = None  # as an instance of this service tells it
    expected_on: str | None = None
    responsible: str | None = None
    here: bool = False  # no time of its own is told or believed: it happens as it comes in
    unofficial: bool = False  # another instance of this service says that it is not its agency's word
    erased: bool = False
    photos: tuple[Photo, ...] = ()
    media: tuple[str, ...] = ()  # addresses of pictures, to be fetched


@dataclass(frozen=True, kw_only=True)
class Contact:
    """Personal data of the reporter. Never in an event, a list, a log or a signed token."""

    email: str | None = None
    name: str | None = None
    phone: str | None = None
    publish_name: bool = False


@dataclass(frozen=True, kw_only=True)
class Consent:
    version: str
    hash: str
    publish_name: bool
    ip: str | None
    name_version: str | None = None  # of the document under which the name may be published, which is another one
    name_hash: str | None = None


@dataclass(frozen=True)
class Photo:
    """A photo to be attached, and what it shows in the sender's words."""

    id: str
    alt: str | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report that has been checked, whichever API or form it came by."""

    category: str
    description: str
    address: str | None
    lat: float | None
    lng: float | None
    answers: dict[str, str | list[str]]
    contact: Contact
    language: str
    source: Source
    photos: tuple[Photo, ...] = ()
    media: tuple[str, ...] = ()  # addresses of pictures, to be fetched after the answer
    consent: Consent | None = None  # the doors of other systems carry none: their operator holds it
    page_url: str | None = None
    status: Status = "moderation"  # other than that: by GeoReport with scope `platform` only
    birth_id: str | None = None  # of the event `received`, where another instance gave it one
    received_at: int | None = None
    device: str | None = None
    source_name: str | None = None
    source_url: str | None = None
    answer_due: str | None = None  # a local day, where its source promised one
    mirror_of: str | None = None  # the platform it was read from
