"""The view in the page's address: shared, walked back and forth, and never at the host's expense."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.support.browse import CARD, browse, extended, hash_of
from tests.support.widget import REPORT, Stand

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
    assert page.url == address
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
