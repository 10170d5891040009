"""What the description of the API lets through as a comment is taken: no valid request is refused by its letters."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from widget_api import openapi
from widget_api.problems.discussion.model import NAME, TEXT
from widget_api.problems.discussion.reading import _text
from widget_api.problems.intake import Fields

LETTERS = st.text(st.sampled_from("aя. \n\t\x00\x1f\x7f\u00ad\u200b\u202e\u3164\ufeff\u00a0\u2028"), max_size=8)
SAID = openapi.document("https://widget.test")["components"]["schemas"]["NewComment"]["properties"]


@given(LETTERS)
def test_a_name_and_a_text_that_fit_the_schema_are_read(letters: str) -> None:
    for field, bounds in (("name", NAME), ("text", TEXT)):
        schema = SAID[field]
        assert (schema["minLength"], schema["maxLength"]) == bounds
        if len(letters) >= schema["minLength"] and re.search(schema["pattern"], letters):
            assert _text(Fields({field: letters}), field, *bounds) is not None
