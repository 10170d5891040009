"""How often one address may do a thing on one site: memory of the process by default, Redis where several share it."""

from __future__ import annotations

import ipaddress
import logging
import time
from typing import TYPE_CHECKING, cast

from limits import parse_many
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import ConfigurationError, StorageError

from widget_api.errors import TooMany
from widget_api.settings import Settings, SettingsError

if TYPE_CHECKING:
    from limits import RateLimitItem

# Whole offices and mobile networks share one IPv4 address, so these stop floods and guessing, not neighbours.
# The comment says by what parts each is counted. What locks a person out counts failures, and those of an address apart
# from others': a stranger's must not close the account, nor the report, of whoever it belongs to.
RATES: dict[str, str] = {
    "challenges": "240/minute;3000/hour",  # address, site
    "failures": "30/hour",  # address, site: what a widget says of itself
    "inspections": "6/minute;60/hour",  # address, site: each fetches a page
    "tickets": "120/minute;1000/hour",  # address, site
    "reports": "100/minute;600/hour",  # address, site
    "photos": "120/minute;1000/hour",  # address, site
    "supports": "100/minute;600/hour",  # address, site
    "follows": "60/minute;300/hour",  # address, site
    "comments": "30/minute;120/hour",  # address, site
    "forms": "12/minute;60/hour",  # address, site: the page without JavaScript asks for no proof of work
    "reads": "1200/minute",  # address, site: searches that no cache answers
    "exports": "30/minute;300/hour",  # address, site: open data as a file, sitemaps
    "tiles": "3000/minute;30000/hour",  # address: a screen shows about twenty
    "confirmations": "60/minute",  # address
    "tracking": "10/minute;60/hour",  # address: guesses of a code
    "tracking_number": "30/hour",  # address, site, number: wrong codes
    "tracking_everywhere": "3000/hour",  # site, number: the same, from many addresses; a code has 39 bits
    "reports_links": "6/minute;30/hour",  # address: letters with the link to all of a person's reports
    "sign_in": "20/minute;120/hour",  # address
    "sign_in_account": "30/hour",  # address, account: wrong passwords
    "sign_in_everywhere": "1000/hour",  # account: the same, from many addresses
    "georeport": "600/minute",  # token: what is written
    "georeport_reads": "1200/minute",  # address, site: a city that copies ours must not use up its residents' searches
}
_PREFIX_V6 = 64  # one household or host is given no less (RFC 6177)
_log = logging.getLogger(__name__)


def grouped(address: str) -> str:
    """The network an address is counted under; a text that is no address stands for itself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    length = 32 if parsed.version == 4 else _PREFIX_V6
    return str(ipaddress.ip_network((parsed, length), strict=False))


class Limits:
    """Counts what is done. A store that does not answer must not cost a resident their report: memory takes over."""

    def __init__(self, settings: Settings) -> None:
        self._on = settings.rate_limits
        self._rates = {name: tuple(parse_many(rate)) for name, rate in RATES.items()}
        self._memory = FixedWindowRateLimiter(MemoryStorage())
        self._shared = None if settings.redis_url is None else FixedWindowRateLimiter(_redis(settings.redis_url))

    async def hit(self, name: str, *parts: str) -> None:
        """Count one of `name` (RATES) for these parts together. Raises TooMany where it is one too many."""
        if not self._on:
            return
        identifiers = (name, *(grouped(part) for part in parts))
        for rate in self._rates[name]:
            limiter, passed = await self._count(rate, identifiers)
            if not passed:
                reset, _ = await limiter.get_window_stats(rate, *identifiers)
                raise TooMany(max(1, round(reset - time.time() + 0.5)))

    async def forgive(self, name: str, *parts: str) -> None:
        """Take back what `hit` has just counted: it was no failure. Counting first leaves none out while they run."""
        if not self._on:
            return
        for rate in self._rates[name]:
            await self._count(rate, (name, *(grouped(part) for part in parts)), -1)

    async def _count(
        self, rate: RateLimitItem, identifiers: tuple[str, ...], cost: int = 1
    ) -> tuple[FixedWindowRateLimiter, bool]:
        if self._shared is not None:
            try:
                return self._shared, await self._shared.hit(rate, *identifiers, cost=cost)
            except StorageError as error:
                _log.warning("the shared limits do not answer, this process counts alone: %s", error)
        return self._memory, await self._memory.hit(rate, *identifiers, cost=cost)


def _redis(url: str) -> Storage:
    """`limits` gives its own names to the schemes; Valkey speaks Redis's protocol."""
    from limits.storage import storage_from_string

    scheme, rest = url.split("://", 1)
    scheme = {"valkey": "redis", "valkeys": "rediss", "unix": "redis+unix"}.get(scheme, scheme)
    try:
        storage = storage_from_string(f"async+{scheme}://{rest}", implementation="redispy", wrap_exceptions=True)
    except (ConfigurationError, ValueError) as error:
        raise SettingsError(f"WIDGET_REDIS_URL cannot be used: {error}") from None
    return cast(Storage, storage)
