"""Validate bodies and queries as pydantic models: one declaration parses them, reports errors and gives JSON Schema.

Errors have the service's own codes, whose texts are in the dictionaries. Null equals absent, and so does an empty text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    ValidationError,
    ValidationInfo,
    model_validator,
)
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from widget_api.errors import FieldError, Invalid, Malformed

LONGEST_VALUE = 4000  # characters of a parameter
# Parameters that are ignored: the language of errors, a cache key, and a parameter of shared links. The widget's loader
# has no space for code that would remove the last one from its requests.
IGNORED = frozenset({"lang", "v", "problem"})
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
# What mail programs make a link of: a scheme, «www.», a mail address, a name in a Latin or a known Cyrillic domain.
# One letter before a Cyrillic one is an abbreviation: «г.Москва».
_LINK = re.compile(
    r"://|www\.|@|[a-z0-9-]\.[a-z]{2,}|[\w-]{2}\.(?:рф|рус|дети|москва|онлайн|сайт|орг|ком|бел|укр|қаз|срб|бг|ею)\b",
    re.IGNORECASE,
)
# Wider than RFC 5321 and so than email-validator: «a.@docomo.ne.jp» and «a..b@…» have mailboxes. A domain has a dot.
_EMAIL = re.compile(r"[^\s@<>,;:\"()\\\[\]]{1,64}@[^\s@<>,;:\"()\\\[\]]+\.[^\s@<>,;:\"()\\\[\].]{2,}")
MAX_EMAIL = 254  # RFC 5321, section 4.5.3.1.3
_ASCII_DOMAIN = re.compile(r"[\w-]+(\.[\w-]+)*", re.ASCII)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


def check_length(field: str, text: str, longest: int, shortest: int = 1) -> None:
    """Raise Invalid where a text is missing, too short or too long. It may be missing where `shortest` is 0."""
    if not text and shortest:
        raise Invalid((FieldError(field, "required"),))
    if len(text) < shortest:
        raise Invalid((FieldError(field, "too_short", (("min", shortest),)),))
    if len(text) > longest:
        raise Invalid((FieldError(field, "too_long", (("max", longest),)),))


def is_email(text: str) -> bool:
    """Whether this is the syntax of an e-mail address that somebody can have in the Internet («petr@gmail» is none).

    Only a letter proves that the mailbox exists.
    """
    if len(text) > MAX_EMAIL or not text.isprintable() or _EMAIL.fullmatch(text) is None:
        return False
    try:
        encode_domain(text.rpartition("@")[2])
    except ValueError:
        return False
    return True


def encode_domain(domain: str) -> str:
    """Return the ASCII form of an internationalised domain. Raises ValueError.

    IDNA makes commas, brackets and «@» of their wide forms, by which one address would become two in a header.
    """
    encoded = domain.encode("idna").decode()
    if _ASCII_DOMAIN.fullmatch(encoded) is None:
        raise ValueError("letters, digits and hyphens alone")
    return encoded


def has_link(text: str) -> bool:
    """Whether a mail program could make a part of a text a link."""
    return _LINK.search(unicodedata.normalize("NFKC", text)) is not None


def clean(text: str) -> str:
    """Remove control characters (PostgreSQL stores no NUL, XML 1.0 allows hardly any) and normalise line ends."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


class Body(BaseModel):
    """A request body. A missing required object is treated as an empty one, so that errors name its fields."""

    _objects: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        types = ((name, field.annotation) for name, field in cls.model_fields.items())
        cls._objects = tuple(name for name, kind in types if isinstance(kind, type) and issubclass(kind, Body))

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, given: Any) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            raise wrong("wrong_type")
        present = {name: value for name, value in given.items() if value is not None}
        return {name: {} for name in cls._objects} | present


Read = TypeVar("Read", bound=BaseModel)


def read(body: type[Read], data: Mapping[str, Any], context: Any = None) -> tuple[Read | None, tuple[FieldError, ...]]:
    """Return the parsed body, or all its errors. `context` is passed to its validators."""
    try:
        return body.model_validate(data, context=context), ()
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
    return None, tuple(_field_error(detail["loc"], detail["type"], detail.get("ctx", {})) for detail in details)


def parse(body: type[Read], data: Mapping[str, Any], context: Any = None) -> Read:
    """Return the parsed body. Raises Invalid with all errors."""
    given, errors = read(body, data, context)
    if given is None:
        raise Invalid(errors)
    return given


def wrong(code: str, allowed: Iterable[str] = (), **values: str | int) -> PydanticCustomError:
    """Return the error for a validator to raise: its code, the values of its text, the allowed values of the field."""
    return PydanticCustomError(code, "wrong", {**values, "allowed": tuple(allowed)})


def several(errors: Mapping[tuple[str | int, ...], PydanticCustomError]) -> ValidationError:
    """Return the error for a validator to raise if several parts of its value are wrong, by their location."""
    details = (InitErrorDetails(type=error, loc=place, input=None) for place, error in errors.items())
    return ValidationError.from_exception_data("several", list(details))


