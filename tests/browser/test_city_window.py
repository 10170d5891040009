"""Ten thousand problems in one virtual list: the document stays small, and the scroll position is kept."""

import re
import time

from playwright.sync_api import Locator, Page, Request, expect

from tests.support.browse import browse, crowd, extended, settle
from tests.support.browser import rect
from tests.support.city import FakeCity
from tests.support.widget import WidgetSite, draw_twice

SHEET = "document.querySelector('igrajdanin-widget').shadowRoot.querySelector('.sheet')"
COUNT = "document.querySelector('igrajdanin-widget').shadowRoot.querySelectorAll('*').length"
# Adding one page removes another: the number of elements stays, and the list grows.
STATE = f"[{COUNT}, {SHEET}.scrollHeight]"
# As a click by pointer.
MORE = f"{SHEET}.querySelector('.wide')?.dispatchEvent(new MouseEvent('click', {{ bubbles: true, detail: 1 }}))"
# The focused card stays rendered: a click moves the focus to the first new card.
BLUR = f"{SHEET}.getRootNode().activeElement?.blur()"
BOTTOM = f"{SHEET}.scrollTop = {SHEET}.scrollHeight"
LAST_POSITION = f"[...{SHEET}.querySelectorAll('[role=listitem]')].pop()?.ariaPosInSet"


def scroll_to_problem(page: Page, number: int) -> None:
    """Scroll down until that problem has been on screen, loading more at the end."""
    card = page.locator(f"igrajdanin-widget #problem-{number}")
    deadline, last = time.monotonic() + 300, None
    while time.monotonic() < deadline:
        if card.count():
            return
        page.evaluate(BOTTOM)
        before, last = last, page.evaluate(LAST_POSITION)
        if before == last:
            page.evaluate(MORE)
        draw_twice(page)
    raise AssertionError(f"problem {number} was never rendered")


def rendered_at_end(page: Page) -> int:
    """Number of elements at the end of the list, once all that was requested is drawn and the focus has moved to it."""
    requests: list[Request] = []
    page.on("request", lambda request: requests.append(request))
    state = None
    for _ in range(50):
        requests.clear()
        page.evaluate(BLUR)
        page.evaluate(BOTTOM)
        settle(page)
        for request in requests:
            request.response()
        before, state = state, page.evaluate(STATE)
        if not requests and before == state:
            return int(state[0])
    raise AssertionError("the list never became stable")


def test_a_long_list_stays_small_and_keeps_positions_focus_and_elements(page: Page, widget_site: WidgetSite) -> None:
    crowd(page, widget_site, FakeCity(page, widget_site))
    cards = browse(page, extended(widget_site))
    page.get_by_role("button", name="Показать ещё").click()
    check_size_and_positions(page, cards)
    check_focused_card(page)
    check_gap_above(page)


def check_size_and_positions(page: Page, cards: Locator) -> None:
    scroll_to_problem(page, 9_800)
    few = rendered_at_end(page)
    scroll_to_problem(page, 9_600)
    assert rendered_at_end(page) < few * 1.3
    # Positions are announced although most cards are not rendered, and the set size is unknown.
    numbered = page.locator("igrajdanin-widget [role=listitem]").evaluate_all(
        """all => all.map(one => [one.ariaSetSize, +one.ariaPosInSet, +one.querySelector("a").id.split("-")[1]])"""
    )
    assert {tuple(one) for one in numbered} == {("-1", 10_001 - number, number) for *_, number in numbered}
    assert cards.count() <= 20 * 8
    # A problem that is closed leaves the list where it was.
    card = page.locator(f"#{cards.nth(cards.count() - 6).get_attribute('id')}")
    card.scroll_into_view_if_needed()
    before = rect(card)
    card.click()
    expect(page.get_by_role("heading", name=re.compile("Сообщение № 9"))).to_be_focused()
    page.get_by_role("button", name="К списку").click()
    expect(card).to_be_focused()
    assert abs(before["y"] - rect(card)["y"]) <= 2
    page.evaluate(BLUR)
    # The first cards are rendered again after scrolling up, and gaps have the height of the removed ones.
    page.evaluate(f"{SHEET}.scrollTop = 0")
    expect(page.locator("#problem-10000")).to_be_in_viewport()
    whole = page.evaluate(f"{SHEET}.scrollHeight")
    for _ in range(6):
        page.evaluate(f"{SHEET}.scrollTop += 1200")
        settle(page)
    assert abs(page.evaluate(f"{SHEET}.scrollHeight") - whole) <= 2
    for width in (640, 320, 360):
        page.set_viewport_size({"width": width, "height": 740})
        expect(cards.first).to_be_attached()
        assert rendered_at_end(page) < few * 2
    expect(page.get_by_role("alert")).to_have_count(0)


def check_focused_card(page: Page) -> None:
    """It stays rendered while the list scrolls."""
    page.evaluate(f"{SHEET}.scrollTop = 0")
    page.locator("#problem-9999").focus()
    for _ in range(100):
        page.evaluate(f"{SHEET}.scrollTop += 1200")
        settle(page)
        if page.locator("#problem-9800").count():
            break
    expect(page.locator("#problem-9999")).to_be_focused()
    expect(page.locator("#problem-10000")).to_have_count(1)
    expect(page.locator("#problem-9998")).to_have_count(1)
    expect(page.locator("#problem-9940")).to_have_count(0)
    page.keyboard.press("Tab")
    expect(page.locator("#problem-9998")).to_be_focused()


def check_gap_above(page: Page) -> None:
    """Cards below a gap that opens keep their elements: laying all of them out anew would be one long task."""
    rendered_at_end(page)
    page.evaluate(f"{SHEET}.scrollTop = 0")
    page.locator("#problem-9999").focus()
    for _ in range(100):
        page.evaluate(f"{SHEET}.scrollTop += 150")
        page.evaluate(f"for (const card of {SHEET}.querySelectorAll('.card')) card.seen = (card.seen || 0) + 1")
        settle(page)
        if not page.locator("#problem-9996").count():
            break
    expect(page.locator("#problem-9996")).to_have_count(0)
    assert page.locator("#problem-9970").evaluate("card => card.seen") > 1
