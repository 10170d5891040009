"""Two `work` processes on one PostgreSQL share the deliveries and send none twice."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.fake_platform import FakePlatform
from tests.support import service_database
from tests.support.cities import City, create_city, fill
from tests.support.event_loop_thread import run_in_thread
from tests.support.postgres import PostgreSQL
from tests.support.processes import Serve, Work
from widget_api.ops.schema import migrate

pytestmark = [pytest.mark.faults, pytest.mark.long]
PROBLEMS, FULL_PROBLEMS = 100, 1500  # times four events
UPDATES = 3
SHARE = 0.2
# Records every lease by a trigger, since the product clears the holder of finished deliveries.
NOTE_LEASES = """
CREATE TABLE taken (delivery text, holder text);
CREATE FUNCTION note_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO taken VALUES (NEW.id, NEW.lease_holder); RETURN NULL; END $$;
CREATE TRIGGER note_lease AFTER UPDATE ON deliveries FOR EACH ROW
WHEN (NEW.state = 'leased' AND OLD.leases < NEW.leases) EXECUTE FUNCTION note_lease();
"""


@pytest.fixture
def own_database(postgres: PostgreSQL) -> str:
    """Not one of the shared test databases, since the trigger stays until the server ends."""
    url = postgres.database()
    run_in_thread(migrate(url))
    postgres.run(NOTE_LEASES, name=url.rsplit("/", 1)[1])
    return url


async def test_two_workers_share_deliveries_without_duplicates(
    fake: FakePlatform,
    own_database: str,
    serve: Serve,
    tmp_path: Path,
    full_counts: bool,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = {"database_url": own_database, "platform_url": fake.url, "platform_key": "secret"}
    service = await asyncio.to_thread(serve, "--no-work", rate_limits="off", **settings)
    city = await asyncio.to_thread(create_city, service)
    problems = FULL_PROBLEMS if full_counts else PROBLEMS
    workers = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        workers.append(Work(tmp_path / name, service.settings, 0, program=service.program, fork=True).start())
    try:
        early = await until_both_take(city)
        await fill(city, problems - early, UPDATES)
        await service_database.wait_until_delivered(own_database)
    finally:
        for worker in workers:
            await asyncio.to_thread(worker.stop)

    events = problems * (1 + UPDATES) - early * UPDATES
    assert await service_database.states(own_database) == {"delivered": events}
    assert len(fake.requests) == problems
    assert len({one["description"] for one in fake.requests}) == problems
    assert len(fake.updates) == len({one["update_id"] for one in fake.updates}) == events - problems
    in_order = {one["service_request_id"]: list[int]() for one in fake.updates}  # reports without an update have none
    for one in fake.updates:
        in_order[one["service_request_id"]].append(int(one["description"].split()[1]))
    assert all(found == list(range(UPDATES)) for found in in_order.values()), in_order
    taken = await service_database.rows(own_database, "SELECT delivery, holder FROM taken")
    assert len(taken) == len({row["delivery"] for row in taken}) == events, "leased once each"
    shares = Counter(row["holder"] for row in taken)
    assert len(shares) == 2
    assert min(shares.values()) > SHARE * events
    with capsys.disabled():
        print(f"\n{events} events, shared {' and '.join(map(str, shares.values()))}")


async def until_both_take(city: City) -> int:
    """Send reports until the slower worker has started delivering. Returns how many it took."""
    sent = 0
    async with aiohttp.ClientSession() as session:

        async def both_started() -> bool:
            nonlocal sent
            sent += 1
            await city.report(session, f"Раньше {sent}")
            await asyncio.sleep(0.5)
            return len(await service_database.rows(city.database, "SELECT DISTINCT holder FROM taken")) == 2

        async def holders() -> Any:
            return await service_database.rows(city.database, "SELECT COUNT(*) FROM taken")

        await service_database.wait_until(both_started, holders, "only one worker takes deliveries")
    return sent
