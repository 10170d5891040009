"""Districts of a site: how they are loaded and changed, and how reports get theirs anew."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import time_machine

from tests.conftest import Client
from tests.factories import AGENT, existing, make_site, submit_report
from tests.support.cabinet import Enter, PageText
from tests.support.processes import CommandFailed
from widget_api import clock, i18n
from widget_api.cabinet.http import field_errors
from widget_api.casework import queries
from widget_api.casework.selection import Selection
from widget_api.context import Context
from widget_api.database import Database, Row
from widget_api.database.bulk import open_writer
from widget_api.errors import Invalid
from widget_api.people.model import VisibleSite
from widget_api.problems import districts as assigning
from widget_api.problems.lifecycle import change
from widget_api.problems.model import Change
from widget_api.problems.projections import rebuild
from widget_api.problems.store import records
from widget_api.sites import districts, routing_rules, service
from widget_api.sites.model import Site

TOWN = (38.7, 55.0, 38.9, 55.2)
WEST, EAST, SOUTH = (38.7, 55.0, 0.1), (38.8, 55.0, 0.1), (38.75, 54.95, 0.1)
pytestmark = [pytest.mark.settings(work="off"), pytest.mark.site(bbox=TOWN)]


def square(west: float, south: float, side: float) -> dict[str, Any]:
    east, north = round(west + side, 6), round(south + side, 6)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def feature(name: str | None, geometry: Any, key: str = "name") -> dict[str, Any]:
    return {"type": "Feature", "properties": {} if name is None else {key: name}, "geometry": geometry}


def collection(*features: dict[str, Any]) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features})


async def load(database: Database, site: Site, **borders: tuple[float, float, float]) -> Site:
    features = [feature(name, square(*border)) for name, border in borders.items()]
    await districts.load_districts(database, site, collection(*features))
    return await service.by_id(database, site.id)


async def names(database: Database, site: Site) -> list[str]:
    return [one.name for one in (await service.by_id(database, site.id)).districts]


async def refused(database: Database, site: Site, text: str) -> list[str]:
    """The messages about a collection that must not be stored."""
    before = await service.by_id(database, site.id)
    with pytest.raises(Invalid) as caught:
        await districts.load_districts(database, site, text)
    assert await service.by_id(database, site.id) is before
    return list(field_errors("ru", caught.value).values())


# --- loading ---


async def test_a_collection_is_loaded_and_loaded_again_with_new_borders(context: Context, site: Site) -> None:
    text = collection(
        feature("Западный", square(*WEST)),
        feature(" Восточный ", square(*EAST), "NAME"),
        feature("Юг", square(*SOUTH), "title"),
    )
    assert await districts.load_districts(context.database, site, text) == (3, 0)
    first = await service.by_id(context.database, site.id)
    assert [one.name for one in first.districts] == sorted(["Западный", "Восточный", "Юг"])
    moved = collection(feature("Западный", square(38.71, 55.01, 0.05)), feature("Север", square(38.7, 55.1, 0.1)))
    assert await districts.load_districts(context.database, first, moved) == (1, 1)
    after = {one.name: one for one in (await service.by_id(context.database, site.id)).districts}
    before = {one.name: one for one in first.districts}
    assert after["Западный"].id == before["Западный"].id
    assert after["Западный"].area.box == (38.71, 55.01, 38.76, 55.06)
    assert set(after) == {*before, "Север"}


async def test_everything_wrong_is_said_at_once_and_nothing_is_stored(context: Context, site: Site) -> None:
    open_ring = {"type": "Polygon", "coordinates": [[[38.7, 55.0], [38.8, 55.0], [38.8, 55.1], [38.7, 55.1]]]}
    said = await refused(
        context.database,
        site,
        collection(
            feature("Хороший", square(*WEST)),
            feature("Открытый", open_ring),
            feature("Чужой", square(55.0, 38.7, 0.1)),
            feature(None, square(*EAST)),
            feature("Хороший", square(*EAST)),
            feature("Точка", {"type": "Point", "coordinates": [38.7, 55.0]}),
            feature("Д" * 101, square(*EAST)),
        ),
    )
    assert [line.split(":")[0] for line in said] == [
        "«Открытый»", "«Чужой»", "У района № 4 нет названия",
        "«Хороший» встречается дважды. Переименуйте один из районов.", "«Точка»", "Название длиннее 100 знаков",
    ]  # fmt: skip


async def test_what_is_no_collection_is_refused(context: Context, site: Site) -> None:
    for text in ("{", "[]", collection(), json.dumps(square(*WEST))):
        assert len(await refused(context.database, site, text)) == 1


async def test_a_site_has_a_hundred_districts_at_most(context: Context, site: Site) -> None:
    hundred = [feature(f"Район {number}", square(*WEST)) for number in range(100)]
    one_more = feature("Ещё один", square(*WEST))
    assert await refused(context.database, site, collection(*hundred, one_more)) == [
        "Районов у сайта может быть не больше 100."
    ]
    await districts.load_districts(context.database, site, collection(*hundred))
    assert await refused(context.database, site, collection(one_more)) == ["Районов у сайта может быть не больше 100."]
    assert await districts.load_districts(context.database, site, collection(*hundred)) == (0, 100)


async def test_the_points_of_all_borders_together_are_limited(
    context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("widget_api.geo.geojson.MAX_POINTS", 9)
    await load(context.database, site, Западный=WEST)
    (said,) = await refused(context.database, site, collection(feature("Восточный", square(*EAST))))
    assert said == "В границах всех районов вместе больше 9 точек. Упростите их."
    with monkeypatch.context() as patch:  # seconds for each of a hundred
        patch.delattr(districts, "parse_part")
        both = collection(feature("Юг", square(*SOUTH)), feature("Восточный", square(*EAST)))
        assert await refused(context.database, site, both) == [said]
    assert await names(context.database, await load(context.database, site, Западный=EAST)) == ["Западный"]


async def test_a_district_is_added_renamed_and_deleted(context: Context, site: Site) -> None:
    database = context.database
    await districts.add_district(database, site, "  Старый   город ", json.dumps(square(*WEST)))
    (one,) = (await service.by_id(database, site.id)).districts
    assert one.name == "Старый город"
    with pytest.raises(Invalid):
        await districts.add_district(database, site, "Старый город", json.dumps(square(*EAST)))
    await districts.add_district(database, site, "Восточный", json.dumps(square(*EAST)))
    with pytest.raises(Invalid):
        await districts.change_district(database, site, one.id, "Восточный")
    await districts.change_district(database, site, one.id, "Центр")
    await districts.change_district(database, site, one.id, "Центр", json.dumps(square(*SOUTH)))
    found = {each.name: each for each in (await service.by_id(database, site.id)).districts}
    assert (found["Центр"].id, found["Центр"].area.box) == (one.id, (38.75, 54.95, 38.85, 55.05))
    await districts.delete_district(database, site.id, one.id)
    assert await names(database, site) == ["Восточный"]


# --- reports ---


async def read_districts(database: Database, site: Site) -> dict[int, str | None]:
    rows = await database.rows("SELECT number, district FROM problems WHERE site_id = :id ORDER BY number", id=site.id)
    return {row["number"]: row["district"] for row in rows}


async def assign_naively(database: Database, site: Site) -> dict[int, str | None]:
    rows = await database.rows("SELECT number, lat, lng FROM problems WHERE site_id = :id ORDER BY number", id=site.id)
    site = await service.by_id(database, site.id)
    return {row["number"]: site.find_district(row["lat"], row["lng"]) for row in rows}


async def figures(database: Database, site: Site) -> list[Any]:
    return [
        tuple(row)
        for row in await database.rows(
            "SELECT * FROM site_figures WHERE site_id = :id ORDER BY 1, 2, 3, 4, 5, 6, 7, 8", id=site.id
        )
    ]


async def version(database: Database, site: Site) -> int:
    row = existing(await database.row("SELECT version FROM site_counters WHERE site_id = :id", id=site.id))
    return int(row["version"])


async def check(database: Database, site: Site, url: str) -> None:
    """The districts are those of a naive assignment, and the counts those of a rebuild."""
    assert await read_districts(database, site) == await assign_naively(database, site)
    assert not await districts.is_pending(database, site.id)
    counted = await figures(database, site)
    async with open_writer(url) as bulk:
        await rebuild.rebuild_site(bulk, site.id)
    assert await figures(database, site) == counted


async def run_when_due(database: Database, later: int = districts.SETTLING) -> None:
    with time_machine.travel(clock.now() + later, tick=True):
        await assigning.assign_if_due(database)


async def submit_around(database: Database, site: Site, count: int) -> None:
    for at in range(count):
        await submit_report(database, site, lat=55.0 + at % 4 * 0.05, lng=38.72 + at % 5 * 0.04)


class Killed(Exception):
    """The process ends between two batches."""


@contextlib.contextmanager
def meanwhile(
    monkeypatch: pytest.MonkeyPatch, database: Database, site: Site, end: Exception | None = None
) -> Iterator[None]:
    """After a batch a report is submitted; then the job goes on, or dies of `end`."""
    assign_batch, submitted = assigning.assign_batch, list[int]()

    async def assign(*given: Any) -> int | None:
        done = await assign_batch(*given)
        if not submitted:
            receipt = await submit_report(database, site, lat=55.05, lng=38.75)
            submitted.append(receipt.number)
        if end is not None:
            raise end
        return done

    with monkeypatch.context() as patch:
        patch.setattr(assigning, "assign_batch", assign)
        yield


async def test_the_job_is_killed_anywhere_and_continued(
    context: Context, site: Site, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = context.database
    monkeypatch.setattr(assigning, "BATCH_SIZE", 7)
    monkeypatch.setattr(assigning, "MAX_CHANGES", 3)
    monkeypatch.setattr(assigning, "PAUSE", 0)
    await submit_around(database, site, 25)
    await submit_report(database, site, lat=None, lng=None)
    site = await load(database, site, Западный=WEST, Восточный=EAST)
    assert set((await read_districts(database, site)).values()) == {None}

    moment = clock.now() + districts.SETTLING
    for _ in range(3):
        with (
            time_machine.travel(moment, tick=True),
            meanwhile(monkeypatch, database, site, Killed()),
            pytest.raises(Killed),
        ):
            await assigning.assign_if_due(database)
        moment += assigning.EVERY
    row = existing(await database.row("SELECT districts_from FROM sites WHERE id = :id", id=site.id))
    assert 3 < row["districts_from"] < 25
    seen = await version(database, site)
    with time_machine.travel(moment, tick=True), meanwhile(monkeypatch, database, site):
        await assigning.assign_if_due(database)
    assert await version(database, site) > seen
    await check(database, site, database_url)


async def test_changed_borders_and_deleted_districts_move(context: Context, site: Site, database_url: str) -> None:
    database = context.database
    site = await load(database, site, Западный=WEST, Юг=SOUTH)
    await run_when_due(database)
    await submit_around(database, site, 20)
    by_name = {one.name: one.id for one in site.districts}
    assert {*by_name.values(), None} == set((await read_districts(database, site)).values())
    await districts.delete_district(database, site.id, by_name["Западный"])
    await run_when_due(database)
    await check(database, site, database_url)
    await districts.change_district(database, site, by_name["Юг"], "Север", json.dumps(square(38.7, 55.1, 0.1)))
    await run_when_due(database)
    await check(database, site, database_url)
    assert set((await read_districts(database, site)).values()) == {by_name["Юг"], None}
    assert await districts.count_reports(database, site.id) == {by_name["Юг"]: 6}


async def test_requests_that_began_before_a_change_are_waited_for(
    context: Context, site: Site, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = context.database
    before = await load(database, site, Западный=WEST)
    await districts.delete_district(database, site.id, before.districts[0].id)
    await assigning.assign_if_due(database)
    assert await districts.is_pending(database, site.id)
    await submit_report(database, before, lat=55.05, lng=38.75)  # its request read the site before the change
    await run_when_due(database)
    await check(database, site, database_url)

    before = await load(database, site, Западный=WEST)

    assign_batch = assigning.assign_batch

    async def change_meanwhile(*given: Any) -> int | None:
        done = await assign_batch(*given)
        if not await names(database, site):
            return done
        await districts.delete_district(database, site.id, before.districts[0].id)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(assigning, "assign_batch", change_meanwhile)
        await run_when_due(database)
    assert await districts.is_pending(database, site.id)
    await submit_report(database, before, lat=55.05, lng=38.75)
    await run_when_due(database, 2 * districts.SETTLING)
    await check(database, site, database_url)


async def test_no_site_waits(context: Context, site: Site, database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One site changes its districts again and again, one has many reports: a small third one is served at once."""
    database = context.database
    monkeypatch.setattr(assigning, "BATCH_SIZE", 2)
    monkeypatch.setattr(assigning, "PAUSE", 0)
    busy, large = [await make_site(database, agency={"name": name}) for name in ("Рисует", "Большой")]
    await submit_around(database, large, 20)
    await submit_around(database, site, 2)
    order = list[str]()
    assign_batch = assigning.assign_batch

    async def record(database: Database, one: Site, settings: int) -> int | None:
        order.append(one.id)
        return await assign_batch(database, one, settings)

    monkeypatch.setattr(assigning, "assign_batch", record)
    large, site = await load(database, large, Западный=WEST), await load(database, site, Западный=WEST)
    with time_machine.travel(clock.now() + districts.SETTLING, tick=True):
        await load(database, busy, Западный=WEST)
        await assigning.assign_if_due(database)
    assert order[:4] == sorted((large.id, site.id)) * 2, "in turns"
    for one in (large, site):
        assert not await districts.is_pending(database, one.id)
    assert await districts.is_pending(database, busy.id)
    assert busy.id not in order
    await run_when_due(database, 2 * districts.SETTLING)
    await check(database, busy, database_url)
    rows = await database.rows("SELECT name FROM chores WHERE name LIKE 'districts%'")
    assert [row["name"] for row in rows] == ["districts"], "nothing is left of the sites"


