"""The map of the form: its requests and messages, the sources of a location, and no traces on the page."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Geolocation, Page, Route, expect

from tests.support import maps
from tests.support.browser import NewPage, Watch, arrived, rect
from tests.support.pictures import file, halves, photo
from tests.support.tiles import CENTER, tile_of
from tests.support.widget import PHONE, WidgetSite, check_appearance, forget

HERE: Geolocation = {"latitude": 55.0986, "longitude": 38.7731, "accuracy": 120}


@pytest.fixture
def strict(widget_site: WidgetSite) -> Iterator[str]:
    """URL of a host page under the strictest policy."""
    with widget_site.strict_policy():
        yield widget_site.page(widget_site.snippet())


def pictures(watch: Watch) -> list[str]:
    return [request.url for request in watch.requests if "/tiles/" in request.url]


def chunks(watch: Watch) -> list[str]:
    return [request.url for request in watch.requests if re.search(r"/w/\S+/map-", request.url)]


def test_the_map_loads_after_a_failure_without_a_shift_and_while_the_address_is_typed(
    page: Page, watch: Watch, widget_site: WidgetSite, strict: str
) -> None:
    watch.allow("ERR_FAILED|Failed to fetch")
    maps.prepare(page, widget_site)
    lost = re.compile(r"/w/\S+/(map|ru-later)-")
    page.route(lost, lambda route: route.abort())
    maps.to_place(page, strict)
    field, opener = page.get_by_label("Адрес или ориентир"), page.get_by_role("button", name="Показать на карте")
    opener.click()
    message = page.get_by_role("status").filter(has_text="Карта не загрузилась. Напишите адрес")
    expect(message).to_be_visible()
    expect(page.locator("form .skeleton")).to_have_count(0)
    field.fill("улица Мира, 5")
    page.unroute(lost)
    held: list[Route] = []
    page.route(re.compile(r"/w/\S+/map-"), lambda route: held.append(route))
    opener.click()
    expect(page.locator("form .skeleton")).to_be_visible()
    expect(message).to_have_count(0)
    expect(field).to_have_value("улица Мира, 5")
    # Relative to the top of the form, since the map may be scrolled into view.
    below = "form => form.lastElementChild.getBoundingClientRect().top - form.getBoundingClientRect().top"
    form = page.locator("igrajdanin-widget form")
    before = form.evaluate(below)
    field.press("End")
    page.keyboard.type(", кв")
    arrived(page, held).continue_()
    expect(page.locator(".ground")).to_be_visible()
    page.keyboard.type("артал")
    expect(field).to_have_value("улица Мира, 5, квартал")
    assert form.evaluate(below) == pytest.approx(before, abs=1)


def test_the_map_on_a_desk(desktop: Page, watch: Watch, widget_site: WidgetSite, strict: str) -> None:
    maps.prepare(desktop, widget_site)
    maps.to_place(desktop, strict)
    it_loads_on_demand_only_from_the_service_and_leaves_the_host_page_unchanged(desktop, watch, widget_site)
    my_location_moves_the_pin_and_shows_its_accuracy(desktop)


def my_location_moves_the_pin_and_shows_its_accuracy(page: Page) -> None:
    page.context.set_geolocation(HERE)
    page.context.grant_permissions(["geolocation"])
    ground = maps.show(page)
    page.get_by_role("button", name="Моё местоположение").click()
    expect(page.get_by_text("точность около 120 м")).to_be_visible()
    assert maps.coordinates(page) == (HERE["latitude"], HERE["longitude"])
    spot, pin = page.locator(".spot"), page.locator(".pin")
    expect(spot).to_be_visible()
    round_, box = rect(spot), rect(pin)
    # A diameter of 240 m at this latitude, at one of the map's zoom levels.
    metres = 40_075_016.686 * 0.5721 / 256
    widths = [240 / (metres / 2**zoom) for zoom in range(12, 18)]
    assert any(round_["width"] == pytest.approx(width, abs=3) for width in widths)
    assert round_["x"] + round_["width"] / 2 == pytest.approx(box["x"] + box["width"] / 2, abs=2)
    assert round_["y"] + round_["height"] / 2 == pytest.approx(box["y"] + box["height"], abs=4)
    # The circle is the accuracy of the device's location: typed and pressed locations have none.
    maps.type_coordinates(page, "55,0990; 38,7735")
    expect(spot).to_have_count(0)
    page.get_by_role("button", name="Моё местоположение").click()
    expect(spot).to_be_visible()
    x, y = maps.middle(ground)
    page.mouse.click(x + 90, y + 30)
    expect(spot).to_have_count(0)


def test_my_location_is_hidden_if_the_hosts_policy_forbids_it(desktop: Page, widget_site: WidgetSite) -> None:
    maps.prepare(desktop, widget_site)
    widget_site.host.headers["Permissions-Policy"] = "geolocation=()"
    try:
        maps.to_place(desktop, widget_site.page(widget_site.snippet()))
    finally:
        del widget_site.host.headers["Permissions-Policy"]
    expect(desktop.get_by_role("button", name="Показать на карте")).to_be_visible()
    expect(desktop.get_by_role("button", name="Моё местоположение")).to_have_count(0)


# Instead of the browser's question, so that the test decides when it is answered.
DEVICE = """window.asked = [];
navigator.geolocation.getCurrentPosition = found => void asked.push(found)"""


def test_after_a_photo_was_taken_the_place_of_the_device_is_offered(
    new_page: NewPage, widget_site: WidgetSite, strict: str, tmp_path: Path
) -> None:
    """The device is asked once the person agrees."""
    page = new_page(viewport=PHONE, has_touch=True, is_mobile=True, geolocation=HERE, permissions=["geolocation"])
    page.add_init_script(DEVICE)
    maps.prepare(page, widget_site)
    page.route(re.compile(r"/photos\?lang="), lambda route: None)
    maps.to_place(page, strict)
    question = page.get_by_text("Проблема здесь, где вы сейчас?")
    page.get_by_role("button", name="Назад").click()
    # What was not taken just now, or has a place of its own, asks nothing.
    earlier = tmp_path / "earlier.jpg"
    earlier.write_bytes(photo(halves(60, 40)))
    os.utime(earlier, (1e9, 1e9))
    page.get_by_label("Выбрать фото").set_input_files(earlier)
    expect(page.locator(".photo img")).to_have_count(1)
    page.get_by_label("Выбрать фото").set_input_files([file(photo(halves(50, 40), place=(55.1, 38.75)))])
    expect(page.locator(".photo img")).to_have_count(2)
    expect(question).to_have_count(0)
    page.get_by_role("button", name="Убрать").last.click()
    page.get_by_label("Снять").set_input_files([file(photo(halves(70, 40)))])
    expect(question.locator("visible=true").first).to_be_visible()
    assert page.evaluate("asked.length") == 0
    check_appearance(page, "the offer", ("dark", "contrast"))
    page.get_by_role("button", name="Да, здесь").tap()
    expect(page.locator("#here")).to_be_focused()
    assert page.evaluate("asked.length") == 1
    page.evaluate("asked[0]({ coords: { latitude: 55.0986, longitude: 38.7731, accuracy: 30 } })")
    expect(page.locator("#here")).to_have_text("Место отмечено. Его можно поправить на карте.")
    page.get_by_role("button", name="Далее").click()
    expect(page.get_by_text("точность около 30 м")).to_be_visible()
    assert maps.coordinates(page) == (55.0986, 38.7731)


def test_the_location_of_a_photo_is_offered_in_the_location_step(
    page: Page, widget_site: WidgetSite, address: str
) -> None:
    """Also on a phone, and before the upload ends, since the device has read it. An announced location is kept."""
    held: list[Route] = []
    page.route(re.compile(r"/photos\?lang="), lambda route: held.append(route))
    maps.to_place(page, address)
    page.locator("#address").fill("улица Мира, 5")
    offer = page.get_by_role("button", name="Взять место с фото")
    expect(offer).to_have_count(0)
    page.get_by_role("button", name="Назад").click()
    page.locator("input#photos[accept*='.heic']").set_input_files([file(photo(halves(60, 40), place=(55.1, 38.75)))])
    expect(page.locator(".photo")).to_have_count(1)
    page.get_by_role("button", name="Далее").click()
    expect(offer).to_be_visible()
    offer.click()
    expect(page.get_by_role("status").filter(has_text="Место взято с фото.")).to_be_visible()
    expect(offer).to_be_focused()
    assert maps.coordinates(page) == pytest.approx((55.1, 38.75), abs=1e-4)
    expect(page.locator("#address")).to_have_value("улица Мира, 5")
    arrived(page, held).continue_()
    page.get_by_role("button", name="Назад").click()
    expect(page.locator(".photo").get_by_text("Загружено")).to_be_visible()


def test_the_map_as_sites_configure_it(desktop: Page, watch: Watch, widget_site: WidgetSite, strict: str) -> None:
    watch.allow("status of 404")
    for step in (
        missing_tiles_show_the_background,
        beyond_the_greatest_zoom_tiles_are_scaled,
        only_tiles_of_the_site_are_requested,
        without_a_configured_view_the_map_opens_at_the_device,
    ):
        watch.requests.clear()
        step(desktop, watch, widget_site, strict)
        forget(desktop)


def missing_tiles_show_the_background(desktop: Page, watch: Watch, widget_site: WidgetSite, strict: str) -> None:
    maps.prepare(desktop, widget_site)
    desktop.route(re.compile("/tiles/"), lambda route: route.fulfill(status=404, body=""))
    maps.opened_map(desktop, strict)
    expect(desktop.get_by_text("Карта сейчас не видна")).to_be_visible()
    expect(desktop.locator(".leaflet-tile-loaded")).not_to_have_count(0)
    requests = len(pictures(watch))
    desktop.get_by_role("button", name="Приблизить").click()
    expect(desktop.locator(".ground")).to_be_visible()
    assert requests >= 6


def beyond_the_greatest_zoom_tiles_are_scaled(
    desktop: Page, watch: Watch, widget_site: WidgetSite, strict: str
) -> None:
    maps.prepare(desktop, widget_site, max_zoom=17)
    ground = maps.opened_map(desktop, strict)
    for _ in range(3):
        maps.change_zoom(desktop, "Приблизить")
    expect(desktop.locator(".scale")).to_contain_text("10 м")
    zooms = {re.findall(r"/tiles/(\d+)/", url)[0] for url in pictures(watch)}
    assert zooms == {"16", "17"}
    width = rect(desktop.locator('.leaflet-tile-loaded img[src*="/tiles/17/"]').first)
    assert width["width"] == pytest.approx(4 * 256, abs=2)
    x, y = maps.middle(ground)
    desktop.mouse.click(x + 80, y)
    assert maps.near(maps.coordinates(desktop), maps.away(80, 0, zoom=19), zoom=19, pixels=8)


def only_tiles_of_the_site_are_requested(desktop: Page, watch: Watch, widget_site: WidgetSite, strict: str) -> None:
    west, south, east, north = 38.74, 55.085, 38.80, 55.12  # half of the widest view
    maps.prepare(desktop, widget_site, bbox=(west, south, east, north), zoom=14)
    ground = maps.opened_map(desktop, strict)
    farther = desktop.get_by_role("button", name="Отдалить")
    while farther.is_enabled():
        maps.change_zoom(desktop, "Отдалить")
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):  # pan to the limit and back
        for _ in range(8):
            ground.press(key)
        maps.expect_rest(desktop)
    across, down = (east - west) * 0.25, (north - south) * 0.25
    for url in pictures(watch):
        found = re.search(r"/tiles/(\d+)/(\d+)/(\d+)$", url)
        assert found
        zoom, column, row = map(int, found.groups())
        left, top = tile_of(north + down, west - across, zoom)
        right, bottom = tile_of(south - down, east + across, zoom)
        assert left - 1 <= column <= right + 1, url  # surroundings of the territory are visible too
        assert top - 1 <= row <= bottom + 1, url


def without_a_configured_view_the_map_opens_at_the_device(
    page: Page, watch: Watch, widget_site: WidgetSite, strict: str
) -> None:
    page.context.set_geolocation(HERE)
    page.context.grant_permissions(["geolocation"])
    maps.prepare(page, widget_site, map=None)
    maps.to_place(page, strict)
    page.get_by_role("button", name="Моё местоположение").click()
    expect(page.get_by_text("точность около 120 м")).to_be_visible()
    maps.show(page)
    expect(page.locator(".pin")).to_be_visible()


SNAPSHOT = """() => {
  const attributes = one => [...one.attributes].map(({name, value}) => name + "=" + value);
  return [attributes(document.documentElement), attributes(document.body), document.body.childElementCount,
    attributes(document.querySelector("igrajdanin-widget")), Object.keys(window).sort(),
    document.adoptedStyleSheets.length, scrollX, scrollY];
}"""


def it_loads_on_demand_only_from_the_service_and_leaves_the_host_page_unchanged(
    desktop: Page, watch: Watch, widget_site: WidgetSite
) -> None:
    assert chunks(watch) + pictures(watch) == []
    before: Any = desktop.evaluate(SNAPSHOT)
    desktop.evaluate(
        # Files are preloaded with their hash by a temporary <link> (docs/embedding.md).
        """() => { window.touched = []; Object.defineProperty(window, "touched", {enumerable: false});
        const preloads = ({type, addedNodes, removedNodes}) => type === "childList"
          && [...addedNodes, ...removedNodes].every(one => one.rel === "modulepreload");
        new MutationObserver(all => touched.push(...all.filter(one => !preloads(one))
          .map(one => one.target.nodeName + " " + one.attributeName)))
          .observe(document, {attributes: true, childList: true, subtree: true}) }"""
    )
    ground = maps.show(desktop)
    expect(ground).to_be_focused()
    expect(desktop.locator(".source")).to_contain_text("© Участники OpenStreetMap")
    expect(desktop.locator(".leaflet-tile img").first).to_have_js_property("naturalWidth", 256)
    assert len(chunks(watch)) == 1
    assert len(pictures(watch)) >= 6
    assert watch.hosts() == {widget_site.service.url, widget_site.host.url}
    x, y = maps.middle(ground)
    desktop.mouse.click(x, y)
    for start in ((x, y - 20), (x - 100, y + 60)):
        desktop.mouse.move(*start)
        desktop.mouse.down()
        desktop.mouse.move(start[0] + 50, start[1] + 20, steps=5)
        assert desktop.evaluate("document.body.className") == ""
        desktop.mouse.up()
    desktop.get_by_role("button", name="Скрыть карту").click()
    expect(ground).to_have_count(0)
    assert desktop.evaluate("touched") == []
    assert desktop.evaluate(SNAPSHOT) == before


def test_the_steps_keep_the_place_and_the_review_shows_pictures(
    page: Page, widget_site: WidgetSite, strict: str
) -> None:
    maps.prepare(page, widget_site)
    ground = maps.opened_map(page, strict)
    x, y = maps.middle(ground)
    page.mouse.click(x, y)
    place = maps.coordinates(page)
    assert maps.near(place, CENTER)
    following = page.get_by_role("button", name="Далее")
    page.get_by_role("button", name="Назад").click()
    page.route(re.compile(r"/photos\?lang="), lambda route: None)  # its picture is there before it is uploaded
    page.locator("input#photos[accept*='.heic']").set_input_files([file(photo(halves(60, 40)))])
    expect(page.locator(".photo img")).to_be_visible()
    following.click()
    assert maps.coordinates(page) == place
    maps.show(page)
    expect(page.locator(".pin")).to_be_visible()
    following.click()
    facts = page.locator(".facts")
    expect(facts).to_contain_text("Место отмечено на карте")
    expect(facts).not_to_contain_text(re.compile(r"\d\d[.,]\d"))
    assert facts.locator("img").first.evaluate("one => one.decode().then(() => one.naturalWidth)") > 0
    picture = facts.locator(".map")
    expect(picture.locator(".leaflet-tile-loaded").first).to_be_attached()
    x, y = maps.middle(picture)
    pin = rect(picture.locator(".pin"))
    assert (pin["x"] + pin["width"] / 2, pin["y"] + pin["height"]) == pytest.approx((x, y), abs=4)
    ends = [
        one.evaluate("one => one.getBoundingClientRect().right")
        for one in facts.get_by_role("button", name="Изменить").all()
    ]
    assert len(ends) == 4
    assert ends == pytest.approx([facts.evaluate("one => one.getBoundingClientRect().right")] * 4, abs=1)
