"""Removed widgets leave nothing behind: no memory that grows with their number, and no requests."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import CDPSession, Page

from tests.support.browser import Watch
from tests.support.widget import ANY_ORIGIN, DESKTOP, WidgetSite, let_time_pass

WARM, TIMES = 10, 100
# Ways of embedding, and the element that shows that the widget is usable.
BUTTON = ({"type": "extended"}, "button")
FORM = ({"type": "basic"}, "form")
CITY = ({"type": "extended", "view": "inline"}, ".card")
# An application that repeatedly shows a widget, waits until it is usable, and navigates away.
MOUNT_AND_REMOVE = """async ([key, ways, times]) => {
  const frame = () => new Promise(requestAnimationFrame);
  for (let time = 0; time < times; time++) {
    const [attributes, usable] = ways[time % ways.length];
    const widget = document.createElement("igrajdanin-widget");
    widget.setAttribute("site-key", key);
    for (const name in attributes) widget.setAttribute(name, attributes[name]);
    document.querySelector("main").append(widget);
    if (usable !== "button") igrajdanin("open", widget);
    while (!widget.shadowRoot.querySelector(usable)) await frame();
    widget.remove();
    await frame();
  }
}"""
# Allowed per removed widget. A leaked widget has hundreds of nodes and eighty kilobytes.
MAX_GROWTH = {"nodes": 0.5, "listeners": 0.5, "kilobytes": 5}
LONG_AFTER = 300_000  # milliseconds: longer than any polling interval


@pytest.fixture(scope="module", autouse=True)
def city(widget_site: WidgetSite) -> None:
    widget_site.service.cli("load-demo", "--problems", "5", "--site", widget_site.site)


@pytest.fixture
def page(new_page: Callable[..., Page], widget_site: WidgetSite) -> Page:
    """A page whose clock is controlled by the test. The proof of work is off, since it takes time."""
    page = new_page(viewport=DESKTOP)
    page.clock.install()
    page.route(re.compile("/challenge"), lambda route: route.fulfill(json={}, headers=ANY_ORIGIN))
    page.goto(widget_site.page("<main></main>"))
    page.wait_for_function("!!customElements.get('igrajdanin-widget')")
    return page


def count_objects(session: CDPSession) -> dict[str, int]:
    """Objects of the page after a full garbage collection."""
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    counters: dict[str, Any] = session.send("Memory.getDOMCounters")
    kilobytes = int(session.send("Runtime.getHeapUsage")["usedSize"] / 1000)
    return {"nodes": counters["nodes"], "listeners": counters["jsEventListeners"], "kilobytes": kilobytes}


def come_and_go(page: Page, widget_site: WidgetSite, ways: list[Any], times: int) -> None:
    page.evaluate(MOUNT_AND_REMOVE, [widget_site.key, ways, times])
    page.clock.run_for(LONG_AFTER)  # pending answers and timers have ended by then


@pytest.mark.parametrize("ways", [[BUTTON], [FORM, CITY]], ids=["never opened", "in use"])
def test_a_hundred_widgets_do_not_leak(page: Page, watch: Watch, widget_site: WidgetSite, ways: list[Any]) -> None:
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.enable")
    come_and_go(page, widget_site, ways, WARM)
    before = count_objects(session)
    come_and_go(page, widget_site, ways, TIMES)

    def list_leaks() -> list[tuple[str, int]]:
        after = count_objects(session)
        grown = {name: after[name] - before[name] for name in before}
        return [(name, grown[name]) for name, most in MAX_GROWTH.items() if grown[name] >= most * TIMES]

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
