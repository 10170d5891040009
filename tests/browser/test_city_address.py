"""The list's view in the page's URL: sharing, back and forward, and no interference with the host's history."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browse import CARD, extended, hash_of
from tests.support.browser import Watch
from tests.support.widget import RELEASE, REPORT, WidgetSite

HEADING = re.compile("Сообщение № ")


@pytest.fixture(scope="module", autouse=True)
def city(widget_site: WidgetSite) -> None:
    widget_site.service.cli("load-demo", "--problems", "45", "--site", widget_site.site)


def expect_done_cards(page: Page) -> None:
    expect(page.locator(CARD).first).to_be_visible()
    for text in page.locator(CARD).all_inner_texts():
        assert "Решено" in text or "Подтверждено автором" in text


def test_a_shared_url_restores_the_view(page: Page, watch: Watch, widget_site: WidgetSite) -> None:
    page.goto(extended(widget_site, 'view="inline"') + "#igrajdanin?status=done&sort=support")
    expect_done_cards(page)
    expect(page.get_by_text("Выбрано: Решено")).to_be_visible()
    assert hash_of(page) == {"status": "done", "sort": "support"}
    # A problem opens with a way to the list.
    page.goto(extended(widget_site, 'view="inline"') + "#igrajdanin?problem=7")
    expect(page.get_by_role("heading", name="Сообщение № 7")).to_be_visible()
    page.get_by_role("button", name="К списку").click()
    expect(page.locator(CARD).first).to_be_visible()
    assert hash_of(page) == {}
    # The service rejects unknown values; the widget then repeats the request with the valid ones.
    watch.allow("status of 400")
    page.goto(extended(widget_site) + "#igrajdanin?status=done&utm_source=mail")
    expect_done_cards(page)


SHARED = (
    "status=done&sort=support&problem=7",
    "q=%D1%84%D0%BE%D0%BD%D0%B0%D1%80%D1%8C+%D1%83",
    "problem=7",
)


def test_a_shared_url_loads_in_one_round_trip(page: Page, widget_site: WidgetSite) -> None:
    """No request is answered before all are sent, and the list fetched beside the code is the one shown."""
    chunks = [f"/w/{RELEASE}/{name}" for name in ("browse.js", "core.js", "ru-browse.json", "ru-widget.json")]
    held: list[Route] = []
    paths: list[str] = []

    def hold(route: Route) -> None:
        path = route.request.url.removeprefix(widget_site.api).removeprefix(widget_site.service.url)
        paths.append(re.sub(r"-\w{8}(?=\.js)", "", path))
        held.append(route)
        if len(held) == len(chunks) + 2:
            for one in held:
                one.continue_()
        elif len(held) > len(chunks) + 2:
            route.continue_()

    page.route(re.compile(re.escape(widget_site.service.url) + f"/(api|w/{RELEASE})"), hold)
    for shared in SHARED:
        page.goto("about:blank")
        held.clear()
        paths.clear()
        page.goto(extended(widget_site) + f"#igrajdanin?{shared}")
        if "problem" in shared:
            page.get_by_role("button", name="К списку").click(timeout=20_000)
        expect(page.locator(CARD).or_(page.locator("igrajdanin-widget .panel")).first).to_be_visible(timeout=20_000)
        assert sorted(paths[: len(chunks) + 2]) == sorted([*chunks, "?lang=ru", f"/problems?{shared}"])
        assert len([path for path in paths if path.startswith("/problems?")]) == 1
        if "status" in shared:
            expect_done_cards(page)


def test_only_the_first_of_two_widgets_uses_the_url(
    new_page: Callable[..., Page], watch: Watch, widget_site: WidgetSite
) -> None:
    other = widget_site.snippet('type="extended" data-start="list" id="second"')
    div = f'<div id="first" data-igrajdanin-widget="{widget_site.key}" data-type="extended"></div>'
    for own in (widget_site.snippet('type="extended" id="first"'), div):
        page = new_page()
        watch.requests.clear()
        page.goto(widget_site.page(widget_site.snippet() + own + other) + "#igrajdanin?status=done")
        expect(page.locator("#first").locator(CARD.split()[-1]).first).to_be_visible()
        expect(page.get_by_text("Выбрано: Решено")).to_be_visible()
        assert page.locator("dialog[open]").count() == 1
        assert len([one for one in watch.requests if "/problems?" in one.url]) == 1
        assert hash_of(page) == {"status": "done"}
        # The second button keeps its own view, which is not in the URL.
        page.keyboard.press("Escape")
        page.locator("#second").get_by_role("button").click()
        expect(page.locator("#second .card")).to_have_count(20)
    page, second = new_page(), widget_site.snippet('type="extended" view="inline" id="second"')
    page.goto(extended(widget_site, 'view="inline" id="first"', second))
    first, inline = page.locator("#first"), page.locator("#second")
    expect(first.locator(".card").first).to_be_visible()
    expect(inline.locator(".card").first).to_be_visible()
    first.locator(".card").first.click()
    number = hash_of(page)["problem"]
    inline.locator(".card").nth(2).click()
    expect(inline.get_by_role("heading", name=HEADING)).to_be_visible()
    assert hash_of(page) == {"problem": number}
    page.go_back()
    expect(first.locator(".card").first).to_be_visible()
    expect(inline.get_by_role("heading", name=HEADING)).to_be_visible()


def test_the_hosts_address_and_history_state_are_preserved(page: Page, widget_site: WidgetSite) -> None:
    """Its query and its state stay, and its <base> leads nothing elsewhere."""
    base = extended(widget_site, rest="<base href='/elsewhere/'>")
    for address in (extended(widget_site).replace(".html", ".html?section=7&q=host"), base):
        page.goto(address)
        page.evaluate("history.replaceState({ route: 'host' }, '', location.href)")
        page.get_by_role("button", name=REPORT, exact=True).click()
        page.locator(CARD).first.click()
        expect(page).to_have_url(re.compile(re.escape(address + "#igrajdanin?problem=")))
        expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
        assert page.evaluate("history.state") == {"route": "host"}
        page.keyboard.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(page).to_have_url(address)
        assert page.evaluate("history.state") == {"route": "host"}


def test_the_hosts_hash_is_not_changed(page: Page, widget_site: WidgetSite) -> None:
    for theirs in ("#/news/12", "#contacts", "#igrajdanin-help"):
        page.goto(extended(widget_site) + theirs)
        page.evaluate("changes = []; addEventListener('hashchange', () => changes.push(location.hash))")
        expect(page.get_by_role("dialog")).to_have_count(0)
        page.get_by_role("button", name=REPORT, exact=True).click()
        cards = page.locator(CARD)
        expect(cards.first).to_be_visible()
        steps = page.evaluate("history.length")
        cards.first.click()
        expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
        page.get_by_role("button", name="К списку").click()
        expect(cards.first).to_be_focused()
        assert page.evaluate("location.hash") == theirs
        assert page.evaluate("changes") == []
        assert page.evaluate("history.length") == steps


# A host page with a router: records the location it sees at every popstate and hashchange event.
ROUTER = """route = location.hash; for (const kind of ["popstate", "hashchange"]) addEventListener(kind, () => {
  route = location.hash })"""


def open_routed_page(page: Page, widget_site: WidgetSite) -> str:
    """A host page that listens to its history, with another page of its own before it."""
    page.goto(widget_site.page("<h1>Начало</h1>", loader=False))
    page.goto(extended(widget_site))
    page.evaluate(ROUTER)
    page.get_by_role("button", name=REPORT, exact=True).click()
    expect(page.locator(CARD).first).to_be_visible()
    return page.url


def test_history_entries_of_the_widget_come_and_go_with_it(page: Page, widget_site: WidgetSite) -> None:
    plain = open_routed_page(page, widget_site)
    cards = page.locator(CARD)
    check_problems_in_history(page, plain)
    # Closing the dialog takes its entries back; the one that is left opens the same view again.
    cards.first.click()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    number = hash_of(page)["problem"]
    page.keyboard.press("Escape")
    expect(page).to_have_url(plain)
    page.go_forward()  # the entry of the dialog, which is the same page
    page.go_forward()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    assert hash_of(page) == {"problem": number}
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(plain)
    assert page.evaluate("route") == ""
    # The chosen filters are kept for the next opening, without history entries of their own.
    plain = open_routed_page(page, widget_site)
    page.get_by_role("button", name="Фильтры").click()
    page.get_by_role("button", name="Просроченные").click()
    page.get_by_role("button", name="Решено", exact=True).click()
    assert hash_of(page) == {"overdue": "true", "status": "done"}
    page.keyboard.press("Escape")  # collapses the filters
    page.keyboard.press("Escape")
    expect(page).to_have_url(plain)
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name=REPORT, exact=True).click()
    expect(page.get_by_text("Выбрано: Решено · Просроченные")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(plain)
    assert page.evaluate("route") == ""
    page.go_back()
    expect(page.get_by_role("heading", name="Начало")).to_be_visible()


def check_problems_in_history(page: Page, plain: str) -> None:
    """Opening a problem adds an entry; moving from problem to problem does not pile them up."""
    cards, steps = page.locator(CARD), page.evaluate("history.length")
    cards.nth(3).click()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    number = hash_of(page)["problem"]
    page.go_back()
    expect(cards.nth(3)).to_be_focused()
    expect(page).to_have_url(plain)
    page.go_forward()  # the entry of the dialog, which is the same page
    page.go_forward()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    assert hash_of(page) == {"problem": number}
    page.go_back()
    cards.nth(2).click()
    page.get_by_role("button", name="К списку").click()
    expect(cards.nth(2)).to_be_focused()
    expect(page).to_have_url(plain)
    assert page.evaluate("history.length") == steps + 1


def test_history_entries_of_the_host_are_not_removed(page: Page, widget_site: WidgetSite) -> None:
    """The host navigates to another page of its own while the dialog is open: closing the dialog must not undo that."""
    open_routed_page(page, widget_site)
    page.locator(CARD).first.click()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    page.evaluate("history.pushState({ route: 'news' }, '', '?news')")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    # The widget would have removed its own entry before the host goes back to this one.
    page.evaluate("history.pushState({ route: 'more' }, '', '?more'); history.back()")
    page.wait_for_url("**?news")
    page.evaluate("location.hash = '/contacts'")
    page.wait_for_function("route === '#/contacts'")
