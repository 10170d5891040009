"""What most tests of the interfaces begin with: the application's context, a site, a report that was sent in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import pytest
from starlette.applications import Starlette

from tests.factories import make_site, submit_report
from tests.support.georeport import PictureServer, Worker
from widget_api.context import Context
from widget_api.problems.submission import Receipt
from widget_api.sites.model import Site


@pytest.fixture
def context(app: Starlette) -> Context:
    return cast(Context, app.state.context)


@pytest.fixture
async def site(context: Context) -> Site:
    return await make_site(context.database)


@pytest.fixture
async def receipt(context: Context, site: Site) -> Receipt:
    return await submit_report(context.database, site)


@pytest.fixture
async def pictures() -> AsyncIterator[PictureServer]:
    """Where pictures are that somebody gives the address of."""
    server = await PictureServer().start()
    yield server
    await server.stop()


@pytest.fixture
def worker(context: Context) -> Worker:
    return Worker(context)
