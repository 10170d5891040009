"""Houses are found by what people type and by a point; an operator loads them from a file."""

from __future__ import annotations

import asyncio
import csv
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.api.test_report_form import filled
from tests.conftest import Client
from tests.factories import existing
from tests.support.addresses import houses
from tests.support.cabinet import Enter, PageText
from tests.support.processes import CommandFailed
from widget_api import journal
from widget_api.addresses import files, search, service, store
from widget_api.context import Context
from widget_api.problems import forms
from widget_api.sites import collection, routing_rules, testing
from widget_api.sites import service as sites
from widget_api.sites.model import Site

pytestmark = pytest.mark.settings(work="off")  # no test here reads what the worker does

TYPED_BADLY = Path(__file__).parent.parent / "support/addresses_typed_badly.csv"
ENOUGH = 55  # of sixty: the right house among the first three
FIRST = 3


async def test_houses_are_found_by_badly_typed_addresses(context: Context, site: Site) -> None:
    """Twenty thousand houses; what was typed was written before the search."""
    places = [files.Place(*house) for house in houses()]
    streets, numbers = await service.load(context.database, site.id, places, journal.COMMAND_LINE)
    assert (streets, numbers) == (330, len(places))
    missed = []
    with TYPED_BADLY.open() as lines:
        for row in csv.DictReader(lines):
            found = [item["text"] for item in await search.find(context.database, site.id, row["typed"])]
            if f"{row['street']}, {row['house']}" not in found[:FIRST]:
                missed.append((row["typed"], found))
    assert len(missed) <= 60 - ENOUGH, missed


PLACES = (
    ("улица Мира", "1", 55.1, 38.8), ("улица Мира", "12А", 55.1004, 38.8), ("улица Мира", "12", 55.1005, 38.8),
    ("переулок Мира", "12", 55.12, 38.8), ("площадь Ленина", "2/1", 55.1009, 38.8), ("Набережная", "5", 55.13, 38.8),
    ("Зелёная улица", "2", 55.14, 38.8), ("Набережная улица", "59", 55.15, 38.8),
    ("Линия улица", "3", 55.16, 38.8),
)  # fmt: skip


