"""Query parameters of the event feed."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from widget_api.validation import Parameter, Query, wrong

MAX_LIMIT = 500
LARGEST_POSITION = 2**31 - 1
# A value of white space only counts as absent. Python's white space, in the syntax of ECMA-262.
_SPACE = r"^[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$"


def _whole(smallest: int, largest: int) -> Parameter:
    def read(text: str, _: str) -> int:
        if not re.fullmatch(r"[0-9]{1,10}", text.strip()) or not smallest <= int(text) <= largest:
            raise wrong("between", min=smallest, max=largest)
        return int(text)

    bounds = {"type": "integer", "minimum": smallest, "maximum": largest}
    return Parameter(read, {"anyOf": [bounds, {"type": "string", "pattern": _SPACE}]})


class Events(Query):
    site: str = Field("", description="Key, identifier or jurisdiction of the token's site.")
    after: Annotated[int, _whole(0, LARGEST_POSITION)] = Field(0, description="A position.")
    limit: Annotated[int, _whole(1, MAX_LIMIT)] = Field(100, description="How many; 100 if left out.")
