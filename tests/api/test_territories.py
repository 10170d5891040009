"""A site's territory: the initial map, `place`, reports from outside, and how the border is set."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.test_private_links import path as path_of
from tests.api.test_report_form import filled
from tests.conftest import ONE_DATABASE, Client, running
from tests.factories import existing, make_site, submit_report
from tests.support.cabinet import Cabinet, Enter, PageText
from tests.support.exchange import accept_report
from tests.support.processes import CommandFailed
from tests.support.public_api import Widget
from widget_api import i18n
from widget_api.context import Context
from widget_api.database import Database
from widget_api.errors import Invalid
from widget_api.mail import links
from widget_api.problems import forms
from widget_api.problems.store import records
from widget_api.settings import Settings
from widget_api.sites import changes, service
from widget_api.sites.model import Site
from widget_api.tiles.model import tile_at
from widget_api.web import bodies


def square(west: float, south: float, side: float) -> list[list[float]]:
    east, north = round(west + side, 6), round(south + side, 6)
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def polygon(*rings: list[list[float]]) -> str:
    return json.dumps({"type": "Polygon", "coordinates": rings})


TOWN = polygon(square(38.7, 55.0, 0.2), square(38.74, 55.04, 0.02))  # with a hole
DISTRICT = polygon(square(39.0, 55.0, 0.1))
REGION = polygon(square(38.0, 54.0, 2.0))
INSIDE, HOLE, IN_DISTRICT, ABROAD = (55.1, 38.8), (55.05, 38.75), (55.05, 39.05), (40.0, 20.0)
pytestmark = pytest.mark.site(name="Город", area=TOWN)


@pytest.fixture
def database(app: Any) -> Database:
    found: Database = app.state.context.database
    return found


async def place(client: Client, site: Site, lat: object, lng: object) -> httpx2.Response:
    return await client.get(f"/api/v1/sites/{site.key}/place?lat={lat}&lng={lng}")


# --- the configuration ---


async def test_the_map_begins_at_the_territory(client: Client, site: Site, database: Database) -> None:
    found = (await client.get(f"/api/v1/sites/{site.key}")).json()["map"]
    assert found == {
        "center": [55.1, 38.8],
        "zoom": 10,
        "bbox": [38.7, 55.0, 38.9, 55.2],
        "tiles": None,
        "max_zoom": None,
        "attribution": None,
        "outlined": True,
    }
    # Of one across 180 degrees at its larger part; without one every point is inside.
    parts = [[square(170.0, 65.0, 10.0)], [square(-180.0, 65.0, 2.0)]]
    site = await make_site(database, area=json.dumps({"type": "MultiPolygon", "coordinates": parts}))
    found = (await client.get(f"/api/v1/sites/{site.key}")).json()["map"]
    assert (found["center"], found["bbox"]) == ([70.0, 175.0], [-180.0, 65.0, 180.0, 75.0])
    assert (await place(client, site, 66, -179)).json()["inside"] is True
    site = await make_site(database)
    assert (await place(client, site, *ABROAD)).json() == {"inside": True, "detail": None, "other": None}


async def test_tiles_are_named_in_the_configuration_and_drawn_around_reports(
    make_settings: Callable[..., Settings], database_url: str
) -> None:
    settings = make_settings(
        database_url=database_url,
        tiles="http://tiles.test/{z}/{x}/{y}.png",
        tiles_attribution="© Участники OpenStreetMap",
    )
    async with running(settings) as app:
        database = app.state.context.database
        boxed = await make_site(
            database,
            bbox=(38.76, 55.07, 38.80, 55.09),
            accent="#0a58a6",
            appeals="handoff",
            appeals_url="https://g.test",
        )
        nowhere = await make_site(database)
        async with httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=app), base_url="https://widget.test"
        ) as client:
            content = (await client.get(f"/api/v1/sites/{boxed.key}")).json()
            without = (await client.get(f"/api/v1/sites/{nowhere.key}")).json()
            pages = list[list[str]]()
            for one, lat in ((boxed, 55.08), (boxed, 56.0), (nowhere, 55.08)):
                problem = await accept_report(app.state.context, one, lat=lat, lng=38.78, address="ул. Мира, 5")
                number = existing(await records.find(database, problem))["number"]
                for address in (
                    f"/s/{one.key}/problems/{number}",
                    path_of(links.track_url(app.state.context, problem)),
                ):
                    pages.append(re.findall(r'<svg class="ground".*</svg>', (await client.get(address)).text))
    assert content["map"]["tiles"] == "https://widget.test/tiles/{z}/{x}/{y}"
    assert content["map"]["attribution"] == "© Участники OpenStreetMap"
    assert content["map"]["max_zoom"] == 19
    assert (content["map"]["zoom"], content["map"]["center"]) == (13, [55.08, 38.78])
    assert (content["accent"], content["appeals_url"]) == ("#0a58a6", "https://g.test")
    assert content["map"]["outlined"] is False
    assert without["map"] is None
    tile = tile_at(55.08, 38.78, 16)
    for (drawn,) in pages[:2]:
        assert 'aria-label="Место на карте: ул. Мира, 5"' in drawn
        assert f'href="/tiles/16/{tile.x}/{tile.y}"' in drawn
        assert drawn.count("<image") <= 9, "the point and what fits around it"
    assert pages[2:] == [[]] * 4, "outside of the territory there are no tiles"


# --- the border, for a map ---


async def test_the_border_is_returned_with_holes_and_an_etag(client: Client, site: Site, database: Database) -> None:
    answer = await client.get(f"/api/v1/sites/{site.key}/area")
    assert answer.json() == {
        "type": "MultiLineString",
        "coordinates": [square(38.7, 55.0, 0.2), square(38.74, 55.04, 0.02)],
    }
    assert answer.headers["access-control-allow-origin"] == "*"
    again = {"If-None-Match": answer.headers["etag"]}
    assert (await client.get(f"/api/v1/sites/{site.key}/area", headers=again)).status_code == 304
    await changes.update_site(database, site.id, {"area": DISTRICT})
    moved = await client.get(f"/api/v1/sites/{site.key}/area", headers=again)
    assert moved.json()["coordinates"] == [square(39.0, 55.0, 0.1)]
    boxed = await make_site(database, bbox=(38.76, 55.07, 38.80, 55.09))
    assert (await client.get(f"/api/v1/sites/{boxed.key}/area")).json()["coordinates"] == []
    assert (await client.get("/api/v1/sites/wk_unknown/area")).status_code == 404


# --- place ---


async def test_a_point_is_inside_or_of_the_smallest_other_site(client: Client, database: Database, site: Site) -> None:
    await make_site(database, name="Область", area=REGION)
    district = await make_site(database, name="Район", area=DISTRICT, agency={"name": "Управа"})
    boxed = await make_site(database, name="По рамке", bbox=(38.745, 55.045, 38.755, 55.055))
    await make_site(database, name="Без территории")
    assert (await place(client, site, *INSIDE)).json() == {"inside": True, "detail": None, "other": None}
    assert (await place(client, site, *IN_DISTRICT)).json() == {
        "inside": False,
        "detail": i18n.text("ru", "fields.outside_other", other="Район"),
        "other": {"name": "Район", "agency": "Управа", "url": f"https://widget.test/s/{district.key}"},
    }
    assert (await place(client, site, *HOLE)).json()["other"]["name"] == "По рамке"
    abroad = await client.get(f"/api/v1/sites/{site.key}/place?lat={ABROAD[0]}&lng={ABROAD[1]}&lang=en")
    detail = i18n.text("en", "fields.outside", site=site.name)
    assert abroad.json() == {"inside": False, "detail": detail, "other": None}
    await changes.disable_site(database, district.id)
    await changes.disable_site(database, boxed.id)
    assert (await place(client, site, *IN_DISTRICT)).json()["other"]["name"] == "Область"
    assert (await place(client, site, *HOLE)).json()["other"]["name"] == "Область"


async def test_place_is_cached_until_a_border_changes(client: Client, database: Database, site: Site) -> None:
    first = await place(client, site, *IN_DISTRICT)
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.headers["cache-control"] == "max-age=0, s-maxage=10"
    url, tag = str(first.request.url), {"If-None-Match": first.headers["etag"]}
    assert (await client.get(url, headers=tag)).status_code == 304
    other = await make_site(database)
    await changes.update_site(database, other.id, {"area": DISTRICT})
    again = await client.get(url, headers=tag)
    assert again.status_code == 200
    assert again.json()["other"]["url"].endswith(other.key)


@ONE_DATABASE
async def test_an_invalid_point_is_named(client: Client, site: Site) -> None:
    for lat, lng, wrong in (
        ("", "38.8", "lat"),
        ("55.1", "", "lng"),
        ("NaN", "38.8", "lat"),
        ("55.1", "inf", "lng"),
        ("55.1", "-180.1", "lng"),
        ("90.0001", "38.8", "lat"),
        ("1e1", "38.8", "lat"),
        ("5_5", "38.8", "lat"),
        ("٥٥", "38.8", "lat"),
        ("55.1", "38,8", "lng"),
        ("55.1", "38.8;DROP TABLE sites", "lng"),
        ("55." + "1" * 5000, "38.8", "lat"),
        ("%00", "38.8", "lat"),
    ):
        answer = await place(client, site, lat, lng)
        assert answer.status_code == 400, lat
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["parameter"] == wrong


# --- reports ---


async def test_a_report_from_outside_is_refused_and_led_on(client: Client, database: Database, site: Site) -> None:
    district = await make_site(database, name="Район", area=DISTRICT)
    widget = Widget(client, site)
    refusal = await widget.send(
        location={"lat": IN_DISTRICT[0], "lng": IN_DISTRICT[1], "address": "ул. Мира"}, category="x"
    )
    assert refusal.status_code == 422
    found = {error["field"]: error for error in refusal.json()["errors"]}
    assert set(found) == {"location", "category"}, "all errors at once"
    assert found["location"]["code"] == "outside"
    assert found["location"]["url"] == f"https://widget.test/s/{district.key}"
    assert "«Район»" in found["location"]["detail"]
    assert "словами" in found["location"]["detail"]
    assert "url" not in found["category"]
    assert await widget.written() == 0
    nobodys = await widget.send(location={"lat": ABROAD[0], "lng": ABROAD[1]})
    (error,) = nobodys.json()["errors"]
    assert (error["code"], "url" in error) == ("outside", False)
    assert error["detail"].startswith("Эта точка за пределами нашей территории.")
    body = {"location": {"lat": IN_DISTRICT[0], "lng": IN_DISTRICT[1]}, "ticket": await widget.ticket()}
    headers = {"Origin": widget.origin, "Idempotency-Key": "k", "Accept-Language": "en"}
    english = await client.post(f"{widget.root}/problems", json=body, headers=headers)
    detail = next(error["detail"] for error in english.json()["errors"] if error["field"] == "location")
    assert all(words in detail for words in ("“Район”", "in words"))
    locations: tuple[dict[str, Any], ...] = (
        {"lat": INSIDE[0], "lng": INSIDE[1]},
        {"lat": 55.0, "lng": 38.7},  # a vertex of the border
        {"address": "ул. Мира, 1, соседний район"},
    )
    for number, location in enumerate(locations):
        assert (await widget.send(f"k{number}", location=location)).status_code == 201, location


async def test_the_form_without_scripts_links_to_the_responsible_site(
    client: Client, database: Database, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MIN_FILLING_TIME", 0)
    district = await make_site(database, name="Район", area=DISTRICT)
    path = f"/s/{site.key}/report"
    page = (await client.get(path)).text
    outside = filled(page, coordinates=f"{IN_DISTRICT[0]}, {IN_DISTRICT[1]}")
    refused = await client.post(path, data=outside)
    assert refused.status_code == 422
    assert f'href="https://widget.test/s/{district.key}"' in refused.text
    assert "Открыть «Район»" in refused.text
    assert 'id="field-coordinates-error"' in refused.text
    assert outside["description"].splitlines()[0] in refused.text, "nothing typed is lost"
    taken = await client.post(path, data=filled(refused.text, coordinates=""))
    assert taken.status_code == 200


# --- setting it up ---


async def test_a_territory_can_be_replaced_and_removed_and_an_invalid_one_changes_nothing(
    database: Database, site: Site
) -> None:
    await changes.update_agency(database, site.agency.id, {"inn": "5022000000"})
    for area, code in (
        ("{", "area_json"),
        (polygon(square(38.7, 55.0, 0.2)[:-1]), "area_open"),
        (polygon(square(24.9, 60.1, 0.2)), "area_far"),  # Helsinki lies in Russia's box, far from Kolomna
        (polygon(square(55.0, 10.0, 0.2)), "area_abroad"),
        (polygon(square(55.0, 38.7, 0.2)), "area_swapped"),
        (polygon(square(55.0, 95.0, 0.2)), "area_range"),  # Krasnoyarsk swapped: not the agency's region
        (polygon([[38.7, 55.0], [38.9, 55.2], [38.9, 55.0], [38.7, 55.1], [38.7, 55.0]]), "area_crosses"),
    ):
        with pytest.raises(Invalid) as refusal:
            await changes.update_site(database, site.id, {"area": area, "name": "Другое"})
        assert [(error.field, error.code) for error in refusal.value.fields] == [("area", code)]
    with pytest.raises(Invalid, match="invalid") as elsewhere:
        await make_site(database, bbox=(38.5, 54.9, 39.1, 55.3), area=polygon(square(39.5, 55.0, 0.2)))
    (wrong,) = elsewhere.value.fields
    assert (wrong.code, dict(wrong.values)["distance"]) == ("area_elsewhere", 26)
    assert (await service.by_key(database, site.key)).name == "Город"
    await changes.update_site(database, site.id, {"area": DISTRICT})
    moved = await service.by_key(database, site.key)
    assert moved.bbox == (39.0, 55.0, 39.1, 55.1)
    assert (moved.covers(*IN_DISTRICT), moved.covers(*INSIDE)) == (True, False)
    await changes.update_site(database, site.id, {"name": "Город"})
    assert (await service.by_key(database, site.key)).area == moved.area
    await changes.update_site(database, site.id, {"area": None})
    free = await service.by_key(database, site.key)
    assert (free.area, free.bbox, free.covers(*ABROAD)) == (None, None, True)


async def test_the_desk_changes_border_and_time_zone(
    client: Client, context: Context, site: Site, admin: Cabinet, enter: Enter
) -> None:
    """A refused border is drawn and explained; coordinates are exchanged by a button, and nothing is sent anew."""
    database, path = context.database, f"/cabinet/sites/{site.id}/territory"
    await submit_report(database, site, lat=55.1, lng=38.8)

    async def promised() -> list[tuple[Any, ...]]:
        sql = "SELECT answer_due, (SELECT COUNT(*) FROM deliveries), (SELECT COUNT(*) FROM events) FROM problems"
        return [tuple(row) for row in await database.rows(sql)]

    before = await promised()
    assert (await (await enter("agent", site.agency.id)).client.get(path)).status_code == 403
    form = (await admin.read(path)).form(path)
    crossing = polygon([[38.7, 55.0], [38.9, 55.2], [38.9, 55.0], [38.7, 55.1], [38.7, 55.0]])
    refused = await admin.client.post(path, data=form.fields | {"area": crossing, "time_zone": "Asia/Omsk"})
    assert (refused.status_code, "точка 55.06667, 38.76667" in refused.text) == (422, True)
    assert '<circle class="spot"' in refused.text
    swapped = polygon(square(55.0, 39.0, 0.1))
    refused = await admin.client.post(path, data=form.fields | {"area": swapped})
    assert (refused.status_code, "Широта и долгота переставлены" in refused.text) == (422, True)
    assert '<path class="drawn closed" d="M' in refused.text
    assert (await service.by_id(database, site.id)).area == site.area
    again = PageText(refused.text).form(path)
    assert again.fields["area"] == swapped
    forgotten = await admin.client.post(path, data=again.fields | {"area": "", "swap": "yes"})
    assert (forgotten.status_code, "Выберите файл ещё раз" in forgotten.text) == (422, True)
    assert 'name="swap" value="yes"' in refused.text
    done = await admin.client.post(path, data=again.fields | {"swap": "yes", "time_zone": "Asia/Kamchatka"})
    assert done.headers["location"] == f"{path}?done=1"
    changed = await service.by_id(database, site.id)
    assert (changed.bbox, changed.time_zone) == ((39.0, 55.0, 39.1, 55.1), "Asia/Kamchatka")
    assert (await place(client, site, *INSIDE)).json()["inside"] is False
    assert (len(before), await promised()) == (1, before)
    await admin.client.post(path, data=again.fields | {"area": ""})
    assert (await service.by_id(database, site.id)).area == changed.area, "an empty field removes nothing"
    await admin.client.post(path, data=again.fields | {"area": "", "remove": "yes"})
    assert (await service.by_id(database, site.id)).area is None


async def test_a_long_border_may_be_pasted_and_is_kept_when_it_is_refused(
    database: Database, site: Site, admin: Cabinet
) -> None:
    """As long as a file may be: a border of a map has more characters than other fields."""
    path, side = f"/cabinet/sites/{site.id}/territory", 8_000
    ring = [[38.7 + 0.2 * i / side, 55.0] for i in range(side)] + [[38.9, 55 + 0.2 * i / side] for i in range(side)]
    border = polygon([*ring, [38.7, 55.2], ring[0]])
    assert len(border) > bodies.MAX_FIELDS_SIZE
    form, empty = (await admin.read(path)).form(path), [("file", ("", b"", "application/octet-stream"))]
    crossing = polygon([*ring, [38.8, 54.9], ring[0]])
    refused = await admin.client.post(path, data=form.fields | {"area": crossing}, files=empty)
    assert (refused.status_code, "точка 55.0" in refused.text) == (422, True)
    assert PageText(refused.text).form(path).fields["area"].strip() == crossing
    done = await admin.client.post(path, data=form.fields | {"area": border}, files=empty)
    assert done.headers["location"] == f"{path}?done=1"
    stored = (await service.by_id(database, site.id)).area
    assert (stored and stored.points) == 2 * side + 2
    strange = form.fields | {"form_token": "forged", "area": border}
    assert (await admin.client.post(path, data=strange, files=empty)).status_code == 413, "nobody else fills memory"


@ONE_DATABASE
async def test_the_command_reads_a_file_and_tells_errors(cli: Callable[..., Any], tmp_path: Path, dialect: str) -> None:
    border, broken, huge = tmp_path / "town.geojson", tmp_path / "broken.json", tmp_path / "huge.json"
    border.write_text(json.dumps({"type": "Feature", "properties": {}, "geometry": json.loads(TOWN)}))
    broken.write_text(polygon([[95.0, 38.7], [38.7, 155.0], [38.0, 55.0], [95.0, 38.7]]))
    huge.write_bytes(b"[" * 2_500_000)
    agency = cli("agency", "add", "--name", "Администрация", "--email", "a@gorod.test")["agency"]
    add = ("site", "add", "--name", "Сайт", "--agency", agency, "--origin", "https://gorod.test", "--area")
    for path, said in (
        (broken, "coordinates[0][1]"),
        (huge, "2 MB"),
        (tmp_path / "absent.json", "No such file"),
        (tmp_path, "directory"),
    ):
        with pytest.raises(CommandFailed) as failure:
            cli(*add, str(path))
        assert "--area" in str(failure.value)
        assert said in str(failure.value)
    key = cli(*add, str(border))["key"]
    shown = cli("site", "show", key)
    assert shown["area"] == {"polygons": 1, "points": 10, "square_kilometres": pytest.approx(281, abs=2)}
    assert shown["bbox"] == [38.7, 55.0, 38.9, 55.2]
    assert cli("site", "set", key, "--name", "Город")["area"] == shown["area"]
    assert cli("site", "set", key, "--area", "")["area"] is None


async def test_a_border_of_thousands_of_points_is_cheap_to_check(database: Database) -> None:
    """The number of compared edges stays small, whatever the border's length."""
    side = 12_000
    ring = [[38 + i / side, 55.0] for i in range(side)] + [[39.0, 55 + i / side] for i in range(side)]
    ring += [[39 - i / side, 56.0] for i in range(side)] + [[38.0, 56 - i / side] for i in range(side)]
    site = await make_site(database, area=polygon([*ring, ring[0]]))
    assert site.area is not None
    assert site.area.points == 48_001
    bands = site.area.polygons[0]._bands[1]
    assert max(len(edges) for edges in bands[1:-1]) < 60
    assert site.covers(55.5, 38.5)
    assert not site.covers(55.5, 39.0001)