def _field_error(place: tuple[str | int, ...], code: str, values: Mapping[str, Any]) -> FieldError:
    text_values = tuple((name, value) for name, value in values.items() if name != "allowed")
    code = "required" if code == "missing" else code
    return FieldError(".".join(map(str, place)), code, text_values, values.get("allowed", ()))


@dataclass(frozen=True)
class Text:
    """A text of limited length, counted before `clean`. Longer texts are refused, not truncated.

    With `shortest` 0 it is optional, and None if absent. In a `line`, for headers and table cells, line ends become
    spaces. `check` returns the code of another error, or None. `schema` is added to the JSON Schema.
    """

    longest: int
    shortest: int = 0
    line: bool = False
    clean: Callable[[str], str] = clean
    check: Callable[[str], str | None] | None = None
    schema: Mapping[str, str] = field(default_factory=dict)

    def read(self, value: Any) -> str | None:
        if value is not None and not isinstance(value, str):
            raise wrong("wrong_type")
        if value and len(value) > self.longest:
            raise wrong("too_long", max=self.longest)
        text = self.clean(value or "")
        text = " ".join(text.split()) if self.line else text
        if not text and self.shortest:
            raise wrong("required")
        if len(text) < self.shortest:
            raise wrong("too_short", min=self.shortest)
        if text and self.check is not None and (code := self.check(text)):
            raise wrong(code)
        return text or None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        if self.shortest:
            return {"type": "string", "minLength": self.shortest, "maxLength": self.longest, **self.schema}
        if self.schema:
            return {"anyOf": [{"type": "string", "maxLength": self.longest, **self.schema}, {"enum": ["", None]}]}
        return {"type": ["string", "null"], "maxLength": self.longest}


class Query(BaseModel):
    """Parameters by their names in an address: the alias where there is one. An empty one equals an absent one."""


class Language(Query):
    lang: str = Field("", description="The language of texts: `ru` or `en`; else `Accept-Language`, else the site's.")


QueryType = TypeVar("QueryType", bound=Query)


@cache
def names(query: type[Query]) -> frozenset[str]:
    """Return the parameters of a query, without the ignored ones."""
    return frozenset(field.alias or name for name, field in query.model_fields.items()) - IGNORED


def values(
    query: Iterable[tuple[str, str]], names: Collection[str], repeated: Collection[str] = ("status", "category")
) -> dict[str, str]:
    """Return the given parameters, each once: checkboxes of a form, which are `repeated`, become a list with commas.

    Raises Malformed if a name is unknown, or a value is too long or contains characters that no text may contain.
    """
    given = dict[str, str]()
    for name, value in query:
        if name in IGNORED:
            continue
        if name not in names:
            known = tuple(sorted({*names, "lang"}))
            raise Malformed("parameter_unknown", parameter=_UNREADABLE.sub("", name[:50]), allowed=known)
        if not value:
            continue
        if name in given and name not in repeated and given[name] != value:
            raise wrong_parameter(name)
        given[name] = f"{given[name]},{value}" if name in given and given[name] != value else value
        if len(given[name]) > LONGEST_VALUE or _UNREADABLE.search(value):
            raise wrong_parameter(name)
    return given


def parse_query(query: type[QueryType], given: Mapping[str, str], time_zone: str = "UTC") -> QueryType:
    """Parse a query from its `values`. Raises Malformed that names the first invalid parameter."""
    parsed, errors = read(query, given, time_zone)
    if parsed is None:
        places = {name: place for place, name in enumerate(given)}
        first = min(errors, key=lambda error: places.get(error.field, len(places)))
        raise wrong_parameter(first.field, first.allowed)
    return parsed


def wrong_parameter(name: str, allowed: Iterable[str] = ()) -> Malformed:
    return Malformed("parameter_wrong", parameter=name, allowed=tuple(allowed))


@dataclass(frozen=True)
class Parameter:
    """A parameter of a query. `make` parses its text in a time zone, and returns None if it is invalid."""

    make: Callable[[str, str], object]
    schema: Mapping[str, Any]
    allowed: tuple[str, ...] = ()

    def read(self, text: str, info: ValidationInfo) -> object:
        value = self.make(text, str(info.context))
        if value is None:
            raise wrong("parameter_wrong", self.allowed)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)


_DEGREES = re.compile(r"[+-]?\d{1,3}(\.\d{1,20})?", re.ASCII)
_DECIMAL_PLACES = 6  # decimal places kept: 11 cm


def _degrees(bound: int, pattern: str) -> Parameter:
    def read(text: str, _: str) -> float | None:
        return round(float(text), _DECIMAL_PLACES) if _DEGREES.fullmatch(text) and abs(float(text)) <= bound else None

    return Parameter(read, {"type": "string", "pattern": pattern})


LATITUDE = _degrees(90, r"^-?([0-8]?[0-9](\.[0-9]{1,9})?|90)$")
LONGITUDE = _degrees(180, r"^-?(([0-9]{1,2}|1[0-7][0-9])(\.[0-9]{1,9})?|180)$")


class Point(Language):
    """A place."""

    lat: Annotated[float, LATITUDE] = Field(description="Degrees in plain decimals.", examples=["55.08"])
    lng: Annotated[float, LONGITUDE] = Field(description="Degrees in plain decimals.", examples=["38.78"])
