"""Checks a report, from whichever door, and names everything that is wrong with it at once."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import ZoneInfo

from widget_api import i18n
from widget_api.errors import FieldError, Invalid
from widget_api.photos import links
from widget_api.photos.model import LONGEST_ALT
from widget_api.problems import names
from widget_api.problems.model import Contact, Photo, Report
from widget_api.signing import Signer
from widget_api.sites.model import Category, Question, Site
from widget_api.sites.territory import Other

DESCRIPTION = (3, 4000)  # characters; GeoReport v2 allows 4,000
ADDRESS = 500
ANSWER = 2000
NAME, PHONE, PAGE_URL = 200, 40, 2000
EMAIL = 254  # RFC 5321, section 4.5.3.1.3
_EMAIL = re.compile(r"[^\s@<>,;:\"()\\\[\]]{1,64}@[^\s@<>,;:\"()\\\[\]]+\.[^\s@<>,;:\"()\\\[\].]{2,}")
_PHONE = re.compile(r"[+\d][\d\s().-]{4,}")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


def clean(text: str) -> str:
    """Without control characters (PostgreSQL stores no NUL, XML 1.0 hardly any), with one kind of line end."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def is_email(text: str) -> bool:
    """Whether a letter could go there at all; that it arrives, only a confirmation says."""
    return len(text) <= EMAIL and _EMAIL.fullmatch(text) is not None


class Fields:
    """Reads fields and collects what is wrong with them. Null and an empty text equal absent."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.data = data
        self.wrong: list[FieldError] = []

    def refuse(self, field: str, code: str, allowed: Iterable[str] = (), **values: str | int) -> None:
        self.wrong.append(FieldError(field, code, tuple(values.items()), tuple(allowed)))

    def text(self, name: str, longest: int, *, field: str | None = None) -> str | None:
        """A line or more of text. Cut off at nothing: too long is an error, whatever `clean` would take out of it."""
        field, value = field or name, self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, str):
            self.refuse(field, "wrong_type")
            return None
        if len(value) > longest:
            self.refuse(field, "too_long", max=longest)
        return clean(value) or None

    def line(self, name: str, longest: int, *, field: str | None = None) -> str | None:
        """Text that ends up in a header or a table cell: line ends become spaces."""
        value = self.text(name, longest, field=field)
        return " ".join(value.split()) if value else None

    def object(self, name: str) -> Fields:
        """A nested object; its errors are collected here."""
        value = self.data.get(name)
        if value is not None and not isinstance(value, Mapping):
            self.refuse(name, "wrong_type")
            value = None
        nested = Fields(value or {})
        nested.wrong = self.wrong
        return nested


def parse(
    site: Site,
    data: Mapping[str, Any],
    *,
    language: str,
    source: Literal["widget", "form"],
    signer: Signer,
    other: Other | None = None,
) -> Report:
    """A checked report without its consent's hash and address (the door adds them). Raises Invalid with every field.

    `other` is the site that a point outside this one's territory belongs to.
    """
    fields = Fields(data)
    category = _category(site, fields)
    description = fields.text("description", DESCRIPTION[1])
    if description is None:
        if not any(error.field == "description" for error in fields.wrong):
            fields.refuse("description", "required")
    elif len(description) < DESCRIPTION[0]:
        fields.refuse("description", "too_short", min=DESCRIPTION[0])
    lat, lng, address = _location(fields)
    if lat is not None and lng is not None and not site.covers(lat, lng):
        elsewhere = {"other": other.name, "url": other.url} if other else {}
        fields.refuse("location", "outside", site=site.name, **elsewhere)
    contact = _contact(site, fields)
    answers = _answers(site, category, fields) if category else {}
    consent = fields.object("consent")
    if consent.data.get("processing") is not True:
        fields.refuse("consent.processing", "required")
    if not isinstance(consent.data.get("version"), str):
        fields.refuse("consent.version", "required")
    attached = photos(site, fields, signer)
    if category and category.photo_required and not data.get("photos"):
        fields.refuse("photos", "required")
    page_url = _page_url(fields)
    if fields.wrong:
        raise Invalid(tuple(fields.wrong))
    assert category is not None
    assert description is not None
    return Report(
        category=category.code,
        description=description,
        address=address,
        lat=lat,
        lng=lng,
        answers=answers,
        contact=contact,
        language=i18n.chosen(data.get("lang"), language),
        source=source,
        page_url=page_url,
        photos=attached,
    )


def _category(site: Site, fields: Fields) -> Category | None:
    code = fields.text("category", 100)
    if code is None:
        if "category" not in {error.field for error in fields.wrong}:
            fields.refuse("category", "required")
        return None
    category = site.category(code)
    if category is None:
        fields.refuse("category", "unknown", [one.code for one in site.categories])
    return category


def _location(fields: Fields) -> tuple[float | None, float | None, str | None]:
    before = len(fields.wrong)
    location = fields.object("location")
    address = location.line("address", ADDRESS, field="location.address")
    numbers = [coordinate(location.data.get(name), bound) for name, bound in (("lat", 90), ("lng", 180))]
    given = [location.data.get(name) not in (None, "") for name in ("lat", "lng")]
    if len(fields.wrong) == before:
        if any(given) and None in numbers:
            fields.refuse("location", "coordinates")
        elif not any(given) and not address:
            fields.refuse("location", "required")
    return numbers[0], numbers[1], address


def point(data: Mapping[str, Any]) -> tuple[float, float] | None:
    """The coordinates of a report that is still to be checked, where it has any."""
    location = data.get("location")
    if not isinstance(location, Mapping):
        return None
    lat, lng = coordinate(location.get("lat"), 90), coordinate(location.get("lng"), 180)
    return None if lat is None or lng is None else (lat, lng)


def coordinate(value: Any, bound: float) -> float | None:
    """A finite number of degrees within ±bound, from a number or its text; None where it is not one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return round(number, 6) if math.isfinite(number) and abs(number) <= bound else None


