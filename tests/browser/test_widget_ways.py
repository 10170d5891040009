"""The button leads to the form, one press from there to the list and to the reports of this device."""

import re

import pytest
from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.support.browse import CARD
from tests.support.browser import NewPage, Watch
from tests.support.city import FakeCity
from tests.support.widget import DESKTOP, PHONE, REPORT, TEXT, WidgetSite, check_appearance, number, send

EMAIL = "anna@example.test"
PRIVATE = "https://widget.test/t/made-up"
THEMES = ("dark", "contrast")
# Two earlier reports of this device: one of last week, one of a year that is over.
REMEMBER = """name => {
  const kept = JSON.parse(localStorage[name]), day = 86400000;
  kept.sent.push({ number: 1204, at: Date.now() - 7 * day }, { number: 1187, at: Date.now() - 91 * day });
  localStorage[name] = JSON.stringify(kept);
}"""


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def expect_view(page: Page, name: str, content: Locator) -> None:
    """The view's heading has the focus."""
    expect(page.get_by_role("dialog", name=name)).to_be_visible()
    expect(content.locator("visible=true").first).to_be_visible()
    expect(page.locator("igrajdanin-widget h2")).to_be_focused()


@pytest.mark.parametrize(
    "size", [PHONE, pytest.param(DESKTOP, marks=pytest.mark.full("the same way with more room"))], ids=["phone", "desk"]
)
def test_one_press_leads_to_form_list_and_own_reports(
    new_page: NewPage, watch: Watch, widget_site: WidgetSite, size: ViewportSize
) -> None:
    watch.allow("status of 404")
    page = new_page(viewport=size)
    city = FakeCity(page, widget_site)
    city.answers["GET /problems/1205"] = (404, {})
    page.goto(widget_site.page(widget_site.snippet('type="extended"')))
    widget = page.locator("igrajdanin-widget")
    form, rows = widget.locator("form:not(.bar)"), widget.locator("ul.facts li")
    press(page, REPORT)
    expect_view(page, REPORT, form)
    assert not [one.url for one in watch.requests if "/problems" in one.url]
    press(page, "Проблемы города")
    expect_view(page, "Проблемы города", page.locator(CARD))
    page.go_back()
    expect_view(page, REPORT, form)
    page.set_viewport_size(DESKTOP)  # all of the form at once
    form.get_by_label("Что именно не так").fill(TEXT)
    form.get_by_label("Адрес или ориентир").fill("улица Мира, 5")
    form.get_by_label("Электронная почта").fill(EMAIL)
    form.get_by_label("Даю согласие").check()
    form.get_by_label("Дворы и благоустройство").check()  # a phone shows the step of the last field
    page.set_viewport_size(size)
    press(page, "Мои сообщения")
    expect_view(page, "Мои сообщения", widget.get_by_text(f"Есть неотправленный черновик: «{TEXT}»."))
    expect(widget.get_by_text("С этого устройства пока ничего не отправляли.")).to_be_visible()
    track = f"{widget_site.service.url}/track"
    expect(page.get_by_role("link", name="Найти сообщение по номеру или почте")).to_have_attribute("href", track)
    check_appearance(page, "a draft among own reports", THEMES)
    press(page, "Продолжить")
    expect_view(page, REPORT, form)
    page.set_viewport_size(DESKTOP)
    city.answers["POST /problems"] = (201, city.receipt(code=None, track_url=PRIVATE))
    send(page)
    assert number(page) == 1205
    page.set_viewport_size(size)
    expect(widget.get_by_text("Номер останется в «Моих сообщениях»")).to_be_visible()
    check_appearance(page, "sent", THEMES)
    ((name, stored),) = page.evaluate("Object.entries(localStorage)")
    assert re.fullmatch(r'{"sent":\[{"number":1205,"at":\d+}]}', stored), "nothing private stays on the device"
    page.evaluate(REMEMBER, name)
    page.reload()
    press(page, REPORT)
    press(page, "Мои сообщения")
    expect_view(page, "Мои сообщения", rows)
    expect(rows).to_contain_text([re.compile(r"№\s1.205.*На сайте не показано"), re.compile(r"№\s1.204.*В работе")])
    expect(rows.first.get_by_role("link")).to_have_attribute("href", PRIVATE)
    check_appearance(page, "own reports", THEMES)
    rows.nth(1).get_by_role("link").click()
    expect(page.get_by_role("heading", name="Сообщение № 1 204")).to_be_focused()
    page.go_back()
    expect(page.locator(CARD).first).to_be_visible()
    page.go_back()
    expect_view(page, "Мои сообщения", rows)
    tab = page.context.new_page()
    FakeCity(tab, widget_site).answers["GET /problems/1205"] = (404, {})
    tab.goto(widget_site.page(widget_site.snippet('type="basic"')))
    press(tab, REPORT)
    expect(tab.get_by_role("button", name="Проблемы города")).to_have_count(0)
    press(tab, "Мои сообщения")
    link = tab.get_by_role("link", name="№ 1 205")
    expect(link).to_have_attribute("href", f"{track}?number=1205")
    press(tab, "Забыть их")
    expect(tab.get_by_role("status").get_by_text("Номера стёрты с этого устройства")).to_be_visible()
    expect_view(tab, "Мои сообщения", tab.get_by_role("link", name="Найти сообщение"))
    expect(link).to_have_count(0)
    assert tab.evaluate("localStorage.length + sessionStorage.length") == 0
