"""The gate: what each event causes to leave the house, and when. Pure, so that each rule is a test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from widget_api.deliveries.sinks import AGENCY, PLATFORM, RESIDENT
from widget_api.events import Event
from widget_api.problems.model import has_author_here


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What the gate looks at beside the event itself."""

    source: str  # of the problem: widget | form | georeport | platform
    released: bool
    spam: bool
    has_email: bool
    confirmed: bool  # the resident's address
    stopped: bool  # the resident wants no more mail
    agency_by_mail: bool
    platforms: Sequence[str]  # identifiers of those that get the site's reports now
    informed: Sequence[str] = ()  # of those that have this report, or may have it
    mirrored: bool = False  # a platform's own problem: shown, and told to nobody but who follows it


def writes_to_resident(situation: Situation) -> bool:
    """A request that came in by GeoReport causes no mail to a resident here: its source owns the resident."""
    return has_author_here(situation.source) and situation.has_email and not situation.stopped


def sinks(event: Event, situation: Situation) -> list[str]:
    """Where this event goes now. `received` goes to platform and agency by `released`, not from here."""
    if event.kind == "received":
        letter = writes_to_resident(situation) and not situation.confirmed and not situation.spam
        return [RESIDENT] if letter else []
    owed: list[str] = []
    told = event.kind in ("status", "note", "asked") and event.actor != "resident" and not situation.spam
    if told and writes_to_resident(situation) and situation.confirmed:
        owed.append(RESIDENT)
    if not situation.released or situation.mirrored:
        return owed
    if event.kind == "erased":  # whoever has it must forget it, its site's platform or not (152-FZ, article 21)
        known = dict.fromkeys((*situation.platforms, *situation.informed))
        owed += [PLATFORM + platform for platform in known if platform != event.source]
    elif event.kind in ("status", "note", "spam", "unspam"):
        owed += platforms(situation, event.source)
    own_doing = event.source is None and event.actor in ("agent", "operator", "system")
    told_to_agency = event.kind in ("status", "note", "erased", "clarified", "rated")
    if situation.spam and event.kind in ("clarified", "rated"):  # who was called a spammer reaches nobody's mailbox
        told_to_agency = False
    if told_to_agency and situation.agency_by_mail and not own_doing:
        owed.append(AGENCY)
    return owed


def on_release(received: Event, situation: Situation) -> list[str]:
    """Where the report itself goes once its author confirmed or a moderator decided, whichever comes first."""
    if situation.mirrored:
        return []
    return platforms(situation, received.source) + ([AGENCY] if situation.agency_by_mail else [])


def is_follower_news(event: Event, *, published: bool) -> bool:
    """Whoever follows a problem learns what the public timeline gains, while there is one."""
    return published and event.kind in ("status", "note")


def platforms(situation: Situation, source: str | None) -> list[str]:
    """Every platform but the one it came from: nothing echoes."""
    return [PLATFORM + platform for platform in situation.platforms if platform != source]
