"""Bodies as pydantic models: one declaration reads them, names every wrong field at once and gives the JSON Schema.

Errors carry our own codes, whose texts stand in the dictionaries. Null equals absent, in texts an empty one as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError, model_validator
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from widget_api.errors import FieldError, Invalid

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
