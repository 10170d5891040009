"""Who sees which deliveries, sends them again, gives them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from widget_api import clock
from widget_api.database import Database
from widget_api.deliveries import admin, queries
from widget_api.deliveries.queries import DeliveryFilter
from widget_api.deliveries.sinks import KINDS, SEEN_BY_AGENCY
from widget_api.errors import Conflict, FieldError, Invalid, NotFound, Refused
from widget_api.people.model import User
from widget_api.people.store import list_visible_sites

PAGE = 50
LONGEST_REASON = 500

Tab = Literal["dead", "waiting", "dropped"]
TABS: tuple[Tab, ...] = get_args(Tab)
_STATES: dict[Tab, tuple[str, ...]] = {"dead": ("dead",), "waiting": ("pending", "leased"), "dropped": ("dropped",)}


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What is on the screen; what a query string does not say, or says wrongly, is as good as absent."""

    tab: Tab = "dead"
    kind: str = ""
    after: str = ""

    @classmethod
    def read(cls, given: Mapping[str, str]) -> Selection:
        tab, kind, after = given.get("tab", ""), given.get("kind", ""), given.get("after", "")
        return cls(
            tab=tab if tab in TABS else "dead",
            kind=kind if kind in KINDS else "",
            after=after if "\0" not in after else "",
        )

    def parameters(self) -> dict[str, str]:
        values = {"tab": "" if self.tab == "dead" else self.tab, "kind": self.kind, "after": self.after}
        return {name: value for name, value in values.items() if value}


@dataclass(frozen=True, kw_only=True)
class Found:
    """One page, with every attempt of each."""

    selection: Selection
    rows: Sequence[Mapping[str, Any]]
    attempts: Mapping[str, Sequence[Mapping[str, Any]]]
    kinds: Sequence[str]
    dead: int
    next: str  # the last one of this page, where more follow


def kinds_of(user: User) -> tuple[str, ...]:
    return tuple(KINDS) if user.agency_id is None else SEEN_BY_AGENCY


async def queue(database: Database, user: User, selection: Selection) -> Found:
    """What waits the longest comes first, what was given up last. Raises Refused where it is none of their business."""
    if not user.sees_deliveries:
        raise Refused
    choice = await _choice(database, user, selection.kind, _STATES[selection.tab])
    waiting = selection.tab == "waiting"
    rows = await queries.list_deliveries(database, choice, PAGE + 1, after=selection.after, oldest_first=waiting)
    shown = rows[:PAGE]
    return Found(
        selection=selection,
        rows=shown,
        attempts=await queries.list_attempts(database, [row["id"] for row in shown]),
        kinds=kinds_of(user),
        dead=await queries.count_dead(database, await _choice(database, user)),
        next=str(shown[-1]["id"]) if len(rows) > PAGE else "",
    )


async def dead(database: Database, user: User) -> int:
    """How many the operator has to look after, everywhere in the cabinet; nobody else is troubled with the number."""
    return await queries.count_dead(database) if user.role == "operator" else 0


async def retry(database: Database, user: User, delivery_id: str) -> None:
    await _one(database, user, delivery_id)
    if not await admin.replay(database, delivery_id, clock.now(), user.id):
        raise Conflict


async def retry_dead(database: Database, user: User, kind: str) -> int:
    """All dead ones this user sees, of one kind where it is given."""
    if not user.sees_deliveries:
        raise Refused
    return len(await admin.replay_dead(database, await _choice(database, user, kind), clock.now(), user.id))


async def drop(database: Database, user: User, delivery_id: str, reason: str) -> None:
    """Give up for good, and say why. Raises Invalid where no reason is given."""
    await _one(database, user, delivery_id)
    if not user.drops_deliveries:
        raise Refused
    why = " ".join(reason.replace("\0", "").split())
    if not why:
        raise Invalid((FieldError("reason", "required"),))
    if len(why) > LONGEST_REASON:
        raise Invalid((FieldError("reason", "too_long", (("max", LONGEST_REASON),)),))
    if not await admin.drop(database, delivery_id, why, clock.now(), user.id):
        raise Conflict


async def _one(database: Database, user: User, delivery_id: str) -> None:
    """Another agency's is not there, nor is a letter that is not the agency's to see."""
    if await queries.find(database, delivery_id, await _choice(database, user)) is None:
        raise NotFound
    if not user.sees_deliveries:
        raise Refused


async def _choice(database: Database, user: User, kind: str = "", states: Sequence[str] = ()) -> DeliveryFilter:
    kinds = kinds_of(user)
    sites = None if user.agency_id is None else [site.id for site in await list_visible_sites(database, user)]
    return DeliveryFilter(states=states, sinks=(kind,) if kind in kinds else kinds, sites=sites)
