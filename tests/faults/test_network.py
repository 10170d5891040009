"""Between two instances the network breaks every third request: every event arrives once and in order."""

import asyncio
import random
import uuid
from typing import Any

import aiohttp
import pytest

from tests.conftest import POSTGRESQL_UNLESS_FULL
from tests.support import service_database
from tests.support.cities import QUICK, City, create_city, create_platform, fill
from tests.support.faults import FAULTS, FaultProxy
from tests.support.processes import Serve

pytestmark = [pytest.mark.faults, pytest.mark.long]
UPDATES = 4
PROBLEMS, FULL_PROBLEMS = 60, 2000  # times (1 + UPDATES) events: 300 and 10,000
DECIDED = 10  # every tenth report is also decided at the platform
EVENTS = (
    "SELECT p.description, e.id, e.source, e.status, e.at, t.body FROM events e JOIN problems p ON p.id = e.problem_id"
    " LEFT JOIN texts t ON t.id = e.text_id"
    " WHERE e.kind IN ('received', 'status', 'note') ORDER BY e.problem_id, e.position"
)
STATES = "SELECT description, status, status_at, status_event FROM problems"


@POSTGRESQL_UNLESS_FULL
async def test_every_event_arrives_once_and_in_order(
    serve: Serve,
    database_url: str,
    dialect: str,
    full_counts: bool,
    chance: random.Random,
    capsys: pytest.CaptureFixture[str],
) -> None:
    platform = await asyncio.to_thread(create_platform, serve)
    proxy = await FaultProxy(platform.service.port, chance).start()
    service = await asyncio.to_thread(
        serve,
        changes=QUICK,
        database_url=database_url,
        rate_limits="off",
        platform_url=f"{proxy.url}/open311/v2",
        platform_key=platform.token,
    )
    city = await asyncio.to_thread(create_city, service)
    problems = FULL_PROBLEMS if full_counts else PROBLEMS

    filling = asyncio.create_task(fill(city, problems, UPDATES))
    deciding = asyncio.create_task(decide(city, platform, problems))
    interrupting = asyncio.create_task(interrupt(proxy, chance))
    await filling
    decided = await deciding
    await service_database.wait_until_delivered(city.database)

    async def known_decisions() -> int:
        return len({row[1] for row in await service_database.rows(city.database, EVENTS)} & decided)

    async def all_decisions_known() -> bool:
        return await known_decisions() == len(decided)

    await service_database.wait_until(
        all_decisions_known, known_decisions, f"of {len(decided)} decisions of the platform are known"
    )
    interrupting.cancel()
    await proxy.close()

    assert set(await service_database.states(city.database)) == {"delivered"}
    here, there = await logs(city), await logs(platform)
    assert here.keys() == there.keys() == {f"Яма {index}" for index in range(problems)}
    for name, known in here.items():
        assert sorted(known) == sorted(there[name]), f"{name}: each event once"
        ours, theirs = ([one for one in log if one[0] not in decided] for log in (known, there[name]))
        assert ours == theirs, f"{name}: in order"
        assert len(ours) == 1 + UPDATES
    assert sorted(await service_database.rows(city.database, STATES)) == sorted(
        await service_database.rows(platform.database, STATES)
    )
    assert set(proxy.met) >= {*FAULTS, "none"}, "every kind of fault occurred"
    with capsys.disabled():
        print(f"\n{dialect}: {problems * (1 + UPDATES)} events, {proxy.passed} requests, {dict(proxy.met)}")


async def interrupt(proxy: FaultProxy, chance: random.Random) -> None:
    """From time to time accept no connections at all."""
    while True:
        await asyncio.sleep(chance.uniform(2, 6))
        await proxy.away(chance.uniform(0.2, 0.6))


async def decide(city: City, platform: City, problems: int) -> set[str]:
    """Decide linked reports at the platform while more arrive. Returns the birth ids of the decisions."""
    decided: dict[str, str] = {}
    wanted = problems // DECIDED
    async with aiohttp.ClientSession() as session:

        async def decide_arrived() -> bool:
            found = {
                row[0] for row in await service_database.rows(city.database, "SELECT remote_id FROM platform_links")
            }
            for number in {one for one in found if int(one) % DECIDED == 0} - set(decided):
                decided[number] = str(uuid.uuid4())
                fields = {"service_request_id": number, "update_id": decided[number], "status": "ACTION_SCHEDULED"}
                extended = {"status_code": "planned", "expected_on": "2099-01-02", "actor": "agent"}
                fields |= {f"extended_attributes[{name}]": value for name, value in extended.items()}
                await platform.send(session, "servicerequestupdates", fields | {"description": f"Решено по {number}"})
            return len(decided) == wanted

        async def count() -> Any:
            return len(decided), await service_database.rows(platform.database, "SELECT COUNT(*) FROM events")

        await service_database.wait_until(decide_arrived, count, "nothing arrives at the platform")
    return set(decided.values())


async def logs(city: City) -> dict[str, list[tuple[Any, ...]]]:
    """The events of each problem, in the order in which they were stored."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for description, identifier, _, status, at, text in await service_database.rows(city.database, EVENTS):
        found.setdefault(description, []).append((identifier, status, at, text))
    return found
