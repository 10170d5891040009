"""The map with the real service: tiles from a PMTiles file, the site's territory, refusal of locations outside."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support import maps
from tests.support.browser import Watch
from tests.support.processes import Service
from tests.support.tiles import BBOX, archive
from tests.support.widget import Stand, fill_form, number, send

DESK = {"width": 1280, "height": 900}
WEST, SOUTH, EAST, NORTH = BBOX
DEEPEST = 14


def polygon(path: Path, west: float, south: float, east: float, north: float) -> str:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return str(path)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory, module_serve: Callable[..., Service]) -> Iterator[Stand]:
    """A site with a territory and tiles; the territory of a neighbouring site borders it in the east."""
    directory = tmp_path_factory.mktemp("town")
    archive(directory / "town.pmtiles", range(10, DEEPEST + 1))
    tiles = {"tiles": str(directory / "town.pmtiles"), "tiles_attribution": "© Участники OpenStreetMap"}
    service = module_serve(rate_limits="off", **tiles)
    web = directory / "web"
    web.mkdir()
    built = Stand.build(service, web)
    service.cli("site", "set", built.site, "--area", polygon(directory / "own.json", WEST, SOUTH, EAST, NORTH))
    agency = service.cli("agency", "add", "--name", "Администрация Озёрска", "--email", "office@ozersk.test")["agency"]
    area = polygon(directory / "other.json", EAST, SOUTH, EAST + 0.1, NORTH)
    service.cli(
        "site", "add", "--name", "Озёрск", "--agency", agency, "--origin", "https://ozersk.test", "--area", area
    )
    yield built
    built.host.close()


@pytest.fixture
def desk(new_page: Callable[..., Page]) -> Page:
    return new_page(viewport=DESK)


def test_the_services_own_tiles_are_shown(desk: Page, watch: Watch, town: Stand) -> None:
    town.host.headers["Content-Security-Policy"] = maps.STRICT.format(w=town.service.url)
    try:
        ground = maps.opened_map(desk, town.page(town.snippet()))
        expect(desk.locator(".source")).to_contain_text("© Участники OpenStreetMap")
        closer = desk.get_by_role("button", name="Приблизить")
        while closer.is_enabled():
            closer.click()
            desk.wait_for_timeout(150)
        farther = desk.get_by_role("button", name="Отдалить")
        while farther.is_enabled():
            farther.click()
            desk.wait_for_timeout(150)
        ground.press("ArrowLeft")
        desk.wait_for_timeout(500)
    finally:
        del town.host.headers["Content-Security-Policy"]
    # No missing tile was requested: `watch` would report a 404.
    zooms = {re.findall(r"/tiles/(\d+)/", request.url)[0] for request in watch.requests if "/tiles/" in request.url}
    assert max(map(int, zooms)) == DEEPEST
    assert watch.hosts() == {town.service.url, town.host.url}


def test_a_location_outside_is_reported_at_once_and_refused_on_sending(desk: Page, watch: Watch, town: Stand) -> None:
    watch.allow("status of 422")
    maps.to_place(desk, town.page(town.snippet()))
    fill_form(desk)
    desk.get_by_role("button", name="Ввести координаты").click()
    field = desk.get_by_label("Координаты")
    field.fill(f"{(SOUTH + NORTH) / 2}; {EAST + 0.05}")
    alert = desk.get_by_role("alert").filter(has_text="За это место отвечает другой сайт: «Озёрск»")
    expect(alert.get_by_role("link", name="Администрация Озёрска")).to_have_attribute(
        "href", re.compile(rf"^{re.escape(town.service.url)}/s/wk_")
    )
    send(desk)
    expect(desk.locator(".error").filter(has_text="отвечает другой сайт")).to_be_visible()
    expect(desk.get_by_role("link", name="Администрация Озёрска")).to_be_visible()
    field.fill(f"{(SOUTH + NORTH) / 2}; {(WEST + EAST) / 2}")
    expect(desk.get_by_role("link", name="Администрация Озёрска")).to_have_count(0)
    send(desk)
    assert number(desk) > 0


def test_a_report_has_the_location_of_the_pin(desk: Page, watch: Watch, town: Stand) -> None:
    ground = maps.opened_map(desk, town.page(town.snippet()))
    fill_form(desk, "Яма у остановки")
    x, y = maps.middle(ground)
    # The first press only zooms in, the second one sets the pin.
    desk.mouse.click(x + 30, y + 10)
    expect(desk.get_by_text("Карта приблизилась")).to_be_attached()
    desk.mouse.click(x + 30, y + 10)
    lat, lng = maps.coordinates(desk)
    send(desk)
    given = number(desk)
    sent = [
        json.loads(one.post_data or "{}") for one in watch.requests if one.url.endswith("/problems") and one.post_data
    ]
    assert given > 0
    assert sent[0]["location"] == {"lat": lat, "lng": lng, "address": "улица Мира, 5"}
