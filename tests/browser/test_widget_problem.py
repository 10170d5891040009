"""The page of one problem: photos, its map, the room for its forms, printing, the strictest policy."""

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.support.browser import NewPage, Watch, rect
from tests.support.city import FakeCity
from tests.support.tour import Tour
from tests.support.widget import AGENCY, DESKTOP, PHONE, POLL, WidgetSite, draw_twice


@pytest.fixture
def tour(new_page: NewPage, widget_site: WidgetSite) -> Tour:
    page = new_page(viewport=PHONE)
    return Tour(page, widget_site, FakeCity(page, widget_site))


def open_problem(tour: Tour) -> Locator:
    tour.open()
    tour.widget.locator(".card").first.click()
    article = tour.widget.locator("article")
    expect(article.locator(".timeline")).to_be_visible()
    return article


def test_a_problem_is_read(tour: Tour, watch: Watch) -> None:
    """In one page, each time as a new visitor."""
    a_small_map_comes_once_its_place_is_seen(tour, watch)  # before the code of the map is there
    the_form_of_a_comment_comes_into_view(tour)
    the_photo_viewer_works_by_keyboard_touch_and_screen_reader(tour)
    the_problem_is_laid_out_and_printed_alone(tour)
    a_problem_works_under_the_strict_policy(tour)


def the_form_of_a_comment_comes_into_view(tour: Tour) -> None:
    """As much of it as fits below the header: on this phone, all but its end."""
    tour.page.set_viewport_size(PHONE)
    article = open_problem(tour)
    article.get_by_role("button", name="Написать комментарий").click()
    expect(tour.control("comment-text")).to_be_focused()
    form = rect(article.locator("form"))
    room = PHONE["height"] - 5 * 16
    assert form["y"] + min(form["height"], room) <= PHONE["height"] + 1


def the_photo_viewer_works_by_keyboard_touch_and_screen_reader(tour: Tour) -> None:
    article, page = open_problem(tour), tour.page
    expect(article.locator(".pair img")).to_have_count(2)
    shot = article.locator(".shot").first
    viewer = page.get_by_role("dialog", name="Фотографии")
    photo = viewer.locator(".stage img")
    for direction, ahead, mirrored in (("ltr", 1, "none"), ("rtl", -1, "matrix(-1, 0, 0, 1, 0, 0)")):
        tour.widget.locator(".igw").evaluate("(one, direction) => { one.dir = direction }", direction)
        key = "ArrowRight" if ahead > 0 else "ArrowLeft"
        shot.focus()
        page.keyboard.press("Enter")
        expect(viewer).to_contain_text("Фото 1 из 2")
        expect(photo).to_have_attribute("alt", "До: Яма шириной в метр")
        for arrow in (page.get_by_role("button", name="К списку"), viewer.get_by_role("button", name="Следующее фото")):
            expect(arrow.locator("svg")).to_have_css("transform", mirrored)
        page.keyboard.press(key)
        expect(photo).to_have_attribute("alt", "После: Ровный асфальт")
        page.keyboard.press(key)
        expect(viewer).to_contain_text("Фото 2 из 2")
        box = rect(viewer.locator(".stage"))
        page.mouse.move(box["x"] + 180 - 100 * ahead, box["y"] + 80)
        page.mouse.down()
        page.mouse.move(box["x"] + 180 + 100 * ahead, box["y"] + 80)
        page.mouse.up()
        expect(viewer).to_contain_text("Фото 1 из 2")
        page.keyboard.press("Escape")
        expect(viewer).to_have_count(0)
        expect(shot).to_be_focused()
        expect(article).to_be_visible()
    # A single photo has no arrows.
    tour.city.answers["GET /problems/1204"] = (200, tour.city.detail(1204) | {"answer": None})
    page.clock.run_for(POLL)
    expect(article.locator(".pair")).to_have_count(0)
    shot.click()
    expect(viewer).to_contain_text("Фото 1 из 1")
    expect(viewer.get_by_role("button")).to_have_accessible_name("Закрыть")
    tour.city.answers.clear()


