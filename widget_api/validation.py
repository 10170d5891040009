"""Bodies and queries as pydantic models: one declaration reads them, names what is wrong and gives the JSON Schema.

Errors carry our own codes, whose texts stand in the dictionaries. Null equals absent, in texts an empty one as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, TypeVar

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

LONGEST_VALUE = 4000  # characters of any one parameter
# The language of errors, what only keeps caches apart, and what else stands in the address of a view that was shared:
# the widget's loader has no room to read it and asks with all of it.
PASSED = frozenset({"lang", "v", "problem"})
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")


def clean(text: str) -> str:
    """Without control characters (PostgreSQL stores no NUL, XML 1.0 hardly any), with one kind of line end."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


class Body(BaseModel):
    """What a caller sends. An object that is required and absent is read as an empty one: its fields are named."""

    _objects: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        of_type = ((name, one.annotation) for name, one in cls.model_fields.items())
        cls._objects = tuple(name for name, kind in of_type if isinstance(kind, type) and issubclass(kind, Body))

    @model_validator(mode="before")
    @classmethod
    def _without_null(cls, given: Any) -> dict[str, Any]:
        if not isinstance(given, Mapping):
            raise wrong("wrong_type")
        said = {name: value for name, value in given.items() if value is not None}
        return {name: {} for name in cls._objects} | said


Read = TypeVar("Read", bound=BaseModel)


def read(body: type[Read], data: Mapping[str, Any], context: Any = None) -> tuple[Read | None, tuple[FieldError, ...]]:
    """The body, or everything that is wrong with it. `context` is what its validators need beside it."""
    try:
        return body.model_validate(data, context=context), ()
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    return None, tuple(_field_error(one["loc"], one["type"], one.get("ctx", {})) for one in found)


def parse(body: type[Read], data: Mapping[str, Any], context: Any = None) -> Read:
    """The body. Raises Invalid with every field that is wrong."""
    given, errors = read(body, data, context)
    if given is None:
        raise Invalid(errors)
    return given


def wrong(code: str, allowed: Iterable[str] = (), **values: str | int) -> PydanticCustomError:
    """What a validator raises: the code of a field's error, the values of its text, what the field would take."""
    return PydanticCustomError(code, "wrong", {**values, "allowed": tuple(allowed)})


def several(errors: Mapping[tuple[str | int, ...], PydanticCustomError]) -> ValidationError:
    """What a validator raises where several parts of its value are wrong, by their places in it."""
    told = (InitErrorDetails(type=error, loc=place, input=None) for place, error in errors.items())
    return ValidationError.from_exception_data("several", list(told))


def _field_error(place: tuple[str | int, ...], code: str, values: Mapping[str, Any]) -> FieldError:
    said = tuple((name, value) for name, value in values.items() if name != "allowed")
    code = "required" if code == "missing" else code
    return FieldError(".".join(map(str, place)), code, said, values.get("allowed", ()))


@dataclass(frozen=True)
class Text:
    """A text of at most so many characters, whatever `clean` takes out of it: nothing is cut off.

    Where `shortest` is 0 it may be left out, and then is None. A `line` ends up in a header or a table cell: its line
    ends become spaces. `check` returns the code of what else is wrong. `schema` is what JSON Schema has to say beside
    the length.
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


Asked = TypeVar("Asked", bound=Query)


@cache
def names(query: type[Query]) -> frozenset[str]:
    """The parameters a query may hold, beside those that are passed."""
    return frozenset(one.alias or name for name, one in query.model_fields.items()) - PASSED


def values(query: Iterable[tuple[str, str]], names: Iterable[str]) -> dict[str, str]:
    """The parameters that were given, each once: a form's checkboxes repeat a name, which means a list.

    Raises Malformed where a name is unknown, or a value is longer than any may be or holds what no text holds.
    """
    given = dict[str, str]()
    for name, value in query:
        if name in PASSED:
            continue
        if name not in names:
            known = tuple(sorted({*names, "lang"}))
            raise Malformed("parameter_unknown", parameter=_UNREADABLE.sub("", name[:50]), allowed=known)
        if not value:
            continue
        if name in given and name not in ("status", "category") and given[name] != value:
            raise wrong_parameter(name)
        given[name] = f"{given[name]},{value}" if name in given and given[name] != value else value
        if len(given[name]) > LONGEST_VALUE or _UNREADABLE.search(value):
            raise wrong_parameter(name)
    return given


def parse_query(query: type[Asked], given: Mapping[str, str], time_zone: str = "UTC") -> Asked:
    """The query from its `values`. Raises Malformed that names the first parameter that is wrong."""
    found, errors = read(query, given, time_zone)
    if found is None:
        places = {name: place for place, name in enumerate(given)}
        first = min(errors, key=lambda error: places.get(error.field, len(places)))
        raise wrong_parameter(first.field, first.allowed)
    return found


def wrong_parameter(name: str, allowed: Iterable[str] = ()) -> Malformed:
    return Malformed("parameter_wrong", parameter=name, allowed=tuple(allowed))


@dataclass(frozen=True)
class Parameter:
    """`make` turns the text, in a site's time zone, into a value, or into None where it is none."""

    make: Callable[[str, str], object]
    schema: Mapping[str, Any]
    offered: tuple[str, ...] = ()

    def read(self, text: str, info: ValidationInfo) -> object:
        value = self.make(text, str(info.context))
        if value is None:
            raise wrong("parameter_wrong", self.offered)
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return dict(self.schema)
