"""The list's view in the page's URL: sharing, and no interference with the host's address."""

import re

from playwright.sync_api import Page, Route, expect

from tests.support.browse import CARD, extended, hash_of
from tests.support.browser import NewPage, Watch
from tests.support.widget import RELEASE, REPORT, WidgetSite

DEMO_PROBLEMS = 45
HEADING = re.compile("Сообщение № ")


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


SHARED = ("status=done&sort=support&problem=7", "q=%D1%84%D0%BE%D0%BD%D0%B0%D1%80%D1%8C+%D1%83", "problem=7")


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


def test_only_the_first_of_two_widgets_uses_the_url(new_page: NewPage, watch: Watch, widget_site: WidgetSite) -> None:
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