@pytest.fixture
async def city(context: Context, site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    """Its addresses take the place of more streets than it has, in parts smaller than all."""
    monkeypatch.setattr(service, "BATCH_SIZE", 2)
    before = [files.Place(f"улица Мира {number}-я", "12", 55.1, 38.8) for number in range(9)]
    await service.load(context.database, site.id, before, journal.COMMAND_LINE)
    await service.load(context.database, site.id, [files.Place(*one) for one in PLACES], journal.COMMAND_LINE)
    return site


async def test_a_text_or_a_point_names_houses(client: Client, context: Context, city: Site) -> None:
    test = await testing.add_test_site(context.database, city)
    await collection.add_collection(context.database, city, "budget", "budgeting")
    for query, expected in (
        ("q=мира 12", ["улица Мира, 12", "переулок Мира, 12", "улица Мира, 12А"]),
        ("q=ул мира 12а", ["улица Мира, 12А", "улица Мира, 12"]),
        ("q=мир", ["улица Мира", "переулок Мира"]),  # while it is typed
        ("q=мира 99", ["улица Мира", "переулок Мира"]),  # a street where no house fits
        ("q=наб 5", ["Набережная, 5"]),
        ("q=наб 59", ["Набережная улица, 59"]),  # a name that is a kind of street as well
        ("q=набережная улица 59", ["Набережная улица, 59"]),
        ("q=линия 3", ["Линия улица, 3"]),
        ("q=ленина 2", ["площадь Ленина, 2/1", "площадь Ленина"]),
        ("q=12", []),
        ("q=мира ²", ["улица Мира", "переулок Мира"]),  # a digit that is no number
        ("q=", []),
        ("", []),
        ("lat=55.1004&lng=38.8", ["улица Мира, 12А", "улица Мира, 12", "улица Мира, 1", "площадь Ленина, 2/1"]),
        ("lat=55.2&lng=38.8", []),
    ):
        # The test mode and a collection have the addresses of their site.
        for key in (city.key, test.key, f"{city.key}/collections/budget"):
            answer = await client.get(f"/api/v1/sites/{key}/addresses?{query}")
            assert answer.status_code == 200, answer.text
            items = answer.json()["items"]
            assert [item["text"] for item in items][: len(expected) or None] == expected, query
            assert not any("Зелёная" in item["text"] for item in items), "of similar letters, and not meant"
            assert all((item["lat"], item["lng"]) in {place[2:] for place in PLACES} for item in items)
            assert answer.headers["Cache-Control"].startswith("private"), "people type where they live"


async def test_of_many_houses_in_one_place_the_nearest_are_read(context: Context, site: Site) -> None:
    """A file may give all houses of a town one point; a degree of longitude is shorter than one of latitude."""
    same = [files.Place("улица Мира", str(number), 55.1007, 38.8) for number in range(1, 400)]
    places = [*same, files.Place("улица Лесная", "5", 55.1, 38.8009)]  # 57 m away, the others 78 m
    await service.load(context.database, site.id, places, journal.COMMAND_LINE)
    rows = await store.find_near(context.database, site.id, 55.1, 38.8, search.NEAR, 20)
    assert len(rows) == 20
    assert rows[0]["name"] == "улица Лесная"
    found = [item["text"] for item in await search.find_near(context.database, site.id, 55.1, 38.8)]
    assert (len(found), found[0]) == (search.MOST, "улица Лесная, 5")


async def test_half_a_point_is_refused_by_name(client: Client, city: Site) -> None:
    for query, parameter in (("lat=55", "lng"), ("lng=38", "lat"), ("lat=x&lng=1", "lat")):
        answer = await client.get(f"/api/v1/sites/{city.key}/addresses?{query}")
        assert (answer.status_code, answer.json().get("parameter")) == (400, parameter), answer.text


def feature(geometry: dict[str, Any], **properties: str) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


OUTLINE = [[[38.8, 55.1], [38.8, 55.3], [39.0, 55.3], [39.0, 55.1], [38.8, 55.1]]]
GEOJSON = {
    "type": "FeatureCollection",
    "features": [
        feature({"type": "Polygon", "coordinates": OUTLINE}, **{"addr:street": "улица Мира", "addr:housenumber": "7"}),
        feature({"type": "Point", "coordinates": [38.7, 55.0]}, street="улица Мира", house="9"),
        feature({"type": "Point", "coordinates": [38.7, 55.0]}, street="улица Мира"),  # has no number
    ],
}


def write_extract(path: Path) -> None:
    """An entrance, a building, and one whose outline is two ways."""
    from osmium import SimpleWriter  # the extra `osmium`, which the lock for development has
    from osmium.osm.mutable import Node, Relation, Way

    def tags(house: str) -> dict[str, str]:
        return {"addr:street": "улица Мира", "addr:housenumber": house}

    with SimpleWriter(str(path)) as extract:
        extract.add_node(Node(id=1, location=(38.7, 55.0), tags=tags("9")))
        for number, (lng, lat) in enumerate(OUTLINE[0][:-1], 2):
            extract.add_node(Node(id=number, location=(lng, lat)))
        extract.add_way(Way(id=1, nodes=[2, 3, 4, 5, 2], tags=tags("7")))
        extract.add_way(Way(id=2, nodes=[2, 3, 4]))
        extract.add_way(Way(id=3, nodes=[4, 5, 2]))
        members = [("w", 2, "outer"), ("w", 3, "outer")]
        extract.add_relation(Relation(id=1, members=members, tags={"type": "multipolygon"} | tags("11")))


async def test_a_file_replaces_the_addresses(
    context: Context, site: Site, cli: Callable[..., Any], tmp_path: Path, client: Client
) -> None:
    async def load(name: str, content: bytes) -> Any:
        (tmp_path / name).write_bytes(content)
        return await asyncio.to_thread(cli, "addresses", "load", str(tmp_path / name), "--site", site.id)

    async def find(text: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await client.get(f"/api/v1/sites/{site.key}/addresses?q={text}")).json()["items"]
        return items

    # What is not seen is taken out: PostgreSQL stores no NUL, U+202E turns around what follows.
    table = (
        "House;Street;lng;lat;note\n3\0;улица Мира;38,8;55,1;угол\n3;улица Мира;38,9;55,1;ещё раз\n;улица Мира;1;1;\n"
    )
    done = await load("houses.csv", table.encode("cp1251"))
    assert done == {"site": site.id, "streets": 1, "houses": 1}
    assert await find("мира 3") == [
        {"text": "улица Мира, 3", "lat": 55.1, "lng": 38.8},
        {"text": "улица Мира", "lat": 55.1, "lng": 38.8},
    ]
    turned = "street,house,lat,lng\nулица\u202e \u202eМира,5\u202e,55.1,38.8\n\u202e,6,55.1,38.8\n"
    assert (await load("turned.csv", turned.encode()))["houses"] == 1
    assert [item["text"] for item in await find("мира 5")] == ["улица Мира, 5", "улица Мира"]
    assert (await load("houses.geojson", json.dumps(GEOJSON).encode()))["houses"] == 2
    assert (await find("мира 7"))[0] == {"text": "улица Мира, 7", "lat": 55.2, "lng": 38.9}
    assert [item["text"] for item in await find("мира 3")] == ["улица Мира"]
    write_extract(tmp_path / "town.osm.pbf")
    assert (await load("town.osm.pbf", (tmp_path / "town.osm.pbf").read_bytes()))["houses"] == 3
    assert (await find("мира 9"))[0] == {"text": "улица Мира, 9", "lat": 55.0, "lng": 38.7}
    for house in ("7", "11"):
        assert (await find(f"мира {house}"))[0] == {"text": f"улица Мира, {house}", "lat": 55.2, "lng": 38.9}
    assert (await load("houses.geojson", json.dumps(GEOJSON).encode()))["houses"] == 2
    rows = await context.database.rows("SELECT role, details FROM journal WHERE kind = 'addresses_loaded' ORDER BY id")
    assert [tuple(row) for row in rows][-1] == ("command_line", '{"houses":2,"streets":1}')


async def test_a_file_of_another_kind_is_refused(
    site: Site, cli: Callable[..., Any], tmp_path: Path, monkeypatch: Any
) -> None:
    for name, content, complaint in (
        ("houses.csv", "street,number\nулица Мира,3\n", "house, lat, lng"),
        ("houses.csv", "street,house,lat,lng\nулица Мира,3,,\n", "no house"),  # it would erase those that are there
        ("houses.geojson", '{"type": "Point"}', "GeoJSON"),
        ("houses.json", "[", "GeoJSON"),
        ("town.osm.pbf", "[", "OpenStreetMap"),
        ("town.osm.pbf", "[", r"pip install '\.\[osmium\]'"),
    ):
        if "osmium" in complaint:
            monkeypatch.setitem(sys.modules, "osmium", None)  # as if it were not installed
        (tmp_path / name).write_text(content)
        with pytest.raises(CommandFailed, match=complaint):
            await asyncio.to_thread(cli, "addresses", "load", str(tmp_path / name), "--site", site.id)


async def test_a_form_without_scripts_completes_the_place(
    client: Client, context: Context, city: Site, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "MIN_FILLING_TIME", 0)

    async def send(page: str, **given: str) -> tuple[str, list[str]]:
        """What the residents' form answers, and the addresses that it offers."""
        path = f"/s/{city.key}/report"
        answer = await client.post(path, data=filled(page, **given), headers={"Origin": str(client.base_url)})
        return answer.text, re.findall(r'name="address_choice" value="([^"]*)"', answer.text)

    async def stored() -> tuple[str, float | None, float | None]:
        row = (await context.database.rows("SELECT address, lat, lng FROM problems ORDER BY number"))[-1]
        return row["address"], row["lat"], row["lng"]

    empty = (await client.get(f"/s/{city.key}/report")).text
    assert f'data-addresses="/api/v1/sites/{city.key}/addresses"' in empty
    for given, expected in (
        ({"address": "ул. Мира, д. 12 а"}, ("ул. Мира, д. 12 а", 55.1004, 38.8)),
        ({"address": "За гаражами"}, ("За гаражами", None, None)),
        ({"address": "Мира 99"}, ("Мира 99", None, None)),  # no such house
        ({"address": "", "coordinates": "55.1001, 38.8"}, ("улица Мира, 1", 55.1001, 38.8)),
        ({"address": "у моста", "coordinates": "55.1001, 38.8"}, ("у моста", 55.1001, 38.8)),
    ):
        empty = (await client.get(f"/s/{city.key}/report")).text
        assert (await send(empty, **given))[1] == [], given
        assert await stored() == expected
    page, offered = await send((await client.get(f"/s/{city.key}/report")).text, address="мира 12")
    assert offered == ["улица Мира, 12", "переулок Мира, 12", ""]
    assert "Уточните, какой это адрес" in page
    assert (await send(page, address="мира 12"))[1] == offered, "nothing was chosen yet"
    assert (await send(page, address="наб 5", address_choice=""))[1] == [], "another address than they were offered for"
    assert await stored() == ("наб 5", 55.13, 38.8)
    page, _ = await send((await client.get(f"/s/{city.key}/report")).text, address="мира 12")
    await send(page, address="мира 12", address_choice="")
    assert await stored() == ("мира 12", None, None)
    page, _ = await send((await client.get(f"/s/{city.key}/report")).text, address="мира 12")
    await send(page, address="мира 12", address_choice="переулок Мира, 12")
    assert await stored() == ("переулок Мира, 12", 55.12, 38.8)

    agent = await enter("agent", city.agency.id)
    given = {"channel": "phone", "category": "lighting", "description": "Темно", "address": "мира 12"}
    form = (await agent.read("/cabinet/new-report")).form("/cabinet/new-report")
    asked = await agent.client.post(form.action, data=form.fields | given)
    assert (asked.status_code, "переулок Мира, 12" in asked.text) == (422, True)
    form = PageText(asked.text).form("/cabinet/new-report")
    chosen = {"address_choice": "улица Мира, 12"}
    assert (await agent.client.post(form.action, data=form.fields | given | chosen)).status_code == 200
    assert await stored() == ("улица Мира, 12", 55.1005, 38.8)

    row = await context.database.row("SELECT id FROM problems WHERE address = 'За гаражами'")
    path = f"/cabinet/problems/{existing(row)['id']}/correct"
    form = (await agent.read(path)).form(path)
    form.fields["category"] = "yards"
    asked = await agent.client.post(path, data=form.fields | {"address": "мира 12"})
    assert (asked.status_code, "переулок Мира, 12" in asked.text) == (422, True)
    form = PageText(asked.text).form(path)
    form.fields["category"] = "yards"
    assert (await agent.client.post(path, data=form.fields | chosen)).status_code == 303
    row = await context.database.row("SELECT address, lat FROM problems WHERE id = :id", id=path.split("/")[3])
    assert tuple(existing(row)) == ("улица Мира, 12", 55.1005)
    # Another address leads to its house, unless the place was corrected as well; what has no house keeps the place.
    for given, offers, kept in (
        ({"address": "наб 5"}, False, ("наб 5", 55.13)),
        ({"address": "мира 12"}, True, ("наб 5", 55.13)),
        ({"address": "у моста"}, False, ("у моста", 55.13)),
        ({"address": "наб 59", "place": "55.1; 38.8"}, False, ("наб 59", 55.1)),
        ({"address": "Набережная улица 59"}, False, ("Набережная улица 59", 55.1)),  # the same house
    ):
        form = (await agent.read(path)).form(path)
        answer = await agent.client.post(path, data=form.fields | {"category": "yards"} | given)
        assert (answer.status_code, "address_choice" in answer.text) == ((422, True) if offers else (303, False)), given
        row = await context.database.row("SELECT address, lat FROM problems WHERE id = :id", id=path.split("/")[3])
        assert tuple(existing(row)) == kept


async def test_the_generator_of_the_cabinet_suggests_addresses(city: Site, enter: Enter) -> None:
    admin = await enter("admin", city.agency.id)
    page = (await admin.client.get(f"/cabinet/sites/{city.id}/code")).text
    assert f'data-addresses="/api/v1/sites/{city.key}/addresses" data-point="field-point"' in page
    assert "/static/address.js" in page


async def test_an_address_tells_which_service_would_get_a_report(context: Context, city: Site, enter: Enter) -> None:
    """Houses of the site precede coordinates; what may mean several is asked about; what means none has no place."""
    path, services = "/cabinet/organisation/routing", {}
    for name, lat in (("Западная", 55.1), ("Восточная", 55.12)):
        services[name] = await sites.add_agency(
            context.database, name=name, email=f"service-{lat}@gorod.test", parent_id=city.agency.id
        )
        south, north = lat - 0.005, lat + 0.005
        ring = [[38.7, south], [38.9, south], [38.9, north], [38.7, north], [38.7, south]]
        border = json.dumps({"type": "Polygon", "coordinates": [ring]})
        await routing_rules.add_rule(
            context.database,
            city.id,
            {"service": services[name], "where": routing_rules.OWN_AREA, "area": border, "area_name": name},
        )
    admin = await enter("admin", city.agency.id)

    async def ask(**given: str) -> PageText:
        return await admin.read(f"{path}?{urlencode({'try': '1', 'category': 'roads'} | given)}")

    nowhere = "Дома по этому адресу сервис не знает"
    for given, expected in (
        ({"address": "ул. Мира, 12а"}, "Перейдёт службе: Западная."),
        ({"address": "пер. Мира 12"}, "Перейдёт службе: Восточная."),
        ({"address": "пер. Мира 12", "place": "55.1, 38.8"}, "Перейдёт службе: Восточная."),
        ({"address": "у моста", "place": "55.12, 38.8"}, "Перейдёт службе: Восточная."),
        ({"address": "у моста"}, f"останется у ведомства. {nowhere}"),
        ({}, "останется у ведомства."),
        ({"address": "мира 12", "address_asked": "мира 12", "address_choice": ""}, nowhere),
    ):
        found = await ask(**given)
        assert expected in found.text, given
        assert (nowhere in found.text) == (nowhere in expected)
    unclear = await ask(address="мира 12")
    form = next(one for one in unclear.forms if "address_asked" in one.fields)
    assert "Перейдёт" not in unclear.text
    assert "останется" not in unclear.text
    chosen = await ask(**form.fields, address_choice="переулок Мира, 12")
    assert "Перейдёт службе: Восточная." in chosen.text
