"""The one definition of «overdue», for lists, cards, figures, letters and the API, and whether an answer was in time.

«Overdue» is computed from the date the resident is shown (`problems.answer_due`), never stored: the due date of the
category, or the planned date the resident was told since, which replaces it. `problems.first_due` keeps the former.

Every reopening begins a round with a deadline of its own. Each round is judged by the day that held when it was
answered, and the judgement is folded from the log with the rest of the state (`problems.answered_in_time`), so that a
later round cannot make a late answer good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from widget_api.database import Row
from widget_api.problems.model import OPEN

Problem = Row | Mapping[str, Any]

# `is_running` and `is_overdue` in SQL, as conditions on `problems p`; a test holds the two languages equal.
RUNNING = (
    f"p.status IN ({', '.join(repr(status) for status in sorted(OPEN))})"
    " AND p.mirror_of IS NULL AND NOT p.spam AND p.erased_at IS NULL"
)


def overdue_sql(today: str = ":today") -> str:
    """`today` names the parameter that holds the site's own day."""
    return f"{RUNNING} AND p.answer_due < {today}"


def is_running(problem: Problem) -> bool:
    """Whether the agency still owes an answer: to an open report of its own that is neither spam nor erased.

    What a platform has of its own (`mirror_of`) is the platform's to answer. Reads status, mirror_of, spam, erased_at.
    """
    return (
        problem["status"] in OPEN
        and problem["mirror_of"] is None
        and not problem["spam"]
        and problem["erased_at"] is None
    )


def is_overdue(problem: Problem, today: date) -> bool:
    """Whether the day the resident was promised has passed; `today` is the site's own."""
    return is_running(problem) and problem["answer_due"] < today.isoformat()


def find_due_date(problem: Problem) -> str | None:
    """The last day on which the problem is in time; None where nothing is owed any more."""
    return problem["answer_due"] if is_running(problem) else None


@dataclass
class AnswerPeriod:
    """From receipt, or from a reopening, to the first official answer."""

    first_due: str  # by the category's working days
    planned: str | None = None  # the day the resident was told since
    in_time: bool | None = None  # None = not answered

    def answer(self, day: date) -> None:
        """The agency answered on that day; what it adds later changes no judgement."""
        if self.in_time is None:
            self.in_time = day.isoformat() <= (self.planned or self.first_due)


def all_in_time(rounds: Sequence[AnswerPeriod]) -> bool | None:
    """Whether every answer was in time. None = none was late, and the last round has none."""
    judged = [one.in_time for one in rounds]
    return False if False in judged else judged[-1]


def were_kept(problem: Problem, today: date) -> bool | None:
    """Whether every round was answered by the date shown.

    None = nothing to say yet, nothing was owed any more (merged, rejected, redirected), or another system is to answer.
    An open problem is judged by the deadline that runs now.
    """
    if problem["status"] in OPEN:
        return False if is_overdue(problem, today) else None
    return None if problem["answered_in_time"] is None else bool(problem["answered_in_time"])
