"""`kill -9` at random moments under load: every 201 is stored exactly once on both sides, and deliveries continue."""

import asyncio
import random
import uuid
from collections import Counter

import aiohttp
import pytest

from tests.conftest import POSTGRESQL_UNLESS_FULL
from tests.factories import HOST_ORIGIN
from tests.support.cities import create_city, create_platform
from tests.support.mail import MailSink
from tests.support.processes import Serve, Service
from tests.support.service_database import rows, states, wait_until_delivered
from widget_api.deliveries.model import LOST

pytestmark = [pytest.mark.faults, pytest.mark.long]
WRITERS = 24
MIN_IN_FLIGHT = 16  # concurrent requests at each kill
KILLS, FULL_KILLS = 10, 250
BURST = 0.05, 0.4  # seconds of new reports before a kill; their delivery takes most of the test's time
BACKLOG = 300  # pending deliveries allowed when the next burst begins


class Load:
    """Residents who report and confirm, with an independent record of every 201."""

    def __init__(self, service: Service, key: str, consent: str, mail: MailSink) -> None:
        self.service, self.key, self.consent, self.mail = service, key, consent, mail
        self.acknowledged: dict[str, int] = {}
        self.in_flight = 0
        self.going = asyncio.Event()
        self.stopping = False
        self.all_letters_left = False

    async def run(self) -> None:
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
            confirmers = [asyncio.create_task(self._confirm(session, part, 4)) for part in range(4)]
            await asyncio.gather(*(self._write(session) for _ in range(WRITERS)))
            await wait_until_delivered(self.service.settings["WIDGET_DATABASE_URL"])
            self.all_letters_left = True
            await asyncio.gather(*confirmers)

    async def _write(self, session: aiohttp.ClientSession) -> None:
        while not self.stopping:
            await self.going.wait()
            await self._report(session, str(uuid.uuid4()))

    async def _report(self, session: aiohttp.ClientSession, key: str) -> None:
        """Retry with the same key until the service has answered 201, as the widget does."""
        body = {
            "category": "roads",
            "description": f"Яма, сообщение {key}",
            "location": {"address": "ул. Мира, 5"},
            "email": f"{key}@example.test",
            "consent": {"version": self.consent, "processing": True},
        }
        headers = {"Idempotency-Key": key, "Origin": HOST_ORIGIN}
        url = f"{self.service.url}/api/v1/sites/{self.key}/problems"
        while True:
            self.in_flight += 1
            try:
                async with session.post(url, json=body, headers=headers) as answer:
                    if answer.status == 201:
                        self.acknowledged[key] = (await answer.json())["number"]
                        return
                    assert answer.status in (502, 503), await answer.text()
            except (aiohttp.ClientError, TimeoutError, OSError):
                pass
            finally:
                self.in_flight -= 1
            await asyncio.sleep(0.1)

    async def _confirm(self, session: aiohttp.ClientSession, part: int, parts: int) -> None:
        """Confirm every letter that arrives."""
        done = part
        while done < len(self.mail.letters) or not self.all_letters_left:
            if done >= len(self.mail.letters):
                await asyncio.sleep(0.05)
                continue
            (link,) = self.mail.letters[done].links
            try:
                async with session.post(link) as answer:
                    assert answer.status == 200, await answer.text()
            except (aiohttp.ClientError, TimeoutError, OSError):
                await asyncio.sleep(0.1)
                continue
            done += parts


async def is_behind(database: str) -> bool:
    """Whether the service has to catch up before it may be killed again.

    A delivery that was under way at LOST kills in a row counts as their cause and is dead (test_queue).
    """
    (found,) = await rows(database, "SELECT COALESCE(MAX(leases), 0) FROM deliveries WHERE state <> 'delivered'")
    return (await states(database)).get("pending", 0) > BACKLOG or found[0] >= LOST - 1


@POSTGRESQL_UNLESS_FULL
async def test_nothing_acknowledged_is_lost_or_duplicated(
    serve: Serve,
    database_url: str,
    dialect: str,
    mail_sink: MailSink,
    full_counts: bool,
    chance: random.Random,
    capsys: pytest.CaptureFixture[str],
) -> None:
    platform = create_platform(serve)
    database, to_platform = database_url, {"platform_url": platform.open311, "platform_key": platform.token}
    service = serve(database_url=database, challenge="off", rate_limits="off", smtp_url=mail_sink.url, **to_platform)
    key = create_city(service).key
    async with aiohttp.ClientSession() as session, session.get(f"{service.url}/api/v1/sites/{key}") as answer:
        consent = (await answer.json())["consent"]["version"]

    load = Load(service, key, consent, mail_sink)
    running = asyncio.create_task(load.run())
    kills = FULL_KILLS if full_counts else KILLS
    counted, uncounted = 0, 0
    while counted < kills:
        load.going.set()
        await asyncio.sleep(chance.uniform(*BURST))
        if load.in_flight < MIN_IN_FLIGHT:
            continue
        await asyncio.to_thread(service.kill)
        load.going.clear()  # interrupted requests are repeated before new reports, so the backlog stays bounded
        if (await states(database)).get("leased", 0) > 0:
            counted += 1
        else:  # the kill was between two deliveries: repeat it
            uncounted += 1
        await asyncio.to_thread(service.start)
        while await is_behind(database):  # noqa: ASYNC110 - another process tells
            await asyncio.sleep(0.5)
    assert uncounted <= kills, "hardly any kill hit an active delivery"
    load.stopping = True
    load.going.set()
    await running

    await wait_until_delivered(database)
    assert set(await states(database)) == {"delivered"}
    await asyncio.to_thread(service.stop)
    await asyncio.to_thread(platform.service.stop)

    here = {row[0]: row[1] for row in await rows(database, REPORTS)}
    assert here == load.acknowledged, "every 201 exactly once, and nothing unacknowledged"
    numbers = sorted(load.acknowledged.values())
    assert numbers == list(range(1, len(numbers) + 1)), "numbers are unique and without gaps"
    confirmed = {row[0] for row in await rows(database, CONFIRMED)}
    at_platform = Counter(row[0] for row in await rows(platform.database, ALL_TEXTS))
    assert set(at_platform.values()) <= {1}, "duplicated at the platform"
    assert set(at_platform) == confirmed, "exactly the confirmed reports reached the platform"
    assert len(confirmed) == len(numbers), "every letter was confirmed"
    assert await integrity(database, dialect) == "ok"
    assert await integrity(platform.database, "sqlite") == "ok"
    with capsys.disabled():
        print(
            f"\n{dialect}: {kills} kills amid leased deliveries, {uncounted} more between them,"
            f" {len(numbers)} reports acknowledged, {len(confirmed)} at the platform"
        )


REPORTS = "SELECT s.idempotency_key, p.number FROM submissions s JOIN problems p ON p.id = s.problem_id"
ALL_TEXTS = "SELECT description FROM problems"
CONFIRMED = (
    "SELECT p.description FROM problems p JOIN contacts c ON c.problem_id = p.id WHERE c.confirmed_at IS NOT NULL"
)


async def integrity(url: str, dialect: str) -> str:
    if dialect == "postgresql":  # PostgreSQL has no such pragma: read every row of every table instead
        for table in ("problems", "events", "deliveries", "submissions", "contacts"):
            await rows(url, f"SELECT * FROM {table}")
        return "ok"
    return str((await rows(url, "PRAGMA integrity_check"))[0][0])
