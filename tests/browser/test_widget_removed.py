"""Removed widgets leave nothing behind: no memory that grows with their number, and no requests."""

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.browser import NewPage, Watch
from tests.support.leaks import BUTTON, CITY, FORM, MOUNT_AND_REMOVE, PROBLEM, count_objects
from tests.support.widget import ANY_ORIGIN, DESKTOP, WidgetSite, let_time_pass

FEW, MORE = 10, 20  # rounds
LONG_AFTER = 300_000  # milliseconds: longer than any polling interval


DEMO_PROBLEMS = 5


@pytest.fixture
def page(new_page: NewPage, widget_site: WidgetSite) -> Page:
    """A page whose clock is controlled by the test. The proof of work is off, since it takes time."""
    page = new_page(viewport=DESKTOP)
    page.clock.install()
    page.route(re.compile("/challenge"), lambda route: route.fulfill(json={}, headers=ANY_ORIGIN))
    page.goto(widget_site.page("<main></main>"))
    page.wait_for_function("!!customElements.get('igrajdanin-widget')")
    return page


def come_and_go(page: Page, widget_site: WidgetSite, ways: list[Any], times: int) -> None:
    page.evaluate(MOUNT_AND_REMOVE, [widget_site.key, ways, times])
    page.clock.run_for(LONG_AFTER)  # pending answers and timers have ended by then


def test_removed_widgets_leave_neither_nodes_nor_listeners(page: Page, widget_site: WidgetSite) -> None:
    """After thirty as after ten. A thousand, and the heap: benchmarks/widget.py."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    come_and_go(page, widget_site, [BUTTON, FORM, CITY, PROBLEM], FEW)
    page.wait_for_load_state("networkidle")
    few = count_objects(session)
    come_and_go(page, widget_site, [BUTTON, FORM, CITY, PROBLEM], MORE)

    def list_leaks() -> list[str]:
        now = count_objects(session)
        return [f"{name}: {few[name]} → {now[name]}" for name in ("nodes", "listeners") if now[name] > few[name]]

    # Requests of the last widgets are under way for a while, and hold them until they are answered.
    deadline = time.monotonic() + 30
    while (leaks := list_leaks()) and time.monotonic() < deadline:
        let_time_pass(page, LONG_AFTER)
    assert leaks == []


def test_a_removed_widget_sends_no_requests(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    come_and_go(page, widget_site, [FORM, CITY], 6)
    sent = len(watch.requests)
    page.clock.run_for(LONG_AFTER)
    page.evaluate("0")  # requests under way have been recorded
    assert [request.url for request in watch.requests[sent:]] == []
