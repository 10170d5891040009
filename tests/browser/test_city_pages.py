"""The city's pages in a browser: what comes first, one edge, focus, axe in every scheme, 320 px, print."""

import json
import math
import re
from itertools import combinations

import pytest
from playwright.sync_api import Page, expect

from tests.factories import HOST_ORIGIN
from tests.support import axe
from tests.support.browser import NewPage, Watch, rect
from tests.support.processes import Serve
from tests.support.town import use_database
from widget_api.attachments.storage import Storage
from widget_api.database import Database
from widget_api.demo import photos
from widget_api.sites import service as sites

# The focused part of a date field is highlighted by the browser itself.
WITHOUT_FOCUS_RING = """
() => {
  const one = document.activeElement;
  const shown = one.matches("html, body, main, [type=date]") || getComputedStyle(one).outlineStyle !== "none";
  return shown ? null : one.outerHTML;
}
"""
# Chromium logs an error for a page with status 400.
REVERSED_DATES = r"status of 400 .*since=2026-06-02&until=2026-06-01"


@pytest.fixture(scope="module")
def city(module_serve: Serve) -> str:
    """URL of the page of a city with 300 published problems in all statuses."""
    service = module_serve(rate_limits="off", work="off")
    agency = service.cli("agency", "add", "--name", "Администрация города", "--email", "office@gorod.test")["agency"]
    site = service.cli("site", "add", "--name", "Сайт города", "--agency", agency, "--origin", HOST_ORIGIN)
    service.cli("load-demo", "--problems", "300", "--site", site["key"])

    async def draw(database: Database) -> None:
        storage = Storage((service.directory / "data" / "media").as_uri())
        await photos.attach_photos(database, storage, await sites.by_key(database, site["key"]))

    use_database(service, draw)
    for preset in ("budgeting", "programmes"):
        added = service.cli("collection", "add", "--site", site["key"], "--preset", preset, "--slug", preset)
        service.cli("load-demo", "--problems", "25", "--site", added["collection"])
    return f"{service.url}/s/{site['key']}"


def test_all_pages_of_a_town_begin_at_one_edge(city: str, new_page: NewPage) -> None:
    """However narrow what is read and filled in is, and with the page's header."""
    page = new_page(viewport={"width": 1280, "height": 800})
    edge = """part => document.querySelector(part).getBoundingClientRect().left
      + parseFloat(getComputedStyle(document.querySelector(part)).paddingLeft)"""
    for width in (1280, 1600):
        page.set_viewport_size({"width": width, "height": 800})
        for path in ("", "/problems/1", "/report", "/form", "/c/budgeting"):
            page.goto(f"{city}{path}")
            expected = (width - 1200) / 2 + 16
            assert [page.evaluate(edge, part) for part in ("main", ".masthead .bounds", ".footer .bounds")] == (
                [expected] * 3
            ), path


