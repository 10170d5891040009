"""Parse and check the fields of a report, whichever API or form it comes through."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from widget_api.sites.model import Question, Site
from widget_api.validation import MAX_EMAIL, clean

DESCRIPTION = (3, 4000)  # characters; GeoReport v2 allows 4,000
ADDRESS = 500
ANSWER = 2000
NAME, PHONE, PAGE_URL, EMAIL = 200, 40, 2000, MAX_EMAIL
_SCRIPTS = {"LATIN", "CYRILLIC", "GREEK"}
# Latin letters that look like Russian ones.
_LOOKALIKES = str.maketrans("aceopxyktmhb", "асеорхуктмнв")
_PHONE = re.compile(r"[+\d][\d\s().-]{4,}")


def is_phone(text: str) -> bool:
    return _PHONE.fullmatch(text) is not None


def parse_point(data: Mapping[str, Any]) -> tuple[float, float] | None:
    """Return (latitude, longitude) of a report that is not checked yet; None if it has none."""
    location = data.get("location")
    if not isinstance(location, Mapping):
        return None
    lat, lng = parse_coordinate(location.get("lat"), 90), parse_coordinate(location.get("lng"), 180)
    return None if lat is None or lng is None else (lat, lng)


def parse_coordinate(value: Any, bound: float) -> float | None:
    """Parse degrees from a number or its text; None unless it is finite and within ±bound."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return round(number, 6) if math.isfinite(number) and abs(number) <= bound else None


def parse_answer(question: Question, value: Any) -> str | list[str] | None:
    """Return an answer as it is stored, None if it does not fit the question's datatype (GeoReport v2)."""
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


def parse_moment(value: str | list[str], site: Site) -> str:
    """Return an ISO 8601 time with zone. A time without one is in the site's time zone."""
    moment = datetime.fromisoformat(str(value))
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(site.time_zone))).isoformat()


def strip_page_url(value: Any) -> str | None:
    """Return an http(s) URL without user, query and fragment (contract): they may contain searches or a session."""
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


def find_name_refusal(site: Site, name: str) -> Literal["name_official", "name_mixed"] | None:
    """Return the error code of a name that must not be published; None if it may be.

    Readers of an official site trust the names on it, so nobody may use the agency's name, nor imitate a name with
    lookalike letters of another script.
    """
    if any(are_alike(name, official) for official in (site.agency.name, site.name)):
        return "name_official"
    return "name_mixed" if mixes_scripts(name) else None


def are_alike(name: str, other: str) -> bool:
    """Whether readers could confuse the names: «АДМИНИСТРАЦИЯ  города» and «Администрация города»."""
    return _normalize(name) == _normalize(other)


def mixes_scripts(name: str) -> bool:
    """Whether a word of the name mixes letters of two scripts that look alike, which no real name does."""
    return any(
        len({unicodedata.name(letter, "").partition(" ")[0] for letter in word} & _SCRIPTS) > 1
        for word in re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", name))
    )


def _normalize(name: str) -> str:
    folded = unicodedata.normalize("NFKC", name).casefold().replace("ё", "е")
    return "".join(letter for letter in folded if letter.isalnum()).translate(_LOOKALIKES)
