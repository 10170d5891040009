"""What a field of a report may hold, whichever API or form it comes by."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from widget_api.sites.model import Question, Site
from widget_api.validation import clean

DESCRIPTION = (3, 4000)  # characters; GeoReport v2 allows 4,000
ADDRESS = 500
ANSWER = 2000
NAME, PHONE, PAGE_URL = 200, 40, 2000
EMAIL = 254  # RFC 5321, section 4.5.3.1.3
# Wider than RFC 5321 and so than email-validator: «a.@docomo.ne.jp» and «a..b@…» have mailboxes.
_EMAIL = re.compile(r"[^\s@<>,;:\"()\\\[\]]{1,64}@[^\s@<>,;:\"()\\\[\]]+\.[^\s@<>,;:\"()\\\[\].]{2,}")
_PHONE = re.compile(r"[+\d][\d\s().-]{4,}")


def is_email(text: str) -> bool:
    """Whether a letter could go there at all; that it arrives, only a confirmation says."""
    return len(text) <= EMAIL and _EMAIL.fullmatch(text) is not None


def is_phone(text: str) -> bool:
    return _PHONE.fullmatch(text) is not None


def parse_point(data: Mapping[str, Any]) -> tuple[float, float] | None:
    """The coordinates of a report that is still to be checked, where it has any."""
    location = data.get("location")
    if not isinstance(location, Mapping):
        return None
    lat, lng = parse_coordinate(location.get("lat"), 90), parse_coordinate(location.get("lng"), 180)
    return None if lat is None or lng is None else (lat, lng)


def parse_coordinate(value: Any, bound: float) -> float | None:
    """A finite number of degrees within ±bound, from a number or its text; None where it is not one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return round(number, 6) if math.isfinite(number) and abs(number) <= bound else None


def parse_answer(question: Question, value: Any) -> str | list[str] | None:
    """An answer in the form it is kept, or None where it is none to this question (GeoReport v2, datatypes)."""
    if question.datatype == "multivaluelist":
        chosen = value if isinstance(value, list) else [value]
        keys = {key for key, _ in question.values}
        valid = all(isinstance(key, str) and key in keys for key in chosen)
        return list(dict.fromkeys(chosen)) if valid else None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = clean(str(value))[:ANSWER]
    if question.datatype == "singlevaluelist":
        return text if text in {key for key, _ in question.values} else None
    try:
        if question.datatype == "number":
            if not math.isfinite(float(text.replace(",", "."))):
                return None
            return text.replace(",", ".")
        if question.datatype == "datetime":
            datetime.fromisoformat(text)
    except ValueError:
        return None
    return text or None


def parse_moment(written: str | list[str], site: Site) -> str:
    """The moment of a date and time as a form gives them: without a zone they are the site's own clock."""
    moment = datetime.fromisoformat(str(written))
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(site.time_zone))).isoformat()


def strip_page_url(value: Any) -> str | None:
    """Kept without query and fragment (contract): they may carry what the visitor searched for, or a session."""
    if not isinstance(value, str):
        return None
    try:
        parts = urlsplit(clean(value))
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host or len(value) > PAGE_URL * 4:
        return None
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))[:PAGE_URL]
