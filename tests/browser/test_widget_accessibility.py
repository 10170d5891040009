"""axe on states of the widget with real answers; the keyboard; the narrow screen; forced colours."""

import re

from playwright.sync_api import Page, expect

from tests.support.browser import Watch
from tests.support.widget import WidgetSite, check_appearance, fill_form, number, open_form, send, to_form


def test_states_with_real_answers_pass_axe(desktop: Page, watch: Watch, widget_site: WidgetSite) -> None:
    """test_widget_states.py checks all states with made-up ones, in every theme and on a narrow screen."""
    watch.allow("ERR_FAILED|status of 403|не подключён")
    widget_site.service.cli("load-demo", "--problems", "5", "--site", widget_site.site)
    page = desktop
    page.goto(widget_site.page(widget_site.snippet('type="extended" theme="light"')))
    check_appearance(page, "button")
    page.get_by_role("button", name="Сообщить о проблеме").click()
    to_form(page)
    expect(page.locator("igrajdanin-widget form")).to_be_visible()
    check_appearance(page, "form")
    send(page)
    expect(page.locator("igrajdanin-widget .error").first).to_be_visible()
    check_appearance(page, "errors")
    page.get_by_role("button", name="Проблемы города").click()
    expect(page.locator(".card")).to_have_count(5)
    check_appearance(page, "list")
    page.locator(".card").first.click()
    expect(page.locator("article .timeline")).to_be_visible()
    check_appearance(page, "problem")
    to_form(page)
    fill_form(page)
    page.route(
        re.compile("/problems$"), lambda route: route.abort() if route.request.method == "POST" else route.continue_()
    )
    send(page)
    expect(page.get_by_role("heading", name="Пока не отправлено")).to_be_visible()
    check_appearance(page, "waiting")
    page.unroute(re.compile("/problems$"))
    page.get_by_role("button", name="Отправить ещё раз").click()
    number(page)
    check_appearance(page, "done")


def test_touch_targets_are_large_enough_and_a_selection_is_seen_with_forced_colours(
    page: Page, widget_site: WidgetSite
) -> None:
    open_form(page, widget_site.page(widget_site.snippet('type="extended"')))
    controls = "button:not(.link), select, textarea, .choice, .tick, input:not([type=radio]):not([type=checkbox])"
    small = page.locator(f"igrajdanin-widget :is({controls})").evaluate_all(
        """all => all.filter(one => one.offsetParent && one.getBoundingClientRect().height < 44)
        .map(one => one.outerHTML.slice(0, 80))"""
    )
    assert small == []
    page.emulate_media(forced_colors="active")
    page.get_by_label("Дороги и тротуары").press("Space")
    outline = page.locator(".choice.on").evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid"
