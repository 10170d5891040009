"""The city's map: requests, clusters, messages, mouse and keyboard, under the strictest policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.test_widget_accessibility import THEMES, check, no_sideways_scrolling
from tests.support import maps
from tests.support.browser import Watch
from tests.support.clusters import Town, city_map, scattered
from tests.support.maps import Fingers, middle
from tests.support.tiles import CENTER
from tests.support.widget import Stand

DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
SPOT = {"lat": CENTER[0], "lng": CENTER[1]}
FOCUSED = "document.querySelector('igrajdanin-widget').shadowRoot.activeElement.getAttribute('aria-label')"


@pytest.fixture
def strict(stand: Stand) -> Iterator[str]:
    stand.host.headers["Content-Security-Policy"] = maps.STRICT.format(w=stand.service.url)
    yield stand.page(stand.snippet('type="extended"'))
    del stand.host.headers["Content-Security-Policy"]


@pytest.fixture
def desk(new_page: Callable[..., Page]) -> Page:
    return new_page(viewport=DESK)


def full(page: Page, stand: Stand, count: int = 300) -> Town:
    return Town(page, stand, scattered(stand, count))


def two(stand: Stand) -> list[dict[str, object]]:
    """Two problems far enough apart not to be clustered, from west to east."""
    west, east = scattered(stand, 2)
    west |= {"location": SPOT | {"lng": CENTER[1] - 0.01}, "status": "in_progress", "overdue": True}
    east |= {"location": SPOT | {"lng": CENTER[1] + 0.01}, "status": "resolved", "overdue": False}
    return [west, east]


def marks(page: Page) -> Locator:
    return page.locator("igrajdanin-widget .mark")


def biggest(page: Page) -> Locator:
    """The mark with the greatest count that is not covered, in the middle of the map."""
    box = page.locator(".city-ground").bounding_box()
    assert box
    free = [
        (int(one.inner_text()), one)
        for one in page.locator(".mark.many").all()
        if (at := one.bounding_box())
        and box["x"] + 40 < at["x"] < box["x"] + box["width"] - 140
        and box["y"] + 60 < at["y"] < box["y"] + box["height"] - 140
    ]
    return max(free, key=lambda found: found[0])[1]


def test_clusters_split_on_zooming_in(desk: Page, watch: Watch, stand: Stand, strict: str) -> None:
    town = full(desk, stand)
    city_map(desk, strict)
    expect(marks(desk).first).to_be_visible()
    expect(desk.get_by_text(re.compile(r"^На карте (≈\s)?\d+ сообщени"))).to_be_visible()
    before = town.asked[-1]
    assert before["zoom"] == "13"
    mark = biggest(desk)
    expect(mark).to_have_accessible_name(
        re.compile(r"^Скопление: \d+ сообщени.(, \d+ (новое|новых|в работе|решено|закрыто))+$")
    )
    label = mark.get_attribute("aria-label") or ""
    desk.mouse.click(*middle(mark))
    expect(desk.get_by_label(label, exact=True)).to_have_count(0)
    assert int(town.asked[-1]["zoom"]) > 13
    expect(marks(desk).first).to_be_visible()
    assert watch.hosts() == {stand.service.url, stand.host.url}


def test_small_pans_use_loaded_data_and_large_ones_request_more(desk: Page, stand: Stand, strict: str) -> None:
    town = full(desk, stand)
    ground = city_map(desk, strict)
    expect(marks(desk).first).to_be_visible()
    x, y = middle(ground)
    box = town.asked[-1]["bbox"]
    boxes = [query["bbox"] for query in town.asked]
    assert set(boxes) == {box}
    for by in (4, -4):
        desk.mouse.move(x, y + 3)
        desk.mouse.down()
        desk.mouse.move(x + by, y + 3, steps=3)
        desk.mouse.up()
        desk.wait_for_timeout(300)
    assert {query["bbox"] for query in town.asked} == {box}
    for _ in range(5):
        ground.press("ArrowLeft")
    for _ in range(50):
        if town.asked[-1]["bbox"] != box:
            break
        desk.wait_for_timeout(50)
    assert town.asked[-1]["bbox"] != box


def test_outdated_answers_are_dropped_and_marks_stay_until_the_next_answer(
    desk: Page, stand: Stand, strict: str
) -> None:
    town = full(desk, stand)
    ground = city_map(desk, strict)
    expect(marks(desk).first).to_be_visible()
    count = marks(desk).count()
    town.holding = True
    ground.press("+")
    _held(desk, town, 1)
    assert marks(desk).count() == count
    ground.press("+")
    _held(desk, town, 2, zoom="15")
    latest = next(route for route in town.delayed if "zoom=15" in route.request.url)
    earlier = next(route for route in town.delayed if "zoom=14" in route.request.url)
    town.answer(latest)
    expect(marks(desk)).not_to_have_count(count)
    shown = desk.locator(".mark").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    town.answer(earlier)
    desk.wait_for_timeout(200)
    assert desk.locator(".mark").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))") == shown


def _held(page: Page, town: Town, count: int, zoom: str = "14") -> None:
    for _ in range(100):
        if len(town.delayed) >= count and any(f"zoom={zoom}" in route.request.url for route in town.delayed):
            return
        page.wait_for_timeout(50)
    raise AssertionError([route.request.url for route in town.delayed])


def test_a_mark_opens_a_preview_and_then_the_problem(desk: Page, stand: Stand, strict: str) -> None:
    Town(desk, stand, two(stand))  # type: ignore[arg-type]
    city_map(desk, strict)
    mark = desk.get_by_role("button", name=re.compile("в работе, просрочено: "))
    expect(mark.locator(".badge")).to_be_visible()
    mark.click()
    preview = desk.locator(".preview")
    expect(preview.get_by_role("heading")).to_be_focused()
    expect(preview).to_contain_text("В работе")
    expect(preview).to_contain_text("Просрочено")
    expect(preview).to_contain_text("улица Мира, 5")
    expect(mark).to_have_class(re.compile(r"\bon\b"))
    link = preview.get_by_role("link", name="Открыть")
    expect(link).to_have_attribute("href", re.compile(rf"/s/{stand.key}/problems/\d+$"))
    # Esc closes the preview and leaves the dialog open.
    desk.keyboard.press("Escape")
    expect(preview).to_have_count(0)
    expect(mark).to_be_focused()
    expect(desk.get_by_role("dialog")).to_be_visible()
    mark.click()
    link.click()
    expect(desk.locator("article")).to_be_visible()


def test_marks_are_reached_by_keyboard_from_the_north_west(desk: Page, stand: Stand, strict: str) -> None:
    Town(desk, stand, two(stand))  # type: ignore[arg-type]
    ground = city_map(desk, strict)
    expect(marks(desk)).to_have_count(2)
    ground.focus()
    desk.keyboard.press("Tab")
    assert "просрочено" in desk.evaluate(FOCUSED)
    desk.keyboard.press("Tab")
    assert "решено" in desk.evaluate(FOCUSED)
    # The arrow, plus and minus keys also work on a mark; the focus stays on it.
    at = marks(desk).last.bounding_box()
    desk.keyboard.press("ArrowRight")
    moved = marks(desk).last.bounding_box()
    assert at is not None
    assert moved is not None
    assert moved["x"] == pytest.approx(at["x"] - 80, abs=2)
    desk.keyboard.press("+")
    expect(desk.locator('.leaflet-tile-loaded img[src*="/tiles/14/"]').first).to_be_attached()
    desk.wait_for_timeout(400)
    assert "решено" in desk.evaluate(FOCUSED)
    desk.keyboard.press("Enter")
    expect(desk.locator(".preview").get_by_role("heading")).to_be_focused()
    desk.keyboard.press("Tab")
    expect(desk.locator(".preview").get_by_role("link")).to_be_focused()
    desk.keyboard.press("Escape")
    assert "решено" in desk.evaluate(FOCUSED)


def test_focus_stays_on_its_mark_or_moves_to_another_if_it_disappears(desk: Page, stand: Stand, strict: str) -> None:
    town = Town(desk, stand, two(stand))  # type: ignore[arg-type]
    city_map(desk, strict)
    expect(marks(desk)).to_have_count(2)
    desk.get_by_label(re.compile("решено: ")).focus()
    town.city.problems = [town.city.problems[1] | {"status": "answered"}, *scattered(stand, 60)[5:]]
    town.city.problems[0]["location"] = SPOT | {"lat": CENTER[0] + 0.02, "lng": CENTER[1] + 0.01}
    # Polling brings the change.
    expect(marks(desk)).not_to_have_count(2, timeout=15_000)
    assert "дан ответ" in desk.evaluate(FOCUSED)
    town.city.problems = []
    expect(marks(desk)).to_have_count(0, timeout=15_000)
    expect(desk.locator(".city-ground .ground")).to_be_focused()
    expect(desk.get_by_text("Здесь сообщений нет")).to_be_visible()


def test_problems_in_one_place_are_listed(desk: Page, stand: Stand, strict: str) -> None:
    problems = scattered(stand, 3)
    for one in problems:
        one["location"] = SPOT
    Town(desk, stand, problems)
    city_map(desk, strict)
    desk.get_by_role("button", name=re.compile("^Скопление: 3 сообщения")).click()
    preview = desk.locator(".preview")
    expect(preview.get_by_role("heading")).to_have_text("Здесь 3 сообщения")
    expect(preview.get_by_role("link")).to_have_count(3)
    check(desk, "one spot")


def test_the_map_uses_the_lists_filters_except_box_and_order(desk: Page, stand: Stand, strict: str) -> None:
    town = full(desk, stand)
    city_map(desk, strict)
    expect(marks(desk).first).to_be_visible()
    desk.get_by_role("button", name="Решено", exact=True).click()
    seen = desk.locator(".city-ground [role=status]").last
    for _ in range(60):
        if town.asked[-1].get("status") == "done":
            break
        desk.wait_for_timeout(50)
    assert town.asked[-1]["status"] == "done"
    expect(seen).to_have_text(re.compile("^На карте"))
    rings = desk.locator(".mark.many circle").evaluate_all(
        "all => [...new Set(all.map(one => one.getAttribute('class')))]"
    )
    assert rings == ["tone-done"]
    assert all(set(query) <= {"status", "bbox", "zoom"} for query in town.asked)


def test_failures_keep_the_marks_and_are_retried(desk: Page, watch: Watch, stand: Stand, strict: str) -> None:
    watch.allow("ERR_FAILED|Failed to fetch")
    town = full(desk, stand)
    ground = city_map(desk, strict)
    expect(marks(desk).first).to_be_visible()
    town.failing = True
    ground.press("+")
    alert = desk.locator(".city-ground [role=alert]")
    expect(alert).to_contain_text("Сообщения не загрузились.")
    expect(marks(desk).first).to_be_attached()
    town.failing, town.partial = False, True
    alert.get_by_role("button", name="Попробовать ещё раз").click()
    expect(alert).to_have_count(0)
    expect(desk.get_by_text("Показаны не все")).to_be_visible()


def test_the_list_follows_only_moves_by_the_visitor(desk: Page, stand: Stand, strict: str) -> None:
    full(desk, stand)
    ground = city_map(desk, strict)
    expect(marks(desk).first).to_be_visible()
    desk.get_by_label("Показывать в списке то, что на карте").check()
    desk.set_viewport_size({"width": 1100, "height": 900})
    desk.wait_for_timeout(300)
    assert "bbox" not in desk.url
    ground.press("ArrowRight")
    desk.wait_for_url(re.compile("bbox="))


def test_hovering_a_card_highlights_its_mark_even_in_a_cluster(desk: Page, stand: Stand, strict: str) -> None:
    town = full(desk, stand)
    city_map(desk, strict)
    expect(marks(desk).first).to_be_visible()
    card = desk.locator(".card:not(.ghost)").first
    card.hover()
    lit = desk.locator(".mark.on")
    expect(lit).to_have_count(1)
    expect(lit).to_be_in_viewport()
    first = town.city.problems[0]
    expect(lit).to_have_accessible_name(re.compile(re.escape(first["description"])))
    desk.mouse.move(5, 5)
    expect(lit).to_have_count(0)
    # The map has one link to the list.
    skip = desk.get_by_role("button", name="К списку")
    skip.focus()
    desk.keyboard.press("Enter")
    expect(desk.locator("igrajdanin-widget #list")).to_be_focused()


def test_my_location_inside_and_far_away(new_page: Callable[..., Page], stand: Stand, strict: str) -> None:
    here = {"latitude": 55.0986, "longitude": 38.7731, "accuracy": 80}
    page = new_page(viewport=PHONE, geolocation=here, permissions=["geolocation"])
    full(page, stand)
    city_map(page, strict)
    page.get_by_role("button", name="Моё место").click()
    expect(page.locator(".spot")).to_be_visible()
    page.context.set_geolocation({"latitude": 43.1, "longitude": 131.9, "accuracy": 80})
    page.wait_for_timeout(100)
    page.evaluate("() => new Promise(done => navigator.geolocation.getCurrentPosition(done, done, {maximumAge: 0}))")
    page.get_by_role("button", name="Моё место").click()
    expect(page.get_by_text("Вы далеко от города")).to_be_visible()


def test_in_a_page_one_finger_scrolls_and_a_tap_opens_a_mark(new_page: Callable[..., Page], stand: Stand) -> None:
    phone = new_page(viewport=PHONE, has_touch=True, is_mobile=True)
    Town(phone, stand, two(stand))  # type: ignore[arg-type]
    filler = "<p style='height:1500px'>Новости города</p>"
    ground = city_map(phone, stand.page(stand.snippet('type="extended" view="inline"') + filler))
    expect(marks(phone)).to_have_count(2)
    x, y = middle(ground)
    before = phone.evaluate("scrollY")
    Fingers(phone).move(((x, y + 60), (x, y - 90)))
    phone.wait_for_function("before => scrollY > before + 50", arg=before)
    mark = phone.get_by_label(re.compile("просрочено: "))
    mark.scroll_into_view_if_needed()
    mark.tap()
    expect(phone.locator(".preview")).to_be_visible()


def test_in_the_dialog_the_map_leaves_room_to_scroll(phone_town: Page) -> None:
    sheet, ground = phone_town.locator(".sheet").bounding_box(), phone_town.locator(".city-ground").bounding_box()
    assert sheet is not None
    assert ground is not None
    assert sheet["height"] - ground["height"] >= 120
    for mark in phone_town.locator(".mark, .zoom button").all():
        box = mark.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
    no_sideways_scrolling(phone_town)


@pytest.fixture
def phone_town(new_page: Callable[..., Page], stand: Stand) -> Page:
    page = new_page(viewport=PHONE)
    full(page, stand)
    city_map(page, stand.page(stand.snippet('type="extended"')))
    expect(marks(page).first).to_be_visible()
    return page


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_the_map_passes_axe(new_page: Callable[..., Page], stand: Stand, size: dict[str, int]) -> None:
    page = new_page(viewport=size)
    Town(page, stand, two(stand))  # type: ignore[arg-type]
    city_map(page, stand.page(stand.snippet('type="extended" theme="light" lang="en"')))
    marks(page).first.click()
    expect(page.locator(".preview")).to_be_visible()
    check(page, "city map", THEMES[1:])
    no_sideways_scrolling(page)
