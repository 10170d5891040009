"""Some of many reports cannot be processed by the platform: those become dead letters, are reported and replayed."""

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from tests.conftest import ONE_DATABASE_UNLESS_FULL
from tests.factories import AGENT, make_site, submit_report
from tests.fake_platform import FakePlatform, Fault
from tests.support import service_database
from tests.support.cities import QUICK, create_city, fill
from tests.support.exchange import PlatformWorker
from tests.support.processes import Serve
from widget_api.app import open_context
from widget_api.deliveries import circuit
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.settings import Settings

pytestmark = [pytest.mark.faults, pytest.mark.long]
PROBLEMS, FULL_PROBLEMS = 50, 500  # times two events
POISON: dict[str, Fault] = {"Яма 7": "500", "Яма 13": "400", "Яма 29": "drop"}


@ONE_DATABASE_UNLESS_FULL
async def test_poisoned_reports_only_block_their_own_updates(
    fake: FakePlatform, serve: Serve, database_url: str, full_counts: bool
) -> None:
    fake.honours_keys, fake.bitter = True, POISON
    settings = {"database_url": database_url, "platform_url": fake.url, "platform_key": "secret"}
    service = await asyncio.to_thread(serve, changes=QUICK, rate_limits="off", **settings)
    city = await asyncio.to_thread(create_city, service)
    problems = FULL_PROBLEMS if full_counts else PROBLEMS
    numbers = await fill(city, problems, 1)
    poisoned = [numbers[int(name.removeprefix("Яма "))] for name in POISON]

    async def dead() -> list[Any]:
        found = await asyncio.to_thread(service.cli, "deliveries", "list", "--state", "dead")
        return [one for one in found if one["last_error"]]

    async def all_dead() -> bool:
        return len(await dead()) == len(POISON)

    async def attempts() -> Any:
        return await service_database.rows(city.database, "SELECT COUNT(*) FROM delivery_attempts")

    await service_database.wait_until(all_dead, attempts, "poisoned deliveries do not die")
    healthy = {f"Яма {index}" for index in range(problems)} - set(POISON)

    ended = {"delivered": 2 * len(healthy), "dead": len(POISON), "pending": len(POISON)}

    async def healthy_delivered() -> bool:
        return await service_database.states(city.database) == ended

    await service_database.wait_until(healthy_delivered, attempts, "healthy deliveries do not end, or updates do")
    assert len(fake.requests) == len(fake.updates) == len(healthy)
    assert {one["description"] for one in fake.requests} == healthy
    assert {str(one["number"]) for one in await dead()} == set(poisoned)
    assert {one["kind"] for one in await dead()} == {"received"}
    assert await service_database.states(city.database) == ended, "updates blocked"

    fake.bitter = {}
    async with aiohttp.ClientSession() as session:  # meanwhile new reports arrive
        await city.update(session, poisoned[0], "FIXED", "Засыпана")
    replayed = await asyncio.to_thread(service.cli, "deliveries", "retry", "--dead")
    assert len(replayed["retried"]) == len(POISON)
    await service_database.wait_until_delivered(city.database)
    assert await service_database.states(city.database) == {"delivered": 2 * problems + 1}
    assert sorted(one["description"] for one in fake.requests) == sorted(f"Яма {index}" for index in range(problems))
    late = str(1 + [one["description"] for one in fake.requests].index("Яма 7"))
    assert [one["description"] for one in fake.updates if one["service_request_id"] == late] == [
        "Ход 0 у ямы 7",
        "Засыпана",
    ]


async def test_poisoned_reports_die_without_other_traffic(
    make_settings: Callable[..., Settings], database_url: str
) -> None:
    """A probe consumes no attempt if the platform is down, but does if it answers other requests."""
    platform = await FakePlatform(first_try=()).start()
    settings = make_settings(database_url=database_url, platform_url=platform.url, platform_key="secret")
    async with open_context(settings) as context:
        site, platform_worker = await make_site(context.database), PlatformWorker(context)
        poison = [f"Яма {index}" for index in range(circuit.OPENS + 1)]
        for text in poison:
            receipt = await submit_report(context.database, site, description=text)
            await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
        platform.poison = frozenset(poison)
        for _ in range(20 * len(poison)):
            await platform_worker.round()
            platform_worker.now += 86_400
        found = await context.database.rows("SELECT state FROM deliveries WHERE sink = 'platform:default' AND opens")
        await platform.stop()
    assert [row["state"] for row in found] == ["dead"] * len(poison)
