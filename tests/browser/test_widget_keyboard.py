"""The whole widget by keyboard: from the button through every question, map and photo to the number, list and back.

After every key press the focus is inside the open dialog and visible: it has an outline or border of three pixels in a
colour with enough contrast to the background.
"""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import NewPage, intercept_choosers
from tests.support.city import FakeCity, picture
from tests.support.pictures import file
from tests.support.tour import Tour
from tests.support.widget import DESKTOP, PHONE, WidgetSite, number

FOCUS = """() => {
  const widget = document.querySelector("igrajdanin-widget"), one = widget.shadowRoot.activeElement;
  if (!one) return "the focus is lost";
  const marked = one.matches(".ground") ? [one, "::after"] : [one.closest(".pick") ?? one];
  const style = getComputedStyle(...marked), width = marked[1] ? style.borderTopWidth : style.outlineWidth;
  const kind = marked[1] ? style.borderTopStyle : style.outlineStyle;
  const box = one.getBoundingClientRect(), shows = box.bottom > 0 && box.top < innerHeight;
  // A heading takes the focus to be read, not to be used.
  const reads = one.matches("h2, h3, .panel, ul, fieldset, article");
  const what = one.outerHTML.slice(0, 120);
  if (!reads && (kind === "none" || parseFloat(width) < 3)) return `nobody sees the focus: ${what}`;
  return shows ? "" : `the focus is out of sight: ${what}`;
}"""


class Keys:
    def __init__(self, page: Page) -> None:
        self._page = page
        self.widget = page.locator("igrajdanin-widget")

    def press(self, key: str) -> None:
        self._page.keyboard.press(key)
        self.check_focus()

    def check_focus(self) -> None:
        # A removed element passes its focus on in the next frame.
        self._page.wait_for_function(f"() => !({FOCUS})().includes('lost')")
        assert self._page.evaluate(FOCUS) == ""

    def to(self, selector: str, back: bool = False) -> None:
        """Press Tab until the focus is there."""
        there = f"root => !!root.shadowRoot.activeElement?.matches({selector!r})"
        left = 0
        for _ in range(60):
            if self.widget.evaluate(there):
                return
            self._page.keyboard.press("Shift+Tab" if back else "Tab")
            # The browser's toolbar follows the last control of a dialog, and then its first control again.
            if "lost" in self._page.evaluate(FOCUS) and not left:
                left += 1
            else:
                self.check_focus()
        raise AssertionError(f"Tab never reached {selector}")

    def type(self, selector: str, text: str) -> None:
        self.to(selector)
        self._page.keyboard.type(text)


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desk"])
def test_the_whole_path(new_page: NewPage, widget_site: WidgetSite, size: dict[str, int]) -> None:
    page = new_page(viewport=size)
    intercept_choosers(page)
    narrow = size["width"] < 600
    tour = Tour(page, widget_site, FakeCity(page, widget_site))
    tour.restart()
    keys = Keys(page)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(keys.widget.locator("h2")).to_be_focused()
    expect(keys.widget.locator("form")).to_be_visible()

    def onward(title: str) -> None:
        """Press the button that continues. On a phone the next question takes the focus."""
        if narrow:
            keys.to(".end .button:not([type])")
            keys.press("Enter")
            expect(page.get_by_role("heading", name=title)).to_be_focused()

    keys.type("#search", "двор")
    keys.to("#category input")
    keys.press("Space")
    onward("Опишите проблему")
    keys.type("#description", "Сломана скамейка")
    keys.to("#photos")
    # The photo control replaces the first button and takes its focus.
    expect(keys.widget.locator("input#photos[accept*='.heic']")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        keys.press("Enter" if narrow else "Space")
    chooser.value.set_files([file(picture())])
    expect(keys.widget.locator(".photo .state .icon")).to_be_visible()
    keys.type(".photo input", "Доска отломана")
    onward("Укажите место")
    keys.type("#address", "сквер у фонтана")
    keys.to("#map")
    keys.press("Enter")
    expect(keys.widget.locator("form .ground")).to_be_focused()
    for key in ("ArrowRight", "ArrowDown", "Enter"):
        keys.press(key)
    expect(keys.widget.locator(".pin")).to_be_visible()
    keys.to(".pin")
    keys.press("ArrowLeft")
    keys.to(".picker > .actions .link:last-child")
    keys.press("Enter")
    expect(keys.widget.locator("#coordinates")).to_be_focused()
    expect(keys.widget.locator("#coordinates")).to_have_value(re.compile(r"^55\.\d+, 38\.\d+$"))
    keys.to(".picker > .actions .link:last-child", back=True)
    keys.press("Enter")
    expect(keys.widget.locator("#map")).to_be_focused()
    onward("Проверьте и отправьте")
    keys.type("#email", "anna@example.test")
    keys.to("p > .link")
    keys.press("Enter")
    expect(keys.widget.locator("#name")).to_be_focused()
    keys.to("#consent")
    keys.press("Space")
    keys.to(".end .button:not([type])")
    keys.press("Enter")
    assert number(page) == 1205
    expect(page.get_by_role("heading", name="Сообщение получено")).to_be_focused()
    keys.to(".body > .actions .link:last-child", back=True)
    keys.press("Enter")
    keys.to(".card")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Сообщение № 1 204")).to_be_focused()
    keys.to("header .round:first-child", back=True)
    keys.press("Enter")
    expect(keys.widget.locator(".card").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(keys.widget.locator("[part=button]")).to_be_focused()
