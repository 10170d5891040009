"""The one definition of «overdue», for lists, cards, figures, letters and the API, and whether an answer was in time.

All of it is computed from the date the resident is shown (`problems.answer_due`), never stored: the due date of the
category, or the planned date the resident was told since, which replaces it. `problems.first_due` keeps the former.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from widget_api.database import Row
from widget_api.problems.model import OPEN
from widget_api.sites.deadlines import local_date, promised

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


def day_of(problem: Problem) -> str | None:
    """The last day on which the problem is in time; None where nothing is owed any more."""
    return problem["answer_due"] if is_running(problem) else None


def kept(problem: Problem, today: date, time_zone: str) -> bool | None:
    """Whether the answer came by the date shown.

    None = nothing to say yet, nothing was owed any more (merged, rejected, redirected), nothing was promised, or
    another system is to answer. An open problem is judged by the deadline that runs now: sent back to work, it has a
    new one.
    """
    if problem["mirror_of"] is not None:
        return None
    if problem["status"] in OPEN:
        return False if is_overdue(problem, today) else None
    if problem["answered_at"] is None or promised(problem["answer_due"]) is None:
        return None
    return bool(local_date(problem["answered_at"], time_zone).isoformat() <= problem["answer_due"])
