"""List, retry and drop deliveries within a user's permissions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from widget_api import clock, i18n
from widget_api.database import Database, Row
from widget_api.deliveries import admin, queries, sinks
from widget_api.deliveries.model import SPAM, UNPUBLISHED
from widget_api.deliveries.queries import DeliveryFilter
from widget_api.deliveries.sinks import KINDS, SEEN_BY_AGENCY
from widget_api.errors import Conflict, FieldError, Invalid, NotFound, Refused
from widget_api.people.model import User
from widget_api.people.store import list_visible_sites

PAGE_SIZE = 50
_STATUS = re.compile(r"[1-5][0-9]{2}: ")  # of a response (platform.client)
_SILENT = re.compile(r"no answer|[A-Z][A-Za-z]++: ")  # none came (outbound): the name of an exception
MAX_REASON_LENGTH = 500

Tab = Literal["dead", "waiting", "dropped"]
TABS: tuple[Tab, ...] = get_args(Tab)
_STATES: dict[Tab, tuple[str, ...]] = {"dead": ("dead",), "waiting": ("pending", "leased"), "dropped": ("dropped",)}


@dataclass(frozen=True, kw_only=True)
class Selection:
    """The part of the queue that a page shows."""

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
class DeliveryPage:
    """A page of deliveries with all their attempts."""

    selection: Selection
    rows: Sequence[Mapping[str, Any]]
    attempts: Mapping[str, Sequence[Mapping[str, Any]]]
    kinds: Sequence[str]
    dead: int
    readable: frozenset[str]  # the sites with reports that the user may open
    next: str  # the last one of this page, where more follow


def list_kinds(user: User) -> tuple[str, ...]:
    return tuple(KINDS) if user.agency_id is None else SEEN_BY_AGENCY


async def read_queue(database: Database, user: User, selection: Selection) -> DeliveryPage:
    """A page of deliveries: waiting ones oldest first, others newest first. Raises Refused without permission."""
    if not user.may("deliveries.read"):
        raise Refused
    choice = await _check_allowed(database, user, selection.kind, _STATES[selection.tab])
    waiting = selection.tab == "waiting"
    rows = await queries.list_deliveries(database, choice, PAGE_SIZE + 1, after=selection.after, oldest_first=waiting)
    shown = rows[:PAGE_SIZE]
    return DeliveryPage(
        selection=selection,
        rows=shown,
        attempts=await queries.list_attempts(database, [row["id"] for row in shown]),
        kinds=list_kinds(user),
        dead=await queries.count_dead(database, await _check_allowed(database, user)),
        readable=frozenset(site.id for site in await list_visible_sites(database, user)),
        next=str(shown[-1]["id"]) if len(rows) > PAGE_SIZE else "",
    )


async def count_dead(database: Database, user: User) -> int:
    """The number of dead deliveries for the cabinet's menu, for operators alone."""
    return await queries.count_dead(database) if user.may("service.operate") else 0


async def retry_delivery(database: Database, user: User, delivery_id: str) -> None:
    await _find_delivery(database, user, delivery_id)
    if not await admin.replay(database, delivery_id, clock.now(), user.id):
        raise Conflict


async def retry_dead_deliveries(database: Database, user: User, kind: str) -> int:
    """Retry all dead deliveries that the user sees, optionally of one kind."""
    if not user.may("deliveries.read"):
        raise Refused
    return len(await admin.replay_dead(database, await _check_allowed(database, user, kind), clock.now(), user.id))


async def drop_delivery(database: Database, user: User, delivery_id: str, reason: str) -> None:
    """Drop a delivery with a reason. Raises Invalid without one."""
    await _find_delivery(database, user, delivery_id)
    if not user.may("service.operate"):
        raise Refused
    why = " ".join(reason.replace("\0", "").split())
    if not why:
        raise Invalid((FieldError("reason", "required"),))
    if len(why) > MAX_REASON_LENGTH:
        raise Invalid((FieldError("reason", "too_long", (("max", MAX_REASON_LENGTH),)),))
    if not await admin.drop(database, delivery_id, why, clock.now(), user.id):
        raise Conflict


