"""The real service with a failing platform, killed in between: every effect there occurs once and in order."""

import asyncio
import random

import aiohttp
import pytest

from tests.conftest import ONE_DATABASE_UNLESS_FULL
from tests.fake_platform import FakePlatform
from tests.support import service_database
from tests.support.cities import QUICK, create_city
from tests.support.processes import Serve, patched_program

pytestmark = [pytest.mark.faults, pytest.mark.long]
REPORTS = 24
LIMIT = 90.0
# For the service after the second kill: its circuit breaker would let one delivery pass per pause, and each fails once.
PATIENT_CIRCUIT = "widget_api.deliveries.circuit.OPENS=1000"


@pytest.fixture(autouse=True)
def _faulty(fake: FakePlatform) -> None:
    fake.honours_keys, fake.retry_after = True, 1
    fake.first_try = ("500", "lost answer", "drop", "429", "garbage")


@ONE_DATABASE_UNLESS_FULL
async def test_kills_and_faults_lose_and_duplicate_nothing(
    fake: FakePlatform, serve: Serve, database_url: str, chance: random.Random
) -> None:
    service = await asyncio.to_thread(
        serve, changes=QUICK, platform_url=fake.url, platform_key="secret", database_url=database_url, rate_limits="off"
    )
    city = await asyncio.to_thread(create_city, service)
    timeout = aiohttp.ClientTimeout(total=LIMIT)  # tolerates a busy machine
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for number in range(REPORTS):
            known = await city.report(session, f"Яма {number}")
            for status in ("IN_PROGRESS", "FIXED"):
                await city.update(session, known, status, status)
            if number in (REPORTS // 4, REPORTS // 2):
                await asyncio.sleep(chance.uniform(0, 0.5))
                await asyncio.to_thread(service.kill)
                if number == REPORTS // 2:
                    service.program = patched_program(*QUICK, PATIENT_CIRCUIT)
                await asyncio.to_thread(service.start)
    await service_database.wait_until_delivered(database_url)

    assert sorted(one["description"] for one in fake.requests) == sorted(f"Яма {number}" for number in range(REPORTS))
    for number in range(1, REPORTS + 1):
        updates = [one for one in fake.updates if one["service_request_id"] == str(number)]
        by_id = {one["update_id"]: one["status"] for one in updates}  # a retry has the id of the original
        assert list(by_id.values()) == ["IN_PROGRESS", "FIXED"]
        assert [one["status"] for one in updates] == sorted(
            (one["status"] for one in updates), key=("IN_PROGRESS", "FIXED").index
        )
    assert len({one["update_id"] for one in fake.updates}) == 2 * REPORTS
