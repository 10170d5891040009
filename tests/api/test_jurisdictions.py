"""Names of sites at platforms: no site shows problems of another one, whichever platform has both."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.test_platform_mirror import own, shown
from tests.conftest import Client, running
from tests.factories import AGENT, existing, make_site, submit_report
from tests.fake_platform import FakePlatform
from tests.support.exchange import PlatformWorker, poll_platform
from tests.support.processes import Service
from widget_api import demo
from widget_api.app import open_context
from widget_api.context import Context
from widget_api.demo import photos, seed
from widget_api.demo.town import town_houses
from widget_api.platform import pull
from widget_api.platform.store import platforms
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.settings import Settings
from widget_api.sites import service


@pytest.fixture
async def app(fake: FakePlatform, make_settings: Callable[..., Settings], database_url: str) -> AsyncIterator[Any]:
    wished = {"platform_url": fake.url, "platform_key": "secret", "platform_jurisdiction": "city-42"}
    async with running(make_settings(database_url=database_url, work="off", **wished)) as started:
        yield started


async def test_two_sites_share_the_settings_platform(client: Client, context: Context, fake: FakePlatform) -> None:
    town = await make_site(context.database, jurisdiction="gorod.test", type="extended")
    village = await make_site(context.database, jurisdiction="selo.test", type="extended")
    fake.jurisdiction, fake.own = "city-42", [own()]
    for site in (town, village):
        await poll_platform(context, site)
    assert [len(await shown(client, site)) for site in (town, village)] == [1, 0]
    for site in (town, village):
        receipt = await submit_report(context.database, site, description=f"Яма: {site.jurisdiction}")
        await lifecycle.change(context.database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    await PlatformWorker(context).until_idle()
    sent = {one.fields["description"]: one.fields["jurisdiction_id"] for one in fake.posts("requests")}
    assert sent == {"Яма: gorod.test": "city-42", "Яма: selo.test": "selo.test"}


async def test_a_site_may_have_another_name_at_the_platform(
    client: Client, context: Context, fake: FakePlatform, cli: Callable[..., Any]
) -> None:
    await make_site(context.database, jurisdiction="gorod.test", type="extended")
    village = await make_site(context.database, jurisdiction="selo.test", type="extended")
    fake.jurisdiction, fake.own = "village-7", [own()]
    await poll_platform(context, village)
    assert await shown(client, village) == []
    cli("platform", "serve", "default", "--site", village.key, "--jurisdiction", "village-7")
    (row,) = await context.database.rows(
        "SELECT cursor FROM platform_cursors WHERE site_id = :site_id", site_id=village.id
    )
    assert row["cursor"] is None, "another name is another log"
    await poll_platform(context, village)
    assert len(await shown(client, village)) == 1


async def test_every_site_of_the_demonstration_has_its_own_name(
    serve: Callable[..., Service],
    make_settings: Callable[..., Settings],
    tmp_path: Path,
    migrated_sqlite: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its two databases, the platform in a separate process, and a site added next to the town's."""
    monkeypatch.setattr(seed, "PROBLEMS", 3)
    monkeypatch.setattr(seed, "PLATFORMS_OWN", 3)
    monkeypatch.setattr(photos, "MAX_PROBLEMS", 1)
    urls = [f"sqlite:///{shutil.copyfile(migrated_sqlite, tmp_path / name)}" for name in ("town.db", "platform.db")]
    platform = await asyncio.to_thread(serve, start=False, database_url=urls[1], work="off", rate_limits="off")
    before = seed.DemoAddresses(
        service="http://127.0.0.1:1", platform="http://127.0.0.1:2", pages="http://a.test", mail=""
    )
    media, places = f"file://{tmp_path}/media", replace(before, platform=platform.url)
    made = await seed.seed_databases(urls[0], urls[1], before, None, media)
    made = await seed.seed_databases(urls[0], urls[1], places, made, media)  # the next time on other ports
    await asyncio.to_thread(platform.start)
    chosen = demo._service(make_settings(database_url=urls[0]), made, places)
    wished = {
        name.removeprefix("WIDGET_").lower(): value
        for name, value in chosen.items()
        if name.startswith("WIDGET_PLATFORM_")
    }
    async with open_context(make_settings(database_url=urls[0], work="off", **wished)) as context:
        database = context.database
        added = await make_site(database, jurisdiction="poselok.test", type="extended")
        assigned = await database.rows("SELECT * FROM problems WHERE assigned_agency IS NOT NULL")
        named = await database.rows("SELECT problem_id, data FROM events WHERE data LIKE '%\"service\"%'")
        assert any(row["assigned_due"] for row in assigned), "the rules give services days"
        assert {(row["id"], row["assigned_agency"]) for row in assigned} == {
            (row["problem_id"], json.loads(row["data"])["service"]) for row in named
        }, "the history says to whom"
        lying = await database.rows(
            "SELECT p.address, p.lat, p.lng FROM problems p JOIN sites s ON s.id = p.site_id"
            " WHERE s.jurisdiction = :town",
            town=seed.JURISDICTION,
        )
        houses = {f"{house.street}, {house.number}": (house.lat, house.lng) for house in town_houses()}
        assert all(houses[row["address"]] == (row["lat"], row["lng"]) for row in lying), "a report lies at its address"
        sites = {row["jurisdiction"]: row["id"] for row in await database.rows("SELECT id, jurisdiction FROM sites")}
        for one in await platforms.list_enabled(database):
            for site_id in await platforms.sites_of(database, one.id):
                await pull.poll_site(database, context.outbound, one, site_id, respect_pauses=False)
        for site_id in (sites[seed.UTILITY], added.id):
            row = existing(await database.row("SELECT COUNT(*) AS many FROM problems WHERE site_id = :id", id=site_id))
            assert row["many"] == 0, "the town's"
        mirrored = await database.rows("SELECT site_id FROM problems WHERE mirror_of IS NOT NULL")
        assert {row["site_id"] for row in mirrored} == {sites[seed.JURISDICTION]}
        receipt = await submit_report(database, added)
        assert receipt.number == 1
        utility = await platforms.platforms_of_site(database, sites[seed.UTILITY])
        assert [one for one in utility if one != "default"] == list(utility)
        site = await service.by_id(database, sites[seed.UTILITY])
        receipt = await submit_report(database, site, lat=55.081, lng=38.779)
        await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
        await PlatformWorker(context).until_idle()
    async with httpx2.AsyncClient() as client:
        asked = f"{platform.url}/open311/v2/requests.json?jurisdiction_id={seed.UTILITY}"
        assert len((await client.get(asked)).json()) == 1
