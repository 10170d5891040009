"""Working days by the Russian calendar, transferred days off included, counted in the site's own time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

NEVER = "9999-12-31"  # in place of the day where nobody promised one: behind all others, and never past


@lru_cache(maxsize=1)
def _calendar() -> holidays.HolidayBase:
    return holidays.country_holidays("RU")


@lru_cache(maxsize=256)  # the same second is asked for again and again
def local_date(seconds: int, time_zone: str) -> date:
    """The day it is there at that moment."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(time_zone)).date()


@lru_cache(maxsize=4096)
def after_working_days(start: date, days: int) -> date:
    """The last day of a period of so many working days; it begins on the next day (Civil Code, article 191)."""
    day = start
    while days > 0:
        day += timedelta(days=1)
        if _calendar().is_working_day(day):
            days -= 1
    return day


def answer_due(received_at: int, days: int, time_zone: str) -> str:
    """«YYYY-MM-DD» by which an answer is due to a report received at that moment."""
    return after_working_days(local_date(received_at, time_zone), days).isoformat()


def promised(day: str) -> str | None:
    """What `answer_due` of a problem says, None where that is nothing."""
    return None if day == NEVER else day


@lru_cache(maxsize=4096)
def before_working_days(end: date, days: int) -> date:
    """The working day that lies so many working days before another."""
    day = end
    while days > 0:
        day -= timedelta(days=1)
        if _calendar().is_working_day(day):
            days -= 1
    return day


def is_working_day(day: date) -> bool:
    return bool(_calendar().is_working_day(day))
