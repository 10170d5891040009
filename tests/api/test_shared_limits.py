"""Rate limits shared by several processes in Redis: common counters, no outage without it, no start with a bad one."""

from __future__ import annotations

import asyncio
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.processes import CommandFailed, Service, free_port, run_command
from tests.support.redis import Redis
from tests.support.waiting import wait_for
from widget_api.cli import server as cli_server
from widget_api.errors import TooMany
from widget_api.settings import Settings, SettingsError
from widget_api.web import limits as module
from widget_api.web.brute_force import FREE_ATTEMPTS, Attempt, GuessThrottle
from widget_api.web.limits import RATES, RateLimiter

MINUTE = 60


@pytest.fixture
def dialect() -> str:
    """The counters are not in the database: one dialect is enough."""
    return "sqlite"


def ask(service: Service) -> int:
    """Request the letter with all reports of an unknown address."""
    fields = urllib.parse.urlencode({"email": "nobody@gorod.test"}).encode()
    try:
        with urllib.request.urlopen(f"{service.url}/mine", fields, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def within_a_minute(counting: Callable[[], list[int]]) -> list[int]:
    """Windows begin with the clock's minute: repeat a count that was split by one."""
    while True:
        minute = time.time() // MINUTE
        found = counting()
        if time.time() // MINUTE == minute:
            return found


def shared(service: Service) -> float:
    with urllib.request.urlopen(f"{service.url}/metrics", timeout=20) as answer:
        (value,) = [
            line.split()[1] for line in answer.read().decode().splitlines() if line.startswith("widget_limits_shared ")
        ]
    return float(value)


def ready(service: Service) -> int:
    with urllib.request.urlopen(f"{service.url}/readyz", timeout=20) as answer:
        return int(answer.status)


def test_processes_share_a_limit_continue_without_redis_and_reconnect(
    serve: Callable[..., Service], redis: Redis, database_url: str
) -> None:
    assert RATES["reports_links"].startswith("6/minute")
    one = serve(redis_url=redis.url, database_url=database_url, work="off")
    other = serve(redis_url=redis.url, database_url=database_url, work="off")

    def together() -> list[int]:
        redis.stop()
        redis.start()
        wait_for(lambda: shared(one) == shared(other) == 1.0)
        return [ask(service) for service in (one, other) * 6]

    statuses = within_a_minute(together)
    assert 429 not in statuses[:6]
    assert statuses[6:] == [429] * 6

    redis.stop()
    ask(one)
    assert ask(one) != 429, "its own count has just begun"
    assert (shared(one), ready(one)) == (0.0, 200), "degraded, not out of service"
    assert "the shared limits do not answer, this process counts alone" in one.log
    assert one.log.count("the shared limits do not answer") == one.log.count("the shared limits answer again") + 1
    found = {check["name"]: check for check in _examined(one)}
    assert found["limits"]["ok"] is False
    assert "each process counts separately" in found["limits"]["detail"]
    alone = within_a_minute(lambda: [ask(one) for _ in range(22)])
    assert 429 in alone, "a flood is stopped all the same"

    redis.start()
    wait_for(lambda: shared(one) == 1.0)
    assert "the shared limits answer again" in one.log
    found = {check["name"]: check for check in _examined(one)}
    assert found["limits"] == {"name": "limits", "ok": True, "detail": "shared by all processes"}


def _examined(service: Service) -> Any:
    import json

    try:
        return service.cli("doctor")["checks"]
    except CommandFailed as failure:
        return json.loads(failure.output)["checks"]


def test_an_unavailable_redis_does_not_stop_the_start(serve: Callable[..., Service]) -> None:
    service = serve(redis_url=f"redis://127.0.0.1:{free_port()}/0")
    assert "the store of WIDGET_REDIS_URL is away" in service.log
    assert ready(service) == 200
    assert ask(service) != 429


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_wrong_redis_stops_the_start_with_one_line(serve: Callable[..., Service], redis: Redis, command: str) -> None:
    service = serve(redis_url=redis.url.replace("password", "guess"), start=False)
    with pytest.raises(CommandFailed) as failure:
        run_command(command, settings=service.settings, directory=service.directory)
    assert failure.value.code == 2
    (line,) = failure.value.errors.splitlines()
    assert line.startswith("WIDGET_REDIS_URL is refused: invalid username-password")


async def test_errors_in_the_redis_url_are_reported(make_settings: Callable[..., Settings], redis: Redis) -> None:
    for url, said in (
        ("redis://127.0.0.1:{port}/0", "Authentication required"),
        ("redis://:a%20long%20enough%20password@127.0.0.1:{port}/99", "out of range"),
        ("redis://127.0.0.1:port{port}/0", "is not an address"),
    ):
        with pytest.raises(SettingsError, match=said) as failure:
            await cli_server.require_stores(make_settings(redis_url=url.format(port=redis.port)))
        assert str(failure.value).startswith("WIDGET_REDIS_URL")
        assert "enough" not in str(failure.value), "nor the password in it"


async def exhaust(limits: RateLimiter) -> int:
    for count in range(100):
        try:
            await limits.hit("failures", "192.0.2.1", "site")
        except TooMany:
            return count
    return 100


async def test_requests_do_not_wait_for_a_hanging_redis(
    make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepts connections and never answers. One request detects it; the others are counted locally meanwhile."""
    monkeypatch.setattr(module, "REDIS_TIMEOUT", 0.2)
    asked = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        asked += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    limits = RateLimiter(make_settings(redis_url=f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"))
    assert (limits.shared, await exhaust(limits), limits.shared) == (True, 30, False)
    assert asked == 2, "the request and its one repeat"
    limits._unavailable_until = 0  # AWAY seconds later
    await asyncio.gather(*(limits.hit("reads", "192.0.2.1", "site") for _ in range(20)))
    assert asked == 4, "one looks whether it is back, and nineteen do not wait for that"
    await limits.close()
    server.close()
    await server.wait_closed()


async def test_counters_and_refunds_are_shared(make_settings: Callable[..., Settings], redis: Redis) -> None:
    one, other = (RateLimiter(make_settings(redis_url=redis.url)) for _ in range(2))
    delays: list[float] = []

    async def note(seconds: float) -> None:
        delays.append(seconds)

    doors = [GuessThrottle(limits, note) for limits in (one, other)]
    guess = Attempt(entry_point="sign_in", secret="anna@gorod.test", address="192.0.2.1")
    for _ in range(FREE_ATTEMPTS):
        for door in doors:
            await door.admit(guess)
            await door.forgive(guess)
    assert delays == []
    for _ in range(FREE_ATTEMPTS // 2 + 1):
        for door in doors:
            await door.admit(guess)
    assert delays == [1, 2]
    assert await exhaust(one) == 30
    with pytest.raises(TooMany) as refusal:
        await other.hit("failures", "192.0.2.1", "site")
    assert 1 <= refusal.value.retry_after <= 3601
    await other.hit("failures", "192.0.2.2", "site")
    await one.close()
    await other.close()
