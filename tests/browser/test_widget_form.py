"""The report form: steps, errors, drafts, lost connections, and no duplicate reports."""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections.abc import Callable
from secrets import token_hex
from typing import Any

from playwright.sync_api import Error, Page, Route, expect

from tests.support import maps
from tests.support.browser import Watch
from tests.support.widget import (
    AGENCY,
    ANY_ORIGIN,
    DESKTOP,
    PHONE,
    WidgetSite,
    check_appearance,
    draw_twice,
    fill_form,
    number,
    open_form,
    send,
    spoil_first,
    stop_clock,
    summary,
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


def reports(watch: Watch) -> list[str]:
    return [post["key"] for post in posts(watch)]


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


def test_reports_follow_each_other(desktop: Page, watch: Watch, address: str) -> None:
    """In one page, from the answer to a report to the next one."""
    watch.allow("ERR_FAILED|ERR_INTERNET|status of (403|422|429|502)")
    spoil_first(desktop, re.compile("/tickets$"), "ticket")
    with desktop.expect_response(re.compile("/tickets$")) as ticket:  # its work is done in advance
        open_form(desktop, address)
    assert ticket.value.status == 201
    for report in (
        a_refused_ticket_is_replaced_silently,
        all_errors_are_shown_at_once_and_input_is_kept,
        a_lost_connection_keeps_the_text_and_sends_one_report,
        editing_after_a_refusal_or_a_lost_answer,
        my_location_and_typed_coordinates,
    ):
        watch.requests.clear()
        report(desktop, watch)
        desktop.get_by_role("button", name="Сообщить ещё").click()
    without_an_e_mail_the_code_opens_the_tracking_page(desktop)


def without_an_e_mail_the_code_opens_the_tracking_page(desktop: Page) -> None:
    fill_form(desktop, email="")
    send(desktop)
    given, code = number(desktop), desktop.locator(".code").inner_text()
    assert re.fullmatch(r"[2-9A-Z]{8}", code)
    desktop.get_by_role("link", name="Открыть страницу проверки").click()
    desktop.locator("input[name=number]").fill(str(given))
    desktop.locator("input[name=code]").fill(code)
    desktop.locator("main form button").first.click()
    expect(desktop.locator("main")).to_contain_text("Яма на переходе у школы")


def test_consent_is_asked_where_contacts_are(
    desktop: Page, watch: Watch, widget_site: WidgetSite, address: str
) -> None:
    ask = functools.partial(widget_site.service.cli, "site", "set", widget_site.site, "--consent")
    ask("contacts")
    try:
        open_form(desktop, address)
        consent = desktop.get_by_label(re.compile("Даю согласие"))
        fill_form(desktop, consent=False, email=EMAIL)
        send(desktop)
        expect(desktop.get_by_text("Без согласия мы не можем")).to_be_visible()
        expect(consent).to_be_visible()
        desktop.get_by_label("Электронная почта").fill("")
        expect(consent).to_have_count(0)
        send(desktop)
        assert number(desktop) > 0
        desktop.get_by_role("button", name="Сообщить ещё").click()
        desktop.locator("igrajdanin-widget").evaluate("one => { one.hide = 'name, email phone' }")
        expect(desktop.locator("section.section")).to_have_count(4)
        desktop.set_viewport_size(PHONE)
        steps(desktop, "Яма", "улица Мира, 5")
        expect(desktop.get_by_text("Шаг 4 из 4")).to_be_visible()
        expect(desktop.get_by_role("heading", name="Согласие")).to_have_count(0)
        desktop.get_by_role("button", name="Изменить: Что именно не так").click()
        desktop.get_by_role("button", name="Далее").click()
        expect(desktop.get_by_role("heading", name="Проверьте и отправьте")).to_be_focused()
        desktop.get_by_role("button", name="Назад").click()
        expect(desktop.get_by_text("Шаг 3 из 4")).to_be_visible()
        desktop.get_by_role("button", name="Далее").click()
        send(desktop)
        assert number(desktop) > 0
    finally:
        ask("always")
    assert len(posts(watch)) == 2


def test_contacts_move_out_of_the_text_and_the_private_link_can_be_copied(
    new_page: Callable[..., Page], watch: Watch, address: str
) -> None:
    page = new_page(viewport=DESKTOP, permissions=["clipboard-read", "clipboard-write"])
    open_form(page, address)
    written = f"Яма у школы, машина А123ВС77 пробила колесо. Мой телефон 8 900 123-45-67, почта {EMAIL}."
    fill_form(page, written)
    notice = page.get_by_role("status").filter(has_text="Этот текст увидят все")
    expect(notice).to_contain_text("есть номер машины, телефон и адрес почты.")
    move = page.get_by_role("button", name="Перенести в контакты: телефон и адрес почты")
    move.press("Enter")
    back = page.get_by_role("button", name="Вернуть в текст")
    expect(back).to_be_focused()
    back.press("Enter")
    expect(page.get_by_label("Что именно не так")).to_have_value(written)
    expect(page.get_by_label("Электронная почта")).to_have_value("")
    expect(move).to_be_focused()
    move.press("Enter")
    expect(notice).to_contain_text("есть номер машины. ")
    check_appearance(page, "contacts moved", ("contrast",))
    text = page.get_by_label("Что именно не так")
    expect(text).to_have_value("Яма у школы, машина А123ВС77 пробила колесо.")
    text.fill("Яма у школы.")
    expect(page.get_by_role("status").filter(has_text="Этот текст")).to_have_count(0)
    expect(page.get_by_label("Телефон")).to_have_value("8 900 123-45-67")
    assert not [one.url for one in watch.requests if one.method == "POST" and "/tickets" not in one.url]
    send(page)
    number(page)
    expect(page.locator(".code")).to_have_count(0)
    expect(page.locator(".timeline")).to_contain_text(EMAIL)
    page.get_by_role("button", name="Скопировать").click()
    expect(page.get_by_role("button", name="Скопировано")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert "/t/" in link
    page.get_by_role("button", name="Сообщить ещё").click()
    expect(page.get_by_label("Что именно не так")).to_have_value("")
    expect(page.get_by_label("Электронная почта")).to_have_value(EMAIL)
    expect(page.get_by_label(re.compile("Даю согласие"))).not_to_be_checked()


def all_errors_are_shown_at_once_and_input_is_kept(desktop: Page, watch: Watch) -> None:
    desktop.get_by_label("Электронная почта").fill("анна")
    send(desktop)
    expect(summary(desktop)).to_be_focused()
    expect(summary(desktop)).to_contain_text("Исправьте поля: 5")
    summary(desktop).get_by_role("button", name="Укажите место: адрес или точку.").click()
    place = desktop.get_by_label("Адрес или ориентир")
    expect(place).to_be_focused()
    expect(place).to_have_attribute("aria-invalid", "true")
    describing = desktop.evaluate(
        """() => { const root = document.querySelector("igrajdanin-widget").shadowRoot;
        const field = root.getElementById("address");
        return field.getAttribute("aria-describedby").split(" ").map(id => root.getElementById(id).textContent) }"""
    )
    assert describing[1] == "Укажите место: адрес или точку."
    expect(desktop.get_by_label("Электронная почта")).to_have_value("анна")
    assert posts(watch) == []
    # The limit of length is announced when it is near, and the name published only with consent.
    description = desktop.get_by_label("Что именно не так")
    description.fill("я" * 3_900)
    expect(desktop.get_by_text("Осталось знаков: 100")).not_to_have_role("status")
    for length, message in ((3_990, "Осталось знаков: 10"), (4_001, "Лишних знаков: 1. Сократите текст.")):
        description.fill("я" * length)
        expect(desktop.get_by_text(message)).to_have_role("status")
    fill_form(desktop, email="")
    publish = desktop.get_by_label("Разрешаю показать всем моё имя")
    desktop.get_by_role("button", name="Добавить имя и телефон").click()
    expect(publish).to_have_count(0)
    desktop.get_by_label("Имя (необязательно)").fill("Анна")
    expect(publish).not_to_be_checked()
    publish.check()
    send(desktop)
    number(desktop)
    (post,) = posts(watch)
    assert post["name"] == "Анна"
    assert post["consent"]["publish_name"] is True


def test_errors_from_the_service_are_shown_at_their_field(page: Page, watch: Watch, address: str) -> None:
    """The answer is real: the service rejects a description that the widget accepts."""
    watch.allow("status of 422")
    page.route(re.compile(r"\?lang="), lambda route: with_limits(route, 1))
    open_form(page, address)
    steps(page, "ы", "у школы")
    page.get_by_label(re.compile("Даю согласие")).check()
    send(page)
    expect(page.get_by_label("Что именно не так")).to_be_focused()
    expect(page.get_by_text("Шаг 2 из 4")).to_be_visible()
    expect(page.get_by_label("Что именно не так")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Что именно не так")).to_have_value("ы")
    # What stands at no field of the form is told all the same: above it, or as a whole.
    page.get_by_label("Что именно не так").fill("Яма на переходе")
    page.get_by_role("button", name="Далее").click()
    body: dict[str, Any] = {"errors": [{"field": "answers.gone", "code": "", "detail": "Такого вопроса нет."}]}
    page.route(re.compile("/problems$"), lambda route: route.fulfill(status=422, json=body, headers=ANY_ORIGIN))
    send(page)
    expect(summary(page)).to_be_focused()
    expect(summary(page)).to_contain_text("Такого вопроса нет.")
    body.update(errors=[], detail="Сообщение не принято.")
    page.get_by_role("button", name="Далее").click()
    send(page)
    expect(page.get_by_role("alert")).to_have_text("Сообщение не принято.")


def steps(page: Page, *texts: str) -> None:
    """Go through the steps of a phone for which there are texts (topic, description, place), to the one after."""
    following = page.get_by_role("button", name="Далее")
    page.get_by_label("Дороги и тротуары").click()
    for label, text in zip(("Что именно не так", "Адрес или ориентир"), texts, strict=False):
        page.get_by_label(label).fill(text)
        following.click()


def with_limits(route: Route, least: int) -> None:
    answer = route.fetch()
    changed = answer.json()
    changed["limits"]["description"]["min"] = least
    route.fulfill(response=answer, json=changed)


def a_lost_connection_keeps_the_text_and_sends_one_report(desktop: Page, watch: Watch) -> None:
    """Whatever is lost, and however often: the request, the server behind its proxy, or an answer."""
    fill_form(desktop, "Потерянное сообщение", email=EMAIL)
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.request.headers["idempotency-key"])
        if len(lost) == 2:
            return route.fulfill(status=502, body="", headers=ANY_ORIGIN)
        if len(lost) > 2:
            route.fetch()  # the request arrives, its answer does not
        return route.abort()

    desktop.route(re.compile("/problems$"), lose)
    send(desktop)
    expect(desktop.get_by_role("alert")).to_contain_text("Текст сохранён")
    expect(desktop.get_by_role("heading", name="Пока не отправлено")).to_be_focused()
    again = desktop.get_by_role("button", name="Отправить ещё раз")
    for _ in range(2):
        with desktop.expect_request(re.compile("/problems$")):
            desktop.evaluate("dispatchEvent(new Event('online'))")
        draw_twice(desktop)
        expect(again).to_be_visible()
        expect(desktop.get_by_role("alert")).to_contain_text("Текст сохранён")
    desktop.unroute(re.compile("/problems$"))
    desktop.evaluate("dispatchEvent(new Event('online'))")
    first = number(desktop)
    desktop.get_by_role("button", name="Сообщить ещё").click()
    fill_form(desktop, "Следующее сообщение")
    send(desktop)
    assert number(desktop) == first + 1, "the retry created no second report"
    keys = reports(watch)
    assert len(keys) == 5
    assert len(set(keys[:-1])) == 1
    assert keys[-1] not in keys[:-1]


def send_and_lose_answer(page: Page, text: str, **given: Any) -> None:
    """Send a report that arrives while its answer is lost."""
    fill_form(page, text, **given)
    page.route(re.compile("/problems$"), lambda route: (route.fetch(), route.abort()))
    send(page)
    expect(page.get_by_role("heading", name="Пока не отправлено")).to_be_visible()


def test_a_pending_report_can_be_discarded_and_is_resent_with_the_same_key_after_a_reload(
    desktop: Page, watch: Watch, address: str
) -> None:
    watch.allow("ERR_FAILED")
    open_form(desktop, address)
    a_pending_report_can_be_discarded(desktop, address)
    watch.requests.clear()
    send_and_lose_answer(desktop, "Начатое сообщение", email=EMAIL)
    desktop.unroute(re.compile("/problems$"))
    desktop.clock.install()
    desktop.reload()
    desktop.get_by_role("button", name="Сообщить о проблеме", exact=True).click()
    waiting = desktop.get_by_role("alert")
    expect(desktop.get_by_role("heading", name="Пока не отправлено")).to_be_visible()
    expect(waiting).to_contain_text(re.compile(r"Ждёт с \d\d:\d\d"))
    desktop.clock.run_for(RESENDING)
    expect(desktop.get_by_role("heading", name="Сообщение получено")).to_be_focused()
    assert len(set(reports(watch))) == 1
    (first, *_, last) = posts(watch)
    assert last["email"] == EMAIL
    assert {**first, "ticket": ""} == {**last, "ticket": ""}, "the consent as it was sent"


def test_a_pending_report_without_its_contacts_is_not_resent(
    new_page: Callable[..., Page], watch: Watch, address: str
) -> None:
    """Contacts are lost when the tab is closed, and a report without them is a different one."""
    watch.allow("ERR_FAILED")
    page = new_page(viewport=DESKTOP)
    open_form(page, address)
    send_and_lose_answer(page, "Начатое сообщение", email=EMAIL)
    other = page.context.new_page()
    page.close()
    open_form(other, address)
    expect(other.get_by_text("Прошлая отправка не завершилась: «Начатое сообщение».")).to_be_visible()
    resume(other, "Начатое сообщение")
    expect(other.get_by_text("Прошлая отправка не завершилась. Отправьте ещё раз")).to_be_visible()
    consent = other.get_by_label(re.compile("Даю согласие"))
    expect(consent).not_to_be_checked()
    other.get_by_label("Электронная почта").fill(EMAIL)
    consent.check()
    send(other)
    number(other)
    assert len(set(reports(watch))) == 1


def a_pending_report_can_be_discarded(desktop: Page, address: str) -> None:
    send_and_lose_answer(desktop, "Передумали")
    desktop.get_by_role("button", name="Изменить").click()
    desktop.reload()
    open_form(desktop, address)
    expect(desktop.get_by_text("Прошлая отправка не завершилась")).to_be_visible()
    desktop.get_by_label(re.compile("Даю согласие")).check()
    send(desktop)
    desktop.locator(".panel").get_by_role("button", name="Стереть черновик").click()
    expect(desktop.get_by_label("Что именно не так")).to_have_value("")
    assert desktop.evaluate("localStorage.length + sessionStorage.length") == 0


def resume(page: Page, text: str) -> None:
    """Go on with the unsent report that is offered above an empty form."""
    field = page.get_by_label("Что именно не так")
    expect(field.or_(page.get_by_text("Шаг 1 из 4"))).to_be_visible()
    if field.count():
        expect(field).to_have_value("")
    page.get_by_role("button", name="Продолжить").click()
    expect(field).to_have_value(text)


def test_contacts_are_kept_for_the_session_and_the_draft_until_discarded(
    new_page: Callable[..., Page], address: str
) -> None:
    page = new_page(viewport=DESKTOP)
    open_form(page, address)
    fill_form(page, "Черновик", email=EMAIL)
    page.wait_for_function(f"{STORED_DESCRIPTION} === 'Черновик'")
    # Both have been written: what this tab wrote later would be there after the other has erased it.
    page.wait_for_function(f"Object.values(sessionStorage).join().includes('{EMAIL}')")
    other = page.context.new_page()
    open_form(other, address)
    expect(other.get_by_role("status").filter(has_text="Есть неотправленный черновик: «Черновик».")).to_be_visible()
    resume(other, "Черновик")
    expect(other.get_by_label("Электронная почта")).to_have_value("")
    # Both go on, and neither overwrites the other.
    page.get_by_label("Что именно не так").fill("Черновик первой вкладки")
    page.wait_for_function("localStorage.length === 2")
    other.get_by_role("button", name="Стереть черновик").first.click()
    expect(other.get_by_label("Что именно не так")).to_have_value("")
    expect(other.get_by_text("Есть неотправленный черновик: «Черновик первой вкладки».")).to_be_visible()
    expect(other.get_by_role("heading", name="Что случилось")).to_be_focused()
    other.get_by_role("button", name="Удалить", exact=True).click()
    expect(other.get_by_text("Есть неотправленный черновик")).to_have_count(0)
    assert other.evaluate("localStorage.length + sessionStorage.length") == 0


def test_a_draft_reopens_at_its_step(page: Page, watch: Watch, widget_site: WidgetSite, address: str) -> None:
    """On a phone, unless an earlier answer is missing by now."""
    reopened = page.get_by_role("status").filter(has_text="Черновик восстановлен")
    open_form(page, address)
    steps(page, "Яма на переходе", "улица Мира, 5")
    for step in (4, 3):
        expect(page.get_by_text(f"Шаг {step} из 4")).to_be_visible()
        open_form(page, address)
        expect(reopened).to_be_visible()
        expect(page.get_by_text(f"Шаг {step} из 4")).to_be_visible()
        page.get_by_role("button", name="Назад").click()
    page.get_by_role("button", name="Далее").click()
    page.get_by_role("button", name="Далее").click()
    page.get_by_label(re.compile("Даю согласие")).check()
    open_form(page, address)
    expect(page.get_by_text("Шаг 4 из 4")).to_be_visible()  # the consent is given for each report
    expect(page.get_by_label(re.compile("Даю согласие"))).not_to_be_checked()
    for change, shown in (("values.description = ''", 2), ("values.category = 'gone'", 1), ("step = undefined", 1)):
        keep = "localStorage[localStorage.key(0)] = JSON.stringify(draft)"
        page.evaluate(f"() => {{ const draft = {DRAFT}; draft.{change}; {keep} }}")
        open_form(page, address)
        expect(page.get_by_text(f"Шаг {shown} из 4")).to_be_visible()


def test_a_first_attempt_is_no_retry_and_each_site_key_has_its_own_draft(
    desktop: Page, widget_site: WidgetSite, address: str
) -> None:
    open_form(desktop, address)
    fill_form(desktop, "Яма на переходе")
    open_form(desktop, address)
    desktop.get_by_label(re.compile("Даю согласие")).check()
    held: list[Route] = []
    desktop.route(re.compile("/problems$"), lambda route: held.append(route))
    send(desktop)
    expect(desktop.get_by_role("button", name="Отправляем")).to_be_visible()
    expect(desktop.get_by_role("status").filter(has_text="Черновик восстановлен")).to_be_visible()
    expect(desktop.get_by_text("Прошлая отправка не завершилась")).to_have_count(0)
    held.pop().continue_()
    number(desktop)
    desktop.get_by_role("button", name="Сообщить ещё").click()
    each_site_key_has_its_own_draft(desktop, widget_site)


def each_site_key_has_its_own_draft(desktop: Page, widget_site: WidgetSite) -> None:
    agency = widget_site.service.cli("site", "show", widget_site.site)["agency"]
    place = ("--origin", widget_site.host.url, "--jurisdiction", f"other-{token_hex(4)}.test")
    other = widget_site.service.cli("site", "add", "--name", "Озёрск", "--agency", agency, *place)["key"]
    field = desktop.get_by_label("Что именно не так")
    field.fill("Для первого")
    for key, before, text in (
        (other, "", "Для второго"),
        (widget_site.key, "Для первого", ""),
        (other, "Для второго", ""),
    ):
        desktop.evaluate("key => document.querySelector('igrajdanin-widget').setAttribute('site-key', key)", key)
        expect(field).to_have_value(before)
        field.fill(text or before)


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


def editing_after_a_refusal_or_a_lost_answer(desktop: Page, watch: Watch) -> None:
    """A rate limit says when to try again; after a lost answer the first version is confirmed."""
    problems = re.compile("/problems$")
    body = {"status": 429, "code": "too_many", "retry_after": 3600}
    headers = ANY_ORIGIN | {"Content-Type": "application/problem+json"}
    desktop.route(problems, lambda route: route.fulfill(status=429, json=body, headers=headers))
    fill_form(desktop, "Первая версия")
    send(desktop)
    expect(desktop.get_by_role("alert")).to_contain_text(re.compile(r"Попробуйте после \d\d:\d\d"))
    desktop.get_by_role("button", name="Изменить").click()
    expect(desktop.get_by_label("Что именно не так")).to_have_value("Первая версия")
    desktop.unroute(problems)
    desktop.route(problems, lambda route: (route.fetch(), route.abort()))
    send(desktop)
    expect(desktop.get_by_role("alert")).to_contain_text("Текст сохранён")
    desktop.get_by_role("button", name="Изменить").click()
    desktop.unroute(problems)
    desktop.get_by_label("Что именно не так").fill("Вторая версия")
    send(desktop)
    number(desktop)
    expect(desktop.locator("igrajdanin-widget")).to_contain_text("без последних изменений")
    assert len(set(reports(watch)[1:])) == 1


def a_refused_ticket_is_replaced_silently(desktop: Page, watch: Watch) -> None:
    fill_form(desktop)
    send(desktop)
    assert number(desktop) > 0
    assert len(posts(watch)) == 2


def my_location_and_typed_coordinates(page: Page, watch: Watch) -> None:
    page.context.set_geolocation({"latitude": 55.095211, "longitude": 38.768812, "accuracy": 20})
    page.context.grant_permissions(["geolocation"])
    fill_form(page)
    page.get_by_label("Адрес или ориентир").fill("")
    page.get_by_role("button", name="Моё местоположение").click()
    expect(page.get_by_text("точность около 20 м")).to_be_visible()
    assert maps.coordinates(page) == (55.095211, 38.768812)
    field = maps.type_coordinates(page, "там")
    send(page)
    expect(page.get_by_label("Адрес или ориентир")).to_be_focused()
    field.fill("55,0952; 38,7688")
    send(page)
    number(page)
    assert posts(watch)[0]["location"] == {"lat": 55.0952, "lng": 38.7688}


def test_questions_and_notice_of_a_category(desktop: Page, watch: Watch, widget_site: WidgetSite, address: str) -> None:
    watch.allow("ERR_FAILED")
    questions = [
        {"code": "depth", "datatype": "number", "required": True, "description": "Толщина льда, см", "order": 2},
        {"code": "kind", "datatype": "singlevaluelist", "required": True, "description": "Что мешает", "order": 1,
         "values": [{"key": "ice", "name": "Лёд"}, {"key": "icicles", "name": "Сосульки"}]},
        {"code": "where", "datatype": "multivaluelist", "required": False, "description": "Где", "order": 3,
         "values": [{"key": "roof", "name": "Крыша"}, {"key": "stairs", "name": "Лестница"}]},
    ]  # fmt: skip
    notice = "Угроза жизни — звоните 112, диспетчер +7 (496) 000-00-00"
    given = ("--questions", json.dumps(questions), "--notice", notice)
    widget_site.service.cli("category", "set", "snow", "--site", widget_site.site, *given)
    chunk = re.compile("/later-")
    desktop.route(chunk, lambda route: route.abort())
    open_form(desktop, address)
    fill_form(desktop)
    desktop.get_by_label("Снег и наледь").check()
    expect(desktop.get_by_role("alert")).to_contain_text("Сервис не отвечает")
    desktop.unroute(chunk)
    desktop.get_by_role("button", name="Попробовать ещё раз").click()
    expect(desktop.get_by_label("Лёд")).to_be_visible()
    expect(desktop.get_by_role("link", name="112")).to_have_attribute("href", "tel:112")
    expect(desktop.get_by_role("link", name="+7 (496) 000-00-00")).to_have_attribute("href", "tel:+74960000000")
    send(desktop)
    expect(summary(desktop)).to_contain_text("Исправьте поля: 2")
    desktop.get_by_label("Лёд").check()
    desktop.get_by_label("Толщина льда, см").fill("5")
    desktop.get_by_label("Крыша").check()
    desktop.get_by_label("Лестница").check()
    desktop.get_by_label("Крыша").uncheck()
    send(desktop)
    number(desktop)
    assert posts(watch)[0]["answers"] == {"kind": "ice", "depth": "5", "where": ["stairs"]}
