"""The addresses of a town in the form: suggestions while one is typed, on a desk and on a phone."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support import maps
from tests.support.browser import NewPage, arrived, rect
from tests.support.tiles import CENTER
from tests.support.widget import WidgetSite, check_appearance, draw_twice

LAT, LNG = CENTER
HOUSES = (
    ("улица Мира", "5", LAT, LNG),
    ("улица Мира", "12А", LAT, LNG + 0.004),
    ("улица Мира", "12", LAT, LNG + 0.0041),
    ("переулок Мира", "5", LAT + 0.01, LNG + 0.03),
    ("улица Садовая", "3", LAT + 0.002, LNG),
)


@pytest.fixture(scope="module", autouse=True)
def loaded(widget_site: WidgetSite, tmp_path_factory: pytest.TempPathFactory) -> None:
    file: Path = tmp_path_factory.mktemp("addresses") / "town.csv"
    file.write_text("street,house,lat,lng\n" + "".join(f"{','.join(map(str, house))}\n" for house in HOUSES))
    widget_site.service.cli("addresses", "load", str(file), "--site", widget_site.site)


@pytest.fixture
def field(desktop: Page, widget_site: WidgetSite, address: str) -> Locator:
    """The address in the one-page form of a desk, its map open; more than seven houses have no other answer."""
    maps.prepare(desktop, widget_site, zoom=13)
    maps.opened_map(desktop, address)
    return desktop.locator("#address")


def options(page: Page) -> Locator:
    return page.get_by_role("listbox", name="Адреса").get_by_role("option")


def test_suggestions_are_chosen_by_keyboard_and_pointer(desktop: Page, field: Locator) -> None:
    desktop.get_by_label("Дороги и тротуары").check()
    expect(field).to_have_role("textbox")
    field.press_sequentially("мира 5")
    expect(options(desktop)).to_have_text(["улица Мира, 5", "переулок Мира, 5", "улица Мира", "переулок Мира"])
    expect(desktop.get_by_role("status").filter(has_text="4 адреса. Выберите стрелками")).to_be_attached()
    expect(field).to_have_role("combobox")
    expect(field).to_have_attribute("aria-expanded", "true")
    check_appearance(desktop, "suggestions", ("dark", "contrast"))
    desktop.keyboard.press("ArrowUp")
    expect(options(desktop).last).to_have_attribute("aria-selected", "true")
    desktop.keyboard.press("Escape")  # the list alone hears of it
    expect(options(desktop)).to_have_count(0)
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(field).to_have_value("мира 5")
    desktop.keyboard.press("ArrowDown")
    expect(options(desktop)).to_have_count(4)
    desktop.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "address-0")
    with desktop.expect_request(re.compile(r"/similar\?")):
        desktop.keyboard.press("Enter")
    expect(field).to_have_value("улица Мира, 5")
    expect(field).to_be_focused()
    expect(options(desktop)).to_have_count(0)
    assert maps.coordinates(desktop) == CENTER
    middle, pin = maps.middle(desktop.locator(".ground")), rect(desktop.locator(".pin"))
    assert (pin["x"] + pin["width"] / 2, pin["y"] + pin["height"]) == pytest.approx(middle, abs=4)
    expect(desktop.locator(".scale")).to_have_text(re.compile("^(50|100) м"))  # the map has come closer
    # The pin belongs to that house, with or without words after it.
    desktop.keyboard.type(", у арки")
    draw_twice(desktop)
    assert maps.coordinates(desktop) == CENTER
    field.fill("улица Мира, 51")
    expect(desktop.locator(".pin")).to_have_count(0)
    # A street waits for its number.
    field.fill("")
    field.press_sequentially("садов")
    options(desktop).click()
    expect(field).to_have_value("улица Садовая ")
    expect(field).to_be_focused()
    expect(desktop.locator(".pin")).to_have_count(0)
    desktop.keyboard.type("3")
    options(desktop).first.click()
    expect(field).to_have_value("улица Садовая, 3")
    expect(desktop.locator(".pin")).to_have_count(1)


def test_an_address_that_was_typed_with_a_slip_is_offered_as_it_is_known(
    desktop: Page, widget_site: WidgetSite, address: str
) -> None:
    """An offer alone: what was typed stays until it is pressed."""
    maps.to_place(desktop, address)
    field = desktop.locator("#address")
    field.press_sequentially("садавая 3")
    expect(options(desktop).first).to_have_text("улица Садовая, 3")
    desktop.keyboard.press("Tab")
    offer = desktop.get_by_role("status").filter(has_text="Вы имели в виду")
    expect(offer).to_be_visible()
    expect(field).to_have_value("садавая 3")
    offer.get_by_role("button", name="улица Садовая, 3").click()
    expect(field).to_have_value("улица Садовая, 3")
    expect(field).to_be_focused()
    expect(offer).to_have_count(0)
    expect(desktop.get_by_text("Место отмечено на карте")).to_be_visible()


def test_suggestions_on_a_phone_stand_above_what_hides_them(
    new_page: NewPage, widget_site: WidgetSite, address: str
) -> None:
    page = new_page(viewport={"width": 360, "height": 420}, has_touch=True, is_mobile=True)  # beside a keyboard
    maps.prepare(page, widget_site)
    maps.to_place(page, address)
    page.locator("#address").tap()
    page.locator("#address").press_sequentially("мира 5")
    expect(options(page)).to_have_count(4)
    every, bar, first = (
        rect(one) for one in (page.get_by_role("listbox"), page.locator("form .end"), options(page).first)
    )
    assert first["height"] >= 44
    assert 3 * 44 <= every["height"] <= bar["y"] - every["y"]
    check_appearance(page, "suggestions on a phone")
    page.locator("#address").fill("мира 12")
    options(page).filter(has_text="улица Мира, 12А").tap()
    expect(page.locator("#address")).to_have_value("улица Мира, 12А")
    expect(page.get_by_text("Место отмечено на карте")).to_be_visible()
    held: list[Route] = []
    page.route("**/map-*.js", lambda route: held.append(route))
    page.get_by_role("button", name="Далее").tap()  # no map was asked for: the review brings its own, in a room kept
    expect(page.locator(".around")).to_be_visible()
    bottom = "element => element.getBoundingClientRect().bottom"
    before = page.locator("dl.facts").evaluate(bottom)
    arrived(page, held).continue_()
    expect(page.locator(".around .pin")).to_be_visible()
    assert page.locator("dl.facts").evaluate(bottom) == before
