"""The map with the real service: tiles from a PMTiles file, the site's territory, refusal of locations outside."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support import maps
from tests.support.browser import Watch
from tests.support.processes import Serve
from tests.support.tiles import BBOX, archive
from tests.support.widget import WidgetSite, fill_form, number, send

WEST, SOUTH, EAST, NORTH = BBOX
DEEPEST = 14


def polygon(path: Path, west: float, south: float, east: float, north: float) -> str:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [ring]}))
    return str(path)


@pytest.fixture(scope="module")
def site_with_map(tmp_path_factory: pytest.TempPathFactory, module_serve: Serve) -> Iterator[WidgetSite]:
    """A site with a territory and tiles; the territory of a neighbouring site borders it in the east."""
    directory = tmp_path_factory.mktemp("town")
    archive(directory / "town.pmtiles", range(10, DEEPEST + 1))
    tiles = {"tiles": str(directory / "town.pmtiles"), "tiles_attribution": "© Участники OpenStreetMap"}
    service = module_serve(rate_limits="off", **tiles)
    web = directory / "web"
    web.mkdir()
    built = WidgetSite.build(service, web)
    service.cli("site", "set", built.site, "--area", polygon(directory / "own.json", WEST, SOUTH, EAST, NORTH))
    agency = service.cli("agency", "add", "--name", "Администрация Озёрска", "--email", "office@ozersk.test")["agency"]
    area = polygon(directory / "other.json", EAST, SOUTH, EAST + 0.1, NORTH)
    service.cli(
        "site", "add", "--name", "Озёрск", "--agency", agency, "--origin", "https://ozersk.test", "--area", area
    )
    yield built
    built.host.close()


def test_the_services_own_tiles_are_shown(desktop: Page, watch: Watch, site_with_map: WidgetSite) -> None:
    with site_with_map.strict_policy():
        ground = maps.opened_map(desktop, site_with_map.page(site_with_map.snippet()))
        expect(desktop.locator(".source")).to_contain_text("© Участники OpenStreetMap")
        for name in ("Приблизить", "Отдалить"):
            while desktop.get_by_role("button", name=name).is_enabled():
                maps.change_zoom(desktop, name)
        ground.press("ArrowLeft")
        maps.expect_rest(desktop)
        for request in watch.requests:
            request.response()
    # No missing tile was requested: `watch` would report a 404.
    zooms = {re.findall(r"/tiles/(\d+)/", request.url)[0] for request in watch.requests if "/tiles/" in request.url}
    assert max(map(int, zooms)) == DEEPEST
    assert watch.hosts() == {site_with_map.service.url, site_with_map.host.url}


def test_a_location_outside_is_reported_at_once_and_refused_on_sending(
    desktop: Page, watch: Watch, site_with_map: WidgetSite
) -> None:
    watch.allow("status of 422")
    maps.to_place(desktop, site_with_map.page(site_with_map.snippet()))
    fill_form(desktop)
    field = maps.type_coordinates(desktop, f"{(SOUTH + NORTH) / 2}; {EAST + 0.05}")
    alert = desktop.get_by_role("alert").filter(has_text="За это место отвечает другой сайт: «Озёрск»")
    expect(alert.get_by_role("link", name="Администрация Озёрска")).to_have_attribute(
        "href", re.compile(rf"^{re.escape(site_with_map.service.url)}/s/wk_")
    )
    send(desktop)
    expect(desktop.locator(".error").filter(has_text="отвечает другой сайт")).to_be_visible()
    expect(desktop.get_by_role("link", name="Администрация Озёрска")).to_be_visible()
    field.fill(f"{(SOUTH + NORTH) / 2}; {(WEST + EAST) / 2}")
    expect(desktop.get_by_role("link", name="Администрация Озёрска")).to_have_count(0)
    send(desktop)
    assert number(desktop) > 0


def test_a_report_has_the_location_of_the_pin(desktop: Page, watch: Watch, site_with_map: WidgetSite) -> None:
    ground = maps.opened_map(desktop, site_with_map.page(site_with_map.snippet()))
    fill_form(desktop, "Яма у остановки")
    x, y = maps.middle(ground)
    # The first press only zooms in, the second one sets the pin.
    desktop.mouse.click(x + 30, y + 10)
    expect(desktop.get_by_text("Карта приблизилась")).to_be_attached()
    desktop.mouse.click(x + 30, y + 10)
    lat, lng = maps.coordinates(desktop)
    send(desktop)
    given = number(desktop)
    sent = [
        json.loads(one.post_data or "{}") for one in watch.requests if one.url.endswith("/problems") and one.post_data
    ]
    assert given > 0
    assert sent[0]["location"] == {"lat": lat, "lng": lng, "address": "улица Мира, 5"}
