"""Cities for the fault tests: real services with a site and a token, filled through GeoReport."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.support.processes import Serve, Service

ORIGIN = "https://gorod.test"
JURISDICTION = "gorod.test"
# Hours become seconds. The number of attempts is unchanged, so that deliveries still die after the last one.
RETRIES = "widget_api.deliveries.model.RETRY_DELAYS=[0, 1, 1, 1, 2, 2, 2, 2]"
CIRCUIT = (
    "widget_api.deliveries.circuit.PAUSE=1",
    "widget_api.deliveries.circuit.LONGEST_PAUSE=4",
    "widget_api.deliveries.clock_repair._OWN_PAUSE=5",  # of the longest pause
)
QUICK = (RETRIES, *CIRCUIT, "widget_api.platform.pull.FAILED_PAUSE=1")


@dataclass
class City:
    service: Service
    key: str
    token: str  # of scope `platform`: its requests are accepted and passed on at once

    @property
    def database(self) -> str:
        return self.service.settings["WIDGET_DATABASE_URL"]

    @property
    def open311(self) -> str:
        return f"{self.service.url}/open311/v2"

    async def send(self, session: aiohttp.ClientSession, path: str, fields: Mapping[str, str]) -> dict[str, Any]:
        """POST to GeoReport. Returns the single item of the answer."""
        form = {"api_key": self.token, **fields}
        alone = {"Connection": "close"}  # a kept connection may be closed by the service just as it is used again
        async with session.post(f"{self.open311}/{path}.json", data=form, headers=alone) as answer:
            assert answer.status == 200, await answer.text()
            (item,) = await answer.json()
            return dict(item)

    async def report(self, session: aiohttp.ClientSession, description: str) -> str:
        """Send a report. Returns its number."""
        fields = {"service_code": "roads", "lat": "55.08", "long": "38.78", "description": description}
        return str((await self.send(session, "requests", fields))["service_request_id"])

    async def update(self, session: aiohttp.ClientSession, number: str, status: str, text: str) -> None:
        fields = {"service_request_id": number, "status": status, "description": text}
        await self.send(session, "servicerequestupdates", fields)


def create_city(service: Service) -> City:
    """Create an agency, a site and a token, in a service that may not be running yet."""
    agency = service.cli("agency", "add", "--name", "Город", "--email", "priem@gorod.test")["agency"]
    named = ("--name", "Город", "--agency", agency, "--origin", ORIGIN, "--jurisdiction", JURISDICTION)
    site = service.cli("site", "add", *named)
    return City(
        service, site["key"], service.cli("token", "add", "--site", site["site"], "--scope", "platform")["token"]
    )


def create_platform(serve: Serve) -> City:
    """Start the central platform: another process of this service with its own database. It delivers nothing."""
    return create_city(serve(challenge="off", rate_limits="off", work="off"))


async def fill(city: City, problems: int, updates: int, *, at_once: int = 12) -> list[str]:
    """Send reports «Яма 0», «Яма 1», …, each with that many updates in sequence. Returns their numbers in order."""
    words = ("IN_PROGRESS", "FIXED")
    numbers = [""] * problems
    waiting = iter(range(problems))

    async def send_reports(session: aiohttp.ClientSession) -> None:
        for index in waiting:
            numbers[index] = await city.report(session, f"Яма {index}")
            for turn in range(updates):
                await city.update(session, numbers[index], words[turn % 2], f"Ход {turn} у ямы {index}")

    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
        await asyncio.gather(*(send_reports(session) for _ in range(at_once)))
    return numbers
