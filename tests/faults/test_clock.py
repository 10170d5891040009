"""The system clock jumps by hours and days: nothing is lost, duplicated or stuck once it is right again."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from tests.conftest import ONE_DATABASE_UNLESS_FULL, POSTGRESQL_UNLESS_FULL
from tests.support import service_database
from tests.support.cities import QUICK, City, create_city, create_platform, fill
from tests.support.exchange import KEY, webhook_receiver
from tests.support.processes import Serve
from widget_api import clock, schedule
from widget_api.database import Database
from widget_api.platform import signature

pytestmark = [pytest.mark.faults, pytest.mark.long]
HOUR, DAY = 3600, 86_400
JUMPS, FULL_JUMPS = (3 * DAY, -5 * HOUR), (3 * DAY, -2 * DAY, 5 * HOUR, -5 * HOUR)


class Receiver:
    """A webhook receiver that accepts signatures of the right time. While `hanging` it does not answer."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.late = 0
        self.hanging = asyncio.Event()
        self.held = 0

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.hanging.is_set():
            self.held += 1
            await asyncio.sleep(3600)
        headers = {name.lower(): text for name, text in request.headers.items()}
        if not signature.is_valid(KEY, headers, body, clock.now()):
            self.late += 1
            return web.Response(status=401)
        payload = orjson.loads(body)
        self.events += payload if isinstance(payload, list) else [payload]
        return web.Response(status=204)


@pytest.fixture
async def receiver() -> AsyncIterator[tuple[Receiver, str]]:
    made = Receiver()
    async with webhook_receiver(made.handle) as url:
        yield made, url


@pytest.fixture
def offset(tmp_path: Path) -> Callable[[int], None]:
    """Set the clock of the processes that were started with it."""
    file = tmp_path / "offset"

    def set_offset(seconds: int) -> None:
        replacement = file.with_suffix(".new")
        replacement.write_text(str(seconds))
        replacement.replace(file)

    set_offset(0)
    return set_offset


@ONE_DATABASE_UNLESS_FULL
async def test_leases_attempts_and_signatures_survive_jumps(
    receiver: tuple[Receiver, str],
    serve: Serve,
    offset: Callable[[int], None],
    tmp_path: Path,
    database_url: str,
    full_counts: bool,
) -> None:
    hook, address = receiver
    service = await asyncio.to_thread(
        serve,
        changes=(*QUICK, "widget_api.deliveries.circuit.PROBE=5", f"clock={tmp_path / 'offset'}"),
        database_url=database_url,
        rate_limits="off",
        platform_url=address,
        platform_key=KEY,
        platform_protocol="webhook",
    )
    city = await asyncio.to_thread(create_city, service)
    await fill(city, 3, 1)
    problems, jumps = 3, FULL_JUMPS if full_counts else JUMPS
    for jump in jumps:
        offset(jump)
        before = hook.late
        await fill(city, 4, 1)
        problems += 4
        if abs(jump) > signature.TOLERANCE:

            async def attempt_refused(before: int = before) -> bool:
                return hook.late > before

            await service_database.wait_until(
                attempt_refused, attempts(city), "nothing was attempted under the wrong clock"
            )
        hook.hanging.set()  # deliveries in progress at the kill have a lease that ends by the wrong clock
        await fill(city, 1, 0)
        problems += 1

        async def any_leased() -> bool:
            return bool((await service_database.states(city.database)).get("leased"))

        await service_database.wait_until(any_leased, attempts(city), "no delivery is leased")
        await asyncio.to_thread(service.kill)
        hook.hanging.clear()
        offset(0)
        await asyncio.to_thread(service.start)
        await service_database.wait_until_delivered(city.database)

    assert hook.late
    assert await service_database.states(city.database) == {"delivered": problems + 3 + 4 * len(jumps)}
    assert set(Counter(event["id"] for event in hook.events).values()) == {1}
    for number in range(1, problems + 1):
        payload = [event["data"]["kind"] for event in hook.events if event["subject"] == str(number)]
        assert payload in (["received"], ["received", "status"]), "in order"
    assert len(hook.events) == problems + 3 + 4 * len(jumps)


@POSTGRESQL_UNLESS_FULL
async def test_both_sides_agree_after_a_jump_without_a_restart(
    serve: Serve, offset: Callable[[int], None], tmp_path: Path, database_url: str
) -> None:
    """The platform was down while the clock was wrong, so every retry is scheduled by the wrong clock."""
    platform = await asyncio.to_thread(create_platform, serve)
    service = await asyncio.to_thread(
        serve,
        changes=(*QUICK, f"clock={tmp_path / 'offset'}"),
        database_url=database_url,
        rate_limits="off",
        platform_url=platform.open311,
        platform_key=platform.token,
    )
    city = await asyncio.to_thread(create_city, service)
    await fill(city, 3, 1)
    await service_database.wait_until_delivered(city.database)
    decided = [await decide(platform, 1)]
    for jump in (5 * HOUR, -5 * HOUR):
        offset(jump)
        await asyncio.to_thread(platform.service.kill)
        seen = (await service_database.rows(city.database, "SELECT COUNT(*) FROM delivery_attempts"))[0][0]
        await fill(city, 2, 1)

        async def attempted(seen: int = seen) -> bool:
            return bool((await attempts(city)())[0][0] > seen)

        await service_database.wait_until(
            attempted, attempts(city), "nothing was attempted while the platform was down"
        )
        offset(0)
        await asyncio.to_thread(platform.service.start)
        decided.append(await decide(platform, 2))
    await service_database.wait_until_delivered(city.database)

    async def decisions_known() -> bool:
        return set(decided) <= {row[0] for row in await service_database.rows(city.database, "SELECT id FROM events")}

    await service_database.wait_until(decisions_known, attempts(city), "the platform's decisions do not arrive")
    assert set(await service_database.states(city.database)) == {"delivered"}
    # The platform stores reports from the future with its own time, so the order within its first second may differ.
    states = f"SELECT description, status, status_at, status_event FROM problems WHERE status_at <= {clock.now()}"
    here, there = (
        await service_database.rows(city.database, states),
        await service_database.rows(platform.database, states),
    )
    assert sorted(map(tuple, here)) == sorted(map(tuple, there))


async def test_periodic_jobs_continue_after_a_wrong_clock(database: Database) -> None:
    now = clock.now()
    assert await schedule.begin(database, "purge", now + 5 * DAY, HOUR)
    assert await schedule.begin(database, "purge", now, HOUR)
    assert not await schedule.begin(database, "purge", now + HOUR - 1, HOUR)
    assert await schedule.begin(database, "purge", now + HOUR, HOUR)


def attempts(city: City) -> Callable[[], Any]:
    async def count() -> Any:
        return [
            tuple(row) for row in await service_database.rows(city.database, "SELECT COUNT(*) FROM delivery_attempts")
        ]

    return count


async def decide(platform: City, number: int) -> str:
    """Decide as a representative at the platform. Returns the problem's birth id."""
    identifier = str(uuid.uuid4())
    fields = {"service_request_id": str(number), "update_id": identifier, "status": "OPEN", "description": "Приняли"}
    async with aiohttp.ClientSession() as session:
        await platform.send(session, "servicerequestupdates", fields | {"extended_attributes[status_code]": "accepted"})
    return identifier
