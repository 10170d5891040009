"""Tasks of a page's main thread, from the browser's trace.

In processor time: that of a PerformanceObserver is time on the wall, which doubles on a machine that does something
else beside.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from playwright.sync_api import Browser, Page


def main_thread_tasks(browser: Browser, page: Page, act: Callable[[Page], object]) -> list[float]:
    """Milliseconds of processor time of each task of the page while `act` is done."""
    browser.start_tracing(page=page, categories=["disabled-by-default-devtools.timeline"])
    act(page)
    events = json.loads(browser.stop_tracing())["traceEvents"]
    main = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    ran = (event for event in events if event["name"] == "RunTask" and (event["pid"], event["tid"]) in main)
    return [event.get("tdur", 0) / 1000 for event in ran]
