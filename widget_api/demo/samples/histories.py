"""Invent the history of a problem: its events from receipt to its present status."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from widget_api.clock import rfc3339
from widget_api.problems.model import ANSWERS

DAY_SECONDS = 86_400
_ACCEPTED_AFTER = 3600
_SETTLED_AFTER = 25 * DAY_SECONDS
# Weights of the final status: new problems are mostly in progress, old ones mostly answered.
_FRESH = {
    "accepted": 26,
    "forwarded": 14,
    "in_progress": 20,
    "planned": 10,
    "resolved": 18,
    "answered": 6,
    "redirected": 4,
    "rejected": 2,
}
_SETTLED = {
    "resolved": 620,
    "confirmed": 130,
    "answered": 110,
    "redirected": 50,
    "rejected": 30,
    "duplicate": 30,
    "planned": 12,
    "reopened": 8,
    "in_progress": 6,
    "accepted": 4,
}
# Steps before each final status, with ranges of days since the previous step; the last one is the status itself.
_WAY: Mapping[str, Sequence[tuple[str, int, int]]] = {
    "accepted": (),
    "forwarded": (("forwarded", 0, 3),),
    "in_progress": (("forwarded", 0, 2), ("in_progress", 1, 4)),
    "planned": (("in_progress", 1, 4), ("planned", 1, 3)),
    "resolved": (("in_progress", 0, 4), ("resolved", 1, 8)),
    "confirmed": (("in_progress", 0, 4), ("resolved", 1, 8), ("confirmed", 1, 6)),
    "answered": (("answered", 1, 9),),
    "redirected": (("redirected", 0, 4),),
    "rejected": (("rejected", 0, 4),),
    "duplicate": (("duplicate", 0, 2),),
    "reopened": (("resolved", 2, 8), ("reopened", 1, 9)),
}
STATUSES_WITH_TEXT = frozenset({"resolved", "answered", "rejected", "reopened"})
STATUSES_WITH_RECIPIENT = frozenset({"forwarded", "redirected"})
_BY_RESIDENT = frozenset({"received", "confirmed", "reopened"})


@dataclass(frozen=True, kw_only=True)
class Step:
    """An event of a history, without its text."""

    kind: str
    status: str
    at: int
    expected_on: str | None = None
    duplicate_of: int | None = None

    @property
    def actor(self) -> str:
        return "resident" if self.status in _BY_RESIDENT or self.kind == "received" else "agent"


def make_history(chance: random.Random, received: int, now: int, number: int) -> list[Step]:
    """The history of the problem with this number, without steps in the future."""
    ends = _SETTLED if received < now - _SETTLED_AFTER else _FRESH
    (end,) = chance.choices(list(ends), list(ends.values()))
    if end == "duplicate" and number < 3:
        end = "answered"
    at = received + _ACCEPTED_AFTER
    steps = [Step(kind="received", status="moderation", at=received), Step(kind="status", status="accepted", at=at)]
    for status, least, most in _WAY[end]:
        at += chance.randrange(least * DAY_SECONDS, most * DAY_SECONDS) + 1
        if at > now:
            break
        steps.append(
            Step(
                kind="status",
                status=status,
                at=at,
                expected_on=rfc3339(max(at, now) + chance.randrange(5, 30) * DAY_SECONDS)[:10]
                if status == "planned"
                else None,
                duplicate_of=chance.randrange(max(1, number - 40), number) if status == "duplicate" else None,
            )
        )
    return steps


def answered_at(steps: Sequence[Step]) -> int | None:
    return next((step.at for step in steps if step.status in ANSWERS), None)