def test_the_first_screen_has_what_the_page_is_for(city: str, new_page: NewPage) -> None:
    """One thing to do, the map with marks, four figures, and the pictures of what was solved begin; without scripts."""
    page = new_page(java_script_enabled=False)
    for width, height, first_report in ((1280, 800, 1160), (360, 740, 1180)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto(city)
        check_first_screen(page, height, first_report)
    check_marks(page)
    expect(page).to_have_url(city)
    page.emulate_media(media="print")
    for hidden in (".filters", ".pager", ".footer", ".languages"):
        expect(page.locator(hidden)).to_be_hidden()
    page.goto(f"{city}?status=done")
    page.locator(".problems a").first.click()
    expect(page.locator("#answer")).to_have_text("Официальный ответ")
    expect(page.locator("#answer")).to_be_visible()
    expect(page.locator(".footer")).to_be_hidden()


def check_first_screen(page: Page, height: int, first_report: int) -> None:
    expect(page.locator(".marks a").first).to_be_visible()
    expect(page.locator(".first-figures dd")).to_have_count(4)
    expect(page.locator(".primary:visible")).to_have_count(1)
    expect(page.locator(".counts")).to_be_hidden()

    def edge(selector: str) -> tuple[float, float]:
        box = rect(page.locator(selector).first)
        return box["y"], box["y"] + box["height"]

    ends = {selector: edge(selector)[1] for selector in (".hero .primary", ".town-map", ".first-figures")}
    assert all(end <= height for end in ends.values()), ends
    assert edge("#solved")[1] <= height
    assert edge(".problems li")[0] <= first_report
    pair = page.locator(".pair").first.locator("img")
    before, after = (rect(pair.nth(index)) for index in range(2))
    assert (before["y"], before["width"], before["height"]) == (after["y"], after["width"], after["height"])
    assert before["width"] / before["height"] == pytest.approx(4 / 3, rel=0.02)


def check_marks(page: Page) -> None:
    """Each is a target of its own (WCAG 2.2, 2.5.8), and one press leads closer; another one back."""
    boxes = [rect(one) for one in page.locator(".marks .paper").all()]
    centres = [(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) for box in boxes]
    assert len(centres) > 5
    assert min(math.dist(one, other) for one, other in combinations(centres, 2)) > 40
    page.locator(".marks .many").first.click()
    expect(page).to_have_url(re.compile(r"\?bbox=[\d.,-]+#map$"))
    expect(page.locator(".marks a").first).to_be_visible()
    page.get_by_role("link", name="Весь город").click()


def test_the_map_opens_in_the_widget(city: str, new_page: NewPage, watch: Watch) -> None:
    """On a phone with the map, which stands beside the list elsewhere; no other host is asked."""
    page = new_page(viewport={"width": 360, "height": 740})
    page.goto(city)
    with page.expect_response("**/map-*.js"):
        page.get_by_role("button", name="Открыть карту").click()
    expect(page.get_by_role("application")).to_be_visible()
    expect(page.locator("igrajdanin-widget .mark").first).to_be_visible()
    assert watch.hosts() == {city.partition("/s/")[0]}


def test_words_of_the_figures_stay_whole_on_a_phone(city: str, new_page: NewPage) -> None:
    page = new_page(viewport={"width": 360, "height": 740})
    page.goto(city)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    expect(page.locator(".kinds tbody tr")).to_have_count(12)
    split = """tables => tables.flatMap(table => {
      const texts = document.createTreeWalker(table, NodeFilter.SHOW_TEXT), found = [];
      for (let node; (node = texts.nextNode()); )
        for (const { 0: word, index } of node.data.matchAll(/\\p{L}+/gu)) {
          const range = document.createRange();
          range.setStart(node, index);
          range.setEnd(node, index + word.length);
          if (range.getClientRects().length > 1) found.push(word);
        }
      return found;
    })"""
    assert page.locator(".charts table").evaluate_all(split) == []


def test_filters_have_visible_keyboard_focus(city: str, new_page: NewPage) -> None:
    page = new_page()
    page.goto(f"{city}?status=new")
    page.focus("[name=q]")
    page.keyboard.type("снег")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=*")
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.name || document.activeElement.className"))
        assert page.evaluate(WITHOUT_FOCUS_RING) is None
    assert {"q", "status", "overdue", "category", "sort", "since", "until"} <= reached


def test_pages_pass_axe_and_nothing_overflows(city: str, new_page: NewPage, watch: Watch) -> None:
    """At 320 px, in every scheme in turn; at 640 px, which is 200 % zoom of a desktop, also with larger text."""
    watch.allow(REVERSED_DATES)
    page = new_page(viewport={"width": 320, "height": 640})
    found = {}
    part_of_map = "?status=answered&bbox=38.5,54.9,38.7,55.3"
    reversed_dates = "?since=2026-06-02&until=2026-06-01"
    paths = (
        "",
        "?status=working&sort=due",
        part_of_map,
        reversed_dates,
        "?category=snow&q=нетникого",
        "/problems/300",
        "/problems/7?lang=en",
        "/c/budgeting?lang=en",
        "/c/budgeting/3",
        "/c/programmes/report",
    )
    for turn, path in enumerate(paths):
        page.goto(city + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        complaints = axe.violations_in_turn(page, axe.NARROW, turn)
        complaints += axe.violations_with_large_text(page, ["target-size", "scrollable-region-focusable"])
        if complaints:
            found[path] = complaints
    assert found == {}, json.dumps(found, ensure_ascii=False, indent=1)
    assert watch.hosts() == {city.partition("/s/")[0]}
