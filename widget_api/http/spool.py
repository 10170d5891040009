"""Bound what all uploads of the process that are under way keep on the disk together.

Each form has a limit of its own and each address may send several, so without a common bound a few hundred addresses
fill the disk, which is often the one of the database.
"""

from __future__ import annotations

from collections import Counter

from widget_api import errors
from widget_api.limits import networks

LARGEST = 512 * 1024 * 1024  # bytes of all senders together
LARGEST_OF_ONE = 192 * 1024 * 1024  # of one address: two whole forms and some photos beside them
LARGEST_OF_NETWORK = 320 * 1024 * 1024  # of the addresses that a provider may give to one customer
RETRY_AFTER = 30  # seconds
_kept: Counter[str] = Counter()  # bytes by host or household
_of_wider: Counter[str] = Counter()  # the same bytes by the networks around it


def reserve(address: str, size: int) -> None:
    """Count so many bytes more of whoever sends from there. Raises Busy where there is no room for them."""
    own, *wider = networks(address)
    full = _kept.total() + size > LARGEST or _kept[own] + size > LARGEST_OF_ONE
    if full or any(_of_wider[network] + size > LARGEST_OF_NETWORK for network in wider):
        raise errors.Busy(RETRY_AFTER)
    _kept[own] += size
    for network in wider:
        _of_wider[network] += size


def release(address: str, size: int) -> None:
    own, *wider = networks(address)
    for counted, names in ((_kept, [own]), (_of_wider, wider)):
        for name in names:
            counted[name] -= size
            if not counted[name]:
                del counted[name]
