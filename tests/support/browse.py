"""Helpers for the city view of the extended widget."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Locator, Page, Route, expect

from tests.support.city import FakeCity, problem
from tests.support.widget import ANY_ORIGIN, REPORT, WidgetSite, draw_twice

CARD = "igrajdanin-widget .card"
MANY = 10_000
# A view may only change after its requests are answered.
SOON = 15_000


def browse(page: Page, address: str) -> Locator:
    """Open the page and the extended widget with its button, and wait for the list."""
    page.goto(address)
    page.get_by_role("button", name=REPORT, exact=True).first.click()
    cards = page.locator(CARD)
    expect(cards.first).to_be_visible()
    return cards


# Neither list nor map awaits an answer.
AT_REST = """() => {
  const root = document.querySelector("igrajdanin-widget").shadowRoot;
  return !root.querySelector(".city-ground [aria-busy=true], .leaflet-zoom-anim, .stale, .ghost");
}"""


def settle(page: Page) -> None:
    """Wait until list and map show the answers to the last action, on a page whose clock is installed."""
    page.clock.run_for(500)  # longer than any pause before a request
    page.wait_for_function(AT_REST)
    draw_twice(page)
    page.clock.run_for(50)  # some frames, in which the list draws other cards


def extended(widget_site: WidgetSite, attributes: str = "", rest: str = "") -> str:
    """A host page with a button that opens the city."""
    return widget_site.page(widget_site.snippet(f'type="extended" data-start="list" {attributes}') + rest)


def crowd(page: Page, widget_site: WidgetSite, city: FakeCity, count: int = MANY) -> None:
    """A city with that many problems, in pages of twenty."""
    texts = ("Яма у школы", "Не горит фонарь у подъезда", "Не убирают снег во дворе с понедельника, " * 3)

    def answer(route: Route) -> None:
        start = int(parse_qs(urlsplit(route.request.url).query).get("cursor", ["0"])[0])
        numbers = range(count - start, max(0, count - start - 20), -1)
        items: list[dict[str, Any]] = [
            problem(widget_site, one, f"{texts[one % 3]} {one}", "accepted") for one in numbers
        ]
        following = str(start + 20) if start + 20 < count else None
        route.fulfill(json={"items": items, "next": following}, headers=ANY_ORIGIN)

    city.problems += [problem(widget_site, one, "Яма у школы", "accepted") for one in range(9000, 9720)]
    page.route(re.compile(r"/problems(\?.*)?$"), answer)


def hash_of(page: Page) -> dict[str, str]:
    """The widget's part of the URL hash; empty if there is none."""
    # Asked of the page itself: `page.url` follows by an event of its own.
    fragment = urlsplit(page.evaluate("location.href")).fragment
    assert fragment in ("", "igrajdanin") or fragment.startswith("igrajdanin?"), fragment
    return {name: values[0] for name, values in parse_qs(fragment.partition("?")[2]).items()}
