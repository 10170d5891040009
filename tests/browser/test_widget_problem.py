"""The page of one problem: photos, due date, answer, votes, followers, discussion, sharing, printing."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support import maps
from tests.support.browser import Watch
from tests.support.city import LOST, FakeCity
from tests.support.tour import Tour
from tests.support.widget import AGENCY, ANY_ORIGIN, DESKTOP, PHONE, POLL, WidgetSite, draw_twice

CONFIG, COMMENTS = re.compile(r"\?lang="), re.compile(r"/comments")


@pytest.fixture
def page(new_page: Callable[..., Page]) -> Page:
    return new_page(viewport=PHONE, permissions=["clipboard-read", "clipboard-write"])


@pytest.fixture
def city(page: Page, widget_site: WidgetSite) -> FakeCity:
    return FakeCity(page, widget_site)


@pytest.fixture
def tour(page: Page, widget_site: WidgetSite, city: FakeCity) -> Tour:
    return Tour(page, widget_site, city)


def open_problem(tour: Tour, at: int = 0) -> Locator:
    tour.open()
    tour.widget.locator(".card").nth(at).click()
    article = tour.widget.locator("article")
    expect(article.locator(".timeline")).to_be_visible()
    return article


def set_problem(city: FakeCity, number: int, **more: Any) -> None:
    city.answers[f"GET /problems/{number}"] = (200, city.detail(number) | more)


def visit(tour: Tour, *steps: Callable[[Tour], None]) -> None:
    """Take the steps in one page, each as a new visitor to whom the service answers as usual."""
    for step in steps:
        tour.city.answers.clear()
        step(tour)


def test_a_problem_is_read(tour: Tour, watch: Watch) -> None:
    watch.allow("ERR_FAILED")
    visit(
        tour,
        actors_and_attached_documents_are_shown,  # before the code of the problem is there
        partial(a_small_map_comes_once_its_place_is_seen, watch=watch),  # before that of the map
        without_tiles_there_is_no_map,
        the_photo_viewer_works_by_keyboard_touch_and_screen_reader,
        the_due_date_is_compared_with_the_actual_one,
        problems_of_other_systems_name_them,
        the_discussion_has_pages_and_highlights_the_agency,
    )


def test_a_problem_is_acted_on(tour: Tour, watch: Watch) -> None:
    # The tabs of a link ask the service, which has no such report.
    watch.allow("ERR_FAILED|status of (403|404|409|422)")
    visit(
        tour,
        partial(a_failed_vote_can_be_repeated, watch=watch),  # before the code of the discussion is there
        a_vote_counts_once_and_is_remembered,
        on_an_unregistered_page_residents_are_told_where_to_go,
        following_requires_an_address_and_consent,
        partial(comments_await_confirmation_and_moderation, watch=watch),
        a_merged_problem_links_to_the_other,
        the_url_can_be_shared,
    )


def test_a_problem_is_printed_alone_and_works_under_the_strict_policy(tour: Tour) -> None:
    visit(tour, the_problem_is_laid_out_and_printed_alone, a_problem_works_under_the_strict_policy)


def the_photo_viewer_works_by_keyboard_touch_and_screen_reader(tour: Tour) -> None:
    article, page = open_problem(tour), tour.page
    expect(article.locator(".pair img")).to_have_count(2)
    shot = article.locator(".shot").first
    viewer = page.get_by_role("dialog", name="Фотографии")
    photo = viewer.locator(".stage img")
    for direction, ahead, mirrored in (("ltr", 1, "none"), ("rtl", -1, "matrix(-1, 0, 0, 1, 0, 0)")):
        tour.widget.locator(".igw").evaluate("(one, direction) => { one.dir = direction }", direction)
        key = "ArrowRight" if ahead > 0 else "ArrowLeft"
        shot.focus()
        page.keyboard.press("Enter")
        expect(viewer).to_contain_text("Фото 1 из 2")
        expect(photo).to_have_attribute("alt", "До: Яма шириной в метр")
        for arrow in (page.get_by_role("button", name="К списку"), viewer.get_by_role("button", name="Следующее фото")):
            expect(arrow.locator("svg")).to_have_css("transform", mirrored)
        page.keyboard.press(key)
        expect(photo).to_have_attribute("alt", "После: Ровный асфальт")
        page.keyboard.press(key)
        expect(viewer).to_contain_text("Фото 2 из 2")
        box = viewer.locator(".stage").bounding_box()
        assert box
        page.mouse.move(box["x"] + 180 - 100 * ahead, box["y"] + 80)
        page.mouse.down()
        page.mouse.move(box["x"] + 180 + 100 * ahead, box["y"] + 80)
        page.mouse.up()
        expect(viewer).to_contain_text("Фото 1 из 2")
        page.keyboard.press("Escape")
        expect(viewer).to_have_count(0)
        expect(shot).to_be_focused()
        expect(article).to_be_visible()
    # A single photo has no arrows.
    set_problem(tour.city, 1204, answer=None)
    page.clock.run_for(POLL)
    expect(article.locator(".pair")).to_have_count(0)
    shot.click()
    expect(viewer).to_contain_text("Фото 1 из 1")
    expect(viewer.get_by_role("button")).to_have_accessible_name("Закрыть")


def a_small_map_comes_once_its_place_is_seen(tour: Tour, watch: Watch) -> None:
    article, phone = open_problem(tour), tour.page
    box = article.locator(".brief .where")
    expect(box).to_be_attached()
    draw_twice(phone)
    assert not [one.url for one in watch.requests if "/map-" in one.url or "/tiles/" in one.url]
    box.scroll_into_view_if_needed()
    ground = article.get_by_role("application", name="Место на карте: улица Мира, 5")
    expect(ground.locator(".leaflet-tile-loaded").first).to_be_visible()
    around, pin = box.bounding_box(), box.locator(".pin").bounding_box()
    assert around
    assert pin
    assert pin["x"] + 22 == pytest.approx(around["x"] + around["width"] / 2, abs=2), "the tip is the place"
    assert pin["y"] + 50 == pytest.approx(around["y"] + around["height"] / 2, abs=2)
    # One finger scrolls the dialog, whatever it touches.
    expect(ground).to_have_css("touch-action", "pan-x pan-y")
    phone.set_viewport_size(DESKTOP)
    expect(article.locator(".beside-map > .where .pin")).to_be_visible()
    text, aside = article.locator(".text").first.bounding_box(), article.locator(".where").bounding_box()
    assert text
    assert aside
    assert aside["x"] > text["x"] + text["width"], "in the column that the text leaves empty"


def without_tiles_there_is_no_map(tour: Tour) -> None:
    maps.config(tour.page, tour.widget_site, tiles=None)
    article = open_problem(tour)
    expect(article.locator(".facts")).to_be_visible()
    expect(article.locator(".where")).to_have_count(0)
    tour.page.unroute(CONFIG)
    tour.page.set_viewport_size(PHONE)


def the_due_date_is_compared_with_the_actual_one(tour: Tour) -> None:
    """In the open problem, which follows the service, and stays when the connection is lost."""
    article = open_problem(tour)
    for more, expected in (
        ({"kept": True}, "Ответ дан в срок, 23 ноября"),
        ({"kept": False, "overdue": False}, "Ответ дан 23 ноября, обещали до 4 декабря"),
        ({"kept": False, "answered_at": None}, "Ответ обещали до 4 декабря, его ещё нет"),
        ({"kept": None, "answered_at": None, "overdue": False}, "До 4 декабря"),
    ):
        set_problem(tour.city, 1204, **more)
        tour.page.clock.run_for(POLL)
        expect(article.locator(".brief")).to_contain_text(expected)
    tour.city.answers["GET /problems/1204"] = LOST
    tour.page.clock.run_for(POLL)
    expect(article).to_contain_text("Показано то, что было раньше")
    expect(article.locator(".answer").first).to_be_visible()


def actors_and_attached_documents_are_shown(tour: Tour) -> None:
    tour.open()
    with tour.page.expect_request(re.compile("/problem-")):  # its code is there before the press
        tour.widget.locator(".card").first.hover()
    article = tour.widget.locator("article")
    expect(article).to_have_count(0)
    tour.widget.locator(".card").first.click()
    lines = article.locator(".timeline li")
    expect(lines.nth(0)).to_contain_text("автор сообщения")
    expect(lines.nth(2)).to_contain_text(re.compile("В работе.*Администрация города Зареченска.*Передали бригаде"))
    answer = article.get_by_role("region", name="Официальный ответ")
    paper = answer.get_by_role("link", name="Акт осмотра.pdf")
    expect(paper).to_have_attribute("href", f"{tour.widget_site.service.url}/documents/made-up/1")
    expect(answer).to_contain_text("1,2 МБ")


def problems_of_other_systems_name_them(tour: Tour) -> None:
    """In their texts, due dates and links, also if they have no page of the problem. Without a due date none is
    shown.
    """
    tour.open()
    number = tour.city.problems[0]["number"]
    article = tour.widget.locator("article")
    facts, timeline = article.locator(".facts"), article.locator(".timeline")

    def reopen(**more: Any) -> None:
        set_problem(tour.city, number, **more)
        if article.count():
            tour.widget.get_by_role("button", name="К списку").click()
        tour.widget.locator(".card").first.click()
        expect(timeline.locator("li").last).to_be_visible()

    expected: dict[str, Any] = {"at": "2026-11-23T09:00:00Z", "kind": "status", "status": "resolved", "label": "Решено"}
    expected |= {"text": "Фонарь заменён", "actor": "source", "sender": "Мой двор", "photos": [], "documents": []}
    source = {"source_name": "igrajdanin.ru", "source_url": "https://igrajdanin.ru/problems/7"}
    ours = {"status": "accepted", "has_answer": False, "answer": None, "kept": None, "overdue": False}
    reopen(**ours | source | {"status": "resolved", "timeline": [expected]})
    expect(timeline.locator("li").last).to_contain_text(re.compile("Решено.*Мой двор.*Фонарь заменён"))
    expect(article).not_to_contain_text("Официальный ответ")
    expect(facts.locator("dt", has_text="Источник")).to_be_visible()
    expect(facts.get_by_role("link", name="igrajdanin.ru")).to_have_attribute("href", source["source_url"])
    ours |= {"source_name": "Портал области", "source_url": None}
    reopen(**ours, answer_due="2099-03-01")
    expect(facts).to_contain_text("Портал области")
    expect(facts.get_by_role("link")).to_have_count(0)
    expect(timeline.locator("li").last).to_contain_text("Портал области ответит")
    reopen(**ours, answer_due=None)
    expect(timeline).not_to_contain_text("ответит")
    expect(facts).not_to_contain_text("Срок ответа")


def a_vote_counts_once_and_is_remembered(tour: Tour) -> None:
    article, requests = open_problem(tour), list[Any]()
    tour.page.on(
        "request", lambda request: requests.append(request.post_data_json) if "/support" in request.url else None
    )
    article.get_by_role("button", name="У меня тоже").click()
    mine = article.get_by_role("button", name="Ваш голос учтён")
    expect(mine).to_have_attribute("aria-disabled", "true")
    expect(article).to_contain_text("Ещё у 4 человек")
    mine.click(force=True)
    tour.back()
    tour.widget.locator(".card").first.click()
    expect(mine).to_be_visible()
    assert len([one for one in requests if one]) == 1, "another one would have been seen by now"
    tour.back()
    tour.widget.locator(".card").nth(2).click()  # closed
    expect(article.locator(".timeline")).to_be_visible()
    expect(article.get_by_role("button", name=re.compile("У меня тоже|Ваш голос"))).to_have_count(0)


def a_failed_vote_can_be_repeated(tour: Tour, watch: Watch) -> None:
    city, page = tour.city, tour.page
    set_problem(city, 1204, discussion="off")  # its code comes with the first press
    page.route(re.compile("/discussion-"), lambda route: route.abort())
    article = open_problem(tour)
    expect(article.get_by_text("Обсуждение")).to_have_count(0)
    assert not [one for one in watch.requests if "/comments" in one.url]
    article.get_by_role("button", name="У меня тоже").click()
    expect(article).to_contain_text("Не отправлено. Попробуйте ещё раз.")
    page.unroute(re.compile("/discussion-"))
    article.get_by_role("button", name="Следить").click()
    expect(article.get_by_label("Электронная почта")).to_be_focused()
    expect(article).to_contain_text("Не отправлено. Попробуйте ещё раз.")
    city.answers["POST /problems/1204/support"] = LOST
    voice = article.get_by_role("button", name="У меня тоже")
    voice.click()
    expect(article).to_contain_text("Не отправлено. Попробуйте ещё раз.")
    city.answers["POST /problems/1204/support"] = (409, {"code": "problem_closed", "detail": "Сообщение закрыто."})
    voice.click()
    expect(article).to_contain_text("Сообщение закрыто.")


def on_an_unregistered_page_residents_are_told_where_to_go(tour: Tour) -> None:
    """The service's own message is meant for the webmaster and is in the console."""
    words = {"code": "origin_not_registered", "detail": "Сайт не подключён. Администратор подключает его на"}
    article = open_problem(tour)
    tour.city.answers["GET /challenge"] = (403, words)
    page = f"{tour.widget_site.service.url}/s/{tour.widget_site.key}/problems/1204"
    article.get_by_role("button", name="У меня тоже").click()
    message = article.get_by_role("status").filter(has_text="отсюда ничего не отправить")
    expect(message).to_be_in_viewport()
    expect(message.get_by_role("link", name="Открыть страницу")).to_have_attribute("href", page)
    article.get_by_role("button", name="Следить").click()
    tour.control("follow-email").fill("anna@example.test")
    tour.control("follow-consent").check()
    article.locator("form").get_by_role("button", name="Присылать новости").click()
    failed = article.get_by_role("alert").filter(has_text="отсюда ничего не отправить")
    expect(failed.get_by_role("link", name="Открыть страницу")).to_have_attribute("href", page)
    assert "Администратор" not in article.inner_text()


