"""Bound what all uploads of the process that are under way keep on the disk together.

Each form has a limit of its own and each address may send several, so without a common bound a few hundred addresses
fill the disk, which is often the one of the database.
"""

from __future__ import annotations

from collections import Counter

from widget_api import errors
from widget_api.web.limits import enclosing_networks

MAX_TOTAL = 512 * 1024 * 1024  # bytes of all senders together
MAX_PER_ADDRESS = 128 * 1024 * 1024  # of one address: a whole form and some photos beside it
RETRY_AFTER = 30  # seconds
_kept: Counter[str] = Counter()  # bytes by host or household
_of_wider: Counter[str] = Counter()  # the same bytes by the networks around it


def reserve(address: str, size: int) -> None:
    """Count so many bytes more of whoever sends from there. Raises Busy where there is no room for them.

    The addresses that a provider may give to one customer keep no more than half of what they leave free. With a fixed
    share a few customers, each of which may hold theirs for minutes, would leave nothing to anybody else (Choudhury and
    Hahne, «Dynamic Queue Length Thresholds for Shared-Memory Packet Switches», 1998).
    """
    own, *wider = enclosing_networks(address)
    left = MAX_TOTAL - _kept.total() - size
    full = left < 0 or _kept[own] + size > MAX_PER_ADDRESS
    if full or any(_of_wider[network] + size > left // 2 for network in wider):
        raise errors.Busy(RETRY_AFTER)
    _kept[own] += size
    for network in wider:
        _of_wider[network] += size


def release(address: str, size: int) -> None:
    own, *wider = enclosing_networks(address)
    for counted, names in ((_kept, [own]), (_of_wider, wider)):
        for name in names:
            counted[name] -= size
            if not counted[name]:
                del counted[name]
