"""The published problems in the extended widget: list, one problem, and updates without a reload."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.browse import browse, extended
from tests.support.browser import Watch
from tests.support.widget import ANY_ORIGIN, POLL, WidgetSite, draw_twice, let_time_pass

LISTED, ONE = re.compile(r"/problems\?$"), re.compile(r"/problems/\d+$")


@pytest.fixture(scope="module", autouse=True)
def city(widget_site: WidgetSite) -> None:
    widget_site.service.cli("load-demo", "--problems", "45", "--site", widget_site.site)


@pytest.fixture
def cards(page: Page, widget_site: WidgetSite) -> Locator:
    page.clock.install()
    return browse(page, extended(widget_site))


def test_pages_follow_each_other_without_gaps(page: Page, cards: Locator) -> None:
    """The second page is loaded by the button, the following ones by scrolling."""
    expect(cards).to_have_count(20)
    page.get_by_role("button", name="Показать ещё").click()
    expect(cards).to_have_count(40)
    sheet = page.locator("igrajdanin-widget .sheet")
    sheet.evaluate("sheet => { sheet.scrollTop = sheet.scrollHeight; }")
    expect(page.get_by_text("Это все сообщения.")).to_be_attached()
    expect(page.get_by_role("button", name="Показать ещё")).to_have_count(0)
    addresses: set[str] = set()
    for place in range(0, int(sheet.evaluate("sheet => sheet.scrollHeight")), 1000):
        sheet.evaluate("(sheet, place) => { sheet.scrollTop = place; }", place)
        draw_twice(page)
        page.clock.run_for(50)  # some frames, in which the list draws other cards
        addresses |= set(cards.evaluate_all("all => all.map(one => one.href)"))
    assert len(addresses) == 45
    # At its end the wheel turns nothing behind it.
    page.evaluate("document.body.style.height = '300vh'")
    sheet.hover()
    page.mouse.wheel(0, 1000)
    draw_twice(page)
    assert page.evaluate("scrollY") == 0


def test_the_list_is_read_and_follows_the_service(
    page: Page, cards: Locator, watch: Watch, widget_site: WidgetSite
) -> None:
    """One visit; whoever comes later finds the list as the step before has left it."""
    watch.allow("status of 404")
    with page.expect_response(LISTED) as request:
        page.clock.run_for(POLL)
    assert request.value.request.all_headers()["if-none-match"], "unchanged lists cost a 304"
    a_card_is_one_link_that_opens_in_the_widget(page, cards, widget_site)
    a_changed_problem_is_updated_in_place(page, cards)
    an_open_problem_shows_new_answers(page, cards)
    new_problems_are_shown_on_request(page, cards)
    a_problem_removed_from_the_site_is_reported_as_gone(page, cards)
    page.get_by_role("button", name="К списку").click()
    with page.expect_response(LISTED):
        page.clock.run_for(POLL)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    draw_twice(page)
    count = len(watch.requests)
    let_time_pass(page)
    assert len(watch.requests) == count, "a closed widget does not poll"


def a_card_is_one_link_that_opens_in_the_widget(page: Page, cards: Locator, widget_site: WidgetSite) -> None:
    card = cards.nth(3)
    address = card.get_attribute("href")
    assert re.fullmatch(rf"{widget_site.service.url}/s/{widget_site.key}/problems/\d+", address or "")
    text = card.locator(".card-title").inner_text()
    card.click()
    expect(page.get_by_role("heading", name=re.compile("Сообщение № "))).to_be_focused()
    problem = page.locator("article")
    expect(problem).to_contain_text(text)
    expect(problem.locator(".timeline li").first).to_contain_text("Сообщение получено")
    assert page.url.startswith(widget_site.host.url)
    page.get_by_role("button", name="К списку").click()
    expect(cards.nth(3)).to_be_focused()


def a_changed_problem_is_updated_in_place(page: Page, cards: Locator) -> None:
    """The service's answer with another status, as after a decision."""
    title = cards.nth(1).locator(".card-title").inner_text()

    def decide(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["items"][1] |= {"status": "planned", "overdue": False}
        route.fulfill(response=answer, json=body)

    page.route(LISTED, decide)
    page.clock.run_for(POLL)
    expect(cards.nth(1)).to_contain_text("Запланировано")
    expect(cards.nth(1)).to_contain_text(title)
    page.unroute(LISTED)


def an_open_problem_shows_new_answers(page: Page, cards: Locator) -> None:
    cards.filter(has_text="Принято").first.click()
    problem = page.locator("article")
    expect(problem.locator(".timeline")).to_be_visible()
    expect(problem.locator(".answer")).to_have_count(0)
    answer: dict[str, Any] = {"text": "Яму заделали 25 ноября.", "at": "2026-11-25T09:00:00Z"}
    answer |= {"agency": "Отдел благоустройства", "disputed": True}

    def reply(route: Route) -> None:
        response = route.fetch()
        entry = {"at": answer["at"], "kind": "status", "status": "resolved", "label": "Решено", "text": answer["text"]}
        body: dict[str, Any] = response.json()
        body |= {"status": "resolved", "overdue": False, "answer": answer}
        body["timeline"].append({**entry, "actor": "agency"})
        route.fulfill(response=response, json=body)

    page.route(ONE, reply)
    page.clock.run_for(POLL)
    expect(problem.locator(".answer")).to_contain_text("Отдел благоустройства")
    expect(problem.locator(".answer")).to_contain_text("Автор не согласен с этим ответом")
    expect(problem.locator(".chips").first).to_contain_text("Решено")
    expect(problem.get_by_text("Яму заделали 25 ноября.")).to_have_count(1)  # once, in the answer
    expect(problem.locator(".timeline li:not(.past)")).to_have_count(0)  # the due date is no longer shown
    page.unroute(ONE)
    page.get_by_role("button", name="К списку").click()


def new_problems_are_shown_on_request(page: Page, cards: Locator) -> None:
    expect(cards).to_have_count(20)
    before = cards.evaluate_all("all => all.map(one => one.href)")
    news = page.get_by_role("button", name="1 новое сообщение. Показать")

    def arrive(route: Route) -> None:
        answer = route.fetch()
        body = answer.json()
        body["items"] = [body["items"][0] | {"number": 999_999, "description": "Новое сообщение"}, *body["items"][:-1]]
        route.fulfill(response=answer, json=body)

    page.route(LISTED, arrive)
    page.clock.run_for(POLL)
    expect(news).to_be_visible()
    assert cards.evaluate_all("all => all.map(one => one.href)") == before
    news.click()
    expect(cards.first).to_contain_text("Новое сообщение")
    expect(news).to_have_count(0)
    page.unroute(LISTED)


def a_problem_removed_from_the_site_is_reported_as_gone(page: Page, cards: Locator) -> None:
    cards.nth(1).click()
    expect(page.locator("article .timeline")).to_be_visible()
    page.route(ONE, lambda route: route.fulfill(status=404, json={"status": 404}, headers=ANY_ORIGIN))
    page.clock.run_for(POLL)
    expect(page.get_by_role("alert")).to_contain_text("больше нет на сайте")