def following_requires_an_address_and_consent(tour: Tour) -> None:
    article = open_problem(tour)
    article.get_by_role("button", name="Следить").click()
    email = tour.control("follow-email")
    expect(email).to_be_focused()
    send = article.locator("form").get_by_role("button", name="Присылать новости")
    error = tour.control("follow-email-error")
    send.click()
    expect(error).to_contain_text("Напишите адрес почты")
    email.fill("anna")
    send.click()
    expect(error).to_contain_text("Проверьте адрес почты")
    expect(email).to_be_focused()
    expect(tour.control("follow-consent")).not_to_be_checked()
    email.fill("anna@example.test")
    tour.control("follow-consent").check()
    wrong = {"errors": [{"field": "email", "code": "email", "detail": "Проверьте адрес."}]}
    tour.city.answers["POST /problems/1204/follow"] = (422, wrong)
    send.click()
    expect(tour.control("follow-email-error")).to_have_text("Проверьте адрес.")
    tour.city.answers.clear()
    with tour.page.expect_request(re.compile("/follow$")) as request:
        send.click()
    body = request.value.post_data_json or {}
    assert (body["email"], body["consent"]["processing"], body["lang"]) == ("anna@example.test", True, "ru")
    expect(tour.control("follow-sent")).to_contain_text("Пришлём письмо для подтверждения на anna@example.test")
    expect(tour.control("follow-sent")).to_be_focused()


