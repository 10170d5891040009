"""Get and format times in whole seconds, the precision of GeoReport, and make identifiers (UUIDv7, RFC 9562)."""

from __future__ import annotations

import os
import threading
import time
from datetime import UTC, date, datetime
from functools import lru_cache

HOUR, DAY = 3600, 86_400  # seconds

_lock = threading.Lock()
_last = 0


def now() -> int:
    """Return the Unix time in seconds."""
    return int(time.time())


def new_id() -> str:
    """Make a UUIDv7 whose 12 sub-millisecond bits always increase in this process (RFC 9562, section 6.2, method 3)."""
    global _last
    with _lock:
        ticks = time.time_ns() * 4096 // 1_000_000
        _last = ticks = max(ticks, _last + 1)
    milliseconds, fraction = divmod(ticks, 4096)
    tail = int.from_bytes(os.urandom(8), "big") & (2**62 - 1)
    digits = f"{milliseconds << 80 | 7 << 76 | fraction << 64 | 2 << 62 | tail:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def first_id(at: int) -> str:
    """Return a text that sorts before all identifiers made from this second on, and after all older ones."""
    digits = f"{at * 1000:012x}"
    return f"{digits[:8]}-{digits[8:]}"


@lru_cache(maxsize=8192)
def rfc3339(seconds: int) -> str:
    """Format a Unix time: 1764000000 → «2025-11-24T16:00:00Z»."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_rfc3339(text: str) -> int:
    """Parse a W3C date-time with any offset. Raises ValueError if it is invalid or has no offset."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without an offset")
    return int(moment.timestamp())


def is_date(text: str) -> bool:
    """Whether a text is a date as YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
