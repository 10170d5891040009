"""Expensive reads are weighted by cost and served in turns, so that a flood from one address delays only itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from tests.api.test_reads import town
from tests.conftest import READERS, Client
from widget_api.browse import clusters
from widget_api.browse.listing import Filters
from widget_api.context import Context
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites.model import Site
from widget_api.web import fair_queue
from widget_api.web.limits import RATES

BOX = "bbox=38.{number:03},54.9,39.1,55.3"


@pytest.fixture
def dialect() -> str:
    """The queues are in memory; what is read there is tested in test_clusters.py and others."""
    return "sqlite"


@pytest.fixture
async def site(context: Context) -> Site:
    return await town(context.database)


@pytest.fixture
def asked_by(app: Any, settings: Settings) -> Callable[[str], Client]:
    def client(address: str) -> Client:
        transport = httpx2.ASGITransport(app=app, client=(address, 1))
        return httpx2.AsyncClient(transport=transport, base_url=settings.public_url)

    return client


def overdue(site: Site, number: int) -> str:
    return f"/api/v1/sites/{site.key}/clusters?zoom=11&overdue=true&{BOX.format(number=number)}"


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The western edge of each map in the order they were read; each read takes time in a reader."""
    order, read = list[float](), clusters.clusters

    async def noting(*given: Any) -> Any:
        await asyncio.sleep(0.02)
        found = await read(*given)
        order.append(given[2].bbox[0])
        return found

    monkeypatch.setattr(clusters, "clusters", noting)
    return order


@pytest.mark.parametrize(
    ("flood", "other"),
    [
        ("192.0.2.1", "198.51.100.1"),
        ("2001:db8::{number:x}", "2001:db8:1::1"),
        ("2001:db8:0:{number:x}::1", "2001:db8:1::1"),
    ],
    ids=["IPv4", "all of a /64", "many of a /48"],
)
async def test_another_address_is_served_during_a_flood(
    asked_by: Callable[[str], Client], site: Site, answered: list[float], flood: str, other: str
) -> None:
    many = fair_queue.MAX_WAITING_PER_NETWORK
    clients = [asked_by(flood.format(number=number + 1)) for number in range(many)]
    flooding = [asyncio.create_task(one.get(overdue(site, number))) for number, one in enumerate(clients)]
    await asyncio.sleep(0)
    for number in (500, 501):
        assert (await asked_by(other).get(overdue(site, number))).status_code == 200
    assert not all(task.done() for task in flooding), "it would not be a test"
    assert answered.index(38.501) < many // 2, "it is read in turn, not after all of them"
    assert {(await task).status_code for task in flooding} == {200}


async def test_the_queue_is_bounded(
    asked_by: Callable[[str], Client], context: Context, site: Site, answered: list[float]
) -> None:
    client = asked_by("192.0.2.1")
    async with context.read_queue.slot("192.0.2.1"):  # while this one is running, nobody behind it leaves the queue
        asked = [
            asyncio.create_task(client.get(overdue(site, number)))
            for number in range(fair_queue.MAX_WAITING_PER_NETWORK + 4)
        ]
        async with asyncio.timeout(90):
            while sum(one.done() for one in asked) < 5:  # noqa: ASYNC110 - other tasks are waited for
                await asyncio.sleep(0.01)
    answers = [await one for one in asked]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 5
    assert {answer.headers["retry-after"] for answer in refused} == {str(fair_queue.RETRY_AFTER)}
    assert (await client.get(overdue(site, 700))).status_code == 200


async def test_a_database_reader_is_reserved_for_cheap_reads(context: Context) -> None:
    """However many networks ask, fewer expensive reads run at once than the database has readers."""
    begun, going_on = list[str](), asyncio.Event()

    async def read(address: str) -> None:
        async with context.read_queue.slot(address):
            begun.append(address)
            await going_on.wait()

    reading = [asyncio.create_task(read(f"192.0.{number}.1")) for number in range(10)]
    for _ in range(20):
        await asyncio.sleep(0)
    assert 1 < len(begun) < READERS
    going_on.set()
    await asyncio.gather(*reading)
    assert len(begun) == 10


async def test_a_disconnected_client_leaves_the_queue(context: Context) -> None:
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(context.read_queue.slot("192.0.2.1"))
        waiting = [asyncio.create_task(_take(context, "192.0.2.1")) for _ in range(5)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    assert context.read_queue._queues == {}


async def _take(context: Context, address: str) -> None:
    async with context.read_queue.slot(address):
        pass


def note_hits(context: Context, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Count no more; returns the list of what would be counted, with its cost."""
    counted = list[tuple[str, int]]()

    async def noting(name: str, *parts: str, cost: int = 1) -> None:
        counted.append((name, cost))

    monkeypatch.setattr(context.limits, "hit", noting)
    return counted


async def test_reads_are_weighted_by_cost(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = note_hits(context, monkeypatch)
    for path, cost in (
        ("problems", 0), ("problems?sort=support&limit=5", 0), ("problems?status=new", 1), ("problems?q=яма", 3),
        ("problems?overdue=true&status=new", 4), ("clusters?zoom=8&bbox=38,54,40,56", 0),
        ("clusters?zoom=8&bbox=38,54,40,56&status=new", 1), ("clusters?zoom=16&bbox=38,54,40,56", 2),
        ("clusters?zoom=8&bbox=38,54,40,56&overdue=true", 15), ("similar?lat=55.1&lng=38.8&category=roads", 3),
    ):  # fmt: skip
        assert (await client.get(f"/api/v1/sites/{site.key}/{path}")).status_code == 200, path
        assert counted == [("reads", cost)] * bool(cost)
        counted.clear()


@pytest.mark.parametrize(
    ("path", "cost"),
    [
        ("requests.json", 0),
        ("requests.json?status=open", 1),
        ("requests.json?lat=55.1&long=38.8&radius=5000", 4),
        ("requests.xml?page=2&page_size=500", 0),
        ("requests.xml?page=100&page_size=1000", 49),
        ("servicerequestupdates.json", 3),
        ("servicerequestupdates.json?service_request_id=1,2", 1),
        ("servicerequestupdates.json?page=1000&page_size=100", 52),
    ],
)
async def test_georeport_lists_are_weighted_by_cost_and_depth(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch, path: str, cost: int
) -> None:
    """A page number gives no position in an index: the rows before it are read. A key is exempt from the rate alone."""
    counted = note_hits(context, monkeypatch)
    address = f"/open311/v2/{path}{'&' if '?' in path else '?'}jurisdiction_id={site.jurisdiction}"
    assert (await client.get(address)).status_code == 200
    assert counted == [("georeport_reads", 1), ("georeport_reads", cost)][: 1 + bool(cost)]
    token = await changes.add_token(context.database, site.id, "platform")
    monkeypatch.setattr(fair_queue, "MAX_WAITING_PER_NETWORK", 1)
    async with context.read_queue.slot("127.0.0.1"):
        answer = await client.get(f"{address}&api_key={token}")
    assert answer.status_code == (429 if cost else 200)
    assert not cost or "429" in answer.text, "an error document of GeoReport"
    assert len(counted) == 1 + bool(cost)


def test_normal_searching_stays_within_the_limit() -> None:
    budget = int(RATES["reads"].partition("/")[0])
    assert budget // Filters(words="яма").cost >= 1_000, "an office behind one address searches, too"
