"""GET …/similar: open published problems nearby, nearest first, and no others."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import httpx2
import pytest

from tests.api.test_problems import publish
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, RESIDENT, make_site, submit_report
from widget_api.browse import similar as nearby
from widget_api.database import Database
from widget_api.geo.model import METRES_PER_DEGREE
from widget_api.problems import lifecycle
from widget_api.problems.model import Change
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does


LAT, LNG = 55.0794, 38.7783


@pytest.fixture
def database(app: Any) -> Database:
    found: Database = app.state.context.database
    return found


def north(metres: float) -> dict[str, Any]:
    return {"lat": round(LAT + metres / METRES_PER_DEGREE, 6), "lng": LNG}


def east(metres: float) -> dict[str, Any]:
    return {"lat": LAT, "lng": round(LNG + metres / METRES_PER_DEGREE / math.cos(math.radians(LAT)), 6)}


async def similar(
    client: Client, site: Site, lat: object = LAT, lng: object = LNG, code: str = "roads", **headers: str
) -> httpx2.Response:
    return await client.get(f"/api/v1/sites/{site.key}/similar?lat={lat}&lng={lng}&category={code}", headers=headers)


async def found(
    client: Client, site: Site, lat: float = LAT, lng: float = LNG, code: str = "roads"
) -> list[tuple[int, int]]:
    answer = await similar(client, site, lat, lng, code)
    assert answer.status_code == 200, answer.text
    return [(item["number"], item["distance"]) for item in answer.json()["items"]]


async def test_the_five_nearest_are_returned_in_order(client: Client, database: Database, site: Site) -> None:
    distances = (240, 10, 130, 60, 200, 30, 249)
    numbers = {
        metres: await publish(database, site, **(north(metres) if metres % 20 else east(metres)))
        for metres in distances
    }
    await publish(database, site, **north(251))
    await publish(database, site, **east(252))
    await publish(database, site, lat=None, lng=None)
    assert await found(client, site, LAT, LNG) == [(numbers[metres], metres) for metres in sorted(distances)[:5]]


async def test_nearby_is_a_circle(client: Client, database: Database, site: Site) -> None:
    inside = await publish(database, site, **(north(170) | {"lng": east(170)["lng"]}))
    await publish(database, site, **(north(190) | {"lng": east(190)["lng"]}))
    assert await found(client, site, LAT, LNG) == [(inside, 240)]


@ONE_DATABASE
async def test_near_problems_come_by_an_index(database: Database, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[tuple[str, dict[str, Any]]]()

    async def noting(sql: str, **values: Any) -> list[Any]:
        asked.append((sql, values))
        return []

    monkeypatch.setattr(database, "rows", noting)
    await nearby.near(database, site, (LAT, LNG), "roads", date(2026, 11, 24), "https://widget.test")
    monkeypatch.undo()
    ((sql, values),) = asked
    plan = " ".join(row["detail"] for row in await database.rows(f"EXPLAIN QUERY PLAN {sql}", **values))
    assert "ix_problems_near (site_id=? AND category=? AND lat>? AND lat<?)" in plan


async def test_an_item_is_a_list_item_with_a_distance(client: Client, database: Database, site: Site) -> None:
    await publish(database, site)
    listed = (await client.get(f"/api/v1/sites/{site.key}/problems")).json()["items"]
    (item,) = (await similar(client, site)).json()["items"]
    assert item == listed[0] | {"distance": 0}


async def test_only_open_published_ones_of_category_and_site(client: Client, database: Database, site: Site) -> None:
    hidden = await submit_report(database, site)
    spam = await submit_report(database, site, description="Тайна")
    await publish(database, site, "resolved")
    await publish(database, site, "answered")
    await publish(database, site, category="snow")
    other = await make_site(database)
    await publish(database, other)
    withdrawn = await submit_report(database, site)
    await lifecycle.change(database, AGENT, site.id, withdrawn.problem_id, Change(to="accepted"))
    await lifecycle.change(database, RESIDENT, site.id, withdrawn.problem_id, Change(to="withdrawn"))
    assert await found(client, site) == []
    shown = [await publish(database, site, to) for to in ("accepted", "in_progress", "planned", "forwarded")]
    reopened = await publish(database, site, "resolved")
    problem = await database.row("SELECT id FROM problems WHERE number = :n AND site_id = :s", n=reopened, s=site.id)
    assert problem is not None
    await lifecycle.change(database, RESIDENT, site.id, problem["id"], Change(to="reopened", text="Не засыпали"))
    numbers = {number for number, _ in await found(client, site)}
    assert numbers == {*shown, reopened}
    assert not numbers & {hidden.number, spam.number, withdrawn.number}


async def test_across_180_degrees(client: Client, database: Database, site: Site) -> None:
    for lat in (0.0, 66.5, -66.5):
        east_side = await publish(database, site, lat=lat, lng=179.9995)
        west_side = await publish(database, site, lat=lat, lng=-179.9995)
        edge = await publish(database, site, lat=lat, lng=180.0)
        for lng in (179.9995, 180, -180, -179.9995):
            numbers = {number for number, _ in await found(client, site, lat, lng)}
            assert numbers == {east_side, west_side, edge}, lat


@pytest.mark.parametrize("lat", [90, -90, 89.9999, -89.9999])
async def test_positions_at_the_poles_work(client: Client, database: Database, site: Site, lat: float) -> None:
    number = await publish(database, site, lat=float(lat), lng=0.0)
    assert [one for one, _ in await found(client, site, lat, 170)] == [number]


async def test_answers_are_cached_until_the_site_changes(client: Client, database: Database, site: Site) -> None:
    first = await similar(client, site)
    assert first.headers["cache-control"] == "max-age=0, s-maxage=10, stale-while-revalidate=30"
    assert first.headers["access-control-allow-origin"] == "*"
    tag = first.headers["etag"]
    assert (await similar(client, site, **{"If-None-Match": tag})).status_code == 304
    elsewhere = await similar(client, site, lng=LNG + 0.001)
    assert elsewhere.headers["etag"] != tag
    number = await publish(database, site)
    again = await similar(client, site, **{"If-None-Match": tag})
    assert again.status_code == 200
    assert [item["number"] for item in again.json()["items"]] == [number]


@ONE_DATABASE
async def test_invalid_parameters_are_named(client: Client, site: Site) -> None:
    for query, wrong in (
        ("lng=38&category=roads", "lat"),
        ("lat=55&category=roads", "lng"),
        ("lat=55&lng=38", "category"),
        ("lat=55&lng=38&category=", "category"),
        ("lat=55&lng=38&category=" + "a" * 101, "category"),
        ("lat=nan&lng=38&category=roads", "lat"),
        ("lat=91&lng=38&category=roads", "lat"),
        ("lat=55&lng=1e400&category=roads", "lng"),
    ):
        answer = await client.get(f"/api/v1/sites/{site.key}/similar?{query}")
        assert (answer.status_code, answer.json()["parameter"]) == (400, wrong), query


async def test_an_unknown_category_returns_nothing(client: Client, database: Database, site: Site) -> None:
    await publish(database, site)
    for code in ("beach", "roads' OR '1'='1", "%25", "ямы", "%00roads%27--"):
        assert await found(client, site, code=code) == [], code
