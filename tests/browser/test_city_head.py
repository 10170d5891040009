"""The header above the city's list: its height on a phone, text that is not cropped, and target sizes."""

import pytest
from playwright.sync_api import Locator, ViewportSize, expect

from tests.support.browser import NewPage, rect
from tests.support.city import DELAYED, FakeCity
from tests.support.tour import Tour
from tests.support.widget import DESKTOP, WidgetSite

SMALL: ViewportSize = {"width": 360, "height": 640}
# Width of an input's content box, and width of its placeholder in the input's font.
CROPPED = """input => {
  const style = getComputedStyle(input), pen = document.createElement("canvas").getContext("2d");
  pen.font = style.font;
  const room = input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return pen.measureText(input.placeholder).width - room;
}"""
# Links inside a sentence may have the height of their line (WCAG 2.2, 2.5.8); all other targets are 44 × 44 pixels.
TOO_SMALL_TARGETS = """root => [...root.querySelectorAll("button, input, select, summary, a")].flatMap(one => {
  const { width, height } = (one.closest("label") || one).getBoundingClientRect();
  const inside = one.closest(".notice, .answer, .tick, .timeline") && one.matches("a, .link");
  return !width || inside || height >= 44 && width >= 44 ? [] : [`${one.textContent || one.id}: ${width} × ${height}`];
})"""


@pytest.fixture
def tour(new_page: NewPage, widget_site: WidgetSite) -> Tour:
    page = new_page(viewport=SMALL)
    return Tour(page, widget_site, FakeCity(page, widget_site))


def list_of(tour: Tour, **attributes: str) -> Locator:
    tour.open(**attributes)
    expect(tour.widget.locator(".card").first).to_be_visible()
    expect(tour.widget.locator(".city-figures [aria-busy]")).to_have_count(0)
    return tour.widget


def test_the_head_of_the_list_on_a_phone(tour: Tour) -> None:
    """One visitor after the other on one page: only the code is loaded once."""
    for lang in ("en", "ru"):
        widget = list_of(tour, lang=lang)
        assert widget.locator(".city-figures dd").count() == 4
        box = rect(widget.locator(".card").first)
        assert box["y"] <= 300, "the first card begins in the upper half"
        assert widget.locator("[id=q]").evaluate(CROPPED) <= 0, "the placeholder of the search is not cropped"
    check_charts_fit(tour)
    check_touch_targets(tour)
    check_statistics_shift_nothing(tour)
    check_status_colours(tour)


def check_touch_targets(tour: Tour) -> None:
    widget = list_of(tour)
    widget.locator(".bar-line .button").click()
    expect(tour.control("of-category")).to_be_visible()
    tour.control("period").select_option("own")
    widget.locator(".bar > .pills .pill").first.click()
    expect(widget.locator(".chosen")).to_be_visible()
    widget.locator(".city-figures .link").click()
    expect(widget.locator(".charts")).to_be_visible()
    assert widget.evaluate(f"one => ({TOO_SMALL_TARGETS})(one.shadowRoot)") == []
    widget.locator(".card").first.click()
    expect(widget.locator("section.answer")).to_be_visible()
    expect(widget.locator(".comments li").first).to_be_visible()
    widget.locator("article [aria-expanded]").click()
    expect(tour.control("follow-email")).to_be_visible()
    assert widget.evaluate(f"one => ({TOO_SMALL_TARGETS})(one.shadowRoot)") == []
    widget.locator(".shot").first.click()
    expect(widget.locator(".viewer")).to_be_visible()
    assert widget.evaluate(f"one => ({TOO_SMALL_TARGETS})(one.shadowRoot.querySelector('.viewer'))") == []


def check_statistics_shift_nothing(tour: Tour) -> None:
    before = list_of(tour).locator(".bar").bounding_box()
    tour.city.answers["GET /stats"] = DELAYED
    tour.open()
    expect(tour.widget.locator(".city-figures [aria-busy]")).to_be_visible()
    assert tour.widget.locator(".bar").bounding_box() == before
    tour.city.release()


