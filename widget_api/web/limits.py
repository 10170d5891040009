"""Limit the rate of actions by address and site, counted in memory, or in Redis if several processes share counters."""

from __future__ import annotations

import heapq
import ipaddress
import logging
import time
from typing import TYPE_CHECKING, cast

from limits import parse, parse_many
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import FixedWindowRateLimiter
from limits.errors import ConfigurationError, StorageError

from widget_api.errors import TooMany
from widget_api.settings import Settings, SettingsError

if TYPE_CHECKING:
    from limits import RateLimitItem

# Offices and mobile networks share one IPv4 address, so these limits stop floods only. The comments say by which parts
# each is counted. Attempts to guess a secret are slowed down elsewhere (brute_force.py).
RATES: dict[str, str] = {
    "challenges": "240/minute;3000/hour",  # address, site
    "failures": "30/hour",  # address, site: failures reported by a widget
    "inspections": "6/minute;60/hour",  # address, site: each fetches a page
    "tickets": "120/minute;1000/hour",  # address, site
    "reports": "100/minute;600/hour",  # address, site
    "photos": "120/minute;1000/hour",  # address, site
    "supports": "100/minute;600/hour",  # address, site
    "follows": "60/minute;300/hour",  # address, site
    "participants": "60/minute;300/hour",  # address, site: voices and the like, which send a letter
    "comments": "30/minute;120/hour",  # address, site
    "forms": "12/minute;60/hour",  # address, site: the page without JavaScript requires no proof of work
    "reads": "3600/minute",  # address, site: filtered reads that are not cached, by their cost (Filters.cost)
    "exports": "30/minute;300/hour",  # address, site: open data as a file, sitemaps
    "tiles": "3000/minute;30000/hour",  # address: a screen shows about twenty
    "confirmations": "60/minute",  # address
    "reports_links": "6/minute;30/hour",  # address: letters with the link to all of a person's reports
    "password_resets": "6/minute;30/hour",  # address: letters to reset a password
    "codes": "60/day",  # user, or the device that knows a code: of a million codes three are right at a time
    "provider_sign_ins": "30/minute;300/hour",  # address: each asks an agency's provider
    "invitations": "60/hour",  # user: letters that invite colleagues
    "applications": "20/hour;60/day",  # address: applications for a site, of which each sends a letter
    "application_letters": "3/hour;8/day",  # mailbox to which the letter goes; past it no letter is sent
    "application_hosts": "20/hour;100/day",  # host, the network of a provider's customer: nobody locks a town out
    "borders": "10/minute;60/hour",  # address: territories of applications, which take long to check
    "proofs": "30/minute;120/hour",  # address, application: looks at the site or its name server, and official letters
    "georeport": "600/minute",  # token: writes
    "georeport_reads": "1200/minute",  # address, site: separate, so that a city's copying uses up nobody's searches
}
REDIS_TIMEOUT = 1.0  # seconds for which a request waits for the shared store
REDIS_RETRY_INTERVAL = 5.0  # seconds between two attempts to reach an unavailable store
# A host or a household, then what a provider may assign to one customer (RFC 6177), or a company has of IPv4.
_PREFIXES = {4: (32, 24), 6: (64, 56, 48)}
_HOUR = parse("1/hour")
_log = logging.getLogger(__name__)