def _contact(site: Site, fields: Fields) -> Contact:
    email = fields.line("email", EMAIL)
    if email and not _EMAIL.fullmatch(email):
        fields.refuse("email", "email")
    if not email and site.contact == "required" and "email" not in {error.field for error in fields.wrong}:
        fields.refuse("email", "required")
    name = fields.line("name", NAME)
    phone = fields.line("phone", PHONE)
    if phone and not _PHONE.fullmatch(phone):
        fields.refuse("phone", "phone")
    publish = fields.object("consent").data.get("publish_name") is True and name is not None
    if publish and name and (code := names.refusal(site, name)):
        fields.refuse("name", code)
    return Contact(email=email, name=name, phone=phone, publish_name=publish)


def _answers(site: Site, category: Category, fields: Fields) -> dict[str, str | list[str]]:
    given = fields.object("answers").data
    answers: dict[str, str | list[str]] = {}
    for question in category.questions:
        value = given.get(question.code)
        if value in (None, "", []):
            if question.required:
                fields.refuse(f"answers.{question.code}", "required", question=question.description)
            continue
        checked = answer(question, value)
        if checked is None:
            wrong = _EXPECTS.get(question.datatype, "unknown")
            offered = [key for key, _ in question.values]
            fields.refuse(f"answers.{question.code}", wrong, offered, question=question.description)
        else:
            answers[question.code] = _placed(checked, site) if question.datatype == "datetime" else checked
    return answers


def _placed(written: str | list[str], site: Site) -> str:
    """The moment of a date and time as a form gives them: without a zone they are the site's own clock."""
    moment = datetime.fromisoformat(str(written))
    return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(site.time_zone))).isoformat()


_EXPECTS = {"string": "wrong_type", "text": "wrong_type", "number": "number", "datetime": "date"}


def answer(question: Question, value: Any) -> str | list[str] | None:
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


def photos(site: Site, fields: Fields, signer: Signer) -> tuple[Photo, ...]:
    """Photos to attach, from `photos`: tokens or {photo, alt} in their order. Wrong ones are named «photos.0»."""
    given = fields.data.get("photos")
    if given is None or given == "":
        return ()
    if not isinstance(given, list):
        fields.refuse("photos", "wrong_type")
        return ()
    if len(given) > site.photos:
        fields.refuse("photos", "too_many_photos", max=site.photos)
        return ()
    chosen: dict[str, Photo] = {}
    for place, one in enumerate(given):
        named = one if isinstance(one, Mapping) else {"photo": one}
        photo_id = links.attachable(signer, site.id, named.get("photo"))
        if photo_id is None or photo_id in chosen:
            fields.refuse(f"photos.{place}", "unknown")
            continue
        nested = Fields(named)
        nested.wrong = fields.wrong
        chosen[photo_id] = Photo(photo_id, nested.line("alt", LONGEST_ALT, field=f"photos.{place}.alt"))
    return tuple(chosen.values())


def _page_url(fields: Fields) -> str | None:
    """Kept without query and fragment (contract): they may carry what the visitor searched for, or a session."""
    value = fields.data.get("page_url")
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