def the_discussion_has_pages_and_highlights_the_agency(tour: Tour) -> None:
    answers = [tour.city.comments(next="2.x"), tour.city.comments()]
    tour.page.route(
        COMMENTS,
        lambda route: (
            route.fulfill(json=answers.pop(0), headers=ANY_ORIGIN)
            if route.request.method == "GET"
            else route.fallback()
        ),
    )
    article = open_problem(tour)
    talk = article.get_by_role("region", name="Обсуждение")
    expect(talk.locator("li")).to_have_count(2)
    expect(talk.locator("li").nth(1)).to_contain_text(re.compile("Администрация города Зареченска.*официально"))
    talk.get_by_role("button", name="Показать ещё комментарии").click()
    expect(talk.locator("li")).to_have_count(4)
    expect(talk.locator("li").nth(2)).to_be_focused()
    tour.page.unroute(COMMENTS)


def comments_await_confirmation_and_moderation(tour: Tour, watch: Watch) -> None:
    article = open_problem(tour)
    article.get_by_role("button", name="Написать комментарий").click()
    expect(tour.control("comment-text")).to_be_focused()
    # As much of the form as fits below the header: on this phone, all but its end.
    form = article.locator("form").bounding_box()
    assert form
    room = PHONE["height"] - 5 * 16
    assert form["y"] + min(form["height"], room) <= PHONE["height"] + 1
    article.get_by_role("button", name="Отправить комментарий").click()
    expect(article.locator("form")).to_contain_text("не можем принять комментарий")
    tour.control("comment-text").fill("<b>И у нас</b>")
    tour.control("comment-name").fill("Анна")
    tour.control("comment-email").fill("anna@example.test")
    tour.control("comment-consent").check()
    expect(tour.control("comment-publish")).not_to_be_checked()
    tour.control("comment-publish").check()
    # A change of language keeps the typed text.
    tour.page.evaluate("document.querySelector('igrajdanin-widget').lang = 'en'")
    expect(article.get_by_role("button", name="Send the comment")).to_be_visible()
    expect(tour.control("comment-text")).to_have_value("<b>И у нас</b>")
    article.get_by_role("button", name="Send the comment").dblclick()
    expect(tour.control("comment-sent")).to_contain_text("will appear after it has been checked")
    (sent,) = [one for one in watch.requests if one.method == "POST" and one.url.endswith("/comments")]
    body = sent.post_data_json or {}
    assert (body["name"], body["consent"]["publish_name"]) == ("Анна", True)


