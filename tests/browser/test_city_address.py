"""The view in the page's address: shared, walked back and forth, and never at the host's expense."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browse import CARD, browse, extended, hash_of
from tests.support.browser import Watch
from tests.support.widget import RELEASE, REPORT, Stand

HEADING = re.compile("Сообщение № ")


@pytest.fixture(scope="module", autouse=True)
def city(stand: Stand) -> None:
    stand.service.cli("load-demo", "--problems", "45", "--site", stand.site)


def test_a_problem_is_a_step_that_back_undoes_and_forward_repeats(page: Page, stand: Stand) -> None:
    cards = browse(page, extended(stand))
    plain = page.url
    steps = page.evaluate("history.length")
    cards.nth(3).click()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    number = hash_of(page)["problem"]
    page.go_back()
    expect(cards.nth(3)).to_be_focused()
    assert page.url == plain
    page.go_forward()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    assert hash_of(page) == {"problem": number}
    page.go_back()
    cards.nth(2).click()
    page.get_by_role("button", name="К списку").click()
    expect(cards.nth(2)).to_be_focused()
    expect(page).to_have_url(plain)
    # Looking at problems one after the other leaves no trail of steps that lead nowhere.
    assert page.evaluate("history.length") == steps + 1


def test_an_address_that_is_passed_on_shows_the_same(page: Page, stand: Stand) -> None:
    address = extended(stand, 'view="inline"') + "#igrajdanin?status=done&sort=support"
    page.goto(address)
    expect(page.locator(CARD).first).to_be_visible()
    for text in page.locator(CARD).all_inner_texts():
        assert "Решено" in text or "Подтверждено автором" in text
    expect(page.get_by_text("Выбрано: Решено")).to_be_visible()
    assert hash_of(page) == {"status": "done", "sort": "support"}


def test_an_address_of_a_problem_opens_it_and_leads_to_the_list(page: Page, stand: Stand) -> None:
    page.goto(extended(stand, 'view="inline"') + "#igrajdanin?problem=7")
    expect(page.get_by_role("heading", name="Сообщение № 7")).to_be_visible()
    page.get_by_role("button", name="К списку").click()
    expect(page.locator(CARD).first).to_be_visible()
    assert hash_of(page) == {}


@pytest.mark.parametrize(
    ("shared", "asked"),
    [
        ("status=done&sort=support&problem=7", "status=done&sort=support&problem=7"),
        ("q=%D1%84%D0%BE%D0%BD%D0%B0%D1%80%D1%8C+%D1%83", "q=%D1%84%D0%BE%D0%BD%D0%B0%D1%80%D1%8C+%D1%83"),
        ("problem=7", "problem=7"),
    ],
)
def test_a_shared_address_is_asked_for_in_one_round(
    page: Page, watch: Watch, stand: Stand, shared: str, asked: str
) -> None:
    """Nothing is answered before all have asked, and the list that came with the code is the one that is shown."""
    chunks = [f"/w/{RELEASE}/{name}" for name in ("browse.js", "core.js", "ru-browse.json", "ru-widget.json")]
    first = sorted([*chunks, "?lang=ru", f"/problems?{asked}"])
    held: list[Route] = []
    told: list[str] = []

    def hold(route: Route) -> None:
        path = route.request.url.removeprefix(stand.api).removeprefix(stand.service.url)
        told.append(re.sub(r"-\w{8}(?=\.js)|(?<=json)\?.*", "", path))
        held.append(route)
        if len(held) == len(first):
            for one in held:
                one.continue_()
        elif len(held) > len(first):
            route.continue_()

    page.route(re.compile(re.escape(stand.service.url) + f"/(api|w/{RELEASE})"), hold)
    page.goto(extended(stand) + f"#igrajdanin?{shared}")
    if "problem" in shared:
        page.get_by_role("button", name="К списку").click(timeout=20_000)
    expect(page.locator(CARD).or_(page.locator("igrajdanin-widget .panel")).first).to_be_visible(timeout=20_000)
    assert sorted(told[: len(first)]) == first
    assert len([path for path in told if path.startswith("/problems?")]) == 1
    if "status" in shared:
        for text in page.locator(CARD).all_inner_texts():
            assert "Решено" in text or "Подтверждено автором" in text


def test_what_a_shared_address_makes_up_is_left_out(page: Page, watch: Watch, stand: Stand) -> None:
    """The service refuses what it does not know; the widget then asks for what it has understood."""
    watch.allow("status of 400")
    page.goto(extended(stand) + "#igrajdanin?status=done&utm_source=mail")
    expect(page.locator(CARD).first).to_be_visible()
    for text in page.locator(CARD).all_inner_texts():
        assert "Решено" in text or "Подтверждено автором" in text


@pytest.mark.parametrize("first", ["element", "div"])
def test_of_two_buttons_the_first_opens_a_shared_address(page: Page, watch: Watch, stand: Stand, first: str) -> None:
    other = stand.snippet('type="extended" id="second"')
    div = f'<div id="first" data-igrajdanin-widget="{stand.key}" data-type="extended"></div>'
    own = stand.snippet('type="extended" id="first"') if first == "element" else div
    page.goto(stand.page(stand.snippet() + own + other) + "#igrajdanin?status=done")
    expect(page.locator("#first").locator(CARD.split()[-1]).first).to_be_visible()
    expect(page.get_by_text("Выбрано: Решено")).to_be_visible()
    assert page.locator("dialog[open]").count() == 1
    assert len([one for one in watch.requests if "/problems?" in one.url]) == 1
    assert hash_of(page) == {"status": "done"}
    # The other is a button as before: with its own view, of which the address says nothing.
    page.keyboard.press("Escape")
    page.locator("#second").get_by_role("button").click()
    expect(page.locator("#second .card")).to_have_count(20)


def test_the_hosts_query_and_state_stay(page: Page, stand: Stand) -> None:
    address = extended(stand).replace(".html", ".html?section=7&q=host")
    page.goto(address)
    page.evaluate("history.replaceState({ route: 'host' }, '')")
    page.get_by_role("button", name=REPORT, exact=True).click()
    cards = page.locator(CARD)
    cards.first.click()
    assert page.url.startswith(address + "#igrajdanin?problem=")
    assert page.evaluate("history.state") == {"route": "host"}
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(address)
    assert page.evaluate("history.state") == {"route": "host"}


def test_a_base_address_of_the_host_leads_nowhere(page: Page, stand: Stand) -> None:
    cards = browse(page, extended(stand, rest="<base href='/elsewhere/'>"))
    path = page.evaluate("location.pathname")
    cards.first.click()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    assert page.evaluate("location.pathname") == path


@pytest.mark.parametrize("theirs", ["#/news/12", "#contacts", "#igrajdanin-help"])
def test_a_hash_of_the_host_is_left_alone(page: Page, stand: Stand, theirs: str) -> None:
    page.goto(extended(stand) + theirs)
    page.evaluate("changes = []; addEventListener('hashchange', () => changes.push(location.hash))")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name=REPORT, exact=True).click()
    steps = page.evaluate("history.length")
    cards = page.locator(CARD)
    cards.first.click()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    page.get_by_role("button", name="К списку").click()
    expect(cards.first).to_be_focused()
    assert page.evaluate("location.hash") == theirs
    assert page.evaluate("changes") == []
    assert page.evaluate("history.length") == steps


def test_of_two_widgets_the_first_has_the_address(page: Page, stand: Stand) -> None:
    second = stand.snippet('type="extended" view="inline" id="second"')
    page.goto(extended(stand, 'view="inline" id="first"', second))
    first, other = page.locator("#first"), page.locator("#second")
    expect(first.locator(".card").first).to_be_visible()
    expect(other.locator(".card").first).to_be_visible()
    first.locator(".card").first.click()
    number = hash_of(page)["problem"]
    other.locator(".card").nth(2).click()
    expect(other.get_by_role("heading", name=HEADING)).to_be_visible()
    assert hash_of(page) == {"problem": number}
    page.go_back()
    expect(first.locator(".card").first).to_be_visible()
    expect(other.get_by_role("heading", name=HEADING)).to_be_visible()


# A host with a router: where it believes to be, from all it hears of the way back and forward.
ROUTER = """route = location.hash; for (const kind of ["popstate", "hashchange"]) addEventListener(kind, () => {
  route = location.hash })"""


def routed(page: Page, stand: Stand) -> str:
    """A page of the host's that listens to its history, with a page of its own behind it."""
    page.goto(stand.page("<h1>Начало</h1>", loader=False))
    page.goto(extended(stand))
    page.evaluate(ROUTER)
    page.get_by_role("button", name=REPORT, exact=True).click()
    expect(page.locator(CARD).first).to_be_visible()
    return page.url


