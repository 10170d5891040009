"""What stands over the city's list: little on a phone, nothing cropped, and large enough for a finger."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.support.city import City
from tests.support.tour import Tour
from tests.support.widget import Stand

SMALL: ViewportSize = {"width": 360, "height": 640}
DESK: ViewportSize = {"width": 1280, "height": 900}
# The room an input has for its placeholder, and what that takes in the input's own type.
CROPPED = """input => {
  const style = getComputedStyle(input), pen = document.createElement("canvas").getContext("2d");
  pen.font = style.font;
  const room = input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return pen.measureText(input.placeholder).width - room;
}"""
# A link inside a sentence has the height of its line (WCAG 2.2, 2.5.8); everything else is 44 pixels high and wide.
TOO_SMALL = """root => [...root.querySelectorAll("button, input, select, summary, a")].flatMap(one => {
  const { width, height } = (one.closest("label") || one).getBoundingClientRect();
  const inside = one.closest(".notice, .answer, .tick, .timeline") && one.matches("a, .link");
  return !width || inside || height >= 44 && width >= 44 ? [] : [`${one.textContent || one.id}: ${width} × ${height}`];
})"""


@pytest.fixture
def tour(new_page: Callable[..., Page], stand: Stand) -> Tour:
    page = new_page(viewport=SMALL)
    return Tour(page, stand, City(page, stand))


def list_of(tour: Tour, **attributes: str) -> Locator:
    tour.open(**attributes)
    expect(tour.widget.locator(".card").first).to_be_visible()
    expect(tour.widget.locator(".city-figures [aria-busy]")).to_have_count(0)
    return tour.widget


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_the_first_card_begins_above_the_middle_of_a_phone(tour: Tour, lang: str) -> None:
    widget = list_of(tour, lang=lang)
    assert widget.locator(".city-figures dd").count() == 4
    box = widget.locator(".card").first.bounding_box()
    assert box
    assert box["y"] <= 300


@pytest.mark.parametrize("lang", ["ru", "en"])
def test_what_the_search_asks_for_can_be_read_whole(tour: Tour, lang: str) -> None:
    assert list_of(tour, lang=lang).locator("[id=q]").evaluate(CROPPED) <= 0


def test_nothing_is_too_small_for_a_finger(tour: Tour) -> None:
    widget = list_of(tour)
    widget.locator(".bar-line .button").click()
    expect(tour.at("of-category")).to_be_visible()
    tour.at("period").select_option("own")
    widget.locator(".bar > .pills .pill").first.click()
    expect(widget.locator(".chosen")).to_be_visible()
    widget.locator(".city-figures .link").click()
    expect(widget.locator(".charts")).to_be_visible()
    assert widget.evaluate(f"one => ({TOO_SMALL})(one.shadowRoot)") == []
    widget.locator(".card").first.click()
    expect(widget.locator("section.answer")).to_be_visible()
    expect(widget.locator(".talk li").first).to_be_visible()
    widget.locator("article [aria-expanded]").click()
    expect(tour.at("follow-email")).to_be_visible()
    assert widget.evaluate(f"one => ({TOO_SMALL})(one.shadowRoot)") == []
    widget.locator(".shot").first.click()
    expect(widget.locator(".viewer")).to_be_visible()
    assert widget.evaluate(f"one => ({TOO_SMALL})(one.shadowRoot.querySelector('.viewer'))") == []


def test_figures_take_no_more_room_when_they_come(tour: Tour) -> None:
    widget = list_of(tour)
    before = widget.locator(".bar").bounding_box()
    tour.city.answers["GET /stats"] = "held"
    tour.open()
    expect(widget.locator(".city-figures [aria-busy]")).to_be_visible()
    assert widget.locator(".bar").bounding_box() == before
    tour.city.release()


@pytest.mark.parametrize(("theme", "colour"), [("light", "rgb(10, 88, 166)"), ("dark", "rgb(122, 184, 255)")])
def test_the_sites_accent_leaves_the_statuses_their_colours(tour: Tour, theme: str, colour: str) -> None:
    """A town whose accent is red must not seem to have nothing but failures."""
    tour.open(theme=theme, style="--igw-accent: #b3261e; --igw-accent-dark: #ff9b93")
    chip = tour.widget.locator(".card .chip", has_text="Принято").first
    expect(chip).to_have_css("color", colour)
    expect(tour.widget.locator(".card .chip", has_text="Просрочено").first).not_to_have_css("color", colour)


def test_charts_keep_within_the_margins_of_a_phone(tour: Tour) -> None:
    widget = list_of(tour)
    widget.get_by_role("button", name="Графики").click()
    labels = widget.locator(".chart p span")
    expect(labels.first).to_be_visible()
    room = widget.locator(".city-figures dl").locator("xpath=../..").bounding_box()
    assert room
    ends = labels.evaluate_all("all => all.map(one => one.getBoundingClientRect().right)")
    assert max(ends) <= room["x"] + room["width"]


# The buttons of the head that are out of sight or under something, and where its lower edge is.
HEAD = """one => {
  const root = one.shadowRoot, head = root.querySelector("header");
  const lost = [...head.querySelectorAll("button")].filter(button => {
    const { left, top, width, height } = button.getBoundingClientRect();
    return !button.contains(root.elementFromPoint(left + width / 2, top + height / 2));
  });
  const { position } = getComputedStyle(head);
  return { position, lost: lost.map(button => button.ariaLabel), bottom: head.getBoundingClientRect().bottom };
}"""
# From the last control to the first, what has the focus and begins under the head.
COVERED = """one => {
  const root = one.shadowRoot, head = root.querySelector("header").getBoundingClientRect();
  const controls = [...root.querySelectorAll(".body :is(a, button, input, select, textarea)")];
  return controls.reverse().filter(control => {
    if (!control.getClientRects().length) return false;
    control.focus();
    return root.activeElement === control && control.getBoundingClientRect().top < head.bottom - 0.5;
  }).map(control => control.id || control.textContent);
}"""
END = """one => {
  const sheet = one.shadowRoot.querySelector("dialog .sheet");
  if (sheet) sheet.scrollTo(0, sheet.scrollHeight);
  else scrollTo(0, scrollY + one.getBoundingClientRect().bottom - 100);
}"""


@pytest.mark.parametrize("theme", ["light", "contrast", "contrast-blue"])
@pytest.mark.parametrize("size", [SMALL, DESK], ids=["phone", "desk"])
@pytest.mark.parametrize("view", ["button", "inline"])
def test_the_way_out_stays_in_sight_and_covers_nothing(
    new_page: Callable[..., Page], stand: Stand, size: ViewportSize, view: str, theme: str
) -> None:
    page = new_page(viewport=size)
    page.goto(stand.page("<style>body { padding-bottom: 900px }</style>"))
    tour = Tour(page, stand, City(page, stand))
    tour.fresh(theme=theme, view=view)
    if view == "button":
        page.get_by_role("button").click()
    widget = tour.widget

    def scrolled(*buttons: str) -> None:
        widget.evaluate(END)
        head = widget.evaluate(HEAD)
        assert [name for name in buttons if name in head["lost"]] == []
        assert widget.locator("header button").count() == len(buttons)
        if buttons:
            assert 0 < head["bottom"] < size["height"] / 5
            assert widget.evaluate(COVERED) == []
        else:
            assert head["position"] == "static"

    close = ["Закрыть"] if view == "button" else []
    widget.locator(".card").first.click()
    expect(widget.locator(".talk li").first).to_be_visible()
    scrolled("К списку", *close)
    tour.back()
    expect(widget.locator(".card").first).to_be_focused()
    scrolled(*close)
    widget.evaluate("one => one.scrollIntoView()")
    tour.open_form()
    expect(widget.locator("form")).to_be_visible()
    scrolled("К списку", *close)
