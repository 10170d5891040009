"""List and map side by side against the real service: each one filters the other, and their counts agree."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browse import CARD, hash_of, settle
from tests.support.browser import NewPage, rect
from tests.support.clusters import city_map
from tests.support.widget import DESKTOP, PHONE, WidgetSite

DEMO_PROBLEMS = 60
SIZES = {"phone": PHONE, "desk": DESKTOP}
FOLLOW = "Показывать в списке то, что на карте"
MAP_STATUS = ".city-ground .states [role=status]"
SHEET = "document.querySelector('igrajdanin-widget').shadowRoot.querySelector('.sheet')"
NUMBERS = f"[...{SHEET}.querySelectorAll('.card')].map(one => one.id.replace('problem-', ''))"
SCROLLED = f"""() => {{
  const before = {SHEET}.scrollTop;
  {SHEET}.scrollTop += 1000;
  return {SHEET}.scrollTop > before;
}}"""


@pytest.fixture(params=list(SIZES))
def both(request: pytest.FixtureRequest, new_page: NewPage, widget_site: WidgetSite) -> Page:
    page = new_page(viewport=SIZES[str(request.param)])
    page.clock.install()
    city_map(page, widget_site.page(widget_site.snippet('type="extended" data-start="list"')))
    # The site has no configured view: the map opens where its problems are.
    expect(page.locator(".mark").first).to_be_visible()
    settle(page)
    return page


def numbers_in_list(page: Page) -> set[int]:
    """Numbers of all problems in the list, which draws only the cards near the viewport: scroll from end to end."""
    more, found = page.get_by_role("button", name="Показать ещё"), set[int]()
    page.evaluate(f"{SHEET}.scrollTop = 0")
    for _ in range(100):
        settle(page)
        found |= {int(one) for one in page.evaluate(NUMBERS)}
        if more.count():
            more.evaluate_all("all => all.forEach(one => one.click())")
        elif not page.evaluate(SCROLLED):
            break
    page.evaluate(f"{SHEET}.scrollTop = 0")
    return found


def count_on_map(page: Page) -> int:
    """Number of problems behind the visible marks but for the highlighted one, whose cluster contains it already."""
    counts, reported = list[int](), 0
    for _ in range(20):
        counts = page.locator(".mark[tabindex='0']").evaluate_all(
            "all => all.map(one => +one.textContent.replace(/\\D/g, '') || 1)"
        )
        match = re.search(r"(\d+)", page.locator(MAP_STATUS).inner_text())
        reported = int(match[1]) if match else 0
        if reported == sum(counts):
            return reported
        settle(page)
    raise AssertionError(f"the map says {reported}, its marks contain {sum(counts)}")


def service_items(widget_site: WidgetSite, page: Page, **more: str) -> list[dict[str, Any]]:
    """Numbers that the service itself lists."""
    query = "&".join(f"{name}={value}" for name, value in {"limit": "100", **more}.items())
    items: list[dict[str, Any]] = page.request.get(f"{widget_site.api}/problems?{query}").json()["items"]
    return items


def test_list_and_map_lie_together_and_filter_each_other(both: Page, widget_site: WidgetSite) -> None:
    check_layout(both)
    if both.viewport_size == SIZES["phone"]:
        both.get_by_role("button", name="Список", exact=True).click()
        expect(both.locator(".city-map")).to_have_count(0)
        return
    check_hovering(both)
    check_filters(both, widget_site)
    check_reset_leaves_near_me(both)
    check_moving(both, widget_site)
    check_reset_keeps_a_moved_map(both)


def check_layout(page: Page) -> None:
    listed, mapped = rect(page.locator("igrajdanin-widget #list")), rect(page.locator(".city-map"))
    expect(page.locator(CARD).first).to_be_visible()
    if page.viewport_size == SIZES["desk"]:
        assert listed["x"] + listed["width"] <= mapped["x"]
        assert abs(listed["y"] - mapped["y"]) < 40
        # The map stays beside the list while the list scrolls.
        page.locator(CARD).nth(19).scroll_into_view_if_needed()
        expect(page.locator(".city-ground")).to_be_in_viewport(ratio=0.9)
        page.evaluate(f"{SHEET}.scrollTop = 0")
    else:
        assert mapped["y"] + mapped["height"] <= listed["y"]
        assert abs(listed["x"] - mapped["x"]) < 2


def check_hovering(page: Page) -> None:
    """A card highlights its mark. A map that moved because of the list does not filter the list in turn."""
    settle(page)
    seen = page.locator(MAP_STATUS).inner_text()
    for at in (0, 3):
        card = page.locator(CARD).nth(at)
        card.hover()
        lit = page.locator(".mark.on")
        expect(lit).to_have_count(1)
        title = card.locator(".card-title").inner_text()
        expect(lit).to_have_accessible_name(re.compile(re.escape(title[:40])))
        expect(lit).to_be_in_viewport()
        settle(page)
        expect(page.locator(MAP_STATUS)).to_have_text(seen)
    assert hash_of(page) == {}
    page.mouse.move(5, 5)


def check_filters(page: Page, widget_site: WidgetSite) -> None:
    """What filters the list filters the map."""
    assert len(numbers_in_list(page)) == count_on_map(page) == DEMO_PROBLEMS
    marks, search = page.locator(".mark"), page.get_by_label("Поиск по тексту и адресу")
    before = marks.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    page.locator(".bar").get_by_role("button", name="Решено", exact=True).click()
    settle(page)
    done = {one["number"] for one in service_items(widget_site, page, status="done")}
    assert 0 < len(done) < DEMO_PROBLEMS
    assert numbers_in_list(page) == done
    assert count_on_map(page) == len(done)
    after = marks.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    assert after != before
    assert not any(word in label for label in after for word in ("новых", "в работе", "принято"))
    search.fill("щщщщщ")
    settle(page)
    expect(page.get_by_role("heading", name="По этим условиям ничего не нашлось")).to_be_visible()
    expect(marks).to_have_count(0)
    expect(page.locator(MAP_STATUS)).to_have_text("Здесь сообщений нет")
    page.locator(".panel").get_by_role("button", name="Сбросить").click()
    settle(page)
    page.get_by_role("button", name=re.compile("^Фильтры")).click()


def look_near(page: Page) -> None:
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": 54.95, "longitude": 38.55})
    page.get_by_role("button", name="Рядом со мной").click()
    settle(page)


def check_reset_leaves_near_me(page: Page) -> None:
    """The reset takes map and list back to the whole city, and both show it."""
    assert count_on_map(page) == DEMO_PROBLEMS
    look_near(page)
    assert count_on_map(page) < DEMO_PROBLEMS
    page.get_by_role("button", name="Сбросить", exact=True).first.click()
    settle(page)
    assert count_on_map(page) == DEMO_PROBLEMS
    expect(page.get_by_label("Поиск по тексту и адресу")).to_be_focused()


def check_moving(page: Page, widget_site: WidgetSite) -> None:
    """What the map shows filters the list."""
    page.get_by_label(FOLLOW).check()
    for key in ("+", "+", "ArrowRight"):
        page.locator(".city-ground .ground").press(key)
        settle(page)
    bbox = hash_of(page)["bbox"]
    settle(page)
    there = {one["number"] for one in service_items(widget_site, page, bbox=bbox)}
    assert 0 < len(there) < DEMO_PROBLEMS
    assert numbers_in_list(page) == there
    # Only the centre is known of a cluster that crosses the edge, so the map calls the number approximate.
    assert count_on_map(page) == len(there) or "≈" in page.locator(MAP_STATUS).inner_text()
    page.get_by_label(FOLLOW).uncheck()
    settle(page)
    assert hash_of(page) == {}
    assert len(numbers_in_list(page)) == DEMO_PROBLEMS


def check_reset_keeps_a_moved_map(page: Page) -> None:
    """One that was moved since it went to where its user is stays there."""
    page.get_by_label(FOLLOW).check()
    look_near(page)
    page.locator(".city-ground .ground").press("ArrowRight")
    settle(page)
    seen = count_on_map(page)
    page.get_by_label(FOLLOW).uncheck()
    settle(page)
    assert count_on_map(page) == seen < DEMO_PROBLEMS
    assert hash_of(page) == {}
