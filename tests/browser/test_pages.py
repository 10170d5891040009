"""The residents' pages in a real browser: without scripts, at 320 px, in every colour scheme, under axe and CSP."""

import uuid

import pytest
from playwright.sync_api import Page, expect

from tests.support import axe
from tests.support.browser import NewPage, Watch
from tests.support.mail import MailSink
from tests.support.processes import Service
from tests.support.town import Town
from widget_api import journal
from widget_api.addresses import service as addresses
from widget_api.addresses.files import Place


@pytest.fixture
def town(service: Service) -> Town:
    return Town.found(service, agency={"email": "office@gorod.test"})


@pytest.fixture
def author() -> str:
    """The e-mail address of a resident."""
    return f"{uuid.uuid4().hex[:8]}@resident.test"


def fill(page: Page, *, email: str = "") -> None:
    page.select_option("[name=category]", "lighting")
    page.fill("textarea[name=description]", "Не горит фонарь у дома 5")
    page.fill("[name=address]", "ул. Ленина, 5")
    page.fill("[name=email]", email)
    page.check("[name=consent]")


def test_a_report_is_sent_and_followed_without_javascript(
    town: Town, author: str, new_page: NewPage, service_mail: MailSink, watch: Watch
) -> None:
    watch.allow("422")
    page = new_page(java_script_enabled=False)
    page.goto(f"{town.page}/report")
    page.fill("textarea[name=description]", "Не горит фонарь у дома 5")
    page.click("button.primary")
    expect(page.locator(".summary")).to_contain_text("Выберите категорию")
    expect(page.locator(".summary a")).to_have_count(3)
    expect(page.locator("textarea[name=description]")).to_have_value("Не горит фонарь у дома 5")
    fill(page, email=author)
    page.click("button.primary")
    expect(page.locator(".number")).to_have_text("№ 1")
    (letter,) = service_mail.wait(author)
    (link,) = letter.links
    assert link in letter.text.splitlines()
    page.goto(link)
    expect(page.locator("form")).to_have_count(1)
    page.click("form button")
    expect(page.locator("form")).to_have_count(0)
    page.click("a.button.primary")
    expect(page.locator("h1")).to_have_text("Сообщение № 1")
    expect(page.locator(".timeline")).to_contain_text("Почта подтверждена")


def test_an_invalid_form_is_corrected_and_followed_by_code_in_another_look_and_language(
    town: Town, page: Page, watch: Watch
) -> None:
    watch.allow("422")
    page.goto(f"{town.page}/report")
    page.click("button.primary")
    expect(page.locator(".summary")).to_be_focused()
    page.click(".summary a >> nth=1")
    expect(page.locator("textarea[name=description]")).to_be_focused()
    fill(page)
    page.click("button.primary")
    code = page.locator(".code").inner_text()
    page.click("text=Узнать, что с сообщением")
    expect(page.locator("[name=number]")).to_have_value("1")
    page.fill("[name=code]", code.lower())
    page.click("form button")
    expect(page.locator("h1")).to_have_text("Сообщение № 1")
    # The colour scheme and the language are chosen on any page.
    page.goto(f"{town.page}")
    page.click("text=Версия для слабовидящих")
    page.click("text=Белым по чёрному")
    expect(page.locator("html")).to_have_attribute("data-theme", "white-on-black")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(0, 0, 0)"
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "20px"
    page.click("text=English")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.click("text=Report a problem")
    expect(page.locator("h1")).to_have_text("Report a problem")
    page.click("text=Standard version")
    expect(page.locator("html")).not_to_have_attribute("data-theme", "white-on-black")


HOUSES = [
    Place("улица Мира", "1", 55.1, 38.77), Place("улица Мира", "12", 55.102, 38.77),
    Place("переулок Мира", "12", 55.11, 38.78), Place("улица Ленина", "5", 55.12, 38.78),
]  # fmt: skip


def test_an_address_is_chosen_while_it_is_typed_or_that_of_the_place(town: Town, page: Page) -> None:
    """By keys and by touch; a screen reader hears how many there are and which one is active."""
    town.use_database(lambda database: addresses.load(database, town.site.id, HOUSES, journal.COMMAND_LINE))
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": 55.1001, "longitude": 38.77})
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{town.page}/report")
    field = page.get_by_role("combobox", name="Напишите адрес или ориентир")
    options, point = page.get_by_role("listbox").get_by_role("option"), page.locator("#field-coordinates")
    status = page.locator("#field-address ~ [role=status]")
    field.press_sequentially("мира 12")
    expect(options).to_have_text(["улица Мира, 12", "переулок Мира, 12", "улица Мира", "переулок Мира"])
    expect(field).to_have_attribute("aria-expanded", "true")
    expect(status).to_contain_text("Подходящих адресов: 4")
    assert axe.violations(page) + axe.horizontal_overflow(page) == []
    field.press("ArrowDown")
    field.press("ArrowDown")
    expect(page.locator("[aria-selected=true]")).to_have_text("переулок Мира, 12")
    active = page.locator("[aria-selected=true]").get_attribute("id")
    expect(field).to_have_attribute("aria-activedescendant", str(active))
    field.press("Enter")
    expect(field).to_have_value("переулок Мира, 12")
    expect(point).to_have_value("55.110000, 38.780000")
    expect(status).to_have_text("Адрес выбран, точка отмечена.")
    expect(options).to_have_count(0)
    field.press("Backspace")
    expect(point).to_have_value("")  # it was that of another address
    expect(options).not_to_have_count(0)
    field.press("Escape")
    expect(options).to_have_count(0)
    field.fill("мира")
    options.filter(has_text="улица").click()
    expect(field).to_have_value("улица Мира, ")  # of a street the house is still to be typed
    expect(field).to_be_focused()
    field.press_sequentially("1")
    page.get_by_role("option", name="улица Мира, 1", exact=True).click()
    expect(point).to_have_value("55.100000, 38.770000")
    # A position is named by the nearest house.
    page.reload()
    page.click("summary >> text=точнее")
    page.click("[data-locate]")
    expect(page.locator("#field-coordinates")).to_have_value("55.100100, 38.770000")
    expect(page.locator("[data-locate] + [role=status]")).to_have_text("Место найдено.")
    expect(page.locator("#field-address")).to_have_value("улица Мира, 1")
    page.fill("#field-coordinates", "55,12; 38,78")
    expect(page.locator("#field-address")).to_have_value("улица Ленина, 5")  # nobody typed the other one
    page.fill("#field-address", "У моста")
    page.fill("#field-coordinates", "55.1, 38.77")
    page.locator("#field-coordinates").blur()
    expect(page.locator("#field-address")).to_have_value("У моста")
