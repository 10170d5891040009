"""Bound what all uploads of the process that are under way keep on the disk together.

Each form has a limit of its own and each address may send several, so without a common bound a few hundred addresses
fill the disk, which is often the one of the database.
"""

from __future__ import annotations

from collections import Counter

from widget_api import errors

LARGEST = 512 * 1024 * 1024  # bytes of all senders together
LARGEST_OF_ONE = 192 * 1024 * 1024  # of one address: two whole forms and some photos beside them
RETRY_AFTER = 30  # seconds
_kept: Counter[str] = Counter()  # bytes by sender


def reserve(sender: str, size: int) -> None:
    """Count so many bytes more. Raises Busy where there is no room for them."""
    if _kept.total() + size > LARGEST or _kept[sender] + size > LARGEST_OF_ONE:
        raise errors.Busy(RETRY_AFTER)
    _kept[sender] += size


def release(sender: str, size: int) -> None:
    _kept[sender] -= size
    if not _kept[sender]:
        del _kept[sender]
