"""axe on every state of the widget in every theme; the keyboard; the narrow screen; forced colours."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support import axe
from tests.support.browser import Watch
from tests.support.widget import WidgetSite, fill_form, number, open_form, send, summary, to_form

DESKTOP, NARROWEST = (1280, 900), (320, 640)


def check(page: Page, state: str, themes: Iterable[str] = ()) -> None:
    """Assert that axe finds nothing, best practices included; in further `themes` only what a theme can break."""
    host = page.locator("igrajdanin-widget")
    own = host.get_attribute("theme") or "auto"
    found = axe.violations(page, without=axe.HOST_PAGE_RULES)
    for theme in themes:
        wear(page, theme)
        found += [f"{theme}: {one}" for one in axe.violations(page, only=axe.APPEARANCE_RULES)]
        if host.locator(".sheet").count():
            no_sideways_scrolling(page)
    if themes:
        wear(page, own)
    assert found == [], state


def wear(page: Page, theme: str) -> None:
    page.locator("igrajdanin-widget").evaluate("(one, theme) => one.setAttribute('theme', theme)", theme)
    if theme != "auto":
        page.wait_for_function(WORN, arg=theme)


def no_sideways_scrolling(page: Page) -> None:
    wider = page.locator("igrajdanin-widget .sheet").evaluate("sheet => sheet.scrollWidth - sheet.clientWidth")
    assert wider == 0


THEMES = ("light", "dark", "contrast", "contrast-black", "contrast-blue")
# The theme has no effect until the widget is open.
WORN = """theme => {
  const drawn = document.querySelector("igrajdanin-widget").shadowRoot.querySelector(".igw");
  return !drawn || drawn.dataset.theme === theme;
}"""


@pytest.mark.parametrize(
    ("size", "theme", "themes"),
    [(DESKTOP, "light", THEMES[1:]), (NARROWEST, "contrast", ("dark",))],
    ids=["desk", "narrow"],
)
def test_every_state_passes_axe(
    new_page: Callable[..., Page],
    watch: Watch,
    widget_site: WidgetSite,
    size: tuple[int, int],
    theme: str,
    themes: tuple[str, ...],
) -> None:
    """With the service's real answers; test_widget_states.py checks all states with made-up ones."""
    watch.allow("ERR_FAILED|status of 403|не подключён")
    widget_site.service.cli("load-demo", "--problems", "5", "--site", widget_site.site)
    page = new_page(viewport={"width": size[0], "height": size[1]})
    page.goto(widget_site.page(widget_site.snippet(f'type="extended" theme="{theme}"')))
    check(page, "button", themes)
    page.get_by_role("button", name="Сообщить о проблеме").click()
    to_form(page)
    expect(page.locator("igrajdanin-widget form")).to_be_visible()
    check(page, "form", themes)
    narrow = size[0] < 600
    if narrow:
        page.get_by_role("button", name="Далее").click()
    else:
        send(page)
    expect(summary(page)).to_be_visible()
    check(page, "errors", themes)
    no_sideways_scrolling(page)
    page.get_by_role("button", name="К списку").click()
    expect(page.locator(".card")).to_have_count(5)
    check(page, "list", themes)
    no_sideways_scrolling(page)
    page.locator(".card").first.click()
    expect(page.locator("article .timeline")).to_be_visible()
    check(page, "problem", themes)
    no_sideways_scrolling(page)
    if narrow:
        return
    to_form(page)
    fill_form(page)
    page.route(re.compile("/problems$"), abort_posts)
    send(page)
    expect(page.get_by_role("heading", name="Пока не отправлено")).to_be_visible()
    check(page, "waiting", themes)
    page.unroute(re.compile("/problems$"))
    page.get_by_role("button", name="Отправить ещё раз").click()
    number(page)
    check(page, "done", themes)


def abort_posts(route: Route) -> None:
    if route.request.method == "POST":
        route.abort()
    else:
        route.continue_()


def test_reporting_works_by_keyboard(new_page: Callable[..., Page], widget_site: WidgetSite) -> None:
    page = new_page(viewport={"width": 1280, "height": 900})
    page.goto(widget_site.page(widget_site.snippet()))
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


def test_touch_targets_are_large_enough(page: Page, widget_site: WidgetSite) -> None:
    open_form(page, widget_site.page(widget_site.snippet('type="extended"')))
    controls = "button:not(.link), select, textarea, .choice, .tick, input:not([type=radio]):not([type=checkbox])"
    small = page.locator(f"igrajdanin-widget :is({controls})").evaluate_all(
        """all => all.filter(one => one.offsetParent && one.getBoundingClientRect().height < 44)
        .map(one => one.outerHTML.slice(0, 80))"""
    )
    assert small == []


def test_selection_is_visible_with_forced_colours(new_page: Callable[..., Page], widget_site: WidgetSite) -> None:
    page = new_page(forced_colors="active")
    open_form(page, widget_site.page(widget_site.snippet()))
    page.get_by_label("Дороги и тротуары").check()
    outline = page.locator(".choice.on").evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid"
