"""The map with finger, mouse, wheel, keyboard and assistive technology, in the dialog and in a scrolling page."""

import re

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.support import maps
from tests.support.browser import NewPage, rect
from tests.support.maps import Fingers, away, coordinates, expect_rest, middle, near, opened_map, prepare
from tests.support.tiles import CENTER
from tests.support.widget import DESKTOP, PHONE, WidgetSite, check_appearance, no_sideways_scrolling, wear

NARROWEST: ViewportSize = {"width": 320, "height": 640}


@pytest.fixture
def inline(widget_site: WidgetSite) -> str:
    """The inline widget in a page that is longer than the screen."""
    filler = "<p style='height:1500px'>Новости города</p>"
    return widget_site.page(widget_site.snippet('view="inline"') + filler)


@pytest.fixture
def phone(new_page: NewPage) -> Page:
    return new_page(viewport=PHONE, has_touch=True, is_mobile=True)


def centre(page: Page) -> tuple[float, float]:
    """The centre of the map, where Enter sets the pin."""
    page.locator(".ground").focus()
    page.keyboard.press("Enter")
    return coordinates(page)


def zoom(page: Page) -> int:
    """Zoom level of the topmost tiles."""
    source = page.locator(".leaflet-tile-loaded img").last.get_attribute("src")
    found = re.search(r"/tiles/(\d+)/", source or "")
    assert found
    return int(found[1])


def pin_at(page: Page) -> tuple[float, float]:
    """Position of the pin's tip on the screen."""
    box = rect(page.locator(".pin"))
    return box["x"] + box["width"] / 2, box["y"] + 50


def test_dragging_and_double_clicking_with_a_mouse(desktop: Page, widget_site: WidgetSite, address: str) -> None:
    prepare(desktop, widget_site)
    x, y = middle(opened_map(desktop, address))
    desktop.mouse.click(x, y)
    start = coordinates(desktop)
    assert near(start, CENTER)
    # Dragging the map moves the pin with it and keeps its location; a drag is not a click.
    desktop.mouse.move(x + 100, y + 50)
    desktop.mouse.down()
    desktop.mouse.move(x + 30, y + 20, steps=6)
    desktop.mouse.up()
    assert pin_at(desktop) == pytest.approx((x - 70, y - 30), abs=2)
    assert coordinates(desktop) == start
    # Pressing the pin's head does not move it.
    desktop.mouse.click(x - 70, y - 60)
    assert coordinates(desktop) == start
    # Dragging the pin does not move the map.
    desktop.mouse.move(x - 70, y - 50)
    desktop.mouse.down()
    desktop.mouse.move(x + 10, y + 10, steps=6)
    desktop.mouse.up()
    assert near(coordinates(desktop), away(80, 60, start=start), pixels=2)
    expect(desktop.locator(".ground")).to_be_visible()
    start = centre(desktop)
    assert near(start, away(70, 30), pixels=2)
    # A double click zooms in on the location.
    desktop.mouse.dblclick(x + 50, y + 20)
    expect(desktop.locator(f'.leaflet-tile-loaded img[src*="/tiles/{maps.ZOOM + 1}/"]').first).to_be_attached()
    assert near(coordinates(desktop), away(50, 20, start=start))
    assert pin_at(desktop) == pytest.approx((x + 50, y + 20), abs=3)
    check_appearance(desktop, "map", ("light", "contrast"))
    desktop.emulate_media(forced_colors="active")
    ink, ground = desktop.locator(".pin path").evaluate_all(
        "all => [getComputedStyle(all[0]).fill, getComputedStyle(all[0]).stroke]"
    )
    assert ink != ground
    expect(desktop.locator(".pin")).to_be_visible()


def test_the_wheel_zooms_if_the_map_is_focused(desktop: Page, widget_site: WidgetSite, inline: str) -> None:
    prepare(desktop, widget_site)
    x, y = middle(opened_map(desktop, inline))
    desktop.get_by_label("Адрес или ориентир").focus()
    x, y = middle(desktop.locator(".ground"))
    before = desktop.evaluate("scrollY")
    desktop.mouse.move(x, y)
    desktop.mouse.wheel(0, 200)
    desktop.wait_for_function("before => scrollY > before", arg=before)
    assert zoom(desktop) == maps.ZOOM
    x, y = middle(desktop.locator(".ground"))
    desktop.mouse.click(x, y)
    expect(desktop.locator(".ground")).to_be_focused()
    stays = desktop.evaluate("scrollY")
    desktop.mouse.wheel(0, -60)
    expect(desktop.locator(f'.leaflet-tile-loaded img[src*="/tiles/{maps.ZOOM + 1}/"]').first).to_be_attached()
    assert desktop.evaluate("scrollY") == stays


