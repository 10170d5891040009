"""Turns comments into the words and marks the cabinet shows; it decides nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from widget_api import i18n
from widget_api.database import Row
from widget_api.problems.wording import first_line

_FIRST_LINE = 90  # characters of the report


@dataclass(frozen=True, kw_only=True)
class Comment:
    """One comment; empty texts are not shown."""

    id: str
    state: str
    name: str
    text: str
    official: bool
    at: str
    problem_id: str
    number: int
    report: str
    site: str
    decided: str  # by whom and when
    reason: str
    may: bool


def comments(language: str, rows: Iterable[Row], may: frozenset[str]) -> list[Comment]:
    return [_comment(language, row, row["site_id"] in may) for row in rows]


def _comment(language: str, row: Row, may: bool) -> Comment:
    decided = ""
    if row["decided_at"] is not None:
        moment = i18n.format_moment(language, row["decided_at"], row["time_zone"])
        who = row["user_email"] or i18n.text(language, "events.actor.agent")
        decided = i18n.text(language, "cabinet.comments.decided", who=who, moment=moment)
    return Comment(
        id=row["id"],
        state=row["state"],
        name=row["name"],
        text=row["body"],
        official=bool(row["official"]),
        at=i18n.format_moment(language, row["created_at"], row["time_zone"]),
        problem_id=row["problem_id"],
        number=row["number"],
        report=first_line(row["description"], _FIRST_LINE),
        site=row["site_name"],
        decided=decided,
        reason=row["reason"] or "",
        may=may,
    )