async def test_a_site_that_becomes_due_meanwhile_gets_its_turn(
    context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    database, large = context.database, await make_site(context.database, agency={"name": "Большой"})
    monkeypatch.setattr(assigning, "BATCH_SIZE", 1)
    monkeypatch.setattr(assigning, "PAUSE", 0)
    monkeypatch.setattr(assigning, "EVERY", 0)  # the time of a turn is over at once
    await submit_around(database, large, 3)
    large = await load(database, large, Западный=WEST)
    await run_when_due(database)
    assert await districts.is_pending(database, large.id), "it continues with the others"
    await load(database, site, Западный=WEST)
    monkeypatch.setattr(assigning, "EVERY", 30)
    await run_when_due(database, 2 * districts.SETTLING)
    assert not await districts.is_pending(database, site.id)
    assert not await districts.is_pending(database, large.id)


async def test_an_erased_report_keeps_its_district_until_it_is_deleted(context: Context, site: Site) -> None:
    database = context.database
    site = await load(database, site, Западный=WEST)
    await run_when_due(database)
    receipt = await submit_report(database, site, lat=55.099, lng=38.75)  # rounded to 55.1
    await change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))
    await database.write(lambda tx: records.blank(tx, receipt.problem_id))
    await database.write(
        lambda tx: tx.run("UPDATE problems SET erased_at = :at WHERE id = :id", at=clock.now(), id=receipt.problem_id)
    )
    site = await load(database, site, Западный=(38.7, 55.0, 0.05), Другой=(38.7, 55.0, 0.2))
    await run_when_due(database)
    western = next(one.id for one in site.districts if one.name == "Западный")
    assert await read_districts(database, site) == {1: western}
    await districts.delete_district(database, site.id, western)
    await run_when_due(database)
    assert await read_districts(database, site) == {1: None}


