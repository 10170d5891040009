"""Declare the queries and bodies of the sites' API, for validation and for the OpenAPI document."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field
from pydantic.json_schema import WithJsonSchema

from widget_api.validation import Body, Language, Parameter, Query

_DEGREES = re.compile(r"[+-]?\d{1,3}(\.\d{1,20})?", re.ASCII)
_STRING = WithJsonSchema({"type": "string"})
_DECIMAL_PLACES = 6  # decimal places kept: 11 cm


def degrees_parameter(bound: int, pattern: str) -> Parameter:
    def read(text: str, _: str) -> float | None:
        return round(float(text), _DECIMAL_PLACES) if _DEGREES.fullmatch(text) and abs(float(text)) <= bound else None

    return Parameter(read, {"type": "string", "pattern": pattern})


LATITUDE = degrees_parameter(90, r"^-?([0-8]?[0-9](\.[0-9]{1,9})?|90)$")
LONGITUDE = degrees_parameter(180, r"^-?(([0-9]{1,2}|1[0-7][0-9])(\.[0-9]{1,9})?|180)$")


class Solution(Body):
    challenge: str = Field(description="Base64 of the solved challenge's JSON.")


class Point(Language):
    """A place."""

    lat: Annotated[float, LATITUDE] = Field(description="Degrees in plain decimals.", examples=["55.08"])
    lng: Annotated[float, LONGITUDE] = Field(description="Degrees in plain decimals.", examples=["38.78"])


class Seen(Query):
    """Of a challenge."""

    v: str = Field("", description="The release of the widget.")
    failed: Annotated[str | None, _STRING] = Field(None, description="What of the widget failed.")
    seen: Annotated[str | None, _STRING] = Field(
        None, description="The widget shows the city: nothing is to be solved."
    )
