"""Say what became of a report that the public does not see, from its row alone.

A report that is rejected, merged or withdrawn before it was published, erased, or not decided yet is in no list and in
no figure of the published ones. Counting it here makes the reports of a site add up: those that are published and those
of each outcome are all that were received (docs/decisions/0084-what-was-not-published.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from widget_api.problems.model import UNSTATED
from widget_api.sites.deadlines import local_date

State = Literal["published", "rejected", "merged", "withdrawn", "erased", "waiting", "unconfirmed"]
# The columns of a problem that are read here.
COLUMNS = ("status", "counted", "spam", "erased_at", "rejection", "decidable_at", "status_at")


class Outcome(NamedTuple):
    """What became of a report: `reason` is a code of REASONS or UNSTATED; `since` the time from which it waits for a
    decision; `counted` says that it was published before it was erased."""

    state: State
    reason: str = ""
    since: int | None = None
    counted: bool = False

    def value(self, time_zone: str) -> str:
        """The value of the measure `outcome`: the state, then the reason, the local day since which it waits, or
        «counted». Whether it waits too long depends on the calendar, which may change; so the day is stored."""
        detail = local_date(self.since, time_zone).isoformat() if self.since is not None else self.reason
        return f"{self.state} {'counted' if self.counted else detail}".rstrip()


def find_outcome(row: Mapping[str, Any] | Any) -> Outcome | None:
    """Return what became of a report; None if the public sees it. Erasure leaves a decision as it was."""
    status, erased = row["status"], row["erased_at"] is not None
    if row["counted"]:
        return Outcome("erased", counted=True) if erased else None
    if status == "withdrawn":
        return Outcome("withdrawn")
    if status == "rejected":
        return Outcome("rejected", row["rejection"] or UNSTATED)
    if status == "duplicate":
        return Outcome("merged")
    if status == "moderation" and row["decidable_at"] is None:
        return Outcome("unconfirmed")
    if row["spam"]:
        return Outcome("rejected", "spam")
    if erased:
        return Outcome("erased")
    return Outcome("waiting", since=max(row["decidable_at"] or 0, row["status_at"]))


def is_rejected_as_spam(row: Mapping[str, Any] | Any) -> bool:
    """Whether a mark as spam counts as a rejection, of which the author reads on the private page. A mark on a report
    whose author has not confirmed the address stands for nothing yet, and whoever sent it learns nothing of it."""
    return bool(row["spam"]) and find_outcome(row) == Outcome("rejected", "spam")
