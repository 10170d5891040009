"""What the widget costs: the host page's load, a visitor's waiting and touching, and the memory of a page.

    python -m benchmarks.widget

- A host page with minus without the widget, and the wait for the button and for the form: host_page.py.
- Long tasks on a slow phone, while somebody reads down the list, and while somebody writes. Chromium has the screen of
  a small phone and its processor is slowed six times by the browser's own emulation. What is touched during a task
  answers late.
- What a thousand removed widgets leave behind: removals.py.
"""

from __future__ import annotations

import argparse
import re
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks import host_page, removals
from benchmarks.city import CARD, ROOT, page_of
from benchmarks.services import service
from benchmarks.table import Line, show
from benchmarks.traces import main_thread_tasks
from tests.support.browser import Watch, launch, open_context
from tests.support.pages import HostPages
from tests.support.widget import REPORT, to_form

PROBLEMS = 60
PHONE = {"width": 360, "height": 740}
SLOWER = 6
ROUNDS = 5
VISITS = 30
REMOVALS = 1000
DESCRIPTION = re.compile("^Что именно не так")
TEXT = "Яма на переходе у школы, третью неделю..."[:40]
# As a finger does: a fifth of the screen a frame, until the last card has gone by; what waits for a press is pressed.
# In the page itself: a locator asked for meanwhile would search the document in tasks of its own, longer than ours.
SCROLL = f"""async () => {{
  const sheet = {ROOT}.querySelector(".sheet");
  const frame = () => new Promise(requestAnimationFrame);
  for (let still = 0; still < 60;) {{
    const before = sheet.scrollTop;
    sheet.scrollTop += 150;
    await frame();
    still = sheet.scrollTop === before ? still + 1 : 0;
    if (still === 30) sheet.querySelector(".button.wide")?.click();
  }}
}}"""


def opened(browser: Browser, address: str) -> Page:
    """The city, on a phone as slow as it will be."""
    page = open_context(browser, Watch(), viewport=PHONE, has_touch=True).new_page()
    page.goto(address)
    page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    page.get_by_role("button", name=REPORT, exact=True).click()
    page.locator(CARD).first.wait_for()
    return page


def scroll(page: Page) -> None:
    """Down sixty cards; the further pages come on the way."""
    page.evaluate(SCROLL)


def to_description(page: Page) -> None:
    to_form(page)
    page.get_by_label("Дороги и тротуары").click()
    page.get_by_label(DESCRIPTION).click()
    page.wait_for_load_state("networkidle")


def write(page: Page) -> None:
    page.keyboard.type(TEXT, delay=80)
    expect(page.get_by_label(DESCRIPTION)).to_have_value(TEXT)


def lines(name: str, rounds: list[list[float]], most: float) -> list[Line]:
    longest = [max(one) for one in rounds]
    low, _, high = statistics.quantiles(longest, n=4)
    return [
        Line(name=f"longest task, {name}", value=statistics.median(longest), unit="ms", spread=(low, high), most=most),
        Line(
            name=f"tasks over {most:g} ms, {name}",
            value=max(sum(task > most for task in one) for one in rounds),
            unit="",
        ),
    ]


def long_tasks(browser: Browser, address: str, rounds: int) -> list[Line]:
    scrolls, letters = [], []
    for _ in range(rounds):
        page = opened(browser, address)
        scrolls.append(main_thread_tasks(browser, page, scroll))
        expect(page.get_by_text("Это все сообщения.")).to_be_attached()
        to_description(page)
        letters.append(main_thread_tasks(browser, page, write))
        page.context.close()
    return lines(f"{PROBLEMS} cards scrolled", scrolls, 100) + lines(f"{len(TEXT)} letters typed", letters, 50)


def main(rounds: int, visits: int, count: int) -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        host = HostPages(Path(folder))
        # With the proof of work, which a visitor's browser does too.
        with service(PROBLEMS, "--type", "extended", "--origin", host.url, challenge="on") as running:
            page = host_page.HostPage(Path(folder), host.url, running)
            browser = launch(playwright)
            show(f"a host page, {host_page.SLOWER}× slower", host_page.load_cost(browser, page, visits))
            title = f"the widget on slow 3G, {host_page.SLOWER}× slower"
            show(title, host_page.waiting(browser, page, max(2, visits // 3)))
            Path(folder, "index.html").write_text(page_of(running))
            address = f"{host.url}/index.html"
            show(f"the widget on a phone {SLOWER}× slower", long_tasks(browser, address, rounds))
            show(
                "widgets mounted, opened and removed", removals.measure(browser, Path(folder), host.url, running, count)
            )
            browser.close()
        host.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.widget", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of reading and writing")
    parser.add_argument("--visits", type=int, default=VISITS, help="to the host page, with and without the widget")
    parser.add_argument("--removals", type=int, default=REMOVALS, help="of widgets that were opened")
    options = parser.parse_args()
    main(max(2, options.rounds), max(2, options.visits), options.removals)