def a_merged_problem_links_to_the_other(tour: Tour) -> None:
    set_problem(tour.city, 1204, duplicate_of=1187, status="duplicate")
    article = open_problem(tour)
    expect(article.get_by_role("button", name="Следить")).to_have_count(0)
    link = article.get_by_role("link", name="Сообщение № 1 187")
    for key in ("Control", "Shift"):
        with tour.page.context.expect_page() as other:
            link.click(modifiers=[key])
        other.value.close()
    link.click()
    expect(tour.widget.get_by_role("heading", name="Сообщение № 1 187")).to_be_focused()
    expect(article).to_contain_text("Не горит фонарь")


def the_url_can_be_shared(tour: Tour) -> None:
    article, page = open_problem(tour), tour.page
    page.evaluate("delete Navigator.prototype.share")
    article.get_by_role("button", name="Поделиться").click()
    # Confirmed on the button, and announced.
    expect(article.get_by_role("button", name="Скопировано")).to_be_in_viewport()
    expect(article.get_by_role("status").filter(has_text="Скопировано")).to_have_count(1)
    assert (
        page.evaluate("navigator.clipboard.readText()")
        == f"{tour.widget_site.service.url}/s/{tour.widget_site.key}/problems/1204"
    )
    article.get_by_role("button", name="Следить").focus()
    page.evaluate("(navigator.clipboard.writeText = () => Promise.reject(new Error()), 0)")
    article.get_by_role("button", name="Поделиться").click()
    expect(tour.control("copy")).to_be_focused()


