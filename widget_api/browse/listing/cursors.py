"""Where a page ended: an opaque text that is good for its own filter and site.

It holds nothing secret, any position may be read by anyone; the sum only tells a text that was made here from one that
was cut off, mixed up or made by hand.
"""

from __future__ import annotations

import re
from zlib import crc32

Position = tuple[int | str, int]  # the sort key and number of the last item seen
_TEXT = re.compile(r"([0-9a-f]{8})\.(-?[0-9]{1,18}|[0-9]{4}-[0-9]{2}-[0-9]{2})\.([1-9][0-9]{0,9})")


def write(position: Position, fingerprint: str) -> str:
    """`fingerprint` is the filter's."""
    key, number = position
    place = f"{key}.{number}"
    return f"{_sum(place, fingerprint):08x}.{place}"


def read(text: str, fingerprint: str, kind: type) -> Position | None:
    """None where it is none of this filter; `kind` is the sort key's."""
    found = _TEXT.fullmatch(text)
    if found is None:
        return None
    told, key, number = found.groups()
    if int(number) >= 2**31 or (kind is str) != (key[4:5] == "-") or int(told, 16) != _sum(text[9:], fingerprint):
        return None
    return key if kind is str else int(key), int(number)


def _sum(place: str, fingerprint: str) -> int:
    return crc32(f"{fingerprint}.{place}".encode())
