"""Define the statuses of a problem, the transitions each actor may make, and the objects that pass between modules."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from widget_api import status_table
from widget_api.errors import NotFound

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
Source = Literal["widget", "form", "georeport", "platform"]  # the API or form a report came through
Channel = Literal["phone", "visit", "letter", "other"]  # how a report reached the official who entered it
ActorKind = Literal["resident", "agent", "operator", "platform", "source", "system"]
Needs = Literal["text", "expected_on", "responsible", "duplicate_of"]

OPEN = frozenset(status for status, entry in status_table.STATUSES.items() if entry.stage == "open")
CLOSED = frozenset(status for status, entry in status_table.STATUSES.items() if entry.stage == "closed")
STATUSES: tuple[Status, ...] = Status.__args__  # type: ignore[attr-defined]

# The statuses the agency may give a report it is working on. None of them makes a report disappear.
_WORK: frozenset[str] = frozenset(
    {"forwarded", "in_progress", "planned", "resolved", "answered", "redirected", "duplicate", "rejected"}
)
_AGENCY: dict[str, frozenset[str]] = {
    "moderation": _WORK | {"accepted"},
    "accepted": _WORK,
    "forwarded": _WORK,
    "in_progress": _WORK - {"in_progress"},
    "planned": _WORK,  # includes `planned`: another date
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


def join_entry(title: str, text: str) -> str:
    """The stored description of a collection's entry: its title is the first line."""
    return f"{title}\n\n{text}"


def split_entry(description: str) -> tuple[str, str]:
    """The title and the text of an entry."""
    title, _, text = description.partition("\n")
    return title, text.lstrip("\n")


TRANSITIONS: dict[ActorKind, dict[str, frozenset[str]]] = {
    "agent": _AGENCY,
    "operator": _AGENCY,
    "resident": _RESIDENT,
    "system": {
        **_NOTHING,
        "moderation": frozenset({"accepted"}),  # confirmation, where the site moderates after
        "duplicate": frozenset({"accepted", "moderation"}),  # the report it was merged into is gone (record.py)
    },
    "platform": _NOTHING,  # platform and source act by imported events, checked by MAY_SEND alone
    "source": _NOTHING,
}

# The statuses an imported event may set. Only the system a resident reported to may pass on the resident's decisions.
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
# By these a report in moderation is taken up, so that the rules say which service works on it.
TAKEN_UP: frozenset[str] = frozenset({"accepted", "in_progress", "planned"})
ANSWERS: frozenset[str] = frozenset({"resolved", "answered"})  # their text is the official answer, see is_official
REOPEN_DAYS = 30
# Why a report is rejected, in the order of the form. Other ways (mail, bulk, platforms but for instances of this
# service) name none: UNSTATED.
REASONS = ("abuse", "personal_data", "not_a_problem", "no_place", "spam", "other")
UNSTATED = "unstated"
RATEABLE: frozenset[str] = frozenset({"resolved", "answered", "redirected", "rejected", "confirmed"})
MARKS = (5, 4, 3, 2, 1)  # ratings, the best first
_NUMBER = re.compile("[1-9][0-9]{0,9}")


def parse_number(text: str) -> int:
    """Parse the number of a problem in a URL. Raises NotFound unless it is canonical («007» is not) and below 2**31."""
    if not _NUMBER.fullmatch(text) or int(text) >= 2**31:
        raise NotFound("problem_not_found")
    return int(text)


def allowed(actor: ActorKind, status: str) -> frozenset[str]:
    """Return the statuses this actor may give a problem that is in `status`."""
    return TRANSITIONS[actor][status]


def is_official(status: str | None, text: str | None, data: Mapping[str, Any]) -> bool:
    """Whether an event is the agency's official answer, or a correction of it (problems.correction).

    `data["unofficial"]` marks events of a system that does not speak for the agency (`lifecycle.import_update`).
    """
    return (status in ANSWERS or "corrects" in data) and bool(text) and not data.get("unofficial")


def has_author_here(source: str) -> bool:
    """Whether the author reported here. Authors of other systems' reports can be reached through those systems only."""
    return source in ("widget", "form")


