"""The city's pages in a browser without JavaScript: filters, paging, axe in every scheme, 320 px, print."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.factories import HOST_ORIGIN
from tests.support import axe
from tests.support.browser import Watch
from tests.support.processes import Service

pytestmark = pytest.mark.browser
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
def city(module_serve: Callable[..., Service]) -> str:
    """URL of the page of a city with 300 published problems in all statuses."""
    service = module_serve(rate_limits="off", work="off")
    agency = service.cli("agency", "add", "--name", "Администрация города", "--email", "office@gorod.test")["agency"]
    site = service.cli("site", "add", "--name", "Сайт города", "--agency", agency, "--origin", HOST_ORIGIN)
    service.cli("load-demo", "--problems", "300", "--site", site["key"])
    for preset in ("budgeting", "programmes"):
        added = service.cli("collection", "add", "--site", site["key"], "--preset", preset, "--slug", preset)
        service.cli("load-demo", "--problems", "25", "--site", added["collection"])
    return f"{service.url}/s/{site['key']}"


def test_filters_paging_and_a_problem_without_javascript(
    city: str, new_page: Callable[..., Page], watch: Watch
) -> None:
    watch.allow(REVERSED_DATES)
    page = new_page(java_script_enabled=False, viewport={"width": 1280, "height": 900})
    page.goto(city)
    expect(page.locator(".tiles dd")).to_have_count(8)
    expect(page.locator(".columns")).to_have_count(2)
    expect(page.locator(".kinds tbody tr")).to_have_count(12)
    page.locator(".filters summary").click()
    page.check("[name=status][value=done]")
    page.select_option("[name=category]", "snow")
    page.locator(".filters button").click()
    expect(page).to_have_url(f"{city}?q=&status=done&category=snow&sort=&since=&until=#list")
    expect(page.locator("[name=status][value=done]")).to_be_checked()
    chips = page.locator(".problems .chip").all_inner_texts()
    assert chips
    assert {chip.strip() for chip in chips} <= {"Решено", "Подтверждено автором"}
    page.get_by_role("link", name="Сбросить условия").click()
    first = page.locator(".problems a").first.get_attribute("href")
    page.get_by_role("link", name="Следующая страница").click()
    assert page.locator(".problems a").first.get_attribute("href") != first
    page.get_by_role("link", name="Предыдущая страница").click()
    assert page.locator(".problems a").first.get_attribute("href") == first
    page.goto(city)
    page.get_by_role("list").get_by_role("link", name="Дан ответ").click()
    page.fill("[name=q]", "снег")
    page.locator(".filters button").click()
    expect(page).to_have_url(re.compile(r"\?q=[^&]+&status=answered&"))
    expect(page.get_by_label("Статус «Дан ответ»")).to_be_checked()
    page.fill("[name=since]", "2026-06-02")
    page.fill("[name=until]", "2026-06-01")
    page.locator(".filters button").click()
    expect(page.get_by_role("alert")).to_contain_text("Дата «по» раньше даты «с».")
    expect(page.get_by_label("по", exact=True)).to_have_accessible_description(re.compile("Дата «по» раньше"))
    expect(page.locator("[name=since]")).to_have_value("2026-06-02")
    page.fill("[name=until]", "2026-06-03")
    page.locator(".filters button").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.locator("[name=until]")).to_have_value("2026-06-03")
    page.goto(f"{city}?status=done")
    page.locator(".problems a").first.click()
    expect(page.locator("h1")).to_contain_text("Сообщение №")
    expect(page.locator("#answer")).to_have_text("Официальный ответ")
    expect(page.locator(".due")).to_have_count(1)


def test_filters_have_visible_keyboard_focus(city: str, new_page: Callable[..., Page]) -> None:
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


def test_pages_pass_axe_and_nothing_overflows(city: str, new_page: Callable[..., Page], watch: Watch) -> None:
    """At 320 px in every scheme; at 640 px, which is 200 % zoom of a desktop, also with larger text."""
    watch.allow(REVERSED_DATES)
    page = new_page(viewport={"width": 320, "height": 640})
    found = {}
    part_of_map = "?status=answered&bbox=38.5,54.9,38.7,55.3"
    reversed_dates = "?since=2026-06-02&until=2026-06-01"
    for path in (
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
    ):
        page.goto(city + path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        complaints = axe.violations_in_appearances(page) + axe.violations_with_large_text(page, axe.APPEARANCE_RULES)
        if complaints:
            found[path] = complaints
    assert found == {}, json.dumps(found, ensure_ascii=False, indent=1)
    assert watch.hosts() == {city.partition("/s/")[0]}


def test_the_print_style_shows_the_answer_and_no_controls(city: str, new_page: Callable[..., Page]) -> None:
    page = new_page()
    page.emulate_media(media="print")
    page.goto(city)
    for hidden in (".filters", ".pager", ".footer", ".languages"):
        expect(page.locator(hidden)).to_be_hidden()
    page.goto(f"{city}?status=done")
    page.goto(page.locator(".problems a").first.evaluate("one => one.href"))
    expect(page.locator("#answer")).to_be_visible()
