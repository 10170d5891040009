"""Zoom to 400 % and text of twice the size scroll in one direction only (WCAG 1.4.4, 1.4.10)."""

from typing import Any

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.support.browser import NewPage
from tests.support.city import FakeCity
from tests.support.widget import PHONE, REPORT, WidgetSite, open_form, summary, to_form

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


@pytest.mark.parametrize("way", LARGER)
def test_an_enlarged_page_scrolls_in_one_direction_and_is_usable(
    new_page: NewPage, widget_site: WidgetSite, way: str
) -> None:
    """In the dialog and, in the same page, inline."""
    options, style = LARGER[way]
    page = new_page(**options)
    FakeCity(page, widget_site)
    host = f"<style>html {{ {style} }}</style>"
    page.goto(widget_site.page(host + widget_site.snippet('type="extended" data-start="list"')))
    page.get_by_role("button", name=REPORT, exact=True).click()
    for view in ("button", "inline"):
        page.locator("igrajdanin-widget").evaluate("(one, view) => { one.view = view }", view)
        expect(page.locator("igrajdanin-widget .card").first).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(1 if view == "button" else 0)
        assert page.evaluate(SCROLLS_HORIZONTALLY) == []
        page.get_by_role("button", name="Графики").click()
        expect(page.locator("igrajdanin-widget .chart").first).to_be_visible()
        assert page.evaluate(SPLIT_WORDS) == []
        icon, field = (page.locator(f"igrajdanin-widget .search {part}") for part in (".icon", "input"))
        begins = field.evaluate("""one => one.getBoundingClientRect().left
          + parseFloat(getComputedStyle(one).paddingLeft) * one.currentCSSZoom""")
        assert icon.evaluate("one => one.getBoundingClientRect().right") <= begins, "the icon covers what is typed"
        to_form(page)
        page.get_by_label("Дороги и тротуары").press("Space")
        assert page.evaluate(SCROLLS_HORIZONTALLY) == []
        assert page.evaluate(SPLIT_WORDS) == []
        page.locator("igrajdanin-widget form .button:not(.quiet)").locator("visible=true").last.click()
        expect(page.get_by_label("Что именно не так").or_(summary(page))).to_be_visible()
        assert page.evaluate(SCROLLS_HORIZONTALLY) == []
        # The next view begins with the first step, too.
        page.get_by_role("button", name="Назад").click()
        page.get_by_role("button", name="К списку").click()


# Screens of a phone; each with whether the next step stays in sight: where it does not, there is no room for it.
SCREENS: dict[str, tuple[ViewportSize, str, bool]] = {
    "as usual": (PHONE, "", True),
    "above a keyboard": ({"width": 360, "height": 400}, "", True),
    "text of 200 %": (PHONE, "--igw-font-size: 2rem", True),
    "400 %": ({"width": 320, "height": 256}, "", False),
}
ROOM = pytest.mark.full("less room or larger text is in the others")
# What has the focus, and lies below the bar of actions, and nothing of it beside.
COVERED = """() => {
  const { shadowRoot } = document.querySelector("igrajdanin-widget");
  const focused = shadowRoot.activeElement;
  const bar = shadowRoot.querySelector(".end");
  if (bar.contains(focused)) return "";
  const shown = (focused.closest("label.choice") || focused).getBoundingClientRect();
  const { top } = bar.getBoundingClientRect();
  return shown.bottom > top + 1 && shown.top < top ? `${focused.id || focused.value}: ${shown.bottom} > ${top}` : "";
}"""


@pytest.mark.parametrize("screen", [pytest.param("as usual", marks=ROOM), *list(SCREENS)[1:]])
def test_the_next_step_is_in_sight_on_a_phone_and_covers_no_field(
    new_page: NewPage, widget_site: WidgetSite, screen: str
) -> None:
    viewport, style, stays = SCREENS[screen]
    page = new_page(viewport=viewport)
    open_form(page, widget_site.page(f"<style>html {{ {style} }}</style>{widget_site.snippet()}"))
    following = page.get_by_role("button", name="Далее")
    covered = []

    def walk() -> None:
        """Go through the controls of the step, from its heading to the button that leads on."""
        page.locator("form h3").first.focus()
        for _ in range(20):
            page.keyboard.press("Tab")
            covered.append(page.evaluate(COVERED))
            if following.evaluate("one => one === one.getRootNode().activeElement"):
                return
        raise AssertionError("Tab never reached the button")

    if stays:
        expect(following).to_be_in_viewport(ratio=1)
    else:
        expect(following).not_to_be_in_viewport()
    walk()
    for topic in page.locator("#category input").all():
        topic.press("Space")
        covered.append(page.evaluate(COVERED))
    following.click()
    page.get_by_label("Что именно не так").press_sequentially("Яма\n" * 12)
    covered.append(page.evaluate(COVERED))
    if stays:
        expect(following).to_be_in_viewport(ratio=1)
    walk()
    assert "".join(covered) == ""


def test_on_the_page_of_the_services_own_form_the_next_step_is_in_sight(
    new_page: NewPage, widget_site: WidgetSite
) -> None:
    page = new_page(viewport=PHONE)
    page.goto(f"{widget_site.service.url}/s/{widget_site.key}/form")
    following = page.get_by_role("button", name="Далее")
    expect(following).to_be_in_viewport(ratio=1)
    covered = []
    for topic in page.locator("#category input").all():
        topic.press("Space")
        covered.append(page.evaluate(COVERED))
    assert "".join(covered) == ""
    following.click()
    page.get_by_label("Что именно не так").press_sequentially("Яма\n" * 12)
    assert page.evaluate(COVERED) == ""
    expect(following).to_be_in_viewport(ratio=1)


def test_inline_the_actions_stand_below_their_step(page: Page, widget_site: WidgetSite) -> None:
    page.goto(widget_site.page(widget_site.snippet('view="inline"') + "<p style='height:1500px'>Новости города</p>"))
    actions = page.locator("igrajdanin-widget .end")
    expect(actions).to_be_attached()
    page.evaluate("scrollTo(0, 0)")
    assert actions.evaluate("one => one.getBoundingClientRect().top > innerHeight"), "they do not stick to the window"
