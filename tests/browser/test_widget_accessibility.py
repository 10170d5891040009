"""axe on every state of the widget, in every theme; the keyboard; the narrow screen; reduced colours."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import Watch
from tests.support.widget import Stand, filled, number, opened, send, summary, to_form

AXE = (Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js").read_text()
# The host page of a test is bare on purpose: landmarks and a level-one heading are the municipality's.
OF_THE_HOST = ["region", "landmark-one-main", "page-has-heading-one"]
DESK, PHONE, NARROWEST = (1280, 900), (360, 740), (320, 640)


def check(page: Page, state: str) -> None:
    """No finding of any level, best practices included."""
    page.evaluate(AXE)
    rules = {name: {"enabled": False} for name in OF_THE_HOST}
    found: list[dict[str, Any]] = page.evaluate("rules => axe.run({rules}).then(result => result.violations)", rules)
    told = [
        f"{state}: {one['id']} {[node['target'] for node in one['nodes']]} {one['nodes'][0]['failureSummary']}"
        for one in found
    ]
    assert told == []


def no_sideways_scrolling(page: Page) -> None:
    wider = page.locator("igrajdanin-widget .sheet").evaluate("sheet => sheet.scrollWidth - sheet.clientWidth")
    assert wider == 0


THEMES = ("light", "dark", "contrast", "contrast-black", "contrast-blue")
CASES = [(theme, DESK) for theme in THEMES] + [("light", PHONE), ("dark", NARROWEST), ("contrast", NARROWEST)]


@pytest.mark.parametrize(("theme", "size"), CASES, ids=lambda value: value if isinstance(value, str) else value[0])
def test_axe_finds_nothing(
    new_page: Callable[..., Page], watch: Watch, stand: Stand, theme: str, size: tuple[int, int]
) -> None:
    watch.allow("ERR_FAILED|status of 403|не подключён")
    stand.service.cli("load-demo", "--problems", "5", "--site", stand.site)
    page = new_page(viewport={"width": size[0], "height": size[1]})
    page.goto(stand.page(stand.snippet(f'type="extended" theme="{theme}"')))
    check(page, "button")
    page.get_by_role("button", name="Сообщить о проблеме").click()
    to_form(page)
    expect(page.locator("igrajdanin-widget form")).to_be_visible()
    check(page, "form")
    narrow = size[0] < 600
    if narrow:
        page.get_by_role("button", name="Далее").click()
    else:
        send(page)
    expect(summary(page)).to_be_visible()
    check(page, "errors")
    no_sideways_scrolling(page)
    page.get_by_role("button", name="К списку").click()
    expect(page.locator(".card")).to_have_count(5)
    check(page, "list")
    no_sideways_scrolling(page)
    page.locator(".card").first.click()
    expect(page.locator("article .timeline")).to_be_visible()
    check(page, "problem")
    no_sideways_scrolling(page)
    if narrow:
        return
    to_form(page)
    filled(page)
    page.route(re.compile("/problems$"), abort_posts)
    send(page)
    expect(page.get_by_role("heading", name="Пока не отправлено")).to_be_visible()
    check(page, "waiting")
    page.unroute(re.compile("/problems$"))
    page.get_by_role("button", name="Отправить ещё раз").click()
    number(page)
    check(page, "done")


def abort_posts(route: Route) -> None:
    if route.request.method == "POST":
        route.abort()
    else:
        route.continue_()


def test_by_keyboard_alone(new_page: Callable[..., Page], stand: Stand) -> None:
    page = new_page(viewport={"width": 1280, "height": 900})
    page.goto(stand.page(stand.snippet()))
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator("igrajdanin-widget form")).to_be_visible()

    def tab_to(label: str | re.Pattern[str]) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.get_by_label(label).evaluate_all("all => all.some(one => one === one.getRootNode().activeElement)"):
                return
        raise AssertionError(f"Tab never reached {label}")

    tab_to("Дороги и тротуары")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Дворы и благоустройство")).to_be_checked()
    tab_to("Что именно не так")
    page.keyboard.type("Сломана скамейка")
    tab_to("Адрес или ориентир")
    page.keyboard.type("сквер у фонтана")
    tab_to(re.compile("Даю согласие"))
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    assert number(page) > 0
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Сообщить о проблеме")).to_be_focused()


def test_every_control_is_large_enough_to_touch(page: Page, stand: Stand) -> None:
    opened(page, stand.page(stand.snippet('type="extended"')))
    controls = "button:not(.link), select, textarea, .choice, .tick, input:not([type=radio]):not([type=checkbox])"
    small = page.locator(f"igrajdanin-widget :is({controls})").evaluate_all(
        """all => all.filter(one => one.offsetParent && one.getBoundingClientRect().height < 44)
        .map(one => one.outerHTML.slice(0, 80))"""
    )
    assert small == []


def test_forced_colours_keep_the_choice_visible(new_page: Callable[..., Page], stand: Stand) -> None:
    page = new_page(forced_colors="active")
    opened(page, stand.page(stand.snippet()))
    page.get_by_label("Дороги и тротуары").check()
    outline = page.locator(".choice.on").evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid"
