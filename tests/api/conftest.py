"""Fixtures shared by tests of the interfaces: the application's context, a site, a submitted report."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import httpx2
import pytest
import time_machine
from starlette.applications import Starlette

from tests.conftest import Client, options_of
from tests.factories import AGENT, CLOCK_RUNS, NOON, make_site, submit_report
from tests.fake_platform import FakePlatform
from tests.support.cabinet import ADMIN, PASSWORD, Cabinet, Enter
from tests.support.exchange import PlatformWorker
from tests.support.georeport import PictureServer, Worker
from tests.support.public_api import Widget
from widget_api.app import open_context
from widget_api.context import Context
from widget_api.people import accounts
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.problems.submit import Receipt
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites.model import Site

# Fixtures that start processes, whose clock is the machine's.
PROCESSES = {"serve", "module_serve", "provider_process", "upgraded", "s3"}


@pytest.fixture(autouse=True)
def _fixed_time(request: pytest.FixtureRequest) -> Iterator[None]:
    """Stop the clock at noon of a working day, so that a test does the same at every hour of every day.

    Letters to staff, deadlines and periods depend on the hour and the day; order and equality of times depend on
    whether a second begins between two statements. A test that needs time to pass moves the clock (time_machine).
    `make test-moments` gives every process another clock, which then runs.
    """
    if CLOCK_RUNS or PROCESSES & set(request.fixturenames):
        yield
        return
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.fixture
def context(app: Starlette) -> Context:
    return cast(Context, app.state.context)


@pytest.fixture
async def site(context: Context, request: pytest.FixtureRequest) -> Site:
    return await make_site(context.database, **options_of(request, "site"))


@pytest.fixture
async def city(context: Context) -> Site:
    """A site to which a test adds collections."""
    return await make_site(context.database)


@pytest.fixture
def widget(client: Client, site: Site) -> Widget:
    return Widget(client, site)


@pytest.fixture
async def receipt(context: Context, site: Site) -> Receipt:
    return await submit_report(context.database, site)


@pytest.fixture
async def problem(context: Context, site: Site) -> str:
    """An accepted report whose author has confirmed the address."""
    problem_id = (await submit_report(context.database, site)).problem_id
    await lifecycle.confirm(context.database, site.id, problem_id)
    await lifecycle.change(context.database, AGENT, site.id, problem_id, Change(to="accepted"))
    return problem_id


@pytest.fixture
def exchange_settings(fake: FakePlatform, make_settings: Callable[..., Settings], database_url: str) -> Settings:
    """Settings with `fake` as the platform; tests deliver by themselves instead of the application's worker."""
    return make_settings(database_url=database_url, platform_url=fake.url, platform_key="secret", work="off")


@pytest.fixture
async def exchange_context(exchange_settings: Settings) -> AsyncIterator[Context]:
    """A context with those settings, without the application."""
    async with open_context(exchange_settings) as opened:
        yield opened


@pytest.fixture
def platform_worker(context: Context) -> PlatformWorker:
    return PlatformWorker(context)


@pytest.fixture
async def pictures() -> AsyncIterator[PictureServer]:
    """A server of the pictures that reports refer to."""
    server = await PictureServer().start()
    yield server
    await server.stop()


@pytest.fixture
async def key(context: Context, site: Site) -> str:
    """The site's token for clients of GeoReport."""
    return await changes.add_token(context.database, site.id, "georeport")


@pytest.fixture
def worker(context: Context) -> Worker:
    return Worker(context)


@pytest.fixture
async def new_browser(app: Any, settings: Settings, hooks: Any) -> AsyncIterator[Callable[[], Cabinet]]:
    """`new_browser()` → the browser of somebody who has not signed in, with their own cookies."""
    clients = []

    def make() -> Cabinet:
        transport = httpx2.ASGITransport(app=app)
        clients.append(httpx2.AsyncClient(transport=transport, base_url=settings.public_url, event_hooks=hooks))
        return Cabinet(clients[-1])

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
def enter(app: Any, new_browser: Callable[[], Cabinet]) -> Enter:
    """`enter(role, agency_id)` → a signed-in person with that role and their own cookies."""
    numbers = itertools.count()

    async def make(role: str, agency_id: str | None, email: str | None = None) -> Cabinet:
        cabinet, database, number = new_browser(), app.state.context.database, next(numbers)
        email = email or f"{role}-{number}@gorod.test"
        await accounts.add_user(database, email=email, role=role, agency_id=agency_id, password=PASSWORD)
        assert (await cabinet.sign_in(email, PASSWORD)).status_code == 303
        return cabinet

    return make


@pytest.fixture
async def admin(enter: Enter, site: Site) -> Cabinet:
    """An administrator of the site's agency, signed in."""
    return await enter("admin", site.agency.id, ADMIN)