def test_a_closed_dialog_leaves_no_steps_behind(page: Page, stand: Stand) -> None:
    plain = routed(page, stand)
    page.get_by_role("button", name="Фильтры").click()
    page.get_by_role("button", name="Просроченные").click()
    page.get_by_role("button", name="Решено", exact=True).click()
    assert hash_of(page) == {"overdue": "true", "status": "done"}
    page.keyboard.press("Escape")  # folds the filters
    page.keyboard.press("Escape")
    expect(page).to_have_url(plain)
    expect(page.get_by_role("dialog")).to_have_count(0)
    # What is chosen stays for the next time, and does not stand in the way back either.
    page.get_by_role("button", name=REPORT, exact=True).click()
    expect(page.get_by_text("Выбрано: Решено · Просроченные")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(plain)
    assert page.evaluate("route") == ""
    page.go_back()
    expect(page.get_by_role("heading", name="Начало")).to_be_visible()


def test_a_step_of_ours_that_one_comes_to_again_opens_its_view(page: Page, stand: Stand) -> None:
    plain = routed(page, stand)
    page.locator(CARD).first.click()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    number = hash_of(page)["problem"]
    page.keyboard.press("Escape")
    expect(page).to_have_url(plain)
    page.go_forward()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    assert hash_of(page) == {"problem": number}
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(plain)
    assert page.evaluate("route") == ""


def test_what_the_host_does_meanwhile_is_its_own(page: Page, stand: Stand) -> None:
    """It goes on to another page of its own with the dialog open: closing takes nothing of that back."""
    routed(page, stand)
    page.locator(CARD).first.click()
    expect(page.get_by_role("heading", name=HEADING)).to_be_visible()
    page.evaluate("history.pushState({ route: 'news' }, '', '?news')")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.wait_for_timeout(300)
    assert page.url.endswith("?news")
    page.evaluate("location.hash = '/contacts'")
    page.wait_for_function("route === '#/contacts'")
