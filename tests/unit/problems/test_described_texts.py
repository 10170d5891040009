"""What the description of the API lets through is taken: no valid request is refused by its letters."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from widget_api import openapi
from widget_api.problems.discussion.model import NAME, TEXT
from widget_api.problems.discussion.reading import _text
from widget_api.problems.intake import _PHONE, Fields

LETTERS = st.text(st.sampled_from("aя. \n\t\x00\x1f\x7f\u00ad\u200b\u202e\u3164\ufeff\u00a0\u2028"), max_size=8)
SCHEMAS = openapi.document("https://widget.test")["components"]["schemas"]


@given(LETTERS)
def test_a_commenters_name_and_text(letters: str) -> None:
    for field, bounds in (("name", NAME), ("text", TEXT)):
        schema = SCHEMAS["NewComment"]["properties"][field]
        assert (schema["minLength"], schema["maxLength"]) == bounds
        if len(letters) >= schema["minLength"] and re.search(schema["pattern"], letters):
            assert _text(Fields({field: letters}), field, *bounds) is not None


@given(st.text(st.sampled_from("+29 ().-\n"), max_size=9))
def test_a_phone(letters: str) -> None:
    schema = SCHEMAS["Report"]["properties"]["phone"]["anyOf"][0]
    if re.search(schema["pattern"], letters):
        assert _PHONE.fullmatch(Fields({"phone": letters}).line("phone", schema["maxLength"]) or "")