PANE = """() => { window.seen = []; const pane = document.querySelector("igrajdanin-widget").shadowRoot
  .querySelector(".leaflet-map-pane");
  new MutationObserver(() => seen.push([pane.style.transform, pane.className])).observe(pane, {attributes: true}) }"""


def moves(page: Page) -> tuple[int, bool]:
    """Number of steps in which a key moved the map, and whether zooming was animated."""
    closer = zoom(page) + 1
    page.evaluate(PANE)
    page.locator(".ground").press("ArrowRight")
    expect_rest(page)
    steps = len({transform for transform, _ in page.evaluate("seen")})
    page.get_by_role("button", name="Приблизить").click()
    expect(page.locator(f'.leaflet-tile-loaded img[src*="/tiles/{closer}/"]').first).to_be_attached()
    expect_rest(page)
    return steps, any("leaflet-zoom-anim" in names.split() for _, names in page.evaluate("seen"))


def test_motion_is_animated(new_page: NewPage, widget_site: WidgetSite, address: str) -> None:
    """Unless it is to be reduced, as everywhere else here."""
    page = new_page(viewport=DESKTOP, reduced_motion="no-preference")
    prepare(page, widget_site)
    opened_map(page, address)
    steps, zoomed = moves(page)
    assert steps > 3
    assert zoomed
    assert near(centre(page), away(80, 0), pixels=2)


def test_in_the_dialog_one_finger_pans_and_a_tap_sets_the_pin(
    phone: Page, widget_site: WidgetSite, address: str
) -> None:
    prepare(phone, widget_site)
    x, y = middle(opened_map(phone, address))
    phone.touchscreen.tap(x - 40, y + 30)
    start = coordinates(phone)
    assert near(start, away(-40, 30), pixels=2)
    scrolled = phone.locator(".sheet").evaluate("sheet => sheet.scrollTop")
    x, y = middle(phone.locator(".ground"))
    Fingers(phone).move(((x + 60, y - 60), (x + 10, y + 10)))
    assert phone.locator(".sheet").evaluate("sheet => sheet.scrollTop") == scrolled
    assert coordinates(phone) == start
    assert not near(centre(phone), CENTER, pixels=40)
    # Two zoom in, and set no pin.
    phone.get_by_role("button", name="Убрать метку").click()
    x, y = middle(phone.locator(".ground"))
    Fingers(phone).move(((x - 20, y), (x - 85, y)), ((x + 20, y), (x + 85, y)))
    expect(phone.locator(f'.leaflet-tile-loaded img[src*="/tiles/{maps.ZOOM + 2}/"]').first).to_be_attached()
    assert phone.evaluate("visualViewport.scale") == 1
    expect(phone.locator(".pin")).to_have_count(0)
    nothing_is_cut_off_on_the_narrowest_screen(phone)


def test_in_a_page_one_finger_scrolls_and_two_pan_the_map(phone: Page, widget_site: WidgetSite, inline: str) -> None:
    prepare(phone, widget_site)
    ground = opened_map(phone, inline)
    expect(phone.get_by_text("Карту двигайте двумя пальцами")).to_be_visible()
    x, y = middle(ground)
    fingers = Fingers(phone)
    before = phone.evaluate("scrollY")
    fingers.move(((x, y + 60), (x, y - 90)))
    phone.wait_for_function("before => scrollY > before + 50", arg=before)
    expect_rest(phone)
    expect(phone.locator(".pin")).to_have_count(0)
    assert near(centre(phone), CENTER)
    phone.get_by_role("button", name="Убрать метку").click()
    x, y = middle(ground)
    stays = phone.evaluate("scrollY")
    fingers.move(((x - 40, y), (x + 20, y + 60)), ((x + 40, y), (x + 100, y + 60)))
    assert phone.evaluate("scrollY") == stays
    start = centre(phone)
    assert near(start, away(-60, -60), pixels=15)
    # One that is put on the pin drags it.
    x, y = pin_at(phone)
    scrolled = phone.evaluate("scrollY")
    fingers.move(((x, y - 25), (x + 50, y + 35)))
    assert near(coordinates(phone), away(50, 60, start=start), pixels=4)
    assert phone.evaluate("scrollY") == scrolled


