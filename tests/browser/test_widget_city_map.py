"""The city's map: requests, clusters, messages, mouse and keyboard, under the strictest policy."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.browser import NewPage, Watch, rect
from tests.support.clusters import FakeCityMap, city_map, scattered
from tests.support.maps import Fingers, middle
from tests.support.tiles import CENTER
from tests.support.widget import PHONE, POLL, WidgetSite, draw_twice, let_time_pass, no_sideways_scrolling, wait_until

SAME_PLACE = {"lat": CENTER[0], "lng": CENTER[1]}
FOCUSED = "document.querySelector('igrajdanin-widget').shadowRoot.activeElement.getAttribute('aria-label')"


@pytest.fixture
def strict(widget_site: WidgetSite) -> Iterator[str]:
    """URL of a host page under the strictest policy."""
    with widget_site.strict_policy():
        yield widget_site.page(widget_site.snippet('type="extended" data-start="list"'))


def full(page: Page, widget_site: WidgetSite, count: int = 300) -> FakeCityMap:
    return FakeCityMap(page, widget_site, scattered(widget_site, count))


def two(widget_site: WidgetSite) -> list[dict[str, object]]:
    """Two problems far enough apart not to be clustered, from west to east."""
    west, east = scattered(widget_site, 2)
    west |= {"location": SAME_PLACE | {"lng": CENTER[1] - 0.01}, "status": "in_progress", "overdue": True}
    east |= {"location": SAME_PLACE | {"lng": CENTER[1] + 0.01}, "status": "resolved", "overdue": False}
    return [west, east]


def marks(page: Page) -> Locator:
    return page.locator("igrajdanin-widget .mark")


def biggest(page: Page) -> Locator:
    """The mark with the greatest count that is not covered, in the middle of the map."""
    box = rect(page.locator(".city-ground"))
    free = [
        (int(one.inner_text()), one)
        for one in page.locator(".mark.many").all()
        if (at := one.bounding_box())
        and box["x"] + 40 < at["x"] < box["x"] + box["width"] - 140
        and box["y"] + 60 < at["y"] < box["y"] + box["height"] - 140
    ]
    return max(free, key=lambda found: found[0])[1]


def test_clusters_split_on_zooming_in_and_stay_when_it_fails(
    desktop: Page, watch: Watch, widget_site: WidgetSite, strict: str
) -> None:
    watch.allow("ERR_FAILED|Failed to fetch")
    fake_map = full(desktop, widget_site)
    ground = city_map(desktop, strict)
    expect(marks(desktop).first).to_be_visible()
    expect(desktop.get_by_text(re.compile(r"^На карте (≈\s)?\d+ сообщени"))).to_be_visible()
    before = fake_map.queries[-1]
    assert before["zoom"] == "13"
    mark = biggest(desktop)
    expect(mark).to_have_accessible_name(
        re.compile(r"^Скопление: \d+ сообщени.(, \d+ (новое|новых|в работе|решено|закрыто))+$")
    )
    label = mark.get_attribute("aria-label") or ""
    desktop.mouse.click(*middle(mark))
    expect(desktop.get_by_label(label, exact=True)).to_have_count(0)
    assert int(fake_map.queries[-1]["zoom"]) > 13
    expect(marks(desktop).first).to_be_visible()
    assert watch.hosts() == {widget_site.service.url, widget_site.host.url}
    fake_map.failing = True
    ground.press("+")
    alert = desktop.locator(".city-ground [role=alert]")
    expect(alert).to_contain_text("Сообщения не загрузились.")
    expect(marks(desktop).first).to_be_attached()
    fake_map.failing, fake_map.partial = False, True
    alert.get_by_role("button", name="Попробовать ещё раз").click()
    expect(alert).to_have_count(0)
    expect(desktop.get_by_text("Показаны не все")).to_be_visible()
    # The map has one link to the list.
    desktop.get_by_role("button", name="К списку").press("Enter")
    expect(desktop.locator("igrajdanin-widget #list")).to_be_focused()


def test_small_pans_use_loaded_data_and_large_ones_request_more(
    desktop: Page, widget_site: WidgetSite, strict: str
) -> None:
    fake_map = full(desktop, widget_site)
    ground = city_map(desktop, strict)
    expect(marks(desktop).first).to_be_visible()
    x, y = middle(ground)
    box = fake_map.queries[-1]["bbox"]
    boxes = [query["bbox"] for query in fake_map.queries]
    assert set(boxes) == {box}
    for by in (4, -4):
        desktop.mouse.move(x, y + 3)
        desktop.mouse.down()
        desktop.mouse.move(x + by, y + 3, steps=3)
        desktop.mouse.up()
        let_time_pass(desktop, POLL)
    assert {query["bbox"] for query in fake_map.queries} == {box}
    for _ in range(5):
        ground.press("ArrowLeft")
    wait_until(desktop, lambda: fake_map.queries[-1]["bbox"] != box)
    # Outdated questions are dropped, and the marks stay until the next answer.
    expect(marks(desktop).first).to_be_visible()
    fake_map.holding = True
    ground.press("+")
    earlier = delayed(desktop, fake_map, zoom=14)
    count = marks(desktop).count()  # now, since answers to the moves before are no longer drawn
    assert count
    with desktop.expect_event("requestfailed", lambda request: request == earlier.request):
        ground.press("+")
    latest = delayed(desktop, fake_map, zoom=15)
    assert marks(desktop).count() == count
    fake_map.answer(latest)
    expect(marks(desktop)).not_to_have_count(count)


def delayed(page: Page, fake_map: FakeCityMap, zoom: int) -> Route:
    """Wait for the delayed request of that zoom."""

    def find() -> list[Route]:
        return [route for route in fake_map.delayed if f"zoom={zoom}" in route.request.url]

    wait_until(page, find)
    return find()[0]


def test_marks_by_keyboard_as_they_come_and_go(desktop: Page, widget_site: WidgetSite, strict: str) -> None:
    fake_map = FakeCityMap(desktop, widget_site, two(widget_site))
    ground = city_map(desktop, strict)
    expect(marks(desktop)).to_have_count(2)
    marks_are_reached_by_keyboard_and_open_a_preview(desktop, widget_site, ground)
    desktop.get_by_role("dialog").get_by_role("button", name="К списку").first.click()
    focus_stays_on_its_mark_or_moves_to_another_if_it_disappears(desktop, widget_site, fake_map)
    problems_in_one_place_are_listed(desktop, widget_site, fake_map)


def marks_are_reached_by_keyboard_and_open_a_preview(desktop: Page, widget_site: WidgetSite, ground: Locator) -> None:
    ground.focus()
    desktop.keyboard.press("Tab")
    assert "просрочено" in desktop.evaluate(FOCUSED)
    desktop.keyboard.press("Tab")
    assert "решено" in desktop.evaluate(FOCUSED)
    mark = desktop.get_by_role("button", name=re.compile("в работе, просрочено: "))
    expect(mark.locator(".badge")).to_be_visible()
    mark.click()
    preview = desktop.locator(".preview")
    expect(preview.get_by_role("heading")).to_be_focused()
    expect(preview).to_contain_text("В работе")
    expect(preview).to_contain_text("Просрочено")
    expect(preview).to_contain_text("улица Мира, 5")
    expect(mark).to_have_class(re.compile(r"\bon\b"))
    link = preview.get_by_role("link", name="Открыть")
    expect(link).to_have_attribute("href", re.compile(rf"/s/{widget_site.key}/problems/\d+$"))
    # Esc closes the preview and leaves the dialog open.
    desktop.keyboard.press("Escape")
    expect(preview).to_have_count(0)
    expect(mark).to_be_focused()
    expect(desktop.get_by_role("dialog")).to_be_visible()
    desktop.keyboard.press("Tab")
    assert "решено" in desktop.evaluate(FOCUSED)
    # The arrow, plus and minus keys also work on a mark; the focus stays on it.
    at = rect(marks(desktop).last)
    desktop.keyboard.press("ArrowRight")
    assert rect(marks(desktop).last)["x"] == pytest.approx(at["x"] - 80, abs=2)
    with desktop.expect_response(re.compile(r"/clusters\?.*zoom=14")):
        desktop.keyboard.press("+")
    expect(desktop.locator('.leaflet-tile-loaded img[src*="/tiles/14/"]').first).to_be_attached()
    draw_twice(desktop)
    assert "решено" in desktop.evaluate(FOCUSED)
    desktop.keyboard.press("Enter")
    expect(desktop.locator(".preview").get_by_role("heading")).to_be_focused()
    desktop.keyboard.press("Tab")
    expect(desktop.locator(".preview").get_by_role("link")).to_be_focused()
    desktop.keyboard.press("Escape")
    assert "решено" in desktop.evaluate(FOCUSED)
    desktop.keyboard.press("Enter")
    link.click()
    expect(desktop.locator("article")).to_be_visible()


def focus_stays_on_its_mark_or_moves_to_another_if_it_disappears(
    desktop: Page, widget_site: WidgetSite, fake_map: FakeCityMap
) -> None:
    expect(marks(desktop)).to_have_count(2)
    desktop.get_by_label(re.compile("решено: ")).focus()
    fake_map.city.problems = [fake_map.city.problems[1] | {"status": "answered"}, *scattered(widget_site, 60)[5:]]
    fake_map.city.problems[0]["location"] = SAME_PLACE | {"lat": CENTER[0] + 0.02, "lng": CENTER[1] + 0.01}
    # Polling brings the change.
    desktop.clock.run_for(POLL)
    expect(marks(desktop)).not_to_have_count(2)
    assert "дан ответ" in desktop.evaluate(FOCUSED)
    fake_map.city.problems = []
    desktop.clock.run_for(POLL)
    expect(marks(desktop)).to_have_count(0)
    expect(desktop.locator(".city-ground .ground")).to_be_focused()
    expect(desktop.get_by_text("Здесь сообщений нет")).to_be_visible()


def problems_in_one_place_are_listed(desktop: Page, widget_site: WidgetSite, fake_map: FakeCityMap) -> None:
    fake_map.city.problems = scattered(widget_site, 3)
    for one in fake_map.city.problems:
        one["location"] = SAME_PLACE
    desktop.clock.run_for(POLL)
    desktop.get_by_role("button", name=re.compile("^Скопление: 3 сообщения")).click()
    preview = desktop.locator(".preview")
    expect(preview.get_by_role("heading")).to_have_text("Здесь 3 сообщения")
    expect(preview.get_by_role("link")).to_have_count(3)


def test_my_location_inside_and_far_away(new_page: NewPage, widget_site: WidgetSite, strict: str) -> None:
    here = {"latitude": 55.0986, "longitude": 38.7731, "accuracy": 80}
    page = new_page(viewport=PHONE, geolocation=here, permissions=["geolocation"])
    full(page, widget_site)
    city_map(page, strict)
    expect(marks(page).first).to_be_visible()
    in_the_dialog_the_map_leaves_room_to_scroll(page)
    page.get_by_role("button", name="Моё место").click()
    expect(page.locator(".spot")).to_be_visible()
    page.context.set_geolocation({"latitude": 43.1, "longitude": 131.9, "accuracy": 80})
    page.wait_for_function(
        """() => new Promise(done => navigator.geolocation.getCurrentPosition(
          ({ coords }) => done(coords.latitude < 44), () => done(false), { maximumAge: 0 }))"""
    )
    page.get_by_role("button", name="Моё место").click()
    expect(page.get_by_text("Вы далеко от города")).to_be_visible()


def test_in_a_page_one_finger_scrolls_and_a_tap_opens_a_mark(new_page: NewPage, widget_site: WidgetSite) -> None:
    phone = new_page(viewport=PHONE, has_touch=True, is_mobile=True)
    FakeCityMap(phone, widget_site, two(widget_site))
    filler = "<p style='height:1500px'>Новости города</p>"
    ground = city_map(phone, widget_site.page(widget_site.snippet('type="extended" view="inline"') + filler))
    expect(marks(phone)).to_have_count(2)
    x, y = middle(ground)
    before = phone.evaluate("scrollY")
    Fingers(phone).move(((x, y + 60), (x, y - 90)))
    phone.wait_for_function("before => scrollY > before + 50", arg=before)
    mark = phone.get_by_label(re.compile("просрочено: "))
    mark.scroll_into_view_if_needed()
    mark.tap()
    expect(phone.locator(".preview")).to_be_visible()


def in_the_dialog_the_map_leaves_room_to_scroll(phone_map: Page) -> None:
    sheet, ground = rect(phone_map.locator(".sheet")), rect(phone_map.locator(".city-ground"))
    assert sheet["height"] - ground["height"] >= 120
    for mark in phone_map.locator(".mark, .zoom button").all():
        box = rect(mark)
        assert min(box["width"], box["height"]) >= 44
    no_sideways_scrolling(phone_map)
