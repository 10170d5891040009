"""Errors in the widget: the person gets a message, and the service one report from the widget it happened in."""

from __future__ import annotations

import re
from secrets import token_hex

import pytest
from playwright.sync_api import Page, expect

from tests.support.browse import CARD
from tests.support.browser import Watch
from tests.support.widget import WidgetSite, wait_until

FAILED = re.compile(r"/sites/([\w-]+)/challenge\?.*&failed=([\w-]+)$")


@pytest.fixture(scope="module", autouse=True)
def city(widget_site: WidgetSite) -> None:
    widget_site.service.cli("load-demo", "--problems", "3", "--site", widget_site.site)


@pytest.fixture(scope="module")
def second(widget_site: WidgetSite) -> str:
    """The key of another site of the same service, for the same page."""
    agency = widget_site.service.cli("agency", "add", "--name", "Водоканал", "--email", "office@gorod.test")["agency"]
    place = ("--origin", widget_site.host.url, "--jurisdiction", f"second-{token_hex(4)}.test", "--type", "extended")
    made = widget_site.service.cli("site", "add", "--name", "Водоканал", "--agency", agency, *place)
    widget_site.service.cli("load-demo", "--problems", "3", "--site", made["site"])
    return str(made["key"])


def failures(watch: Watch) -> list[tuple[str, str]]:
    """Failures recorded by the service, as pairs of site and kind."""
    return [found.groups() for one in watch.requests if (found := FAILED.search(one.url))]  # type: ignore[misc]


def wait_for_crash(page: Page, watch: Watch, key: str) -> None:
    """Wait until the service has recorded a crash of this site's widget."""
    wait_until(page, lambda: (key, "crash") in failures(watch))


def test_of_two_widgets_only_the_failing_one_reports(
    desktop: Page, watch: Watch, widget_site: WidgetSite, second: str
) -> None:
    """An error and an unhandled rejection, neither of which says which widget it comes from."""
    watch.allow("is not a function|failed=crash")
    first = widget_site.snippet('type="basic" view="inline" id="first"')
    other = widget_site.snippet('type="extended" view="inline" id="other"', key=second)
    desktop.goto(widget_site.page(first + other))
    desktop.evaluate("window.print = null")  # an extension breaks functions of the browser
    expect(desktop.locator("#first form")).to_be_visible()
    desktop.locator("#other").scroll_into_view_if_needed()
    desktop.locator(f"#other {CARD.split()[-1]}").first.click()
    for _ in range(2):
        with desktop.expect_event("pageerror"):
            desktop.locator("#other").get_by_role("button", name="Распечатать").click()
    wait_for_crash(desktop, watch, second)
    assert failures(watch) == [(second, "crash")]
    desktop.evaluate("String.prototype.trim = null")
    with desktop.expect_event("pageerror"):
        desktop.locator("#first").get_by_role("button", name=re.compile("^Отправить")).click()
    wait_for_crash(desktop, watch, widget_site.key)
    # Errors in the page's own scripts are not reported.
    with desktop.expect_event("pageerror"):
        desktop.evaluate("setTimeout(() => print())")
    desktop.evaluate("0")
    assert failures(watch) == [(second, "crash"), (widget_site.key, "crash")]
