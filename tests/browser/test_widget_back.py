"""The phone's back button closes the dialog instead of leaving the page, also on hosts with their own history."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browse import CARD, extended, hash_of
from tests.support.browser import NewPage
from tests.support.widget import CLOSE, REPORT, WidgetSite, to_form

DEMO_PROBLEMS = 25
# Firefox and Safari have no CloseWatcher, so «Назад» does not reach the dialog. Chromium behaves the same without it.
WITHOUT_CLOSE_WATCHER = "delete window.CloseWatcher"
# A router: renders the history state, and records the events it receives.
ROUTER = """history.replaceState({ route: "start" }, "");
  events = []; addEventListener("popstate", event => events.push([location.hash, event.state && event.state.route]))"""
STATE = "JSON.stringify([location.href, history.state])"
HEADING = re.compile("Сообщение № ")
# The back button in browsers with CloseWatcher: a close request to the dialog (HTML, «close requests»).
CLOSE_REQUEST = "document.querySelector('igrajdanin-widget').shadowRoot.querySelector('dialog').requestClose()"


@pytest.fixture
def phone(new_page: NewPage) -> Page:
    page = new_page()
    page.add_init_script(WITHOUT_CLOSE_WATCHER)
    return page


def open_routed_page(page: Page, widget_site: WidgetSite, address: str) -> str:
    """The host's page, with another one of its own before it."""
    page.goto(widget_site.page("<h1>Начало</h1>", loader=False))
    page.goto(address)
    page.evaluate(ROUTER)
    return str(page.evaluate(STATE))


def open_widget(page: Page) -> None:
    page.get_by_role("button", name=REPORT, exact=True).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    expect(page.locator(f"{CARD}:visible, igrajdanin-widget form:not(.bar):visible").first).to_be_visible()


def expect_closed(page: Page) -> None:
    expect(page.get_by_role("dialog")).to_have_count(0)


def expect_start_page(page: Page) -> None:
    expect(page.get_by_role("heading", name="Начало")).to_be_visible()


def test_however_the_dialog_closes_nothing_is_left_of_it(phone: Page, widget_site: WidgetSite) -> None:
    address = widget_site.page(widget_site.snippet('type="extended"'))
    back_cross_key_and_script_close_it(phone, open_routed_page(phone, widget_site, address))
    open_routed_page(phone, widget_site, address)
    navigation_by_the_host_is_not_undone(phone)
    a_removed_widget_leaves_no_history_entries(phone, open_routed_page(phone, widget_site, address))


def back_cross_key_and_script_close_it(phone: Page, before: str) -> None:
    """The last step back leaves the page: none of them left an entry."""
    steps = phone.evaluate("history.length")
    for _ in range(2):
        open_widget(phone)
        assert phone.evaluate(STATE) == before
        assert phone.evaluate("history.length") == steps + 1
        phone.go_back()
        expect_closed(phone)
        assert phone.evaluate(STATE) == before
    assert phone.evaluate("events.splice(0)") == [["", "start"]] * 2
    # The forward entry is the same page: going there changes nothing.
    phone.go_forward()
    assert phone.evaluate(STATE) == before
    expect_closed(phone)
    phone.go_back()
    for close in (
        lambda: phone.get_by_role("button", name=CLOSE, exact=True).click(),
        lambda: phone.keyboard.press("Escape"),
        lambda: phone.evaluate("igrajdanin('close')"),
    ):
        phone.evaluate("events.length = 0")
        open_widget(phone)
        close()
        expect_closed(phone)
        phone.wait_for_function("events.length === 1")
        assert phone.evaluate(STATE) == before
    # One that opens again at once has one entry.
    phone.evaluate("events.length = 0")
    open_widget(phone)
    phone.evaluate("igrajdanin('close'); igrajdanin('open')")
    phone.wait_for_function("events.length === 1")
    expect(phone.get_by_role("dialog")).to_be_visible()
    phone.go_back()
    expect_closed(phone)
    assert phone.evaluate(STATE) == before
    phone.go_back()
    expect_start_page(phone)


def test_back_leads_through_what_was_opened(phone: Page, widget_site: WidgetSite) -> None:
    city = extended(widget_site)
    back_leads_through_the_views(phone, open_routed_page(phone, widget_site, city))
    closing_removes_entries_of_views_and_dialog_together(phone, open_routed_page(phone, widget_site, city))
    form = widget_site.page(widget_site.snippet('type="extended"'))
    back_leads_through_the_steps_of_the_form(phone, open_routed_page(phone, widget_site, form), phone.go_back)
    for theirs in ("", "#/news/12"):
        back_leads_to_the_list_on_pages_with_their_own_hash(phone, widget_site, theirs)


def test_back_sends_close_requests_if_close_watchers_exist(page: Page, widget_site: WidgetSite) -> None:
    each_request_goes_back_by_one_view(page, widget_site)
    before = open_routed_page(page, widget_site, widget_site.page(widget_site.snippet('type="basic"')))
    back_leads_through_the_steps_of_the_form(page, before, lambda: page.evaluate(CLOSE_REQUEST))


