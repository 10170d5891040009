"""Calculate due dates in working days of the Russian calendar, transferred days off included, in a site's time zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import orjson

if TYPE_CHECKING:
    import holidays

MAX_DAYS = 100  # of its own that a site may have
NO_DUE_DATE = "9999-12-31"  # stored where there is none: sorts last and is never overdue


@lru_cache(maxsize=4)
def russian_holidays(language: str = "ru") -> holidays.HolidayBase:
    """The public holidays and transferred days off of Russia, with their names."""
    import holidays  # slow to import

    return holidays.country_holidays("RU", language="ru" if language == "ru" else "en_US")


@dataclass(frozen=True)
class Calendar:
    """The time zone and the working days of a site: those of Russia, but for the site's own days («YYYY-MM-DD»)."""

    time_zone: str = "UTC"
    days_off: frozenset[str] = frozenset()  # regional holidays
    days_on: frozenset[str] = frozenset()  # working days all the same

    @classmethod
    def load(cls, time_zone: str, days: str) -> Calendar:
        """Read the column `sites.calendar`: a JSON object of days, true where it is a working day."""
        stored: dict[str, bool] = orjson.loads(days)
        on = frozenset(day for day, works in stored.items() if works)
        return cls(time_zone, frozenset(stored) - on, on)

    @property
    def own_days(self) -> dict[str, bool]:
        """The site's own days, true where it is a working day."""
        return dict.fromkeys(self.days_off, False) | dict.fromkeys(self.days_on, True)

    @staticmethod
    def dump(days: Mapping[str, bool]) -> str:
        """The column for these days. Raises ValueError for a malformed one, or more than MAX_DAYS."""
        if len(days) > MAX_DAYS or any(date.fromisoformat(day).isoformat() != day for day in days):
            raise ValueError
        return orjson.dumps(dict(days), option=orjson.OPT_SORT_KEYS).decode()

    def is_working_day(self, day: date) -> bool:
        text = day.isoformat()
        return text in self.days_on or (text not in self.days_off and bool(russian_holidays().is_working_day(day)))

    def local_date(self, seconds: int) -> date:
        return local_date(seconds, self.time_zone)

    def midnight(self, day: date) -> int:
        """The moment at which a local day begins."""
        return int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.time_zone)).timestamp())

    def add_working_days(self, start: date, days: int) -> date:
        """The last day of a period of working days, which begins on the next day (Civil Code, article 191)."""
        return _shift(self, start, days, 1)

    def subtract_working_days(self, end: date, days: int) -> date:
        """The working day this many working days before another day."""
        return _shift(self, end, days, -1)

    def count_working_days(self, start: date, end: date) -> int:
        """The number of working days after `start`, up to and including `end`."""
        return sum(self.is_working_day(start + timedelta(days=one)) for one in range(1, (end - start).days + 1))

    def answer_due(self, received_at: int, days: int) -> str:
        """The due date, «YYYY-MM-DD», of a report received at this moment."""
        return self.add_working_days(self.local_date(received_at), days).isoformat()


RUSSIA = Calendar()


@lru_cache(maxsize=256)  # called often with the same second
def local_date(seconds: int, time_zone: str) -> date:
    """The local date of a moment."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(ZoneInfo(time_zone)).date()


@lru_cache(maxsize=4096)
def _shift(calendar: Calendar, day: date, days: int, step: int) -> date:
    while days > 0:
        day += timedelta(days=step)
        days -= calendar.is_working_day(day)
    return day


def add_working_days(start: date, days: int) -> date:
    """`Calendar.add_working_days` by the days of Russia alone, where a site's own make no difference that matters."""
    return RUSSIA.add_working_days(start, days)


def promised_date(day: str) -> str | None:
    """The value of a problem's `answer_due`, None where it is NO_DUE_DATE."""
    return None if day == NO_DUE_DATE else day
