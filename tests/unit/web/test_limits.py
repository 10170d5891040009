"""Rate limits: floods are stopped, neighbours and other sites are not affected."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import time_machine

from widget_api.errors import TooMany
from widget_api.settings import Settings
from widget_api.web.limits import RATES, RateLimiter, enclosing_networks, network_of


async def exhaust(limits: RateLimiter, *parts: str) -> int:
    for count in range(1000):
        try:
            await limits.hit("forms", *parts)
        except TooMany:
            return count
    return 1000


async def test_rates_match_the_table(make_settings: Callable[..., Settings]) -> None:
    assert RATES["forms"].startswith("12/minute")
    assert await exhaust(RateLimiter(make_settings()), "192.0.2.1") == 12


async def test_refusals_have_retry_after_and_refunded_hits_are_not_counted(
    make_settings: Callable[..., Settings],
) -> None:
    limits = RateLimiter(make_settings())
    await exhaust(limits, "192.0.2.1")
    with pytest.raises(TooMany) as refusal:
        await limits.hit("forms", "192.0.2.1")
    assert 1 <= refusal.value.retry_after <= 61
    limits = RateLimiter(make_settings())
    assert [await limits.count("door", "one") for _ in range(3)] == [1, 2, 3]
    assert await limits.count("door", "one", cost=-1) == 2
    assert await limits.count("door", "other") == 1
    assert await RateLimiter(make_settings(rate_limits="off")).count("door", "one") == 0


async def test_networks_addresses_and_sites_are_counted_separately(make_settings: Callable[..., Settings]) -> None:
    limits = RateLimiter(make_settings())
    await exhaust(limits, "192.0.2.1", "one")
    await limits.hit("forms", "192.0.2.2", "one")
    await limits.hit("forms", "192.0.2.1", "two")
    await limits.hit("comments", "192.0.2.1", "one")
    limits = RateLimiter(make_settings())
    await exhaust(limits, "2001:db8:0:1::1")
    with pytest.raises(TooMany):
        await limits.hit("forms", "2001:db8:0:1:ffff::2")
    await limits.hit("forms", "2001:db8:0:2::1")


async def test_counting_does_not_scan_other_counters(make_settings: Callable[..., Settings]) -> None:
    """A flood from many networks must not make each request slower than the previous one."""
    limits, looks = RateLimiter(make_settings()), list[int]()

    class Watched(dict[str, float]):
        def keys(self) -> Any:
            looks.append(len(self))
            return super().keys()

    memory: Any = limits._memory.storage
    memory.expirations = Watched()
    for number in range(100):
        await limits.count("door", str(number))
    if memory.timer is not None:  # the library's own store does this in a timer thread
        await memory.timer
    assert looks == []


async def test_expired_counters_are_dropped(make_settings: Callable[..., Settings]) -> None:
    limits = RateLimiter(make_settings())
    memory: Any = limits._memory.storage
    with time_machine.travel("2026-11-26T10:00:00Z", tick=False) as time:
        for number in range(100):
            await limits.hit("forms", f"192.0.{number}.1")
            time.shift(1)
        assert len(memory.storage) == 60 + 100, "a minute's and an hour's each; of the first forty the minute is over"
        time.shift(59)
        assert await exhaust(limits, "192.0.0.1") == 12, "a new minute"
        assert len(memory.storage) == len(memory.expirations) == 1 + 100
        time.shift(3600)
        await limits.hit("forms", "192.0.2.1")
        assert len(memory.storage) == len(memory.expirations) == len(memory._ends) == 2


async def test_limits_can_be_switched_off(make_settings: Callable[..., Settings]) -> None:
    assert await exhaust(RateLimiter(make_settings(rate_limits="off")), "192.0.2.1") == 1000


async def test_a_store_that_does_not_answer_is_replaced_by_memory(make_settings: Callable[..., Settings]) -> None:
    limits = RateLimiter(make_settings(redis_url="redis://127.0.0.1:1/0"))
    assert await exhaust(limits, "192.0.2.1") == 12


def test_networks() -> None:
    for address, expected in (
        ("192.0.2.77", ("192.0.2.77/32", "192.0.2.0/24")),
        ("::ffff:192.0.2.77", ("192.0.2.77/32", "192.0.2.0/24")),
        ("2001:db8:1:234::1", ("2001:db8:1:234::/64", "2001:db8:1:200::/56", "2001:db8:1::/48")),
        ("not an address", ("not an address",)),
    ):
        assert enclosing_networks(address) == expected
        assert network_of(address) == expected[0]
