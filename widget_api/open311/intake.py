"""Validate requests and updates received by GeoReport, and convert them to reports and updates of ours."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import orjson

from widget_api import i18n, validation
from widget_api.database import Row
from widget_api.errors import FieldError, Invalid
from widget_api.open311.parameters import Parameters
from widget_api.open311.present import REASON_FIELD
from widget_api.open311.statuses import NAMES, is_known, map_foreign_status, parse_exact
from widget_api.problems import intake
from widget_api.problems.model import REASONS, ActorKind, Contact, Content, RemotePhoto, Report, Update, join_entry
from widget_api.sites.model import MAX_TITLE, Category, Site
from widget_api.validation import Body, Text, clean

Scope = Literal["georeport", "platform"]
MAX_TEXT_LENGTH = 10_000
MAX_RESPONSIBLE_LENGTH = 300
MAX_MEDIA_URL_LENGTH = 2000
MAX_CODE_LENGTH = 100
MAX_PHOTOS = 100  # public pictures of a report and of its answers
NAMESPACE = uuid.UUID("6f3c1f1e-5a0c-5d52-9a38-0c7f1d6b9b41")
ACTORS: tuple[ActorKind, ...] = ("resident", "agent", "operator", "platform", "source", "system")


@dataclass(frozen=True, kw_only=True)
class Sender:
    """A program with a token of this site."""

    token_id: str
    site_id: str
    scope: Scope

    @property
    def trusted(self) -> bool:
        """Whether to accept exact status codes, event ids and contacts: only from instances of this service."""
        return self.scope == "platform"


def parse_event_id(text: str | None) -> str | None:
    """Parse the id of another instance's event, in canonical form, or None."""
    try:
        return str(uuid.UUID(text)) if text else None
    except ValueError:
        return None


def derive_event_id(source: str, *parts: object) -> str:
    """Derive an id for an event of a system without event ids. The same parts always give the same id."""
    return str(uuid.uuid5(NAMESPACE, "/".join((source, *map(str, parts)))))


class Texts(Body):
    """The text fields of a request that every sender may set."""

    address_string: Annotated[str | None, Text(intake.ADDRESS, line=True)] = None
    description: Annotated[str | None, Text(intake.DESCRIPTION[1])] = None
    device_id: Annotated[str | None, Text(intake.NAME, line=True)] = None

    @property
    def contact(self) -> Contact:
        return Contact()


class Trusted(Texts):
    """The text fields that only a trusted sender may set. An invalid email address is left out rather than rejected,
    since the sending instance cannot ask the author to correct it."""

    first_name: Annotated[str | None, Text(200, line=True)] = None
    last_name: Annotated[str | None, Text(200, line=True)] = None
    email: Annotated[str | None, Text(intake.EMAIL, line=True, check=lambda text: None if "@" in text else "email")] = (
        None
    )
    phone: Annotated[str | None, Text(intake.PHONE, line=True)] = None

    @property
    def contact(self) -> Contact:
        name = " ".join(part for part in (self.first_name, self.last_name) if part)
        return Contact(email=self.email, name=name or None, phone=self.phone)


def parse_report(site: Site, sender: Sender, parameters: Parameters) -> Report:
    """Convert a request to a report. Raises Invalid with all invalid fields."""
    extended = parameters.extended() if sender.trusted else {}
    values = {name: value.replace("\r\n", "\n") for name, value in parameters.first_values().items()}
    category, wrong = _parse_category(site, parameters)
    lat, long, misplaced = _parse_location(parameters, clean(values.get("address_string", "")))
    texts, too_long = validation.read(Trusted if sender.trusted else Texts, values)
    answers, unanswered = _parse_answers(category, parameters, strict=not sender.trusted) if category else ({}, [])
    media = parameters.repeated("media_url")
    unfetchable = [] if all(map(_is_web_address, media)) else [FieldError("media_url", "invalid")]
    if errors := [*wrong, *misplaced, *too_long, *unanswered, *unfetchable]:
        raise Invalid(tuple(errors))
    assert category is not None
    assert texts is not None
    return Report(
        category=category.code,
        description=texts.description or "",
        address=texts.address_string,
        lat=lat,
        lng=long,
        answers=answers,
        contact=texts.contact,
        language=i18n.requested_language(extended.get("language"), site.language),
        source=sender.scope,
        status=(parse_exact(extended.get("status_code")) or "accepted") if sender.trusted else "moderation",
        birth_id=parse_event_id(extended.get("event_id")),
        received_at=Parameters(extended.items()).moment("requested_datetime"),
        device=texts.device_id,
        media=tuple(media),
    )


def parse_update(sender: Sender, parameters: Parameters, problem: Row, now: int, files: str = "") -> Update:
    """Convert an update. `problem` is a row of `store.find_problem`, `files` the digest of the uploaded pictures.

    Raises Invalid.
    """
    extended, name = parameters.extended() if sender.trusted else {}, parameters.first("status")
    if name is not None and not is_known(name):
        raise Invalid((FieldError("status", "unknown", allowed=NAMES),))
    text = clean(parameters.text("description") or "") or None
    if text is not None and len(text) > MAX_TEXT_LENGTH:
        raise Invalid((FieldError("description", "too_long", (("max", MAX_TEXT_LENGTH),)),))
    media = tuple(parameters.repeated("media_url"))
    if not all(map(_is_web_address, media)):
        raise Invalid((FieldError("media_url", "invalid"),))
    at = parameters.moment("updated_datetime")
    update_id = parameters.first("update_id")
    # An update without an id is identified by its content.
    parts = (
        (update_id,) if update_id else (problem["number"], at or now, name, text, *media, *([files] if files else ()))
    )
    identifier = (parse_event_id(update_id) if sender.trusted else None) or derive_event_id(sender.token_id, *parts)
    # A foreign system's clock or time zone is wrong where it says that it acted before the report came, or after now.
    believed = at is not None and (sender.trusted or problem["created_at"] <= at <= now)
    update = parse_event(identifier, at if believed and at else now, name, text, extended, problem["status"])
    return replace(update, media=media, here=not believed)


