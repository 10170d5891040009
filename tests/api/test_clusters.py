"""GET …/clusters: marks that together represent exactly the problems that match a filter."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.api.test_reads import TODAY, matches, town
from tests.conftest import ONE_DATABASE, Client
from tests.factories import AGENT, make_site, submit_report
from widget_api.browse import clusters, listing, queries
from widget_api.database import Database, Row
from widget_api.geo.cells import cell_at, parent, tile_corner, tile_position
from widget_api.problems import lifecycle
from widget_api.problems.model import Change, Contact
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does

CITY = "38.4,54.9,38.9,55.3"
FILTERS: tuple[dict[str, str], ...] = (
    {}, {"status": "new"}, {"status": "working,done"}, {"status": "closed", "category": "roads"},
    {"category": "snow,other"},
    {"category": "gone"}, {"q": "яма"}, {"overdue": "true"}, {"since": TODAY.isoformat()}, {"status": "planned"},
)  # fmt: skip


async def asked(database: Database, site: Site, zoom: int, bbox: str = CITY, **query: str) -> dict[str, Any]:
    pairs = [("zoom", str(zoom)), ("bbox", bbox), *query.items()]
    return await clusters.clusters(database, site.id, clusters.parse(pairs, site), TODAY)


def touched(row: Row, bbox: queries.Bbox, level: int) -> bool:
    """Whether its cell and the box intersect."""
    west, south, east, north = bbox
    (left, top), (right, bottom) = tile_position(north, west, level), tile_position(south, east, level)
    x, y = tile_position(row["lat"], row["lng"], level)
    return left <= x <= right and top <= y <= bottom


@pytest.mark.parametrize("few", [0, 300])
async def test_counts_match_a_naive_count(database: Database, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    site = await town(database)
    rows = await database.rows(
        "SELECT * FROM problems WHERE site_id = :site_id AND published AND lat IS NOT NULL", site_id=site.id
    )
    monkeypatch.setattr(clusters, "FEW", few)
    for query in FILTERS:
        for zoom in (4, 9, 12, 14, 15, 19):
            for bbox in (CITY, "38.55,55.02,38.63,55.13", "-180,-85,180,85"):
                view = clusters.parse([("zoom", str(zoom)), ("bbox", bbox), *query.items()], site)
                found = await clusters.clusters(database, site.id, view, TODAY)
                by_cells = few == 0 and zoom <= 14 and not query.keys() & {"q", "overdue", "since"}
                unboxed = listing.parse(list(query.items()), site)
                level = max(8, min(16, (zoom + 2) // 2 * 2))
                expected = [
                    row
                    for row in rows
                    if matches(row, unboxed if by_cells else view.filters, TODAY)
                    and (not by_cells or bbox[0] == "-" or touched(row, view.bbox, level))
                ]
                where = (query, zoom, bbox)
                assert found["total"] == len(expected), where
                assert found["partial"] is False
                counts = Counter[str]()
                for feature in found["features"]:
                    properties = feature["properties"]
                    counts.update(properties.get("statuses") or {properties["status"]: 1})
                    if "number" not in properties:
                        assert properties["count"] == sum(properties["statuses"].values())
                        assert properties["count"] > 1, "one problem is told as itself"
                        west, south, east, north = properties["bbox"]
                        lng, lat = feature["geometry"]["coordinates"]
                        assert west - 1e-5 <= lng <= east + 1e-5
                        assert south - 1e-5 <= lat <= north + 1e-5
                assert counts == Counter(row["status"] for row in expected), where
                alone = {f["properties"]["number"] for f in found["features"] if "number" in f["properties"]}
                assert alone <= {row["number"] for row in expected}, where


async def test_cells_are_updated_by_every_change(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "FEW", 0)
    site = await make_site(database)
    first, second = [await submit_report(database, site, contact=Contact()) for _ in range(2)]
    assert (await asked(database, site, 10))["total"] == 0, "nothing unpublished is counted"
    for one in (first, second):
        await lifecycle.change(database, AGENT, site.id, one.problem_id, Change(to="accepted"))
    (pair,) = (await asked(database, site, 10))["features"]
    assert pair["properties"]["statuses"] == {"accepted": 2}
    await lifecycle.change(database, AGENT, site.id, first.problem_id, Change(to="resolved", text="Готово"))
    (one,) = (await asked(database, site, 10, status="resolved"))["features"]
    assert one["properties"] == {
        "count": 1, "number": first.number, "status": "resolved", "overdue": False, "category": "roads",
        "title": "Глубокая яма на пешеходном переходе у школы",
    }  # fmt: skip
    assert one["geometry"]["coordinates"] == [38.7783, 55.0794]


async def test_filters_without_cells_count_partially(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    site = await town(database)
    monkeypatch.setattr(clusters, "MOST", 3)
    found = await asked(database, site, 10, since="2000-01-01")
    assert (found["total"], found["partial"]) == (3, True)


def test_a_cluster_lies_within_its_cell_and_a_screen_bounds_their_number() -> None:
    bbox = (30.0, 50.0, 60.0, 60.0)
    view = clusters.View(bbox=bbox, zoom=14, filters=listing.Filters(bbox=bbox))
    level = clusters._level(view)
    (left, top), (right, bottom) = tile_position(60.0, 30.0, level), tile_position(50.0, 60.0, level)
    assert (right - left + 1) * (bottom - top + 1) <= clusters.MOST_CELLS
    level = 12
    x, y = tile_position(55.0794, 38.7783, level)
    north, west = tile_corner(x, y, level)
    south, east = tile_corner(x + 1, y + 1, level)
    assert south <= 55.0794 <= north
    assert west <= 38.7783 <= east
    assert parent(cell_at(55.0794, 38.7783), level) == parent(cell_at((north + south) / 2, (west + east) / 2), level)


@ONE_DATABASE
async def test_an_invalid_parameter_is_named(client: Client, app: Any) -> None:
    site = await make_site(app.state.context.database)
    for query, parameter in (
        ("zoom=10", "bbox"), (f"bbox={CITY}", "zoom"), (f"bbox={CITY}&zoom=99", "zoom"),
        (f"bbox={CITY}&zoom=-1", "zoom"), (f"bbox={CITY}&zoom=1.5", "zoom"), (f"bbox={CITY}&zoom=٣", "zoom"),
        (f"bbox={CITY}&zoom=nan", "zoom"), (f"bbox={CITY}&zoom=" + "9" * 3000, "zoom"),
        (f"bbox={CITY}&zoom=3&zoom=4", "zoom"), ("bbox=170,50,-170,60&zoom=3", "bbox"),
        (f"bbox={CITY}&zoom=3&status=gone", "status"), (f"bbox={CITY}&zoom=3&limit=5", "limit"),
        (f"bbox={CITY}&zoom=3&cursor=x", "cursor"),
    ):  # fmt: skip
        answer = await client.get(f"/api/v1/sites/{site.key}/clusters?{query}")
        assert answer.status_code == 400, answer.text
        assert answer.json()["parameter"] == parameter, query


async def test_unchanged_clusters_return_304(client: Client, app: Any) -> None:
    database = app.state.context.database
    site = await town(database, 12)
    path = f"/api/v1/sites/{site.key}/clusters?zoom=10&bbox={CITY}"
    first = await client.get(path)
    assert first.headers["content-type"] == "application/geo+json"
    assert first.headers["cache-control"] == "max-age=0, s-maxage=10, stale-while-revalidate=30"
    assert first.json()["type"] == "FeatureCollection"
    tag = {"If-None-Match": first.headers["etag"]}
    assert (await client.get(path, headers=tag)).status_code == 304
    receipt = await submit_report(database, site, contact=Contact())
    await lifecycle.change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    again = await client.get(path, headers=tag)
    assert (again.status_code, again.json()["total"]) == (200, first.json()["total"] + 1)