def the_problem_is_laid_out_and_printed_alone(tour: Tour) -> None:
    """The answer precedes the actions, and forms are aligned with the text."""
    page = tour.page
    page.set_viewport_size(DESKTOP)
    page.evaluate("document.body.insertAdjacentHTML('afterbegin', '<p id=host>Страница города</p>')")
    article = open_problem(tour)
    top = {name: article.locator(name).first.bounding_box() for name in (".answer", ".facts", ".actions")}
    assert all(top.values())
    assert top[".answer"]["y"] < top[".facts"]["y"] < top[".actions"]["y"]  # type: ignore[index]
    article.get_by_role("button", name="Следить").click()
    form, actions = article.locator("form").bounding_box(), article.locator(".text").first.bounding_box()
    assert form
    assert actions
    assert abs(form["x"] - actions["x"]) <= 1
    page.emulate_media(media="print")
    page.evaluate(
        """() => { window.print = () => {
          const widget = document.querySelector("igrajdanin-widget"), display = one => getComputedStyle(one).display;
          const actions = widget.shadowRoot.querySelector("article .actions");
          const host = document.querySelector("#host");
          const head = widget.shadowRoot.querySelector(".printed");
          window.printed = { host: display(host), widget: display(widget), actions: display(actions) };
          printed.head = head.innerText;
        } }"""
    )
    article.locator(".actions button", has_text="Распечатать").dispatch_event("click")
    printed = page.evaluate("printed")
    assert printed["host"] == printed["actions"] == "none"
    assert printed["widget"] != "none"
    # The printed page shows the agency, the URL and the date.
    address = f"{tour.widget_site.service.url}/s/{tour.widget_site.key}/problems/1204"
    assert printed["head"].split("\n") == [AGENCY, address, "Распечатано 24\u00a0ноября 2026"]
    expect(article.locator(".printed")).to_have_count(0)
    assert page.evaluate("getComputedStyle(document.querySelector('#host')).display") == "block"
    assert page.evaluate("document.adoptedStyleSheets.length") == 0


def a_problem_works_under_the_strict_policy(tour: Tour) -> None:
    page, widget_site = tour.page, tour.widget_site
    with widget_site.strict_policy():
        page.goto(f"{widget_site.host.url}/strict-csp/")
        page.locator("igrajdanin-widget").evaluate("one => one.dataset.start = 'list'")
        page.get_by_role("button", name="Сообщить о проблеме").click()
        tour.widget.locator(".card").first.click()
        tour.widget.locator(".shot").first.click()
        expect(page.get_by_role("dialog", name="Фотографии")).to_be_visible()
