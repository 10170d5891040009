"""Decide which sinks get an event, and when. Pure functions, so that each rule can be tested by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from widget_api.database import Row
from widget_api.deliveries.model import SPAM, UNPUBLISHED
from widget_api.deliveries.sinks import AGENCY, PLATFORM, RESIDENT, SERVICE
from widget_api.events import Event
from widget_api.problems.model import has_author_here


@dataclass(frozen=True, kw_only=True)
class Situation:
    """The state of a problem and its site on which routing depends, beside the event itself."""

    source: str  # how the problem was reported: widget | form | georeport | platform
    released: bool
    spam: bool
    has_email: bool
    confirmed: bool  # the resident's address
    stopped: bool  # the resident unsubscribed
    agency_by_mail: bool
    platforms: Sequence[str]  # identifiers of the platforms that currently get the site's reports
    informed: Sequence[str] = ()  # those that have this report, or may have it; read for INFORMED events
    service: str | None = None  # the subordinate agency that works on it
    mirrored: bool = False  # a platform's own problem: its news goes to followers only


def find_obstacle(problem: Row, *, foreign: bool = False, waits: bool = False) -> str | None:
    """Return why a report must not leave for a platform now: erased, spam or unpublished; None if it may.

    Deliveries are withheld for this reason, and the cabinet marks a report that no platform may get as seen here only.
    What is rejected unseen goes to no `foreign` platform, which may publish what it gets; one that `waits` gets nothing
    before the public sees it here.
    """
    if problem["erased_at"] is not None:
        return "erased"
    if problem["spam"]:
        return SPAM
    if problem["released_at"] is None:
        return UNPUBLISHED
    hidden = foreign and not problem["published"] and (waits or problem["status"] != "moderation")
    return UNPUBLISHED if hidden else None


INFORMED = frozenset({"erased", "corrected"})
_AUTHORS_NEWS = frozenset({"status", "note", "asked", "corrected"})


def writes_to_resident(situation: Situation) -> bool:
    """Whether the author gets mail. Authors of GeoReport requests get theirs from the system they reported to."""
    return has_author_here(situation.source) and situation.has_email and not situation.stopped


def sinks(event: Event, situation: Situation, *, news: bool = True) -> list[str]:
    """List the sinks of an event. Platforms and agency get `received` by `on_release` instead.

    Without `news` the author gets no letter, because another event of the same moment says more.
    """
    if event.kind == "received":
        letter = writes_to_resident(situation) and not situation.confirmed and not situation.spam
        return [RESIDENT] if letter else []
    targets: list[str] = []
    is_news = news and event.kind in _AUTHORS_NEWS and event.actor != "resident" and not situation.spam
    if is_news and writes_to_resident(situation) and situation.confirmed:
        targets.append(RESIDENT)
    if not situation.released or situation.mirrored:
        return targets
    if event.kind == "erased":  # every platform that may have the report must erase it (152-FZ, article 21)
        known = dict.fromkeys((*situation.platforms, *situation.informed))
        targets += [PLATFORM + platform for platform in known if platform != event.source]
    elif event.kind == "corrected":  # others get the report as it is when it is sent
        targets += [PLATFORM + platform for platform in situation.informed if platform != event.source]
    elif event.kind in ("status", "note", "spam", "unspam"):
        targets += platforms(situation, event.source)
    # A service that reports its work or returns the report is not the agency, although its users are agents.
    from_service = event.kind in ("work_reported", "assignment_returned")
    by_agency = event.source is None and event.actor in ("agent", "operator", "system") and not from_service
    by_agency = by_agency and not event.data.get("in_place")  # the operator decided because the agency did not
    concerns_agency = from_service or event.kind in ("status", "note", "erased", "clarified", "rated")
    if situation.spam and event.kind in ("clarified", "rated"):  # authors of spam do not reach the agency's mailbox
        concerns_agency = False
    if concerns_agency and situation.agency_by_mail and not by_agency:
        targets.append(AGENCY)
    if event.status == "reopened" and event.actor == "resident" and situation.service:
        targets.append(SERVICE + situation.service)
    return targets


def on_release(received: Event, situation: Situation) -> list[str]:
    """List the sinks of the report itself, when its author confirms or a moderator decides, whichever comes first."""
    if situation.mirrored:
        return []
    return platforms(situation, received.source) + ([AGENCY] if situation.agency_by_mail else [])


def is_follower_news(event: Event, *, published: bool) -> bool:
    """Whether followers get this event: those that appear in the public timeline, while the problem is published."""
    return published and event.kind in ("status", "note")


def platforms(situation: Situation, source: str | None) -> list[str]:
    """List the sinks of all platforms except the one the event came from, which would get its own event back."""
    return [PLATFORM + platform for platform in situation.platforms if platform != source]
