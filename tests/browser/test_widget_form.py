"""The report form: steps, errors, drafts, lost connections, and no duplicate reports."""

import contextlib
import json
import re
from typing import Any

from playwright.sync_api import Error, Page, Route, expect

from tests.support.browser import NewPage, Watch
from tests.support.widget import (
    AGENCY,
    ANY_ORIGIN,
    DESKTOP,
    check_appearance,
    draw_twice,
    fill_form,
    number,
    open_form,
    report,
    send,
    stop_clock,
)

EMAIL = "anna@example.test"
DRAFT = "JSON.parse(localStorage.getItem(localStorage.key(0)))"
PAUSE = 400  # milliseconds before a draft is saved, widget_js/report/session.ts
RESENDING = 5_000  # milliseconds before the first retry, widget_js/report/session.ts
STORED_DESCRIPTION = f"(localStorage.length ? {DRAFT}.values.description : '')"
WRITES = """
window.writes = 0;
const write = Storage.prototype.setItem;
Storage.prototype.setItem = function (...item) { writes++; write.apply(this, item); };
"""


def posts(watch: Watch) -> list[dict[str, Any]]:
    """Keys and bodies of all reports that were sent."""
    sent = [request for request in watch.requests if request.method == "POST" and request.url.endswith("/problems")]
    return [{"key": one.headers["idempotency-key"], **json.loads(one.post_data or "{}")} for one in sent]


def test_a_phone_asks_step_by_step(page: Page, watch: Watch, address: str) -> None:
    page.context.clear_permissions()
    open_form(page, address)
    following = page.get_by_role("button", name="Далее")
    expect(page.get_by_text("Шаг 1 из 4")).to_be_visible()
    following.click()
    # A single error is read with its control, without a list of one.
    group = page.locator("#category")
    expect(group).to_be_focused()
    expect(group).to_have_accessible_description("Выберите категорию.")
    expect(page.locator("#category-error")).to_be_in_viewport()
    expect(page.locator(".panel.bad")).to_have_count(0)
    # Arrow keys walk through the values, a press leads on, and so it does where it has been chosen before.
    page.get_by_label("Двор").press("ArrowUp")
    topic = page.get_by_label("Дороги и тротуары")
    expect(topic).to_be_checked()
    expect(group).to_have_accessible_description("")
    expect(page.get_by_text("Шаг 1 из 4")).to_be_visible()
    topic.click()
    expect(page.get_by_label("Что именно не так")).to_be_focused()
    page.get_by_role("button", name="Назад").click()
    expect(topic).to_be_checked()
    page.locator("label").filter(has=topic).click()
    expect(page.get_by_label("Что именно не так")).to_be_focused()
    page.keyboard.type("Яма на переходе")
    expect(page.get_by_role("heading", name="Добавьте фото")).to_be_visible()
    following.click()
    expect(page.get_by_role("heading", name="Укажите место")).to_be_focused()
    page.get_by_role("button", name="Моё местоположение").click()  # which this visitor's browser denies
    expect(page.get_by_role("status").filter(has_text="Напишите адрес")).to_be_visible()
    page.get_by_label("Адрес или ориентир").fill("улица Мира, 5")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Проверьте и отправьте")).to_be_focused()
    expect(page.get_by_text("Шаг 4 из 4")).to_be_visible()
    page.get_by_role("button", name="Назад").click()
    expect(page.get_by_label("Адрес или ориентир")).to_have_value("улица Мира, 5")
    following.click()
    page.get_by_label(re.compile("Даю согласие")).check()
    before = page.get_by_label("Куда уйдёт сообщение")
    expect(before).to_contain_text(AGENCY)
    expect(before).to_contain_text(re.compile(r"до \d+\s[а-я]+"))
    expect(before).to_contain_text("а не обращение по закону 59‑ФЗ")
    send(page)
    assert number(page) > 0
    expect(page.get_by_role("heading", name="Сообщение получено")).to_be_focused()
    expect(page.locator(".timeline li")).to_have_count(3)
    (post,) = posts(watch)
    assert post["location"] == {"address": "улица Мира, 5"}
    assert post["page_url"] == address
    assert post["consent"]["publish_name"] is False
    assert "email" not in post


def test_contacts_move_out_of_the_text_and_the_private_link_can_be_copied(
    new_page: NewPage, watch: Watch, address: str
) -> None:
    page = new_page(viewport=DESKTOP, permissions=["clipboard-read", "clipboard-write"])
    open_form(page, address)
    fill_form(page, f"Яма у школы, машина А123ВС77. Мой телефон 8 900 123-45-67, почта {EMAIL}.")
    page.get_by_role("button", name="Перенести в контакты: телефон и адрес почты").press("Enter")
    expect(page.get_by_role("button", name="Вернуть в текст")).to_be_focused()
    expect(page.get_by_label("Телефон")).to_have_value("8 900 123-45-67")
    expect(page.get_by_role("status").filter(has_text="Этот текст увидят все")).to_contain_text("есть номер машины. ")
    check_appearance(page, "contacts moved", ("contrast",))
    assert not [one.url for one in watch.requests if one.method == "POST" and "/tickets" not in one.url]
    send(page)
    number(page)
    page.get_by_role("button", name="Скопировать").click()
    expect(page.get_by_role("button", name="Скопировано")).to_be_visible()
    assert "/t/" in page.evaluate("navigator.clipboard.readText()")


