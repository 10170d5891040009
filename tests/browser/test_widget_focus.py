"""Focus and scroll position change only when the person acts, not when content arrives or the layout changes."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, ViewportSize, expect

from tests.support.browser import NewPage, arrived
from tests.support.widget import (
    ACCEPTED,
    DESKTOP,
    PHONE,
    SEND,
    TEXT,
    WidgetSite,
    draw_twice,
    fill_form,
    let_time_pass,
    number,
    open_form,
)

WORDS = "перенос остановки на улице Мира"
# A field of the host above a column of the given width, as in a default theme of WordPress.
COLUMN = """
<style>body {{ margin: 0 }} main {{ width: {width}px; margin: 0 auto }} .room {{ height: 700px }}</style>
<main><p><label>Поиск <input id="own"></label></p><div class="room"></div>{snippet}<div class="room"></div></main>
"""
PLACE = "[document.activeElement.id || document.activeElement.tagName, scrollY]"


def column(widget_site: WidgetSite, width: int, attributes: str) -> str:
    return widget_site.page(COLUMN.format(width=width, snippet=widget_site.snippet(f'view="inline" {attributes}')))


def type_while_loading(page: Page, address: str) -> None:
    """Open the page and type into its own field; after each letter one answer of the service, or one file, arrives."""
    held: list[Route] = []
    loaded = re.compile(r"/api/v1/|/w/\d+\.\d")
    page.route(loaded, lambda route: held.append(route))
    page.goto(address)
    page.locator("#own").click()
    for letter in WORDS:
        page.keyboard.type(letter)
        if held:
            held.pop(0).continue_()
            draw_twice(page)
    page.unroute(loaded)
    for route in held:
        route.continue_()


def expect_untouched(page: Page, *place: object) -> None:
    """Focus and scroll position of the host are the same, also after all that is due."""
    let_time_pass(page, 1_000)
    assert page.evaluate(PLACE) == list(place)


@pytest.fixture
def page(new_page: NewPage) -> Page:
    return new_page(viewport=DESKTOP)


def test_loading_inline_takes_no_focus(page: Page, widget_site: WidgetSite) -> None:
    """Neither from the host's own field nor from its start; with a shared URL no more than without."""
    page.clock.install()
    usable = page.locator("igrajdanin-widget").locator("form, .body .panel, .card").first
    cases = [*((width, "basic") for width in (400, 599, 640, 700)), (400, "extended"), (640, "extended")]
    for width, kind in cases:
        type_while_loading(page, column(widget_site, width, f'type="{kind}"'))
        expect(usable).to_be_visible()
        expect_untouched(page, "own", 0)
        expect(page.locator("#own")).to_have_value(WORDS)
    type_while_loading(page, column(widget_site, 640, 'type="extended"') + "#igrajdanin?status=new")
    expect(page.locator("igrajdanin-widget .turn")).to_be_visible()
    expect_untouched(page, "own", 0)
    for width in (400, 640):
        page.goto(column(widget_site, width, 'type="basic"'))
        expect(page.locator("igrajdanin-widget form")).to_be_visible()
        expect_untouched(page, "BODY", 0)


def test_a_late_answer_to_a_report(page: Page, widget_site: WidgetSite) -> None:
    """To somebody who is still there, and to one who has gone on."""
    held: list[Route] = []
    page.clock.install()
    page.route(re.compile("/problems$"), lambda route: held.append(route))
    page.goto(column(widget_site, 800, 'type="basic"'))
    title = page.get_by_role("heading", name=ACCEPTED)
    fill_form(page)
    page.get_by_role("button", name=SEND).click()
    arrived(page, held).continue_()
    assert number(page) > 0
    let_time_pass(page, 1_000)
    expect(title).to_be_focused()
    page.get_by_role("button", name="Сообщить ещё").click()
    held.clear()
    fill_form(page)
    page.get_by_role("button", name=SEND).click()
    page.locator("#own").click()
    page.keyboard.type(WORDS[:9])
    before: Any = page.evaluate(PLACE)
    arrived(page, held).continue_()
    assert number(page) > 0
    expect_untouched(page, *before)
    page.keyboard.type(WORDS[9:])
    expect(page.locator("#own")).to_have_value(WORDS)


LYING, STANDING = ViewportSize(width=740, height=360), PHONE


DESCRIPTION, PLACE_FIELD = ("Что именно не так", TEXT, 2), ("Адрес или ориентир", "улица Мира, 5", 3)
OTHER_PAIRS = pytest.mark.full("each view, kind and field is in the others")
ROTATION_CASES = [
    ("button", "extended", *PLACE_FIELD),
    ("inline", "basic", *DESCRIPTION),
    pytest.param("button", "basic", *DESCRIPTION, marks=OTHER_PAIRS),
    pytest.param("inline", "basic", *PLACE_FIELD, marks=OTHER_PAIRS),
    pytest.param("inline", "extended", *DESCRIPTION, marks=OTHER_PAIRS),
]


@pytest.mark.parametrize(("view", "kind", "label", "text", "step"), ROTATION_CASES)
def test_rotating_a_phone_while_typing(
    new_page: NewPage, widget_site: WidgetSite, view: str, kind: str, label: str, text: str, step: int
) -> None:
    phone = new_page(viewport=LYING, has_touch=True)
    address = widget_site.page(widget_site.snippet(f'type="{kind}" view="{view}"'))
    if view == "button":
        open_form(phone, address)
    else:
        phone.goto(address)
        if kind == "extended":
            phone.locator("igrajdanin-widget .turn .button").click()
    field = phone.get_by_label(re.compile("^" + label))
    field.click()
    phone.keyboard.type(text)
    for _ in range(4):
        phone.keyboard.press("ArrowLeft")
    for room in (STANDING, LYING, STANDING):
        phone.set_viewport_size(room)
        progress = phone.get_by_text(f"Шаг {step} из 4")
        expect(progress).to_be_visible() if room == STANDING else expect(progress).to_have_count(0)
        expect(field).to_be_focused()
        expect(field).to_be_in_viewport()
        assert field.evaluate("field => field.selectionStart") == len(text) - 4
        phone.keyboard.type("-")
        text = text[:-4] + "-" + text[-4:]
        expect(field).to_have_value(text)
    phone.get_by_role("button", name="Далее").click()
    expect(phone.get_by_text(f"Шаг {step + 1} из 4")).to_be_visible()
    expect(phone.get_by_role("heading", level=3).locator("visible=true").first).to_be_focused()
