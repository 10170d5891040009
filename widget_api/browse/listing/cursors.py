"""Encode the end of a page as an opaque cursor, valid for its own filter and site.

It contains nothing secret, and anyone may read from any position; the checksum only detects cursors that were
truncated, mixed up or made by hand.
"""

from __future__ import annotations

import re
from zlib import crc32

Position = tuple[int | str, int]  # the sort key and number of the last item seen
_TEXT = re.compile(r"([0-9a-f]{8})\.(-?[0-9]{1,18}|[0-9]{4}-[0-9]{2}-[0-9]{2})\.([1-9][0-9]{0,9})")


def write(position: Position, fingerprint: str) -> str:
    """Encode a position; `fingerprint` is that of the filter."""
    key, number = position
    place = f"{key}.{number}"
    return f"{_checksum(place, fingerprint):08x}.{place}"


def read(text: str, fingerprint: str, kind: type) -> Position | None:
    """Decode a cursor; None if it does not belong to this filter. `kind` is the type of the sort key."""
    match = _TEXT.fullmatch(text)
    if match is None:
        return None
    checksum, key, number = match.groups()
    if (
        int(number) >= 2**31
        or (kind is str) != (key[4:5] == "-")
        or int(checksum, 16) != _checksum(text[9:], fingerprint)
    ):
        return None
    return key if kind is str else int(key), int(number)


def _checksum(place: str, fingerprint: str) -> int:
    return crc32(f"{fingerprint}.{place}".encode())
