"""Whether an answer came by the day that was promised: computed, never stored."""

from __future__ import annotations

from datetime import date

from widget_api.database import Row
from widget_api.problems.model import OPEN
from widget_api.sites.deadlines import local_date, promised


def is_open(row: Row) -> bool:
    return str(row["status"]) in OPEN


def kept(row: Row, today: date, time_zone: str) -> bool | None:
    """Of a row of `problems`; None = nothing to say yet, nothing was owed any more (merged, rejected, redirected), or
    nothing was promised.

    An open problem is judged by the deadline that runs now: sent back to work, it has a new one.
    """
    if is_open(row):
        return False if row["answer_due"] < today.isoformat() else None
    if row["answered_at"] is None or promised(row["answer_due"]) is None:
        return None
    return bool(local_date(row["answered_at"], time_zone).isoformat() <= row["answer_due"])