def parse_event(
    identifier: str, at: int, name: str | None, text: str | None, extended: Mapping[str, str], ours: str
) -> Update:
    """Convert the fields of an update of any protocol, in which `extended` holds the attributes that instances of this
    service add (`present.extended_fields` writes them). `ours` is the current status of the problem."""
    kind, actor, reason = (extended.get(name) for name in ("kind", "actor", REASON_FIELD))
    status = parse_exact(extended.get("status_code")) or map_foreign_status(name, ours)
    return Update(
        id=identifier,
        at=at,
        status=None if kind in ("text", "erased") else status,
        text=None if extended.get("without_text") == "true" else text,
        actor=actor if actor in ACTORS else None,
        expected_on=parse_day(extended.get("expected_on")),
        responsible=clean(extended.get("responsible", ""))[:MAX_RESPONSIBLE_LENGTH] or None,
        unofficial=extended.get("unofficial") == "true",
        reason=reason if reason in REASONS and status == "rejected" else None,
        erased=kind == "erased",
        content=parse_content(extended.get("report")),
    )


def parse_content(text: str | None) -> Content | None:
    """Parse what a report says now (`platform.payload.read_report`). Returns None if it is no usable report."""
    try:
        given = orjson.loads(text) if text else None
    except orjson.JSONDecodeError:
        return None
    if not isinstance(given, dict):
        return None
    texts = {name: clean(value).strip() for name, value in given.items() if isinstance(value, str)}
    title, description = texts.get("title", "")[:MAX_TITLE], texts.get("description", "")[:MAX_TEXT_LENGTH]
    address = texts.get("address", "")[: intake.ADDRESS] or None
    lat, lng = parse_degrees(given.get("lat"), 90), parse_degrees(given.get("lng"), 180)
    located = lat is not None and lng is not None
    if not description or not (located or address):
        return None
    return Content(
        category=texts.get("category", "")[:MAX_CODE_LENGTH],
        description=join_entry(title, description) if title else description,
        address=address,
        lat=lat if located else None,
        lng=lng if located else None,
        photos=_parse_photos(given.get("photos")),
    )


def parse_degrees(value: Any, most: int) -> float | None:
    """Return a coordinate from JSON, None unless it is a number of at most `most` degrees."""
    valid = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= most
    return float(value) if valid else None


def _parse_photos(given: Any) -> tuple[RemotePhoto, ...] | None:
    if not isinstance(given, list):
        return None
    found = []
    for one in given[:MAX_PHOTOS]:
        values = one if isinstance(one, dict) else {}
        url, event_id, place = values.get("url"), values.get("event_id"), values.get("place")
        known = parse_event_id(event_id) if isinstance(event_id, str) else None
        if isinstance(url, str) and _is_web_address(url) and known and type(place) is int and 0 <= place < MAX_PHOTOS:
            found.append(RemotePhoto(url=url, event_id=known, place=place))
    return tuple(found)


def parse_day(text: str | None) -> str | None:
    """Parse a date into its stored form. Returns None if it is not a date."""
    try:
        return date.fromisoformat(text).isoformat() if text else None
    except ValueError:
        return None


def _parse_category(site: Site, parameters: Parameters) -> tuple[Category | None, list[FieldError]]:
    code = parameters.first("service_code")
    category = site.category(code) if code else None
    if category is not None:
        return category, []
    codes = tuple(category.code for category in site.categories)
    return None, [FieldError("service_code", "unknown" if code else "required", allowed=codes)]


def _parse_location(parameters: Parameters, address: str) -> tuple[float | None, float | None, list[FieldError]]:
    """Parse lat and long, or address_string, or address_id (GeoReport v2, «POST Service Request»).

    An address_id is a number in the jurisdiction's register of addresses. This service has no such register, so it does
    not become an address. A request with nothing else is accepted, since FixMyStreet sends «#NOTPINPOINTED#» if nobody
    pointed at the map.
    """
    texts = [parameters.first("lat"), parameters.first("long") or parameters.first("lon")]
    lat, long = intake.parse_coordinate(texts[0], 90), intake.parse_coordinate(texts[1], 180)
    if any(texts):
        invalid = [name for name, value in (("lat", lat), ("long", long)) if value is None]
        return lat, long, [FieldError(name, "coordinates") for name in invalid]
    missing = not address and parameters.first("address_id") is None
    return lat, long, [FieldError("lat", "required_location")] if missing else []


def _parse_answers(
    category: Category, parameters: Parameters, *, strict: bool
) -> tuple[dict[str, str | list[str]], list[FieldError]]:
    """Parse the answers to the category's questions, ignoring unknown attributes.

    Unless `strict`, invalid and missing answers are ignored too, since another instance of this service may ask other
    questions.
    """
    attributes, answers, wrong = parameters.group("attribute"), dict[str, str | list[str]](), list[FieldError]()
    for question in category.questions:
        values = attributes.get(question.code)
        value = values if values is None or question.datatype == "multivaluelist" else values[0]
        checked = intake.parse_answer(question, value) if value else None
        if checked is not None:
            answers[question.code] = checked
        elif strict and (value or question.required):
            code, allowed = "invalid" if value else "required", tuple(key for key, _ in question.values)
            wrong.append(FieldError(f"attribute[{question.code}]", code, allowed=allowed))
    return answers, wrong


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text.strip())
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and len(text) <= MAX_MEDIA_URL_LENGTH