def next_to_act(awaits: str | None, kind: str) -> str | None:
    """Return who has to reply after an event: the author to a question, the agency to an addition by the author.

    A decision by anybody ends the conversation about the previous one.
    """
    if kind == "asked":
        return "author"
    if kind == "clarified":
        return "agency"
    return None if kind in ("status", "erased") else awaits


def is_published_after(published: bool, before: str, to: str) -> bool:
    """Whether the public sees a problem after a change.

    A problem is public from the first decision on. A report rejected before it was published stays hidden (its author
    and the platform get the reason), even if its author reopens it. Only withdrawal unpublishes a problem.
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
    """A request to move a problem to another status, with the fields that status needs (NEEDS)."""

    to: Status
    text: str | None = None
    expected_on: str | None = None  # YYYY-MM-DD
    responsible: str | None = None
    duplicate_of: int | None = None
    reason: str | None = None  # of REASONS
    photos: tuple[Photo, ...] = ()  # shown with the text
    documents: tuple[str, ...] = ()  # identifiers of documents uploaded for this problem
    internal_documents: tuple[str, ...] = ()  # the same, for the agency alone
    service: str | None = None  # forwarded to: the identifier of a subordinate agency, instead of `responsible`
    service_due: str | None = None  # YYYY-MM-DD: the date given to the service, which the public does not see
    work_photos: bool = False  # publish the photos that the service sent with its report of the work
    outside: bool = False  # an answer given on paper, outside the service


@dataclass(frozen=True, kw_only=True)
class Extension:
    """A request to extend the due date to `day` («YYYY-MM-DD»), with the reason that everybody reads."""

    day: str
    text: str
    photos: tuple[Photo, ...] = ()
    documents: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Content:
    """The public part of a report as another instance of this service has it now."""

    category: str
    description: str
    address: str | None
    lat: float | None
    lng: float | None
    photos: tuple[RemotePhoto, ...] | None = None  # None: not given


@dataclass(frozen=True, kw_only=True)
class RemotePhoto:
    """A public picture of another instance: `event_id` is the id of the event it came with, `place` its place there."""

    url: str
    event_id: str
    place: int


@dataclass(frozen=True, kw_only=True)
class Update:
    """An event of another system: `id` is its id there, `at` in whole seconds, `status` None = a text only."""

    id: str
    at: int
    status: Status | None
    text: str | None = None
    actor: ActorKind | None = None  # as reported by another instance of this service
    expected_on: str | None = None
    responsible: str | None = None
    here: bool = False  # the event has no reliable time of its own and is dated when it arrives
    unofficial: bool = False  # another instance of this service marks it as not from its agency
    reason: str | None = None  # of REASONS, of a rejection
    erased: bool = False
    content: Content | None = None  # what the report says now, from the instance it was reported to
    photos: tuple[Photo, ...] = ()
    media: tuple[str, ...] = ()  # URLs of pictures to fetch


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
    name_version: str | None = None  # version of the separate consent to publish the name
    name_hash: str | None = None


@dataclass(frozen=True)
class Photo:
    """A photo to be attached, and the sender's description of it."""

    id: str
    alt: str | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """A validated report, whichever API or form it came through."""

    category: str
    description: str
    address: str | None
    lat: float | None
    lng: float | None
    answers: dict[str, str | list[str]]
    contact: Contact
    language: str
    source: Source
    channel: Channel | None = None
    photos: tuple[Photo, ...] = ()
    media: tuple[str, ...] = ()  # URLs of pictures to fetch after the response
    consent: Consent | None = None  # None for reports of other systems, whose operators store the consent
    page_url: str | None = None
    status: Status = "moderation"  # any other only by GeoReport with scope `platform`
    birth_id: str | None = None  # id of the event `received` at the instance it comes from
    received_at: int | None = None
    device: str | None = None
    source_name: str | None = None
    source_url: str | None = None
    answer_due: str | None = None  # local date announced by its source
    mirror_of: str | None = None  # id of the platform it was read from
