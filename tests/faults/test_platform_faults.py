"""The real service with a failing platform, killed in between: every effect at the platform occurs
once and in order.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.conftest import ONE_DATABASE_UNLESS_FULL, Client
from tests.fake_platform import FakePlatform
from tests.support import service_database
from tests.support.cities import QUICK
from tests.support.processes import Service, patched_program

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
    fake: FakePlatform, serve: Callable[..., Service], database_url: str, chance: random.Random
) -> None:
    service = await asyncio.to_thread(
        serve, changes=QUICK, platform_url=fake.url, platform_key="secret", database_url=database_url, rate_limits="off"
    )

    def cli(*arguments: str) -> Any:
        return asyncio.to_thread(service.cli, *arguments)

    agency = (await cli("agency", "add", "--name", "Город", "--email", "priem@gorod.test"))["agency"]
    site = await cli("site", "add", "--name", "Город", "--agency", agency, "--origin", "https://gorod.test")
    token = (await cli("token", "add", "--site", site["site"], "--scope", "platform"))["token"]

    async def post(client: Client, path: str, **fields: str) -> Any:
        answer = await client.post(f"{service.url}/open311/v2/{path}.json", data={"api_key": token, **fields})
        assert answer.status_code == 200, answer.text
        return answer.json()[0]

    async with httpx2.AsyncClient(timeout=LIMIT) as client:  # tolerates a busy machine
        for number in range(REPORTS):
            report = {"service_code": "roads", "lat": "55.08", "long": "38.78", "description": f"Яма {number}"}
            found = await post(client, "requests", **report)
            for status in ("IN_PROGRESS", "FIXED"):
                known = {"service_request_id": found["service_request_id"], "description": status}
                await post(client, "servicerequestupdates", **known, status=status)
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