async def _find_delivery(database: Database, user: User, delivery_id: str) -> None:
    """A delivery that the user may see. Raises NotFound, also for other agencies' and for hidden letters."""
    if await queries.find(database, delivery_id, await _check_allowed(database, user)) is None:
        raise NotFound
    if not user.may("deliveries.read"):
        raise Refused


async def _check_allowed(database: Database, user: User, kind: str = "", states: Sequence[str] = ()) -> DeliveryFilter:
    kinds = list_kinds(user)
    sites = None if user.agency_id is None else [site.id for site in await list_visible_sites(database, user)]
    return DeliveryFilter(states=states, sinks=(kind,) if kind in kinds else kinds, sites=sites)


def delivery_views(language: str, found: DeliveryPage) -> list[dict[str, Any]]:
    """Deliveries with what the page says of them; empty texts are not shown."""
    return [{**row, **_describe(language, row, found)} for row in found.rows]


def event_text(language: str, row: Row | Mapping[str, Any]) -> str:
    """The description of the delivered event."""
    key = f"status.{row['status']}" if row["kind"] == "status" else f"events.{row['kind']}"
    if row["kind"] == "rated":
        key = "cabinet.rated"
    return i18n.text(language, key if i18n.has(key) else "cabinet.event")


def recipient_text(language: str, row: Row | Mapping[str, Any]) -> str:
    """The description of the recipient."""
    kind = sinks.find_sink(str(row["sink"])).kind
    if kind == "platform" and row["platform_name"]:
        return str(row["platform_name"])
    return i18n.text(language, f"cabinet.sink.{kind}")


def _reason_text(language: str, reason: str | None) -> str | None:
    """Why a delivery was dropped: a code of the service's own in words, or what a person wrote."""
    key = f"cabinet.deliveries.reasons.{reason}"
    return i18n.text(language, key) if reason in ("erased", SPAM, UNPUBLISHED) else reason


def error_text(language: str, row: Row | Mapping[str, Any]) -> str:
    """What the last failed attempt to reach a platform means and who can help, in words; empty for other recipients."""
    error = row["last_error"] or ""
    if not error or sinks.find_sink(str(row["sink"])).kind != "platform":
        return ""
    status = int(error[:3]) if _STATUS.match(error) else 0
    if status in (401, 403):
        reason = "key"
    elif status in (404, 429) or 400 <= status < 500:
        reason = {404: "unknown", 429: "busy"}.get(status, "refused")
    elif status or _SILENT.match(error):
        reason = "failing" if status else "silent"
    else:
        return ""
    return i18n.text(language, f"cabinet.deliveries.platform_error.{reason}")


def _describe(language: str, row: Mapping[str, Any], found: DeliveryPage) -> dict[str, Any]:
    def moment(at: int) -> str:
        return i18n.format_moment(language, at, row["time_zone"])

    decided = ""
    if row["decided_at"] is not None:
        who = row["decided_by"] or i18n.text(language, "cabinet.deliveries.command_line")
        how = "dropped" if row["state"] == "dropped" else "replayed"
        decided = i18n.text(language, f"cabinet.deliveries.decided.{how}", who=who, moment=moment(row["decided_at"]))
    return {
        "href": f"/cabinet/problems/{row['problem_id']}" if row["site_id"] in found.readable else "",
        "site": row["site_name"],
        "language": row["site_language"],  # of what the site's people wrote: names and reasons
        "what": event_text(language, row),
        "where": recipient_text(language, row),
        "named": recipient_text(language, row) == row["platform_name"],
        "since": moment(row["created_at"]),
        "next": moment(row["next_at"]) if row["state"] == "pending" and row["attempts"] else "",
        "reason": _reason_text(language, row["reason"]),
        "error": row["last_error"],
        "explained": error_text(language, row),
        "decided": decided,
        "attempts": [{**one, "moment": moment(one["at"])} for one in found.attempts[row["id"]]],
    }
