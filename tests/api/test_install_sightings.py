"""Where the widget is seen and how it fails: counted by day, bounded, without personal data or a write per request."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
import time_machine

from tests.conftest import ONE_DATABASE, Client, running
from tests.factories import HOST_ORIGIN, PUBLIC_URL, make_site
from widget_api.context import Context
from widget_api.database import Database
from widget_api.errors import Unavailable
from widget_api.ops import retention
from widget_api.settings import Settings
from widget_api.sites import changes
from widget_api.sites.install import sightings
from widget_api.sites.install.sightings import MAX_ORIGINS, OTHERS, Sighting, Sightings
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does

FOREIGN = "https://other.test"


async def ask(client: Client, key: str, query: str = "?v=1.0.0", origin: str | None = HOST_ORIGIN) -> httpx2.Response:
    headers = {} if origin is None else {"Origin": origin}
    return await client.get(f"/api/v1/sites/{key}/challenge{query}", headers=headers)


async def counted(context: Context, site: Site) -> dict[tuple[str, str, str], int]:
    """(kind, origin, version) → count, of all days."""
    await context.sightings.flush(context.database)
    seen = await sightings.list_since(context.database, site.id, "")
    return {(one.kind, one.origin, one.version): one.count for one in seen}


async def test_every_opening_is_counted_by_origin_and_release(client: Client, context: Context, site: Site) -> None:
    for query in ("?v=1.0.0", "?v=1.0.0", ""):
        assert (await ask(client, site.key, query)).status_code == 200
    assert await counted(context, site) == {("seen", HOST_ORIGIN, "1.0.0"): 2, ("seen", HOST_ORIGIN, ""): 1}
    await ask(client, site.key)
    assert (await counted(context, site))["seen", HOST_ORIGIN, "1.0.0"] == 3, "a second write adds to the first"
    await ask(client, site.key, origin=None)
    assert (await counted(context, site))["seen", PUBLIC_URL, "1.0.0"] == 1, "without an origin it is our own page"


async def test_a_request_does_not_write(
    client: Client, context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(context.database, "write", None)  # calling it would fail
        await ask(client, site.key)
        await ask(client, site.key, origin=FOREIGN)
        assert await sightings.list_since(context.database, site.id, "") == []


async def test_a_refused_origin_is_counted_by_its_name(client: Client, context: Context, site: Site) -> None:
    for origin in (FOREIGN, "null", "HTTPS://OTHER.TEST", "https://x.test/<script>alert(1)</script>", "x" * 5000):
        assert (await ask(client, site.key, origin=origin)).status_code == 403
    found = await counted(context, site)
    assert found == {
        ("origin_refused", FOREIGN, "1.0.0"): 1,
        ("origin_refused", "null", "1.0.0"): 1,
        ("origin_refused", OTHERS, "1.0.0"): 3,
    }


async def test_rotated_keys_are_counted_separately(client: Client, context: Context, site: Site) -> None:
    new = await changes.rotate_key(context.database, site.id, 1)
    assert (await ask(client, site.key)).status_code == 200
    assert (await ask(client, new)).status_code == 200
    assert await counted(context, site) == {("seen", HOST_ORIGIN, "1.0.0"): 2, ("key_old", HOST_ORIGIN, "1.0.0"): 1}
    await changes.rotate_key(context.database, site.id)
    assert (await ask(client, new)).status_code == 404
    assert (await ask(client, "wk_nobody")).status_code == 404
    found = await counted(context, site)
    assert found["key_expired", HOST_ORIGIN, "1.0.0"] == 1
    assert sum(found.values()) == 4


async def test_a_widget_with_an_expired_key_counts_by_one_request(client: Client, context: Context, site: Site) -> None:
    """It asks for the configuration, is refused, and gets no further. What no page asked counts nothing."""
    await changes.rotate_key(context.database, site.id)
    for key, headers in ((site.key, {"Origin": HOST_ORIGIN}), (site.key, {}), ("wk_nobody", {"Origin": HOST_ORIGIN})):
        assert (await client.get(f"/api/v1/sites/{key}", headers=headers)).status_code == 404
    assert await counted(context, site) == {("key_expired", HOST_ORIGIN, ""): 1}


async def test_a_disabled_site_counts_nothing(client: Client, context: Context, site: Site) -> None:
    await changes.rotate_key(context.database, site.id)
    await changes.disable_site(context.database, site.id)
    assert (await ask(client, site.key)).status_code == 404
    assert await counted(context, site) == {}


async def test_unknown_releases_are_counted_together(client: Client, context: Context, site: Site) -> None:
    for version in ("1.0.0", "9.9.9", "<b>", "1.0.0.0", "1" * 3000):
        await ask(client, site.key, f"?v={version}")
    assert await counted(context, site) == {("seen", HOST_ORIGIN, "1.0.0"): 1, ("seen", HOST_ORIGIN, OTHERS): 4}


async def test_at_most_fifty_unregistered_origins_are_counted_per_day(context: Context, site: Site) -> None:
    """Also in several batches and from several processes."""
    for wave in range(3):
        other = Sightings()
        for number in range(MAX_ORIGINS + 10):
            context.sightings.note(site, "origin_refused", f"https://flood-{wave}-{number}.test")
            other.note(site, "origin_refused", f"https://flood-{wave}-{number}-b.test")
        await other.flush(context.database)
        await counted(context, site)
    found = await counted(context, site)
    origins = {origin for _, origin, _ in found}
    assert len(origins) == MAX_ORIGINS + 1
    assert OTHERS in origins
    assert sum(found.values()) == 3 * 2 * (MAX_ORIGINS + 10), "the rest are counted, under one name"


async def test_unwritten_counts_are_bounded(site: Site) -> None:

    full = Sightings()
    full._waiting = {(str(number), "", "", "", "seen"): (1, 1) for number in range(sightings._MAX_PENDING)}
    full.note(site, "seen", HOST_ORIGIN)
    assert len(full._waiting) == sightings._MAX_PENDING


async def test_counts_outlive_a_database_outage(context: Context, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any) -> None:
        raise Unavailable

    context.sightings.note(site, "seen", HOST_ORIGIN, "1.0.0")
    with monkeypatch.context() as patched:
        patched.setattr(Database, "write", fails)
        with pytest.raises(Unavailable):
            await context.sightings.flush(context.database)
        context.sightings.note(site, "seen", HOST_ORIGIN, "1.0.0")
    assert await counted(context, site) == {("seen", HOST_ORIGIN, "1.0.0"): 2}


async def test_counts_are_written_when_the_service_stops(settings: Settings) -> None:
    async with running(settings) as app:
        context: Context = app.state.context
        site = await make_site(context.database)
        context.sightings.note(site, "seen", HOST_ORIGIN, "1.0.0")
    again = Database(settings.database_url, readers=1)
    await again.connect()
    try:
        assert [one.count for one in await sightings.list_since(again, site.id, "")] == [1]
    finally:
        await again.disconnect()


async def test_days_are_in_the_sites_time_zone(context: Context, database: Database) -> None:
    east = await make_site(context.database, time_zone="Asia/Kamchatka")
    with time_machine.travel("2026-11-24T20:30:00Z", tick=False):
        context.sightings.note(east, "seen", HOST_ORIGIN)
        await context.sightings.flush(context.database)
    [one] = await sightings.list_since(context.database, east.id, "")
    assert one == Sighting(day="2026-11-25", origin=HOST_ORIGIN, version="", kind="seen", count=1, last_at=1795552200)


async def test_counts_are_deleted_after_ninety_days(context: Context, site: Site) -> None:
    with time_machine.travel("2026-08-20T12:00:00Z", tick=False):
        context.sightings.note(site, "seen", HOST_ORIGIN)
        await context.sightings.flush(context.database)
    with time_machine.travel("2026-09-20T12:00:00Z", tick=False):
        context.sightings.note(site, "seen", HOST_ORIGIN)
        await context.sightings.flush(context.database)
    with time_machine.travel("2026-11-24T12:00:00Z", tick=False):
        assert (await retention.erase_expired(context.database))["sightings"] == 1
    assert [one.day for one in await sightings.list_since(context.database, site.id, "")] == ["2026-09-20"]


# --- failures ---


@ONE_DATABASE
async def test_a_failure_or_a_showing_is_counted_without_creating_a_challenge(client: Client, context: Context) -> None:
    kinds = {"load": "load", "connect-src": "connect", "script-src-elem": "script", "crash": "crash", "send": "send"}
    failures = {f"failed={word}": f"failed.{kind}" for word, kind in kinds.items()}
    shown = dict.fromkeys(("seen", "seen=1", "failed=seen"), "seen")  # the city is shown, without a proof of work
    for query, kind in (failures | shown).items():
        site = await make_site(context.database)
        answer = await ask(client, site.key, f"?v=1.0.0&{query}")
        assert (answer.status_code, answer.content) == (204, b""), query
        assert answer.headers["cache-control"] == "no-store"
        assert await counted(context, site) == {(kind, HOST_ORIGIN, "1.0.0"): 1}, query


@ONE_DATABASE
async def test_unknown_failures_are_not_stored_and_those_elsewhere_refused(
    client: Client, context: Context, site: Site
) -> None:
    for word in ("", "anna@example.test", "failed.load", "<script>", "x" * 4000):
        answer = await client.get(f"/api/v1/sites/{site.key}/challenge", params={"failed": word})
        assert answer.status_code == 204, word
        assert await counted(context, site) == {}
    assert (await ask(client, site.key, "?failed=load", FOREIGN)).status_code == 403
    assert await counted(context, site) == {("origin_refused", FOREIGN, ""): 1}


async def test_failures_are_limited_to_thirty_an_hour_per_address(client: Client, context: Context, site: Site) -> None:
    for _ in range(40):
        assert (await ask(client, site.key, "?failed=crash")).status_code == 204, "never an error on somebody's page"
    assert await counted(context, site) == {("failed.crash", HOST_ORIGIN, ""): 30}
