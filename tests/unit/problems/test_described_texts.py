"""Texts that the API description allows are accepted by the service."""

from __future__ import annotations

import re

import jsonschema_rs  # uses patterns as in ECMA-262, where U+0085 is not white space
from hypothesis import given
from hypothesis import strategies as st

from widget_api import openapi, validation
from widget_api.comments import api
from widget_api.comments.model import NAME_LENGTH, TEXT_LENGTH
from widget_api.open311.parameters import Parameters
from widget_api.problems import bodies

LETTERS = st.text(st.sampled_from("aя. \n\t\x00\x1f\x7f\x85\u00ad\u200b\u202e\u3164\ufeff\u00a0\u2028"), max_size=8)
DOCUMENT = openapi.document("https://widget.test")  # making it takes longer than all examples of these tests
SCHEMAS = DOCUMENT["components"]["schemas"]


def wrong(body: type[validation.Body], data: dict[str, str]) -> set[str]:
    return {error.field for error in validation.read(body, data)[1]}


@given(LETTERS)
def test_a_commenters_name_and_text(letters: str) -> None:
    for field, bounds in (("name", NAME_LENGTH), ("text", TEXT_LENGTH)):
        schema = SCHEMAS["NewComment"]["properties"][field]
        assert (schema["minLength"], schema["maxLength"]) == bounds
        if jsonschema_rs.is_valid(schema, letters):
            assert field not in wrong(api.NewComment, {field: letters})


@given(st.text(st.sampled_from("5 \t\n\x0b\x1c\x1d\x85\xa0\u2003\u3000\ufeff\x00"), max_size=4))
def test_an_omitted_number(letters: str) -> None:
    """White space alone counts as missing, and is described so."""
    parameters = DOCUMENT["paths"]["/api/v1/platform/events"]["get"]["parameters"]
    (schema,) = (one["schema"] for one in parameters if one.get("name") == "after")
    absent = Parameters([("after", letters)]).first("after") is None
    assert jsonschema_rs.is_valid(schema["anyOf"][1], letters) is absent


@given(st.text(st.sampled_from("+29 ().-\n"), max_size=9))
def test_a_phone(letters: str) -> None:
    schema = SCHEMAS["Report"]["properties"]["phone"]["anyOf"][0]
    if re.search(schema["pattern"], letters):
        assert "phone" not in wrong(bodies.Report, {"phone": letters})
