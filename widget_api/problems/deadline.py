"""Define «overdue», for lists, cards, statistics, letters and the API, and whether an answer was in time.

«Overdue» is computed from the date shown to the resident (`problems.answer_due`) and never stored. That date is the due
date of the category, moved while the author is asked, and replaced by the date of planned work or of an extension once
the agency announces one. `problems.first_due` is the former.

Every reopening begins a round with a deadline of its own. Each round is compared with the due date in force when it was
answered, and the result is folded from the log with the rest of the state (`problems.answered_in_time`), so that a
timely answer in a later round cannot hide an earlier late one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from widget_api.database import Row
from widget_api.problems.model import OPEN
from widget_api.sites.deadlines import NO_DUE_DATE, Calendar, add_working_days

Problem = Row | Mapping[str, Any]

SOON = 3  # working days before the due date
# `is_running` and `is_overdue` in SQL, as conditions on `problems p`; a test holds the two languages equal.
RUNNING = (
    f"p.status IN ({', '.join(repr(status) for status in sorted(OPEN))})"
    " AND p.mirror_of IS NULL AND NOT p.spam AND p.erased_at IS NULL"
)


# The date that counts for a service to which a report is assigned: the one it was given, if it was given any.
SERVICE_DUE = "COALESCE(p.assigned_due, p.answer_due)"


def overdue_sql(today: str = ":today", due: str = "p.answer_due") -> str:
    """Return `is_overdue` as an SQL condition. `today` names the parameter that holds the current date at the site."""
    return f"{RUNNING} AND {due} < {today}"


def find_service_due(problem: Problem) -> str:
    """SERVICE_DUE of a row."""
    day: str = problem["assigned_due"] or problem["answer_due"]
    return day


def soon_sql(today: date, due: str = "p.answer_due") -> tuple[str, dict[str, str]]:
    """Return the SQL condition of what is due within SOON working days, today included, and its values."""
    last = add_working_days(today, SOON).isoformat()
    return f"{RUNNING} AND {due} BETWEEN :today AND :last", {"today": today.isoformat(), "last": last}


def is_running(problem: Problem) -> bool:
    """Whether an answer of the agency is outstanding: the report is open, the agency's own, not spam and not erased.

    Problems mirrored from a platform (`mirror_of`) are answered there. Reads status, mirror_of, spam, erased_at.
    """
    return (
        problem["status"] in OPEN
        and problem["mirror_of"] is None
        and not problem["spam"]
        and problem["erased_at"] is None
    )


def is_overdue(problem: Problem, today: date) -> bool:
    """Whether the date shown to the resident has passed; `today` is the current date at the site."""
    return is_running(problem) and problem["answer_due"] < today.isoformat()


def find_due_date(problem: Problem) -> str | None:
    """Return the last day on which an answer is in time; None if no answer is outstanding."""
    return problem["answer_due"] if is_running(problem) else None


# --- the decision about a new report -------------------------------------------------------------------------------

DECISION_DAYS = 3  # working days that an agency has to accept or reject a report; then the operator may in its place


def find_decision_day(calendar: Calendar, now: int) -> date:
    """Return the local day since before which a report has to wait so that its DECISION_DAYS have passed.

    The period begins on the day after the confirmation (Civil Code, article 191) and ends with its last day.
    """
    return calendar.subtract_working_days(calendar.local_date(now), DECISION_DAYS)


def find_decision_cutoff(calendar: Calendar, now: int) -> int:
    """Return the moment at which the day of `find_decision_day` begins."""
    return calendar.midnight(find_decision_day(calendar, now))


def undecided_sql(cutoff: str = ":cutoff") -> str:
    """Return an SQL condition on `problems p`: whether it has waited for its moderation since before `cutoff`.

    A report waits since `decidable_at`: the author's confirmation, or the receipt where there is no address to confirm
    here. One that came back to moderation waits since then.
    """
    return (
        f"(p.status = 'moderation' AND p.mirror_of IS NULL AND NOT p.spam AND p.erased_at IS NULL"
        f" AND p.status_at < {cutoff} AND p.decidable_at < {cutoff})"
    )


# --- the rounds of an answer ---------------------------------------------------------------------------------------

MAX_YEARS = 100  # that an announced date may lie ahead, so that calculations with it stay inside the calendar
MAX_PAUSE = 10  # working days in all for which questions to the author move the due date of one round


@dataclass
class AnswerPeriod:
    """The period from receipt, or from a reopening, to the first official answer. Dates are local.

    A question to the author pauses the period until the author replies or the agency decides. While the question is
    open, `due` is the latest date to which the pause may lead, so that it needs no further comparison; the reply moves
    it back by the days that were not used. A question asked when the date had passed already pauses nothing.
    """

    first_due: str  # by the category's working days
    due: str = ""  # the date shown: `first_due`, or the newest date announced since, and pauses
    in_time: bool | None = None  # None = not answered
    pause_left: int = MAX_PAUSE  # working days
    _paused: tuple[date, str] | None = None  # the day of the open question, and `due` before it

    def __post_init__(self) -> None:
        self.due = self.due or self.first_due

    def promise(self, day: str) -> None:
        """Record a date announced to the resident: planned work or an extension. It ends a pause."""
        self.due, self._paused = day, None

    def pause(self, day: date, calendar: Calendar) -> None:
        """Record a question to the author."""
        if self._paused is None and self.in_time is None and day.isoformat() <= self.due < NO_DUE_DATE:
            self._paused = (day, self.due)
            self.due = calendar.add_working_days(date.fromisoformat(self.due), self.pause_left).isoformat()

    def resume(self, day: date, calendar: Calendar) -> None:
        """Record the author's reply, or a decision, which ends the pause as well."""
        if self._paused is not None:
            (since, due), self._paused = self._paused, None
            used = min(calendar.count_working_days(since, day), self.pause_left)
            self.pause_left -= used
            self.due = calendar.add_working_days(date.fromisoformat(due), used).isoformat()

    def answer(self, day: date) -> None:
        """Record an official answer; only the first one counts."""
        if self.in_time is None:
            self.in_time = day.isoformat() <= self.due


def all_in_time(rounds: Sequence[AnswerPeriod]) -> bool | None:
    """Whether every answer was in time. None: none was late, and the last round has no answer yet."""
    results = [period.in_time for period in rounds]
    return False if False in results else results[-1]


def were_kept(problem: Problem, today: date) -> bool | None:
    """Whether every round was answered by the date shown to the resident.

    None: not known yet, no answer is required any more (merged, rejected, redirected), or another system has to answer.
    An open problem is compared with its current deadline.
    """
    if problem["status"] in OPEN:
        return False if is_overdue(problem, today) else None
    return None if problem["answered_in_time"] is None else bool(problem["answered_in_time"])