def test_the_pin_is_set_by_keyboard(desktop: Page, widget_site: WidgetSite, address: str) -> None:
    prepare(desktop, widget_site)
    ground = opened_map(desktop, address)
    keys = desktop.locator(".keys")
    desktop.keyboard.press("Tab")
    desktop.keyboard.press("Shift+Tab")
    expect(ground).to_be_focused()
    expect(keys).to_be_visible()
    expect(desktop.locator(".aim")).to_be_visible()
    expect(ground).to_have_accessible_description(re.compile("Enter ставит метку"))
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        desktop.keyboard.press(key)
    status = desktop.locator(".picker [role=status]")
    expect(status).to_have_text(re.compile(r"^Центр карты: 55,09\d\d; 38,77\d\d, масштаб 16$"))
    desktop.keyboard.press("Space")
    assert near(coordinates(desktop), away(160, 80))
    expect(status).to_have_text(re.compile(r"^Метка: 55,09\d\d; 38,77\d\d$"))
    desktop.keyboard.press("+")
    expect(desktop.locator(f'.leaflet-tile-loaded img[src*="/tiles/{maps.ZOOM + 1}/"]').first).to_be_attached()
    desktop.keyboard.press("ArrowLeft")
    desktop.keyboard.press("Enter")
    assert near(coordinates(desktop), away(120, 80))
    desktop.keyboard.press("Tab")
    pin = desktop.locator(".pin")
    expect(pin).to_be_focused()
    desktop.keyboard.press("ArrowUp")
    desktop.keyboard.press("Shift+ArrowLeft")
    desktop.keyboard.press("Enter")
    assert pin_at(desktop) == pytest.approx(middle(ground), abs=3)
    assert near(coordinates(desktop), away(240 - 24, 160 - 8, zoom=maps.ZOOM + 1), zoom=maps.ZOOM + 1, pixels=3)
    desktop.keyboard.press("Tab")
    expect(desktop.get_by_role("button", name="Приблизить")).to_be_focused()
    # The form was not sent, and the dialog is still open.
    expect(desktop.get_by_role("dialog")).to_be_visible()
    expect(desktop.get_by_role("alert")).to_have_count(0)
    keys_of_the_browser_are_not_intercepted_and_reduced_motion_is_not_animated(desktop)


def keys_of_the_browser_are_not_intercepted_and_reduced_motion_is_not_animated(desktop: Page) -> None:
    ground = desktop.locator(".ground")
    ground.evaluate(
        """one => { window.prevented = {};
        one.closest(".igw").addEventListener("keydown", event => prevented[event.key] = event.defaultPrevented) }"""
    )
    for key in ("Control+=", "Alt+ArrowLeft", "Tab", "Shift+Tab", "a", "ArrowLeft"):
        ground.press(key)
    prevented = desktop.evaluate("prevented")
    assert prevented == {"=": False, "ArrowLeft": True, "Tab": False, "a": False} | {
        key: False for key in ("Control", "Alt", "Shift") if key in prevented
    }
    assert moves(desktop) == (1, False)


def nothing_is_cut_off_on_the_narrowest_screen(page: Page) -> None:
    page.set_viewport_size(NARROWEST)
    wear(page, "contrast")
    ground = page.locator(".ground")
    page.mouse.click(*middle(ground))
    no_sideways_scrolling(page)
    box = rect(ground)
    assert box["height"] >= 240
    for name in ("Приблизить", "Отдалить", "Метка. Стрелки сдвигают её"):
        size = rect(page.get_by_role("button", name=name))
        assert min(size["width"], size["height"]) >= 44
    a, b = rect(page.get_by_role("button", name="Приблизить")), rect(page.locator(".source span").first)
    assert a["y"] + a["height"] <= b["y"] or b["y"] + b["height"] <= a["y"]
