"""Define a visit, what its form says, and the states of an invitation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from widget_api import clock
from widget_api.errors import FieldError, Invalid

State = Literal["open", "accepted", "declined", "called_off", "over", "gone"]
Answer = Literal["accepted", "declined"]

KIND = "visit"  # of letters
MAX_PLACE, MAX_TEXT, MAX_RESULT = 200, 2000, 4000  # characters
MAX_INVITED = 100  # of a visit
MAX_A_DAY = 3  # letters to the author of one entry
NOTICED = 2 * clock.DAY  # seconds for which the mail server is asked


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What a form says of a visit; `at` is when it begins."""

    at: int
    place: str
    text: str


def read_visit(given: dict[str, str], time_zone: str, now: int) -> Visit:
    """Parse `day`, `hour` (local), `place` and `text`. Raises Invalid."""
    texts = {name: given.get(name, "").strip() for name in ("day", "hour", "place", "text")}
    wrong = [FieldError(name, "visit_required") for name, text in texts.items() if not text]
    for name, most in (("place", MAX_PLACE), ("text", MAX_TEXT)):
        if len(texts[name]) > most:
            wrong.append(FieldError(name, "too_long", (("max", most),)))
    at = _read_moment(texts["day"], texts["hour"], time_zone)
    if texts["day"] and texts["hour"] and at is None:
        wrong.append(FieldError("day", "date"))
    elif at is not None and at <= now:
        wrong.append(FieldError("day", "visit_past"))
    if wrong or at is None:
        raise Invalid(tuple(wrong))
    return Visit(at=at, place=texts["place"], text=texts["text"])


def _read_moment(day: str, hour: str, time_zone: str) -> int | None:
    try:
        moment = datetime.strptime(f"{day} {hour}", "%Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(time_zone))
        return int(moment.timestamp())
    except (ValueError, OverflowError):
        return None
