"""Zoom to 400 % and text of twice the size scroll in one direction only (WCAG 1.4.4, 1.4.10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Watch
from tests.support.city import FakeCity
from tests.support.widget import REPORT, WidgetSite, summary, to_form

# Ways to enlarge a page: options of the browser context, and a style of the host's root element.
LARGER: dict[str, tuple[dict[str, Any], str]] = {
    "400 %": ({"viewport": {"width": 320, "height": 256}, "device_scale_factor": 4}, ""),
    "zoom of the host": ({"viewport": {"width": 640, "height": 800}}, "zoom: 2"),
    "text of 200 %": ({"viewport": {"width": 360, "height": 740}}, "--igw-font-size: 2rem"),
}
# The page and the scrolling boxes of the widget that scroll horizontally.
SCROLLS_HORIZONTALLY = """() => {
  const { shadowRoot } = document.querySelector("igrajdanin-widget");
  const boxes = [document.documentElement, ...shadowRoot.querySelectorAll("dialog, section, .sheet, .body, form")];
  const scrolls = one => one === boxes[0] || /auto|scroll/.test(getComputedStyle(one).overflowX);
  return boxes.filter(one => one.checkVisibility() && scrolls(one) && one.scrollWidth > one.clientWidth + 1)
    .map(one => `${one.localName}.${one.className} ${one.scrollWidth} > ${one.clientWidth}`);
}"""
# Words that go on in the next line, though a line has room for them, and choices that are narrower than their words.
SPLIT_WORDS = """() => {
  const { shadowRoot } = document.querySelector("igrajdanin-widget");
  const texts = document.createTreeWalker(shadowRoot, NodeFilter.SHOW_TEXT);
  const narrow = [...shadowRoot.querySelectorAll(".choice")].filter(one => one.scrollWidth > one.clientWidth + 1);
  const found = new Set(narrow.map(one => one.textContent));
  for (let node; (node = texts.nextNode()); ) {
    if (node.parentElement.closest(".away, [hidden]")) continue;
    for (const { 0: word, index } of node.data.matchAll(/[\\p{L}\\d]+/gu)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1) found.add(word);
    }
  }
  return [...found];
}"""


@pytest.mark.parametrize("view", ["inline", "button"])
@pytest.mark.parametrize("way", LARGER)
def test_an_enlarged_page_scrolls_in_one_direction_and_is_usable(
    new_page: Callable[..., Page], watch: Watch, widget_site: WidgetSite, way: str, view: str
) -> None:
    options, style = LARGER[way]
    page = new_page(**options)
    FakeCity(page, widget_site)
    host = f"<style>html {{ {style} }}</style>"
    page.goto(widget_site.page(host + widget_site.snippet(f'type="extended" view="{view}"')))
    if view == "button":
        page.get_by_role("button", name=REPORT, exact=True).click()
    expect(page.locator("igrajdanin-widget .card").first).to_be_visible()
    assert page.evaluate(SCROLLS_HORIZONTALLY) == []
    page.get_by_role("button", name="Графики").click()
    expect(page.locator("igrajdanin-widget .chart").first).to_be_visible()
    assert page.evaluate(SPLIT_WORDS) == []
    icon, field = (page.locator(f"igrajdanin-widget .search {part}") for part in (".icon", "input"))
    begins = field.evaluate(
        "one => one.getBoundingClientRect().left + parseFloat(getComputedStyle(one).paddingLeft) * one.currentCSSZoom"
    )
    assert icon.evaluate("one => one.getBoundingClientRect().right") <= begins, "the icon covers what is typed"
    to_form(page)
    page.get_by_label("Дороги и тротуары").check()
    assert page.evaluate(SCROLLS_HORIZONTALLY) == []
    assert page.evaluate(SPLIT_WORDS) == []
    page.locator("igrajdanin-widget form .button:not(.quiet)").locator("visible=true").last.click()
    expect(page.get_by_label("Что именно не так").or_(summary(page))).to_be_visible()
    assert page.evaluate(SCROLLS_HORIZONTALLY) == []