async def test_nothing_is_written_where_nothing_waits(context: Context, site: Site) -> None:
    def jobs() -> Any:
        return context.database.rows("SELECT name, next_at FROM chores")

    before: list[Row] = list(await jobs())
    await assigning.assign_if_due(context.database)
    assert list(await jobs()) == before


# --- the command ---


async def test_the_command_loads_lists_and_deletes(site: Site, cli: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "districts.geojson"
    file.write_text(collection(feature("Западный", square(*WEST)), feature("Восточный", square(*EAST))))
    bad = tmp_path / "bad.geojson"
    bad.write_text(collection(feature("Абв", square(1, 2, 3)), feature(None, square(*WEST))))

    def work() -> list[Any]:
        loaded = cli("site", "districts", site.id, "--load", str(file))
        deleted = cli("site", "districts", site.id, "--delete", "Западный")
        for wrong in (("--delete", "Западный"), ("--load", str(bad)), ("--list", "--delete", "Восточный")):
            with pytest.raises(CommandFailed):
                cli("site", "districts", site.id, *wrong)
        assert cli("site", "districts", site.id) == cli("site", "districts", site.id, "--list")
        return [loaded, deleted, cli("site", "districts", site.id)]

    loaded, deleted, listed = await asyncio.to_thread(work)
    assert (loaded["added"], loaded["changed"], loaded["pending"]) == (2, 0, True)
    assert [one["name"] for one in loaded["districts"]] == ["Восточный", "Западный"]
    assert (deleted["deleted"], [one["name"] for one in deleted["districts"]]) == (1, ["Восточный"])
    assert [(one["name"], one["reports"]) for one in listed["districts"]] == [("Восточный", 0)]


# --- the cabinet ---


async def test_an_administrator_adds_districts_by_each_way(context: Context, site: Site, enter: Enter) -> None:
    admin, database = await enter("admin", site.agency.id), context.database
    path = f"/cabinet/sites/{site.id}/districts"
    assert path in (await admin.client.get(f"/cabinet/sites/{site.id}/territory")).text
    token = (await admin.read(path)).form(path).fields["form_token"]

    async def send(area: str, name: str = "", file: str = "") -> httpx2.Response:
        files = {"file": ("districts.geojson", file.encode(), "application/geo+json")} if file else None
        return await admin.client.post(path, data={"form_token": token, "name": name, "area": area}, files=files)

    assert (await send(json.dumps(square(*WEST)), "Западный")).status_code == 303
    assert (
        await send("", file=collection(feature("Юг", square(*SOUTH)), feature("Восточный", square(*EAST))))
    ).status_code == 303
    assert (await send(collection(feature("Чужое имя", square(38.8, 55.1, 0.05))), "Своё имя")).status_code == 303
    assert await names(database, site) == sorted(["Западный", "Юг", "Восточный", "Своё имя"])
    assert i18n.text("ru", "cabinet.districts.pending") in (await admin.read(path)).text
    entries = await database.rows("SELECT role, details FROM journal WHERE kind = 'districts_changed' ORDER BY id")
    assert [tuple(row) for row in entries] == [
        ("admin", '{"added":1}'), ("admin", '{"added":2,"changed":0}'), ("admin", '{"added":1}')
    ]  # fmt: skip

    wrong = await send("{", "Ещё <один>")
    assert wrong.status_code == 422
    page = PageText(wrong.text)
    assert (page.form(path).fields["name"], page.form(path).fields["area"]) == ("Ещё <один>", "{")
    assert "Это не JSON; нужен файл GeoJSON." in page.text
    several = await send("", file=collection(feature("А", square(1, 2, 3)), feature(None, square(*WEST))))
    assert "«А» лежит за пределами" in several.text
    assert "У района № 2 нет названия" in several.text
    assert 'id="field-area-2"' in several.text


async def test_a_border_that_lies_wrong_is_drawn_and_coordinates_are_exchanged_by_a_button(
    context: Context, site: Site, enter: Enter
) -> None:
    """Of a new district, of several, of one that is there, and of a routing rule."""
    admin = await enter("admin", site.agency.id)
    service_id = await service.add_agency(
        context.database, name="Водоканал", email="w@gorod.test", parent_id=site.agency.id
    )
    site = await load(context.database, site, Западный=WEST)
    path, rules = f"/cabinet/sites/{site.id}/districts", "/cabinet/organisation/routing"
    crossing = [[38.7, 55.0], [38.9, 55.2], [38.9, 55.0], [38.7, 55.1], [38.7, 55.0]]
    swapped = [[55.0, 38.8], [55.0, 38.9], [55.1, 38.9], [55.1, 38.8], [55.0, 38.8]]

    def border(ring: list[list[float]]) -> str:
        return json.dumps({"type": "Polygon", "coordinates": [ring]})

    def several(ring: list[list[float]]) -> str:
        return collection(feature("А", {"type": "Polygon", "coordinates": [ring]}), feature("Б", square(*SOUTH)))

    for page, write, fields in (
        (path, border, {"name": "Восточный"}),
        (f"{path}/{site.districts[0].id}", border, {"name": "Западный"}),
        (rules, border, {"service": service_id, "where": "area", "area_name": "Центр"}),
        (path, several, {}),
    ):
        answer = await admin.send(page, page, **fields, area=write(crossing))
        text = PageText(answer.text).text
        assert (answer.status_code, '<circle class="spot"' in answer.text) == (422, True), page
        assert "пересекает сама себя" in text
        assert 'name="swap"' not in answer.text
        answer = await admin.send(page, page, **fields, area=write(swapped))
        assert "переставлены" in PageText(answer.text).text
        assert (answer.status_code, '<path class="drawn closed" d="M' in answer.text) == (422, True), page
        form = PageText(answer.text).form(page)
        before = answer.text.index('name="swap" value="yes"')
        assert before < answer.text.index('<textarea id="field-area"'), "the button stands beside the picture"
        if write is border:
            assert (await admin.client.post(page, data=form.fields | fields | {"swap": "yes"})).status_code == 303, page
    found = {one.name: one.area.box for one in (await service.by_id(context.database, site.id)).districts}
    assert found == dict.fromkeys(("Восточный", "Западный"), (38.8, 55.0, 38.9, 55.1))
    (rule,) = await routing_rules.list_rules(context.database, site.id)
    assert rule.matches("roads", (55.05, 38.85))


async def test_a_district_is_changed_and_deleted_after_saying_how_many_reports_it_has(
    context: Context, site: Site, enter: Enter
) -> None:
    database = context.database
    site = await load(database, site, Западный=WEST)
    for _ in range(2):
        await submit_report(database, site, lat=55.05, lng=38.75)
    admin, listed = await enter("admin", site.agency.id), f"/cabinet/sites/{site.id}/districts"
    path = f"{listed}/{site.districts[0].id}"
    form = (await admin.read(path)).form(path)
    assert json.loads(form.fields["area"]) == square(*WEST)
    assert (await admin.client.post(path, data={**form.fields, "name": ""})).status_code == 422
    assert (await admin.client.post(path, data={**form.fields, "name": "Центр", "area": ""})).status_code == 303
    (one,) = (await service.by_id(database, site.id)).districts
    assert (one.name, one.area.box) == ("Центр", (38.7, 55.0, 38.8, 55.1))

    assert "2 сообщения останутся без района" in (await admin.read(path)).text
    token = {"form_token": form.fields["form_token"]}
    assert (await admin.client.post(f"{path}/delete", data=token)).status_code == 422
    assert await names(database, site) == ["Центр"]
    assert (await admin.client.post(f"{path}/delete", data={**token, "sure": "yes"})).status_code == 303
    assert await names(database, site) == []
    assert (await admin.client.get(path)).status_code == 404


# --- filters ---


@pytest.fixture
async def split(context: Context, site: Site) -> Site:
    """Two districts with three and one published reports, and one report in none."""
    site = await load(context.database, site, Западный=WEST, Восточный=EAST)
    for lng in (38.75, 38.85, 38.72, 38.89, 38.78):
        await publish_at(context.database, site, 55.15 if lng == 38.89 else 55.05, lng)
    return site


async def publish_at(database: Database, site: Site, lat: float, lng: float) -> None:
    receipt = await submit_report(database, site, lat=lat, lng=lng)
    await change(database, AGENT, site.id, receipt.problem_id, Change(to="accepted"))


def of(site: Site, name: str) -> str:
    return next(one.id for one in site.districts if one.name == name)


async def test_public_lists_maps_and_files_are_filtered_by_district(split: Site, client: Client) -> None:
    api, western = f"/api/v1/sites/{split.key}", of(split, "Западный")

    async def numbers(query: str) -> list[int]:
        answer = await client.get(f"{api}/problems?{query}")
        return sorted(item["number"] for item in answer.json()["items"])

    assert await numbers(f"district={western}") == [1, 3, 5]
    assert await numbers(f"district={western}&sort=updated&status=accepted&q=яма") == [1, 3, 5]
    assert await numbers(f"district={of(split, 'Восточный')}") == [2]
    assert await numbers("district=") == [1, 2, 3, 4, 5]
    assert await numbers(f"district={'0' * 36}") == []
    first = (await client.get(f"{api}/problems?district={western}&limit=2")).json()
    assert await numbers(f"district={western}&limit=2&cursor={first['next']}") == [1]
    assert (await client.get(f"{api}/problems?district=Западный")).status_code == 400
    around = "bbox=38,54,40,56&zoom=12"
    assert (await client.get(f"{api}/clusters?{around}&district={western}")).json()["total"] == 3
    features = (await client.get(f"{api}/problems.geojson?district={western}")).json()["features"]
    assert sorted(one["properties"]["number"] for one in features) == [1, 3, 5]
    assert len((await client.get(f"{api}/problems.csv?district={western}")).text.strip().split("\n")) == 4


async def test_a_site_names_its_districts_and_the_citys_page_offers_them(
    context: Context, split: Site, client: Client
) -> None:
    configured = (await client.get(f"/api/v1/sites/{split.key}")).json()
    assert configured["districts"] == [{"id": one.id, "name": one.name} for one in split.districts]
    page = PageText((await client.get(f"/s/{split.key}?district={of(split, 'Восточный')}")).text)
    assert "Восточный" in page.text
    assert ("№ 2" in page.text.replace("\xa0", " "), "№ 3" in page.text.replace("\xa0", " ")) == (True, False)
    other = await make_site(context.database)
    assert "districts" not in (await client.get(f"/api/v1/sites/{other.key}")).json()
    assert "filter-district" not in (await client.get(f"/s/{other.key}")).text


async def test_the_cabinets_list_map_views_and_files_are_filtered_by_district(
    context: Context, split: Site, enter: Enter
) -> None:
    database, admin = context.database, await enter("admin", split.agency.id)
    await submit_report(database, split, lat=55.05, lng=38.75)  # in moderation
    chosen = f"/cabinet/problems?district={of(split, 'Западный')}"

    async def lines(address: str) -> list[str]:
        page = (await admin.client.get(address)).text
        return sorted(set(re.findall(r'<a [^>]*href="/cabinet/problems/([0-9a-f-]{36})', page)))

    rows = await database.rows("SELECT id FROM problems WHERE district = :id ORDER BY id", id=of(split, "Западный"))
    assert await lines(chosen) == [row["id"] for row in rows]
    assert len(await lines(chosen)) == 4
    for more in ("&sort=due", "&status=accepted", "&category=roads", "&q=яма"):
        assert set(await lines(chosen + more)) <= {row["id"] for row in rows}
        assert len(await lines(chosen + more)) >= 3
    drawn = (await admin.client.get(f"{chosen}&view=map")).text
    assert 'class="one"' in drawn or 'class="many"' in drawn
    page = (await admin.client.get(chosen)).text
    assert re.search(r"</span>Западный<span", page)
    assert await lines(f"/cabinet/problems?district={'0' * 36}") == []
    table = (await admin.client.get(f"/cabinet/problems.csv?district={of(split, 'Восточный')}")).text.split("\n")
    assert "Район" in table[0].split(";")
    assert "Восточный" in table[1].split(";")
    assert len(table) == 3


async def test_a_district_narrows_the_list_of_its_own_site_alone(
    context: Context, split: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it has many reports the list is walked in its order; another site would be walked to its end."""
    monkeypatch.setattr(queries, "MAX_FOUND", 1)
    other = await make_site(context.database)
    of_both = [
        VisibleSite(id=one.id, name=one.name, time_zone="UTC", moderator="agent", ordinal=one.ordinal)
        for one in (split, other)
    ]
    selection = Selection(district=of(split, "Западный"))
    branches = await queries._list_branches(context.database, of_both, selection, clock.now())
    assert {branch.where.values["site_id"] for branch in branches} == {split.id}
    rows, _ = await queries.read_page(context.database, of_both, selection, clock.now())
    assert sorted(row["number"] for row in rows) == [1, 3, 5]
    rare = await queries._list_branches(
        context.database, of_both[:1], replace(selection, categories=("snow",)), clock.now()
    )
    assert "p.district = " in rare[0].table, "a category that is missing in the district is not walked to its end"