def check_status_colours(tour: Tour) -> None:
    """A red accent must not make every status look like a failure."""
    for theme, colour in (("light", "rgb(10, 88, 166)"), ("dark", "rgb(122, 184, 255)")):
        tour.open(theme=theme, style="--igw-accent: #b3261e; --igw-accent-dark: #ff9b93")
        chip = tour.widget.locator(".card .chip", has_text="Принято").first
        expect(chip).to_have_css("color", colour)
        expect(tour.widget.locator(".card .chip", has_text="Просрочено").first).not_to_have_css("color", colour)


def check_charts_fit(tour: Tour) -> None:
    widget = list_of(tour)
    widget.get_by_role("button", name="Графики").click()
    labels = widget.locator(".chart p span")
    expect(labels.first).to_be_visible()
    room = rect(widget.locator(".city-figures > dl").locator("xpath=../.."))
    ends = labels.evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
    assert max(ends) <= room["x"] + room["width"]


# Buttons of the header that are outside the viewport or covered, and the header's lower edge.
HEADER = """one => {
  const root = one.shadowRoot, head = root.querySelector("header");
  const lost = [...head.querySelectorAll("button")].filter(button => {
    const { left, top, width, height } = button.getBoundingClientRect();
    return !button.contains(root.elementFromPoint(left + width / 2, top + height / 2));
  });
  const { position } = getComputedStyle(head);
  return { position, lost: lost.map(button => button.ariaLabel), bottom: head.getBoundingClientRect().bottom };
}"""
# Controls, from the last to the first, that are under the header while focused.
COVERED_CONTROLS = """one => {
  const root = one.shadowRoot, head = root.querySelector("header").getBoundingClientRect();
  const controls = [...root.querySelectorAll(".body :is(a, button, input, select, textarea)")];
  return controls.reverse().filter(control => {
    if (!control.getClientRects().length) return false;
    control.focus();
    return root.activeElement === control && control.getBoundingClientRect().top < head.bottom - 0.5;
  }).map(control => control.id || control.textContent);
}"""
SCROLL_TO_END = """one => {
  const sheet = one.shadowRoot.querySelector("dialog .sheet");
  if (sheet) sheet.scrollTo(0, sheet.scrollHeight);
  else scrollTo(0, scrollY + one.getBoundingClientRect().bottom - 100);
}"""


def test_the_header_stays_visible_and_covers_no_focused_control(tour: Tour) -> None:
    for size in (SMALL, DESKTOP):
        tour.page.set_viewport_size(size)
        for view in ("button", "inline"):
            for theme in ("light", "contrast"):  # contrast-blue differs in colours alone
                tour.restart(**{"data-start": "list", "theme": theme, "view": view})
                if view == "button":
                    tour.page.get_by_role("button").click()
                check_header(tour, size, view)


def check_header(tour: Tour, size: ViewportSize, view: str) -> None:
    widget = tour.widget

    def check_scrolled(*buttons: str) -> None:
        widget.evaluate(SCROLL_TO_END)
        head = widget.evaluate(HEADER)
        assert [name for name in buttons if name in head["lost"]] == []
        assert widget.locator("header button").count() == len(buttons)
        if buttons:
            assert 0 < head["bottom"] < size["height"] / 5
            assert widget.evaluate(COVERED_CONTROLS) == []
        else:
            assert head["position"] == "static"

    close = ["Закрыть"] if view == "button" else []
    widget.locator(".card").first.click()
    expect(widget.locator(".comments li").first).to_be_visible()
    check_scrolled("К списку", *close)
    tour.back()
    expect(widget.locator(".card").first).to_be_focused()
    check_scrolled(*close)
    widget.evaluate("one => one.scrollIntoView()")
    tour.open_form()
    expect(widget.locator("form")).to_be_visible()
    check_scrolled("К списку", *close)
