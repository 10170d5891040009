"""Limit the disk space of all uploads in progress in the process.

Each form has its own limit, and each address may send several at the same time, so that without a common limit a few
hundred addresses could fill the disk, which the database often shares.
"""

from __future__ import annotations

from collections import Counter

from widget_api import errors
from widget_api.web.limits import enclosing_networks

MAX_TOTAL = 512 * 1024 * 1024  # bytes of all senders together
MAX_PER_ADDRESS = 128 * 1024 * 1024  # bytes; a whole form and some photos beside it
RETRY_AFTER = 30  # seconds
_by_address: Counter[str] = Counter()  # bytes by host or household
_by_network: Counter[str] = Counter()  # the same bytes by the networks that contain it


def reserve(address: str, size: int) -> None:
    """Reserve `size` bytes for a sender. Raises Busy if there is no room.

    The addresses that a provider may assign to one customer together get at most half of the space they leave free.
    With a fixed share a few customers, each of which may use theirs for minutes, would leave nothing to the others
    (Choudhury and Hahne, «Dynamic Queue Length Thresholds for Shared-Memory Packet Switches», 1998).
    """
    own, *wider = enclosing_networks(address)
    left = MAX_TOTAL - _by_address.total() - size
    full = left < 0 or _by_address[own] + size > MAX_PER_ADDRESS
    if full or any(_by_network[network] + size > left // 2 for network in wider):
        raise errors.Busy(RETRY_AFTER)
    _by_address[own] += size
    for network in wider:
        _by_network[network] += size


def release(address: str, size: int) -> None:
    own, *wider = enclosing_networks(address)
    for counter, names in ((_by_address, [own]), (_by_network, wider)):
        for name in names:
            counter[name] -= size
            if not counter[name]:
                del counter[name]
