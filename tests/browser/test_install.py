"""The snippet generator and the install check in a browser, and the check's findings for real host pages."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support import axe
from tests.support.browser import Watch
from tests.support.pages import HostPages
from tests.support.widget import RELEASE, REPORT, WidgetSite, open_form

DESKTOP = {"width": 1280, "height": 900}


@pytest.fixture(autouse=True)
def _web_share(watch: Watch) -> None:
    watch.allow("Unrecognized feature: 'web-share'")  # missing in Chromium for Linux


def generator(widget_site: WidgetSite, query: str = "") -> str:
    return f"{widget_site.service.url}/s/{widget_site.key}/install{query}"


def check(widget_site: WidgetSite) -> dict[str, Any]:
    found: dict[str, Any] = widget_site.service.cli("site", "check", widget_site.site)
    return found


def findings(widget_site: WidgetSite, wanted: str) -> list[tuple[str, str]]:
    """All (code, origin) pairs, once the expected one is there."""
    found: list[tuple[str, str]] = []
    for _ in range(100):
        found = [(one["code"], one["origin"]) for one in check(widget_site)["findings"]]
        if any(code == wanted for code, _ in found):
            break
        time.sleep(0.1)
    return found


# --- the generator ---


def test_the_three_kinds_of_embedding_have_live_previews(page: Page, widget_site: WidgetSite) -> None:
    page.goto(generator(widget_site, "?accent=%237a1f5c&type=basic"))
    button = page.locator("#script igrajdanin-widget").get_by_role("button", name=REPORT)
    expect(button).to_be_visible()
    assert button.evaluate("element => getComputedStyle(element).backgroundColor") == "rgb(122, 31, 92)"
    button.click()
    expect(page.locator("igrajdanin-widget form")).to_be_visible()
    page.keyboard.press("Escape")
    page.locator("#frame iframe").scroll_into_view_if_needed()
    frame = page.frame_locator("#frame iframe")
    expect(frame.locator("igrajdanin-widget form")).to_be_visible()
    # No wait_for_function: the page's policy refuses its second look.
    expect(page.locator("#frame iframe")).to_have_attribute("style", re.compile("height"))
    page.locator("#link figure").get_by_role("link").click()
    expect(page).to_have_url(f"{widget_site.service.url}/s/{widget_site.key}/report")


def test_options_change_the_code_at_once(page: Page, widget_site: WidgetSite) -> None:
    page.goto(generator(widget_site))
    page.get_by_label("Версия").select_option("pinned")
    expect(page.locator("#code-script")).to_contain_text('integrity="sha384-')
    page.get_by_label("Цвет кнопки").fill("#ffcc00")
    page.get_by_label("Цвет кнопки").blur()
    expect(page.get_by_text("указан тёмный")).to_be_visible()
    button = page.locator("#script igrajdanin-widget").get_by_role("button", name=REPORT)
    assert button.evaluate("element => getComputedStyle(element).backgroundColor") == "rgb(255, 204, 0)"
    for colour, error in (("#7f7f7f", "плохо читается"), ("синий", "Это не цвет"), ("#0a58a6", "")):
        page.get_by_label("Цвет кнопки").fill(colour)
        page.get_by_label("Цвет кнопки").blur()
        expect(page.get_by_label("Цвет кнопки")).to_have_accessible_description(
            re.compile(error + ".*" if error else "синяя.$")
        )
        expect(page.get_by_role("alert").filter(has_text=error or "контраст|цвет")).to_have_count(1 if error else 0)
    page.get_by_label("Как показывать").select_option("floating")
    page.get_by_label("Угол для кнопки").select_option("top-left")
    page.get_by_label("Имя", exact=True).check()
    expect(page.locator("#code-script")).to_contain_text('view="floating" corner="top-left" hide="name"')
    expect(page.locator("#script igrajdanin-widget")).to_have_attribute("corner", "top-left")
    page.get_by_label("Как показывать").select_option("inline")
    expect(page.get_by_label("Угол для кнопки")).to_be_hidden()
    expect(page.locator("#code-script")).to_contain_text('view="inline"')
    expect(page.locator("#code-script")).to_contain_text('integrity="sha384-')
    page.locator("#script figure").scroll_into_view_if_needed()
    expect(page.locator("#script igrajdanin-widget h2").first).to_be_visible()
    assert "view=inline" in page.url, "the URL can be shared"


def test_the_form_works_without_javascript(new_page: Callable[..., Page], widget_site: WidgetSite) -> None:
    page = new_page(java_script_enabled=False)
    page.goto(generator(widget_site))
    page.get_by_label("Оформление").select_option("dark")
    page.get_by_role("button", name="Показать код").click()
    expect(page.locator("#code-script")).to_contain_text('theme="dark"')
    expect(page.get_by_role("button", name="Скопировать").first).to_be_hidden()


def test_the_copy_button_copies_the_exact_code(new_page: Callable[..., Page], widget_site: WidgetSite) -> None:
    page = new_page(permissions=["clipboard-read", "clipboard-write"])
    page.goto(generator(widget_site))
    page.locator("#script .code-block").first.get_by_role("button", name="Скопировать").click()
    expect(page.get_by_role("status").filter(has_text="Скопировано")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#code-script").text_content()
    assert copied.startswith("<igrajdanin-widget")


@pytest.mark.parametrize("view", ["script", "div", "frame"])
def test_the_copied_code_works_on_the_host(page: Page, widget_site: WidgetSite, view: str) -> None:
    page.goto(generator(widget_site, "?version=pinned&type=basic"))
    code = page.locator(f"#code-{view}").text_content()
    assert code
    page.goto(widget_site.page(code, loader=False))
    if view == "frame":
        expect(page.frame_locator("iframe").locator("igrajdanin-widget form")).to_be_visible()
        page.wait_for_function("document.querySelector('iframe').style.height")
    else:
        page.get_by_role("button", name=REPORT, exact=True).click()
        expect(page.locator("igrajdanin-widget form")).to_be_visible()


def test_the_shown_policy_is_sufficient(
    page: Page, widget_site: WidgetSite, host_pages: Callable[..., HostPages]
) -> None:
    page.goto(generator(widget_site))
    policy = page.locator("#code-policy").text_content()
    trusted = "require-trusted-types-for 'script'; trusted-types 'none'"
    widget_site.host.headers["Content-Security-Policy"] = f"default-src 'none'; {policy}; {trusted}"
    try:
        open_form(page, widget_site.page(widget_site.snippet()))
    finally:
        widget_site.host.headers.clear()


# --- what widgets on host pages make the check say ---


def test_openings_are_counted_by_origin(page: Page, widget_site: WidgetSite) -> None:
    open_form(page, widget_site.page(widget_site.snippet()))
    places = list[dict[str, Any]]()
    for _ in range(100):
        places = check(widget_site)["places"]
        if any(place["origin"] == widget_site.host.url and RELEASE in place["versions"] for place in places):
            return
        time.sleep(0.1)
    raise AssertionError(places)


def test_a_policy_without_connect_src_is_reported(page: Page, widget_site: WidgetSite, watch: Watch) -> None:
    """Although the widget cannot fetch anything under it."""
    watch.allow("Content Security Policy|CSP violation|connect-src|Refused to connect|Fetch API|igrajdanin-widget")
    w = widget_site.service.url
    widget_site.host.headers["Content-Security-Policy"] = f"default-src 'self'; script-src {w}; img-src * blob:"
    try:
        page.goto(widget_site.page(widget_site.snippet()))
        page.get_by_role("button", name=REPORT, exact=True).click()
        expect(page.get_by_role("link", name=REPORT)).to_be_visible()
        found = findings(widget_site, "failed_connect")
    finally:
        widget_site.host.headers.clear()
    assert ("failed_connect", widget_site.host.url) in found


def test_failing_files_are_reported(page: Page, widget_site: WidgetSite, watch: Watch) -> None:
    watch.allow("ERR_FAILED|Failed to load|uncaught: http")
    page.route(f"**/w/{RELEASE}/**", lambda route: route.abort())
    page.goto(widget_site.page(widget_site.snippet()))
    page.get_by_role("button", name=REPORT, exact=True).click()
    # Requests are aborted by Playwright's loop, which does not run while the test waits in `findings`.
    expect(page.get_by_role("link", name=REPORT)).to_be_visible()
    assert ("failed_load", widget_site.host.url) in findings(widget_site, "failed_load")


def test_unregistered_origins_are_reported(
    page: Page, widget_site: WidgetSite, watch: Watch, host_pages: Callable[..., HostPages]
) -> None:
    watch.allow("403|404|зарегистрир|ключ")
    other = host_pages(widget_site.folder, replace=widget_site.host.replace)
    page.goto(widget_site.page(widget_site.snippet()).replace(widget_site.host.url, other.url))
    page.get_by_role("button", name=REPORT, exact=True).click()
    expect(page.locator("igrajdanin-widget").get_by_role("alert")).to_be_visible()
    assert ("origin_refused", other.url) in findings(widget_site, "origin_refused")


def test_a_page_is_checked_by_its_url(new_page: Callable[..., Page], widget_site: WidgetSite) -> None:
    page = new_page(viewport=DESKTOP)
    address = widget_site.page(widget_site.snippet())
    w = widget_site.service.url
    widget_site.host.headers["Content-Security-Policy"] = f"default-src 'self'; script-src {w}"
    try:
        page.goto(check(widget_site)["link"])
        page.get_by_label("Адрес страницы").fill(address)
        page.get_by_role("button", name="Проверить").click()
        expect(page.get_by_text("Политика запрещает запросы к сервису (default-src)")).to_be_visible()
        expect(page.get_by_text("Политика разрешает скрипт виджета")).to_be_visible()
        assert axe.violations(page) == []
        found = widget_site.service.cli("site", "check", widget_site.site, "--url", address)["page"]
    finally:
        widget_site.host.headers.clear()
    states = {line["code"]: line["state"] for line in found["lines"]}
    assert states["element"] == "ok"
    assert states["policy_connect_blocked"] == "wrong"
    assert all(line["todo"] for line in found["lines"] if line["state"] == "wrong")