def steps(page: Page, *texts: str) -> None:
    """Go through the steps of a phone for which there are texts (topic, description, place), to the one after."""
    following = page.get_by_role("button", name="Далее")
    page.get_by_label("Дороги и тротуары").click()
    for label, text in zip(("Что именно не так", "Адрес или ориентир"), texts, strict=False):
        page.get_by_label(label).fill(text)
        following.click()


def test_a_report_is_sent_once_whatever_is_lost(desktop: Page, watch: Watch, address: str) -> None:
    """The request, the server behind its proxy, an answer, and the page: it is sent again with its key."""
    watch.allow("ERR_FAILED|status of 502")
    problems, lost = re.compile("/problems$"), list[Route]()

    def lose(route: Route) -> None:
        lost.append(route)
        if len(lost) == 2:
            return route.fulfill(status=502, body="", headers=ANY_ORIGIN)
        if len(lost) > 2:
            route.fetch()  # the request arrives, its answer does not
        return route.abort()

    open_form(desktop, address)
    fill_form(desktop, "Потерянное сообщение", email=EMAIL)
    desktop.route(problems, lose)
    send(desktop)
    title = desktop.get_by_role("heading", name="Пока не отправлено")
    expect(title).to_be_focused()
    expect(desktop.get_by_role("alert")).to_contain_text("Текст сохранён")
    for _ in range(2):
        with desktop.expect_request(problems):
            desktop.evaluate("dispatchEvent(new Event('online'))")
        draw_twice(desktop)
        expect(desktop.get_by_role("button", name="Отправить ещё раз")).to_be_visible()
    desktop.unroute(problems)
    desktop.clock.install()
    desktop.reload()
    desktop.get_by_role("button", name="Сообщить о проблеме", exact=True).click()
    expect(title).to_be_visible()
    expect(desktop.get_by_role("alert")).to_contain_text(re.compile(r"Ждёт с \d\d:\d\d"))
    desktop.clock.run_for(RESENDING)
    expect(desktop.get_by_role("heading", name="Сообщение получено")).to_be_focused()
    first, sent = number(desktop), posts(watch)
    assert len(sent) == 4
    assert sent[0]["email"] == EMAIL
    assert [{**one, "ticket": ""} for one in sent] == [{**sent[0], "ticket": ""}] * 4, "the consent as it was given"
    desktop.get_by_role("button", name="Сообщить ещё").click()
    assert report(desktop, "Следующее сообщение") == first + 1, "no second report was made"
    assert posts(watch)[-1]["key"] != sent[0]["key"]


def resume(page: Page, text: str) -> None:
    """Go on with the unsent report that is offered above an empty form."""
    field = page.get_by_label("Что именно не так")
    expect(field.or_(page.get_by_text("Шаг 1 из 4"))).to_be_visible()
    if field.count():
        expect(field).to_have_value("")
    page.get_by_role("button", name="Продолжить").click()
    expect(field).to_have_value(text)


def test_drafts_are_saved_after_a_pause_and_before_leaving(page: Page, watch: Watch, address: str) -> None:
    watch.allow("crashed")
    page.add_init_script(WRITES)
    page.clock.install()
    open_form(page, address)
    steps(page)
    field = page.get_by_label("Что именно не так")
    text = "Яма на переходе у школы № 14"
    field.click()
    stop_clock(page)
    before = page.evaluate("writes")
    for letter in text:
        page.keyboard.type(letter)
        page.clock.run_for(PAUSE - 1)
    assert page.evaluate("writes") == before, "not on every key"
    page.clock.run_for(1)
    assert page.evaluate(STORED_DESCRIPTION) == text
    # Each of these happens before the pause is over.
    for end in ("document.dispatchEvent(new Event('visibilitychange'))", "igrajdanin('close')"):
        page.keyboard.type("!")
        text += "!"
        assert page.evaluate(f"() => {{ {end}; return {STORED_DESCRIPTION} }}") == text
    page.clock.resume()
    page.evaluate("igrajdanin('open')")
    field.press("End")
    page.keyboard.type("?")
    page.goto("about:blank")
    open_form(page, address)
    expect(page.get_by_text("Шаг 2 из 4")).to_be_visible()
    expect(field).to_have_value(text + "?")
    # Killed by the system, after a pause.
    field.fill("Убито")
    page.wait_for_function(f"{STORED_DESCRIPTION} === 'Убито'")
    other = page.context.new_page()
    with contextlib.suppress(Error):
        page.goto("chrome://crash")
    open_form(other, address)
    resume(other, "Убито")
