"""A blocker of the visitor's browser takes nodes away, in the page and in the widget: no exception, always a way on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browse import CARD, browse
from tests.support.browser import Watch
from tests.support.city import City
from tests.support.widget import Stand

DESK = {"width": 1280, "height": 900}
# What lists of filters name, wherever it stands, now and later. Photos go as those of other servers do.
BLOCK = """() => {
  const named = "[class*=banner], [class~=ad], [class*=promo], [class*=share], .sponsored, img";
  const widgets = [...document.querySelectorAll("igrajdanin-widget")];
  const roots = [document, ...widgets.map(({ shadowRoot }) => shadowRoot)];
  window.blocked = 0;
  const block = root => root.querySelectorAll(named).forEach(one => {
    blocked++;
    one.remove();
  });
  for (const root of roots) {
    block(root);
    new MutationObserver(() => block(root)).observe(root, { childList: true, subtree: true });
  }
}"""
PAGE = '<div class="ad banner">Реклама</div>{snippet}<aside class="promo share">Поделиться</aside>'


@pytest.fixture
def desk(new_page: Callable[..., Page]) -> Page:
    return new_page(viewport=DESK)


def test_blocked_neighbours_and_photos_are_not_missed(desk: Page, watch: Watch, stand: Stand) -> None:
    City(desk, stand)
    cards = browse(desk, stand.page(PAGE.format(snippet=stand.snippet('type="extended"'))))
    expect(desk.locator(f"{CARD} img")).to_have_count(1)
    desk.evaluate(BLOCK)
    assert desk.evaluate("blocked") >= 3
    for _ in range(2):
        cards.first.click()
        expect(desk.locator("igrajdanin-widget .timeline")).to_be_visible()
        desk.get_by_role("button", name="К списку").click()
        expect(cards.first).to_be_focused()
    with desk.expect_response("**/problems?status=done"):
        desk.get_by_role("button", name="Решено", exact=True).click()
    expect(desk.locator("igrajdanin-widget .stale")).to_have_count(0)
