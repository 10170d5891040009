"""The residents' pages in a real browser: without scripts, at 320 px, in every colour scheme, under axe and CSP."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from email.message import EmailMessage

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Watch
from tests.support.mail import MailSink
from tests.support.processes import Service
from tests.support.town import Town

pytestmark = pytest.mark.browser


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


def send(page: Page) -> None:
    page.click("button.primary")


def find_only_link(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    (link,) = [line for line in part.get_content().splitlines() if "://" in line]
    assert re.fullmatch(r"http://\S+", link)
    return str(link)


def test_a_report_is_sent_and_followed_without_javascript(
    town: Town, author: str, new_page: Callable[..., Page], service_mail: MailSink, watch: Watch
) -> None:
    watch.allow("422")
    page = new_page(java_script_enabled=False)
    page.goto(f"{town.page}/report")
    page.fill("textarea[name=description]", "Не горит фонарь у дома 5")
    send(page)
    expect(page.locator(".summary")).to_contain_text("Выберите категорию")
    expect(page.locator(".summary a")).to_have_count(3)
    expect(page.locator("textarea[name=description]")).to_have_value("Не горит фонарь у дома 5")
    fill(page, email=author)
    send(page)
    expect(page.locator(".number")).to_have_text("№ 1")
    (letter,) = service_mail.wait(author)
    page.goto(find_only_link(letter.message))
    expect(page.locator("form")).to_have_count(1)
    page.click("form button")
    expect(page.locator("form")).to_have_count(0)
    page.click("a.button.primary")
    expect(page.locator("h1")).to_have_text("Сообщение № 1")
    expect(page.locator(".timeline")).to_contain_text("Почта подтверждена")


def test_an_invalid_form_is_corrected_and_answered_with_number_and_code(town: Town, page: Page, watch: Watch) -> None:
    watch.allow("422")
    page.goto(f"{town.page}/report")
    send(page)
    expect(page.locator(".summary")).to_be_focused()
    page.click(".summary a >> nth=1")
    expect(page.locator("textarea[name=description]")).to_be_focused()
    fill(page)
    send(page)
    code = page.locator(".code").inner_text()
    page.click("text=Узнать, что с сообщением")
    expect(page.locator("[name=number]")).to_have_value("1")
    page.fill("[name=code]", code.lower())
    page.click("form button")
    expect(page.locator("h1")).to_have_text("Сообщение № 1")


def test_visitors_switch_the_colour_scheme_and_the_language(town: Town, page: Page) -> None:
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


def test_a_located_position_is_announced(town: Town, new_page: Callable[..., Page]) -> None:
    page = new_page(geolocation={"latitude": 55.1, "longitude": 38.77}, permissions=["geolocation"])
    page.goto(f"{town.page}/report")
    page.click("summary >> text=точнее")
    page.click("[data-locate]")
    expect(page.locator("#field-coordinates")).to_have_value("55.100000, 38.770000")
    expect(page.locator("[data-locate] + [role=status]")).to_have_text("Координаты определены.")


def test_public_pages_mark_the_language_of_residents_texts(town: Town, page: Page) -> None:
    number = town.report("Не горит фонарь у дома 5")["number"]
    change = "UPDATE problems SET published = TRUE, status = 'accepted' WHERE site_id = :site"
    town.use_database(lambda database: database.write(lambda tx: tx.run(change, site=town.site.id)))
    page.goto(f"{town.page}/problems/{number}?lang=en")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    for words in (".prose", ".facts span >> text=Октябрьской"):
        expect(page.locator(words).first).to_have_attribute("lang", "ru")
