"""Where a page ended: an opaque text that is good for its own filter and site.

It holds nothing secret, any position may be read by anyone; the sum only tells a text that was made here from one that
was cut off, mixed up or made by hand.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import cast

import orjson

Position = tuple[int | str, int]  # the sort key and number of the last item seen
_LONGEST = 200


def write(position: Position, fingerprint: str) -> str:
    """`fingerprint` is the filter's."""
    key, number = position
    content = orjson.dumps([_sum(position, fingerprint), key, number])
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def read(text: str, fingerprint: str, kind: type) -> Position | None:
    """None where it is none of this filter; `kind` is the sort key's."""
    if len(text) > _LONGEST:
        return None
    try:
        told, key, number = orjson.loads(base64.urlsafe_b64decode(text + "=="))
    except (binascii.Error, ValueError, TypeError):
        return None
    whole = isinstance(number, int) and 0 < number < 2**31 and (not isinstance(key, int) or abs(key) < 2**62)
    if not whole or type(key) is not kind or type(number) is not int:
        return None
    found = cast(Position, (key, number))
    return found if told == _sum(found, fingerprint) else None


def _sum(position: Position, fingerprint: str) -> str:
    return hashlib.blake2b(repr((position, fingerprint)).encode(), digest_size=9).hexdigest()
