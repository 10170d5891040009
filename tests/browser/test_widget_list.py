"""The published problems in the extended widget: list, one problem, and updates without a reload."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browse import browse, extended
from tests.support.browser import Watch
from tests.support.widget import POLL, WidgetSite, draw_twice, let_time_pass

DEMO_PROBLEMS = 45
LISTED = re.compile(r"/problems\?$")


@pytest.fixture
def cards(page: Page, widget_site: WidgetSite) -> Locator:
    page.clock.install()
    return browse(page, extended(widget_site))


def test_pages_follow_each_other_without_gaps(page: Page, cards: Locator) -> None:
    """The second page is loaded by the button, the following ones by scrolling."""
    expect(cards).to_have_count(20)
    page.get_by_role("button", name="Показать ещё").click()
    expect(cards).to_have_count(40)
    sheet = page.locator("igrajdanin-widget .sheet")
    sheet.evaluate("sheet => { sheet.scrollTop = sheet.scrollHeight; }")
    expect(page.get_by_text("Это все сообщения.")).to_be_attached()
    expect(page.get_by_role("button", name="Показать ещё")).to_have_count(0)
    addresses: set[str] = set()
    for place in range(0, int(sheet.evaluate("sheet => sheet.scrollHeight")), 1000):
        sheet.evaluate("(sheet, place) => { sheet.scrollTop = place; }", place)
        draw_twice(page)
        page.clock.run_for(50)  # some frames, in which the list draws other cards
        addresses |= set(cards.evaluate_all("all => all.map(one => one.href)"))
    assert len(addresses) == 45
    # At its end the wheel turns nothing behind it.
    page.evaluate("document.body.style.height = '300vh'")
    sheet.hover()
    page.mouse.wheel(0, 1000)
    draw_twice(page)
    assert page.evaluate("scrollY") == 0


def test_the_list_is_read_and_follows_the_service(
    page: Page, cards: Locator, watch: Watch, widget_site: WidgetSite
) -> None:
    with page.expect_response(LISTED) as request:
        page.clock.run_for(POLL)
    assert request.value.request.all_headers()["if-none-match"], "unchanged lists cost a 304"
    a_card_is_one_link_that_opens_in_the_widget(page, cards, widget_site)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    draw_twice(page)
    count = len(watch.requests)
    let_time_pass(page)
    assert len(watch.requests) == count, "a closed widget does not poll"


def a_card_is_one_link_that_opens_in_the_widget(page: Page, cards: Locator, widget_site: WidgetSite) -> None:
    card = cards.nth(3)
    address = card.get_attribute("href")
    assert re.fullmatch(rf"{widget_site.service.url}/s/{widget_site.key}/problems/\d+", address or "")
    text = card.locator(".card-title").inner_text()
    card.click()
    expect(page.get_by_role("heading", name=re.compile("Сообщение № "))).to_be_focused()
    problem = page.locator("article")
    expect(problem).to_contain_text(text)
    expect(problem.locator(".timeline li").first).to_contain_text("Сообщение получено")
    assert page.url.startswith(widget_site.host.url)
    page.get_by_role("button", name="К списку").click()
    expect(cards.nth(3)).to_be_focused()