def back_leads_through_the_views(phone: Page, before: str) -> None:
    open_widget(phone)
    phone.locator(CARD).nth(2).click()
    expect(phone.get_by_role("heading", name=HEADING)).to_be_visible()
    phone.go_back()
    expect(phone.locator(CARD).nth(2)).to_be_focused()
    to_form(phone)
    phone.go_back()
    expect(phone.locator(CARD).first).to_be_visible()
    assert hash_of(phone) == {}
    # The form lies over an open problem: it goes first, and leaves the problem as it was.
    phone.locator(CARD).nth(2).click()
    expect(phone.get_by_role("heading", name=HEADING)).to_be_visible()
    opened = hash_of(phone)
    to_form(phone)
    phone.go_back()
    expect(phone.get_by_role("heading", name=HEADING)).to_be_visible()
    assert hash_of(phone) == opened
    phone.go_back()
    expect(phone.locator(CARD).nth(2)).to_be_visible()
    phone.go_back()
    expect_closed(phone)
    assert phone.evaluate(STATE) == before
    phone.go_back()
    expect_start_page(phone)


def back_leads_through_the_steps_of_the_form(page: Page, before: str, press: Callable[[], object]) -> None:
    open_widget(page)
    to_form(page)
    page.get_by_label("Дороги и тротуары").click()
    page.get_by_label("Что именно не так").fill("Яма")
    press()
    expect(page.get_by_label("Дороги и тротуары")).to_be_checked()
    page.get_by_role("button", name="Далее").click()
    expect(page.get_by_label("Что именно не так")).to_have_value("Яма")
    press()
    expect(page.get_by_label("Дороги и тротуары")).to_be_visible()
    press()
    expect_closed(page)
    assert page.evaluate(STATE) == before


def closing_removes_entries_of_views_and_dialog_together(phone: Page, before: str) -> None:
    open_widget(phone)
    phone.get_by_role("button", name="Фильтры").click()
    phone.get_by_role("button", name="Просроченные").click()
    phone.get_by_role("button", name="Просроченные").click()
    phone.locator(CARD).first.click()
    expect(phone.get_by_role("heading", name=HEADING)).to_be_visible()
    number = hash_of(phone)["problem"]
    phone.get_by_role("button", name=CLOSE, exact=True).click()
    expect_closed(phone)
    phone.wait_for_function("events.length === 1")
    assert phone.evaluate(STATE) == before
    # Going forward to the entry of its view opens it; back leaves it again.
    phone.evaluate("history.go(4)")
    expect(phone.get_by_role("heading", name=HEADING)).to_be_visible()
    assert hash_of(phone) == {"problem": number}
    phone.get_by_role("button", name=CLOSE, exact=True).click()
    expect_closed(phone)
    expect(phone).to_have_url(re.compile("html$"))


def back_leads_to_the_list_on_pages_with_their_own_hash(phone: Page, widget_site: WidgetSite, theirs: str) -> None:
    """With a hash of the host, problems get no history entries; nor does one opened by a shared URL."""
    phone.goto(widget_site.page("<h1>Начало</h1>", loader=False))
    if theirs:
        phone.goto(extended(widget_site) + theirs)
        open_widget(phone)
        phone.locator(CARD).first.click()
    else:
        phone.goto(extended(widget_site) + "#igrajdanin?problem=7")
    expect(phone.get_by_role("heading", name=HEADING)).to_be_visible()
    phone.go_back()
    expect(phone.locator(CARD).first).to_be_visible()
    assert phone.evaluate("location.hash") == theirs
    phone.go_back()
    expect_closed(phone)
    assert phone.evaluate("location.hash") == theirs
    phone.go_back()
    expect_start_page(phone)


def navigation_by_the_host_is_not_undone(phone: Page) -> None:
    open_widget(phone)
    phone.evaluate("history.pushState({ route: 'news' }, '', '?news')")
    phone.get_by_role("button", name=CLOSE, exact=True).click()
    expect_closed(phone)
    # The widget would remove its own entry before it is notified of this one.
    phone.evaluate("history.pushState({ route: 'more' }, '', '?more'); history.back()")
    phone.wait_for_function("events.length > 0")
    assert phone.evaluate("events") == [["", "news"]]
    assert phone.evaluate("location.search") == "?news"


def a_removed_widget_leaves_no_history_entries(phone: Page, before: str) -> None:
    """The host removes the open widget, as a router does when it navigates to another page of its own."""
    open_widget(phone)
    # The worst order for a router: it pushes its entry after the widget was removed.
    phone.evaluate("document.querySelector('igrajdanin-widget').remove(); history.pushState(2, '', '?2')")
    expect_closed(phone)
    phone.evaluate("history.pushState(3, '', '?3'); history.back()")
    phone.wait_for_function("events.length > 0")
    assert phone.evaluate("location.search") == "?2"
    phone.go_back()
    assert phone.evaluate(STATE) == before
    expect_closed(phone)
    phone.go_back()
    phone.go_back()
    expect_start_page(phone)


def each_request_goes_back_by_one_view(page: Page, widget_site: WidgetSite) -> None:
    """The last one leaves the history as it was: one may go on from there."""
    page.goto(extended(widget_site) + "#/news")
    steps = page.evaluate("history.length")
    open_widget(page)
    page.locator(CARD).nth(1).click()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    page.evaluate(CLOSE_REQUEST)
    expect(page.locator(CARD).nth(1)).to_be_focused()
    form = to_form(page)
    page.evaluate(CLOSE_REQUEST)
    expect(form).to_be_hidden()
    expect(page.locator(CARD).first).to_be_visible()
    page.evaluate("gone = false; addEventListener('popstate', () => { gone = true }, { once: true })")
    page.evaluate(CLOSE_REQUEST)
    expect_closed(page)
    page.wait_for_function("gone")
    page.evaluate("history.pushState(null, '')")
    assert page.evaluate("history.length") == steps + 1
    open_widget(page)
    page.locator(CARD).first.click()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    page.keyboard.press("Escape")
    expect_closed(page)
