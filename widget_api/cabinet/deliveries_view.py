"""Turns deliveries into the words the cabinet shows; it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from widget_api import i18n
from widget_api.cabinet.deliveries_service import Found
from widget_api.database import Row
from widget_api.deliveries import sinks


@dataclass(frozen=True, kw_only=True)
class Attempt:
    moment: str
    outcome: str
    error: str


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One delivery; empty texts are not shown."""

    id: str
    number: int
    problem_id: str
    site: str
    language: str  # of what the site's people wrote: names and reasons
    what: str
    where: str
    named: bool  # whether that is a platform's own name
    state: str
    since: str
    next: str  # when it is tried again, where it is
    error: str
    reason: str
    decided: str
    attempts: Sequence[Attempt]


def deliveries(language: str, found: Found) -> list[Shown]:
    return [_shown(language, row, found.attempts[row["id"]]) for row in found.rows]


def what(language: str, row: Row | Mapping[str, Any]) -> str:
    """The event."""
    key = f"status.{row['status']}" if row["kind"] == "status" else f"events.{row['kind']}"
    if row["kind"] == "rated":
        key = "cabinet.rated"
    return i18n.text(language, key if i18n.has(key) else "cabinet.event")


def where(language: str, row: Row | Mapping[str, Any]) -> str:
    """To whom it goes."""
    kind = sinks.find_sink(str(row["sink"])).kind
    if kind == "platform" and row["platform_name"]:
        return str(row["platform_name"])
    return i18n.text(language, f"cabinet.sink.{kind}")


def _shown(language: str, row: Mapping[str, Any], tried: Sequence[Mapping[str, Any]]) -> Shown:
    def moment(at: int) -> str:
        return i18n.format_moment(language, at, row["time_zone"])

    decided = ""
    if row["decided_at"] is not None:
        who = row["decided_by"] or i18n.text(language, "cabinet.deliveries.command_line")
        deed = "dropped" if row["state"] == "dropped" else "replayed"
        decided = i18n.text(language, f"cabinet.deliveries.decided.{deed}", who=who, moment=moment(row["decided_at"]))
    return Shown(
        id=row["id"],
        number=row["number"],
        problem_id=row["problem_id"],
        site=row["site_name"],
        language=row["site_language"],
        what=what(language, row),
        where=where(language, row),
        named=where(language, row) == row["platform_name"],
        state=row["state"],
        since=moment(row["created_at"]),
        next=moment(row["next_at"]) if row["state"] == "pending" and row["attempts"] else "",
        error=row["last_error"] or "",
        reason=row["reason"] or "",
        decided=decided,
        attempts=[Attempt(moment=moment(one["at"]), outcome=one["outcome"], error=one["error"] or "") for one in tried],
    )