def a_small_map_comes_once_its_place_is_seen(tour: Tour, watch: Watch) -> None:
    phone = tour.page
    tour.open()
    with phone.expect_request(re.compile("/problem-")):  # its code is there before the press
        tour.widget.locator(".card").first.hover()
    article = tour.widget.locator("article")
    expect(article).to_have_count(0)
    tour.widget.locator(".card").first.click()
    box = article.locator(".brief .where")
    expect(box).to_be_attached()
    draw_twice(phone)
    assert not [one.url for one in watch.requests if "/map-" in one.url or "/tiles/" in one.url]
    box.scroll_into_view_if_needed()
    ground = article.get_by_role("application", name="Место на карте: улица Мира, 5")
    expect(ground.locator(".leaflet-tile-loaded").first).to_be_visible()
    around, pin = rect(box), rect(box.locator(".pin"))
    assert pin["x"] + 22 == pytest.approx(around["x"] + around["width"] / 2, abs=2), "the tip is the place"
    assert pin["y"] + 50 == pytest.approx(around["y"] + around["height"] / 2, abs=2)
    # One finger scrolls the dialog, whatever it touches.
    expect(ground).to_have_css("touch-action", "pan-x pan-y")
    phone.set_viewport_size(DESKTOP)
    expect(article.locator(".beside-map > .where .pin")).to_be_visible()
    text, aside = rect(article.locator(".text").first), rect(article.locator(".where"))
    assert aside["x"] > text["x"] + text["width"], "in the column that the text leaves empty"


def the_problem_is_laid_out_and_printed_alone(tour: Tour) -> None:
    """The answer precedes the actions, and forms are aligned with the text."""
    page = tour.page
    page.set_viewport_size(DESKTOP)
    page.evaluate("document.body.insertAdjacentHTML('afterbegin', '<p id=host>Страница города</p>')")
    article = open_problem(tour)
    answer, facts, actions = (rect(article.locator(name).first)["y"] for name in (".answer", ".facts", ".actions"))
    assert answer < facts < actions
    article.get_by_role("button", name="Следить").click()
    assert abs(rect(article.locator("form"))["x"] - rect(article.locator(".text").first)["x"]) <= 1
    page.emulate_media(media="print")
    page.evaluate(
        """() => { window.print = () => {
          const widget = document.querySelector("igrajdanin-widget"), display = one => getComputedStyle(one).display;
          const actions = widget.shadowRoot.querySelector("article .actions");
          const host = document.querySelector("#host");
          const head = widget.shadowRoot.querySelector(".printed");
          window.printed = { host: display(host), widget: display(widget), actions: display(actions) };
          printed.head = head.innerText;
        } }"""
    )
    article.locator(".actions button", has_text="Распечатать").dispatch_event("click")
    printed = page.evaluate("printed")
    assert printed["host"] == printed["actions"] == "none"
    assert printed["widget"] != "none"
    # The printed page shows the agency, the URL and the date.
    address = f"{tour.widget_site.service.url}/s/{tour.widget_site.key}/problems/1204"
    assert printed["head"].split("\n") == [AGENCY, address, "Распечатано 24\u00a0ноября 2026"]
    expect(article.locator(".printed")).to_have_count(0)
    assert page.evaluate("getComputedStyle(document.querySelector('#host')).display") == "block"
    assert page.evaluate("document.adoptedStyleSheets.length") == 0


def a_problem_works_under_the_strict_policy(tour: Tour) -> None:
    page, widget_site = tour.page, tour.widget_site
    with widget_site.strict_policy():
        page.goto(f"{widget_site.host.url}/strict-csp/")
        page.locator("igrajdanin-widget").evaluate("one => one.dataset.start = 'list'")
        page.get_by_role("button", name="Сообщить о проблеме").click()
        tour.widget.locator(".card").first.click()
        tour.widget.locator(".shot").first.click()
        expect(page.get_by_role("dialog", name="Фотографии")).to_be_visible()
