"""The number of a problem as an address carries it."""

from __future__ import annotations

import re

from widget_api.errors import NotFound

_NUMBER = re.compile("[1-9][0-9]{0,9}")


def parse(text: str) -> int:
    """Raises NotFound where it is none that a problem could have; an address is written one way, so «007» is none."""
    if not _NUMBER.fullmatch(text) or int(text) >= 2**31:
        raise NotFound("problem_not_found")
    return int(text)
