"""The number of a problem as an address carries it."""

from __future__ import annotations

from widget_api.errors import NotFound


def parse(text: str) -> int:
    """Raises NotFound where it is none that a problem could have."""
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:11]) < 2**31:
        raise NotFound("problem_not_found")
    return int(text[:11])
