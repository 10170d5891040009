"""Declare what an agency's document system sends and asks: the numbers it gave to reports.

They are never public: nothing else of the API has them.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, PlainValidator, field_validator, model_validator
from pydantic.json_schema import WithJsonSchema

from widget_api import clock
from widget_api.problems.registration import MAX_AT_ONCE, MAX_NUMBER_LENGTH
from widget_api.validation import Body, Parameter, Query, Text, several, wrong

MAX_LIMIT = 500
# A value of white space only counts as absent. Python's white space, in the syntax of ECMA-262.
_SPACE = r"^[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$"
MAX_SIZE = 262_144  # bytes of a body
LARGEST_NUMBER = 2**31 - 1


def whole(smallest: int, largest: int) -> Parameter:
    def read(text: str, _: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", text.strip()) or not smallest <= int(text) <= largest:
            raise wrong("between", min=smallest, max=largest)
        return int(text)

    bounds = {"type": "integer", "minimum": smallest, "maximum": largest}
    return Parameter(read, {"anyOf": [bounds, {"type": "string", "pattern": _SPACE}]})


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= LARGEST_NUMBER:
        raise wrong("number")
    return value


class DocumentNumber(Body):
    number: Annotated[
        int, PlainValidator(_number), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LARGEST_NUMBER})
    ] = Field(description="The report's number on the site.")
    document_number: Annotated[str | None, Text(MAX_NUMBER_LENGTH, line=True)] = Field(
        None, description="In the agency's document system; null deletes it and the date."
    )
    document_date: Annotated[
        str | None,
        Text(10, line=True, check=lambda day: None if clock.is_date(day) else "date", schema={"format": "date"}),
    ] = None

    @model_validator(mode="after")
    def _has_a_number(self) -> DocumentNumber:
        if self.document_date is not None and self.document_number is None:
            raise several({("document_number",): wrong("required")})
        return self


class DocumentNumbers(Body):
    """Reports that are not named stay as they are."""

    items: list[DocumentNumber] = Field(max_length=MAX_AT_ONCE)

    @field_validator("items", mode="before")
    @classmethod
    def _is_short(cls, given: Any) -> Any:
        if not isinstance(given, list):
            raise wrong("wrong_type")
        if len(given) > MAX_AT_ONCE:
            raise wrong("too_many", max=MAX_AT_ONCE)
        return given

    @field_validator("items", mode="after")
    @classmethod
    def _are_different(cls, items: list[DocumentNumber]) -> list[DocumentNumber]:
        first: dict[int, int] = {}
        for place, item in enumerate(items):
            first.setdefault(item.number, place)
        if again := [place for place, item in enumerate(items) if first[item.number] != place]:
            raise several({(place, "number"): wrong("repeated") for place in again})
        return items


class AfterNumber(Query):
    after: Annotated[int, whole(0, LARGEST_NUMBER)] = Field(0, description="A report's number.")
    limit: Annotated[int, whole(1, MAX_LIMIT)] = Field(100, description="How many; 100 if left out.")