def enclosing_networks(address: str) -> tuple[str, ...]:
    """Return the networks that contain an address, the smallest first. A text that is not an address is returned."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return (address,)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return tuple(str(ipaddress.ip_network((parsed, length), strict=False)) for length in _PREFIXES[parsed.version])


def network_of(address: str) -> str:
    """Return the network under which an address is counted: that of one host or household."""
    return enclosing_networks(address)[0]


class MemoryCounters(MemoryStorage):
    """Counters in memory, deleted in the order in which their windows end.

    The library's own storage scans all of its counters whenever one changes, so that a flood from many addresses would
    slow down every request.
    """

    def __init__(self) -> None:
        super().__init__()
        self._ends: list[tuple[float, str]] = []  # a heap of (end of the window, counter)

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time.time()
        while self._ends and self._ends[0][0] <= now:
            await self.clear(heapq.heappop(self._ends)[1])
        if key not in self.expirations:
            self.expirations[key] = now + expiry
            heapq.heappush(self._ends, (now + expiry, key))
        self.storage[key] += amount
        return self.storage[key]


class RateLimiter:
    """Counts actions and refuses those past a limit. While Redis is unavailable, it counts in memory."""

    def __init__(self, settings: Settings) -> None:
        self._on = settings.rate_limits
        self._rates = {name: tuple(parse_many(rate)) for name, rate in RATES.items()}
        self._memory = FixedWindowRateLimiter(MemoryCounters())
        self._storage = None if settings.redis_url is None else _redis(settings.redis_url)
        self._shared = None if self._storage is None else FixedWindowRateLimiter(self._storage)
        self._unavailable_until: float | None = None

    @property
    def shared(self) -> bool | None:
        """Whether the counts are shared with other processes now; None if no shared store is configured."""
        return None if self._shared is None else self._unavailable_until is None

    async def check_shared(self) -> bool | None:
        """Return `shared` after contacting the store, as opposed to the result of the last request."""
        if self._storage is not None and self._may_try():
            try:
                await probe_storage(self._storage)
            except (StorageError, SettingsError) as error:
                self._mark_unavailable(error)
            else:
                self._mark_available()
        return self.shared

    async def close(self) -> None:
        if self._storage is not None:
            await _close(self._storage)

    async def hit(self, name: str, *parts: str, cost: int = 1) -> None:
        """Count an action `name` (RATES) for the combination of these parts. `cost` is the number it counts as.

        Raises TooMany if that exceeds a limit.
        """
        if not self._on:
            return
        identifiers = (name, *(network_of(part) for part in parts))
        for rate in self._rates[name]:
            limiter, total = await self._add(rate, identifiers, cost)
            if total > rate.amount:
                reset, _ = await limiter.get_window_stats(rate, *identifiers)
                raise TooMany(max(1, round(reset - time.time() + 0.5)))

    async def count(self, *identifiers: str, cost: int = 1) -> int:
        """Add `cost` to the counter of these identifiers in this hour. Returns the sum; 0 if limits are disabled."""
        if not self._on:
            return 0
        _, total = await self._add(_HOUR, identifiers, cost)
        return total

    async def _add(
        self, rate: RateLimitItem, identifiers: tuple[str, ...], cost: int = 1
    ) -> tuple[FixedWindowRateLimiter, int]:
        key, seconds = rate.key_for(*identifiers), rate.get_expiry()
        if self._shared is not None and self._may_try():
            try:
                total = await self._shared.storage.incr(key, seconds, amount=cost)
            except StorageError as error:
                self._mark_unavailable(error)
            else:
                self._mark_available()
                return self._shared, total
        return self._memory, await self._memory.storage.incr(key, seconds, amount=cost)

    def _may_try(self) -> bool:
        """Whether to try the store: if it is unavailable, one request in REDIS_RETRY_INTERVAL does, others do not."""
        if self._unavailable_until is None:
            return True
        if time.monotonic() < self._unavailable_until:
            return False
        self._unavailable_until = time.monotonic() + REDIS_RETRY_INTERVAL
        return True

    def _mark_unavailable(self, error: Exception) -> None:
        if self._unavailable_until is None:
            _log.warning("the shared limits do not answer, this process counts alone: %s", error.__cause__ or error)
        self._unavailable_until = time.monotonic() + REDIS_RETRY_INTERVAL

    def _mark_available(self) -> None:
        if self._unavailable_until is not None:
            _log.warning("the shared limits answer again")
            self._unavailable_until = None


async def check_connection(url: str) -> None:
    """Raise SettingsError if the store refuses the connection, StorageError if it is unavailable."""
    storage = _redis(url)
    try:
        await probe_storage(storage)
    finally:
        await _close(storage)


async def probe_storage(storage: RedisStorage) -> None:
    """Increment a counter. Raises SettingsError if the store refuses it, StorageError if it is unavailable."""
    from redis.exceptions import AuthenticationError, ResponseError

    try:
        await storage.incr("examined", 1)
    except StorageError as error:
        if isinstance(error.__cause__, (AuthenticationError, ResponseError)):  # wrong password, user, number, rights
            raise SettingsError(f"WIDGET_REDIS_URL is refused: {error.__cause__}") from None
        raise


async def _close(storage: RedisStorage) -> None:
    await storage.bridge.get_connection().aclose()  # type: ignore[attr-defined] # not in the types of limits


def _redis(url: str) -> RedisStorage:
    """Make a storage of `limits`, which has its own names of URL schemes. Valkey uses Redis's protocol."""
    from limits.storage import storage_from_string

    scheme, rest = url.split("://", 1)
    scheme = {"valkey": "redis", "valkeys": "rediss", "unix": "redis+unix"}.get(scheme, scheme)
    try:
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        storage = storage_from_string(
            f"async+{scheme}://{rest}",
            implementation="redispy",
            wrap_exceptions=True,
            key_prefix="widget-limits",
            socket_timeout=REDIS_TIMEOUT,
            socket_connect_timeout=REDIS_TIMEOUT,
            retry=Retry(NoBackoff(), 1),  # type: ignore[arg-type] # the store may have restarted since
        )
    except ImportError:
        raise SettingsError("WIDGET_REDIS_URL needs a package more: pip install '.[redis]'") from None
    except (ConfigurationError, ValueError) as error:
        raise SettingsError(f"WIDGET_REDIS_URL cannot be used: {error}") from None
    return cast(RedisStorage, storage)
