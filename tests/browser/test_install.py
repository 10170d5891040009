"""The snippet generator and the install check in a browser, and the check's findings for real host pages."""

import math
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support import axe
from tests.support.browser import NewPage, Watch
from tests.support.pages import HostPages
from tests.support.widget import DESKTOP, RELEASE, REPORT, WidgetSite, open_form, wait_until

pytestmark = pytest.mark.usefixtures("web_share")


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


def test_the_generator_copies_and_shows_three_kinds_of_embedding(page: Page, widget_site: WidgetSite) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(generator(widget_site, "?accent=%237a1f5c&type=basic"))
    page.locator("#script .code-block").first.get_by_role("button", name="Скопировать").click()
    expect(page.get_by_role("status").filter(has_text="Скопировано")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.locator("#code-script").text_content()
    assert copied.startswith("<igrajdanin-widget")
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


def test_labels_and_fields_of_a_row_stand_on_one_line_each(new_page: NewPage, widget_site: WidgetSite) -> None:
    """However long their hints are, in both languages."""
    page = new_page(viewport={"width": 1280, "height": 900})
    for language in ("ru", "en"):
        page.goto(generator(widget_site, f"?lang={language}"))
        for row in page.locator(".generator .row").all()[1:]:
            for part in (".field > label", ".field > input"):
                boxes = row.locator(part).evaluate_all("all => all.map(one => one.getBoundingClientRect())")
                lines, columns = (len({box[side] for box in boxes}) for side in ("top", "left"))
                assert lines == math.ceil(len(boxes) / columns), (language, part, boxes)


def test_the_copied_code_works_on_the_host_under_the_shown_policy(page: Page, widget_site: WidgetSite) -> None:
    page.goto(generator(widget_site, "?version=pinned&type=basic"))
    codes = {view: page.locator(f"#code-{view}").text_content() or "" for view in ("script", "div", "frame")}
    policy = page.locator("#code-policy").text_content()
    assert all(codes.values())
    for view, code in codes.items():
        page.goto(widget_site.page(code, loader=False))
        if view == "frame":
            expect(page.frame_locator("iframe").locator("igrajdanin-widget form")).to_be_visible()
            page.wait_for_function("document.querySelector('iframe').style.height")
        else:
            page.get_by_role("button", name=REPORT, exact=True).click()
            expect(page.locator("igrajdanin-widget form")).to_be_visible()
    trusted = "require-trusted-types-for 'script'; trusted-types 'none'"
    with widget_site.strict_policy(f"default-src 'none'; {policy}; {trusted}"):
        open_form(page, widget_site.page(widget_site.snippet()))


def test_openings_and_failures_are_reported(
    page: Page, widget_site: WidgetSite, watch: Watch, host_pages: Callable[..., HostPages]
) -> None:
    open_form(page, widget_site.page(widget_site.snippet()))

    def is_counted() -> bool:
        places = check(widget_site)["places"]
        return any(one["origin"] == widget_site.host.url and RELEASE in one["versions"] for one in places)

    wait_until(page, is_counted)
    # A policy without connect-src is reported, although the widget cannot fetch anything under it.
    watch.allow("Content Security Policy|CSP violation|connect-src|Refused to connect|Fetch API|igrajdanin-widget")
    with widget_site.strict_policy("default-src 'self'; script-src {w}; img-src * blob:"):
        press(page, widget_site.page(widget_site.snippet()))
        expect(page.get_by_role("link", name=REPORT)).to_be_visible()
        found = findings(widget_site, "failed_connect")
    assert ("failed_connect", widget_site.host.url) in found
    # So are files that do not load.
    watch.allow("ERR_FAILED|Failed to load|uncaught: http")
    page.route(f"**/w/{RELEASE}/**", lambda route: route.abort())
    press(page, widget_site.page(widget_site.snippet()))
    # Requests are aborted by Playwright's loop, which does not run while the test waits in `findings`.
    expect(page.get_by_role("link", name=REPORT)).to_be_visible()
    assert ("failed_load", widget_site.host.url) in findings(widget_site, "failed_load")
    page.unroute(f"**/w/{RELEASE}/**")
    # And origins that the site does not name.
    watch.allow("403|404|зарегистрир|ключ")
    other = host_pages(widget_site.folder, replace=widget_site.host.replace)
    press(page, widget_site.page(widget_site.snippet()).replace(widget_site.host.url, other.url))
    expect(page.locator("igrajdanin-widget").get_by_role("alert")).to_be_visible()
    assert ("origin_refused", other.url) in findings(widget_site, "origin_refused")


def press(page: Page, address: str) -> None:
    page.goto(address)
    page.get_by_role("button", name=REPORT, exact=True).click()


def test_a_page_is_checked_by_its_url(new_page: NewPage, widget_site: WidgetSite) -> None:
    page = new_page(viewport=DESKTOP)
    address = widget_site.page(widget_site.snippet())
    with widget_site.strict_policy("default-src 'self'; script-src {w}"):
        page.goto(check(widget_site)["link"])
        page.get_by_label("Адрес страницы").fill(address)
        page.get_by_role("button", name="Проверить").click()
        expect(page.get_by_text("Политика запрещает запросы к сервису (default-src)")).to_be_visible()
        expect(page.get_by_text("Политика разрешает скрипт виджета")).to_be_visible()
        assert axe.violations(page) == []
        found = widget_site.service.cli("site", "check", widget_site.site, "--url", address)["page"]
    states = {line["code"]: line["state"] for line in found["lines"]}
    assert states["element"] == "ok"
    assert states["policy_connect_blocked"] == "wrong"
    assert all(line["todo"] for line in found["lines"] if line["state"] == "wrong")
