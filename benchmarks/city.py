"""The city's view in a browser: from the click to a usable list on a slow phone, memory, and what a long list costs.

    python -m benchmarks.city

Chromium, with a host page on an origin of its own in front of the application as it ships with 10,000 problems. The
processor is slowed four times and the network is a slow 4G's (150 ms, 1.6 Mbit/s, 750 kbit/s) by the browser's own
emulation. Times are of this machine; what is promised are the bounds that do not depend on it.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from benchmarks.services import Service, service
from benchmarks.table import Line, show
from tests.support.browser import Watch, launch, open_context
from tests.support.pages import HostPages

PROBLEMS = 10_000
ROUNDS = 5
CHANGES = 500
SLOW_4G = {"offline": False, "latency": 150, "downloadThroughput": 1_638_400 / 8, "uploadThroughput": 768_000 / 8}
CARD = "igrajdanin-widget .card"
ROOT = "document.querySelector('igrajdanin-widget').shadowRoot"
LONG_TASKS = """
window.tasks = [];
new PerformanceObserver(list => tasks.push(...list.getEntries().map(({ duration }) => duration)))
  .observe({ entryTypes: ["longtask"] });
"""
# From the click until the first card is drawn: two frames after it stands in the document.
CLICK = f"""() => new Promise(done => {{
  const begun = performance.now();
  tasks.length = 0;
  {ROOT}.querySelector("button").click();
  const look = () => {ROOT}.querySelector(".card")
    ? requestAnimationFrame(() => done(performance.now() - begun)) : requestAnimationFrame(look);
  look();
}})"""
# As a person who tries one thing after the other: state, overdue, text, and back.
CHANGE = f"""async turn => {{
  const pills = {ROOT}.querySelectorAll(".pill");
  pills[turn % pills.length].click();
  await new Promise(done => setTimeout(done, 25));
}}"""
DOWN = f"(() => {{ const sheet = {ROOT}.querySelector('.sheet'); sheet.scrollTop = sheet.scrollHeight; }})()"


def opened(browser: Browser, address: str) -> Page:
    page = open_context(browser, Watch(), viewport={"width": 1280, "height": 900}).new_page()
    page.add_init_script(LONG_TASKS)
    page.goto(address)
    page.wait_for_function("!!customElements.get('igrajdanin-widget')")
    return page


def first_list(browser: Browser, address: str) -> list[Line]:
    times, longest, requests = [], [], 0
    for _ in range(ROUNDS):
        page = opened(browser, address)
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", SLOW_4G)
        session.send("Emulation.setCPUThrottlingRate", {"rate": 4})
        times.append(page.evaluate(CLICK))
        longest.append(max(page.evaluate("tasks"), default=0.0))
        requests = len(page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)"))
        page.context.close()
    return [
        _median("from the click to a list, 4× slower, slow 4G", times, "ms"),
        _median("longest task on the way", longest, "ms"),
        Line(name="requests until then", value=requests, unit=""),
    ]


def after_changes(browser: Browser, address: str) -> list[Line]:
    page = opened(browser, address)
    page.evaluate(CLICK)
    session = page.context.new_cdp_session(page)
    for turn in range(20):
        page.evaluate(CHANGE, turn)
    page.wait_for_timeout(1500)
    before = _heap(session)
    nodes = page.evaluate(f"{ROOT}.querySelectorAll('*').length")
    for turn in range(20, 20 + CHANGES):
        page.evaluate(CHANGE, turn)
    page.wait_for_timeout(1500)
    after = _heap(session)
    grown = page.evaluate(f"{ROOT}.querySelectorAll('*').length") / nodes
    page.context.close()
    return [
        Line(name=f"memory after {CHANGES} changes of the filter", value=after / before, most=1.2),
        Line(name=f"elements after {CHANGES} changes of the filter", value=grown, most=1.5),
    ]


def long_list(browser: Browser, address: str) -> list[Line]:
    page = opened(browser, address)
    page.evaluate(CLICK)
    page.locator(f"{CARD}").first.wait_for()
    page.locator("igrajdanin-widget .button.wide").click()
    count = f"{ROOT}.querySelectorAll('*').length"
    page.wait_for_timeout(500)
    few = page.evaluate(count)
    page.evaluate("tasks.length = 0")
    greatest = few
    for _ in range(PROBLEMS):
        page.evaluate(DOWN)
        page.wait_for_timeout(20)
        greatest = max(greatest, page.evaluate(count))
        if not page.evaluate(f"!!{ROOT}.querySelector('.button.wide')"):
            break
    longest = max(page.evaluate("tasks"), default=0.0)
    page.context.close()
    return [
        Line(name=f"elements on the way through {PROBLEMS:,}, against 40", value=greatest / few, most=4),
        Line(name="longest task on that way", value=longest, unit="ms"),
    ]


def _heap(session: CDPSession) -> float:
    """Bytes in use once all garbage is collected."""
    session.send("HeapProfiler.enable")
    for _ in range(3):
        session.send("HeapProfiler.collectGarbage")
    used: dict[str, Any] = session.send("Runtime.getHeapUsage")
    return float(used["usedSize"])


def _median(name: str, values: list[float], unit: str) -> Line:
    low, _, high = statistics.quantiles(values, n=4)
    return Line(name=name, value=statistics.median(values), unit=unit, spread=(low, high))


def page_of(running: Service) -> str:
    snippet = f'<igrajdanin-widget site-key="{running.key}" type="extended" data-start="list"></igrajdanin-widget>'
    script = f'<script async src="http://127.0.0.1:{running.port}/w/1/loader.js"></script>'
    return f"<!doctype html><html lang=ru><meta charset=utf-8><title>Город</title><body>{snippet}{script}"


def measure() -> list[Line]:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        # A page that a browser takes to be of this machine: one that is made up for it may not talk to it.
        host = HostPages(Path(folder))
        with service(PROBLEMS, "--type", "extended", "--origin", host.url) as running:
            Path(folder, "index.html").write_text(page_of(running))
            browser, address = launch(playwright), f"{host.url}/index.html"
            lines = first_list(browser, address) + after_changes(browser, address) + long_list(browser, address)
            browser.close()
        host.close()
    return lines


if __name__ == "__main__":
    show(f"the city in a browser, {PROBLEMS:,} problems", measure())
