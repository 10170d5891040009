"""Calculate due dates in working days of the Russian calendar, transferred days off included, in a site's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

NO_DUE_DATE = "9999-12-31"  # stored where there is none: sorts last and is never overdue


@lru_cache(maxsize=1)
def _calendar() -> holidays.HolidayBase:
    return holidays.country_holidays("RU")


@lru_cache(maxsize=256)  # called often with the same second
def local_date(seconds: int, time_zone: str) -> date:
    """The local date of a moment."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(time_zone)).date()


@lru_cache(maxsize=4096)
def add_working_days(start: date, days: int) -> date:
    """The last day of a period of working days, which begins on the next day (Civil Code, article 191)."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        if _calendar().is_working_day(day):
            days -= 1
    return day


def answer_due(received_at: int, days: int, time_zone: str) -> str:
    """The due date, «YYYY-MM-DD», of a report received at this moment."""
    return add_working_days(local_date(received_at, time_zone), days).isoformat()


def promised_date(day: str) -> str | None:
    """The value of a problem's `answer_due`, None where it is NO_DUE_DATE."""
    return None if day == NO_DUE_DATE else day


@lru_cache(maxsize=4096)
def subtract_working_days(end: date, days: int) -> date:
    """The working day this many working days before another day."""
    day = end
    while days > 0:
        day -= timedelta(days=1)
        if _calendar().is_working_day(day):
            days -= 1
    return day


def is_working_day(day: date) -> bool:
    return bool(_calendar().is_working_day(day))
