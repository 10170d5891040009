"""From /sites/new to the first report, as a webmaster and an operator do it: no command line, no JavaScript needed."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import NewPage, Watch
from tests.support.mail import MailSink
from tests.support.processes import Serve, Service
from tests.support.registration import CONTACT, INN, NAME, TownHost
from tests.support.town import sign_in
from tests.support.widget import open_form, report
from widget_api.registration.model import PROOF_PATH

pytestmark = pytest.mark.long
TEXT = "Разбита остановка у вокзала"
HEAD = "<!doctype html><html lang='ru'><head><title>Зареченск</title>"
CHOSEN = "тихая река у старой мельницы"


@pytest.fixture
def town() -> Iterator[TownHost]:
    """The web server of a town."""
    made = TownHost("127.0.0.31")
    made.put("/", f"{HEAD}</head><body></body></html>")
    yield made
    made.close()


def begin(page: Page, service: Service, town: TownHost, mail: MailSink) -> str:
    """The first form, and the confirmed address. Returns the link of the letter."""
    page.goto(f"{service.url}/sites/new")
    fields = {
        "Адрес сайта": town.origin,
        "ИНН": INN,
        "Официальное название": NAME,
        "Официальная почта": "priem@zarechensk.test",
        "Имя и фамилия": "Пётр Лукин",
        "Рабочая почта": CONTACT,
    }
    for label, value in fields.items():
        page.get_by_label(label).fill(value)
    assert not page.locator("#field-consent").is_checked()
    page.locator("#field-consent").check()
    page.get_by_role("button", name="Получить ссылку на почту").click()
    expect(page.get_by_role("heading", name="Проверьте почту")).to_be_visible()
    link = next(one for one in mail.wait(CONTACT)[0].links if "/sites/application/" in one)
    page.goto(link)
    page.get_by_role("button", name="Подтвердить адрес").click()
    page.get_by_role("button", name="Сохранить и продолжить").click()
    expect(page.get_by_role("heading", name="Подтвердите, что сайт ваш")).to_be_visible()
    return link


def test_a_webmaster_registers_a_site(
    town: TownHost, serve: Serve, new_page: NewPage, mail_sink: MailSink, watch: Watch
) -> None:
    watch.allow("favicon.ico")
    watch.allow("422")
    service = serve(smtp_url=mail_sink.url)
    webmaster = new_page(java_script_enabled=False, viewport={"width": 360, "height": 740})
    link = begin(webmaster, service, town, mail_sink)
    # A look that comes too early, and another one.
    section, text = webmaster.locator("#file"), webmaster.locator("#proof-file").inner_text()
    section.get_by_role("button", name="Проверить").click()
    expect(section.get_by_role("alert")).to_be_focused()
    expect(section.get_by_role("alert")).to_contain_text("сайт ответил 404")
    town.put(PROOF_PATH, text)
    section.get_by_role("button", name="Проверить").click()
    expect(webmaster.get_by_text("Подтверждение найдено: домен ваш.")).to_be_visible()
    webmaster.get_by_role("button", name="Отправить заявку").click()
    expect(webmaster.get_by_role("heading", name="Заявка у оператора")).to_be_visible()
    login = service.cli("user", "add", "--email", "operator@service.test", "--role", "operator")
    operator = new_page()
    sign_in(operator, service, "operator@service.test", login["password"])
    operator.get_by_role("link", name="заявка на сайт").click()
    operator.get_by_role("link", name=town.host).click()
    operator.get_by_role("button", name="Одобрить").click()
    expect(operator.get_by_text("Заявка одобрена")).to_be_visible()
    (site,) = service.cli("site", "list")
    assert site["origins"] == [town.origin]
    accept(service, new_page, mail_sink, site["key"], town)
    webmaster.goto(link)
    expect(webmaster.get_by_role("heading", name="Заявка одобрена")).to_be_visible()


def accept(service: Service, new_page: NewPage, mail_sink: MailSink, key: str, town: TownHost) -> None:
    """The contact person accepts, finds the code, pastes it into the page, and the first report arrives."""
    accepts = new_page()
    invitation = next(one for one in mail_sink.wait(CONTACT, 2)[1].links if "/cabinet/invitation/" in one)
    accepts.goto(invitation)
    accepts.fill("input[name=password]", CHOSEN)
    accepts.keyboard.press("Enter")
    expect(accepts).to_have_url(f"{service.url}/cabinet/")
    accepts.goto(f"{service.url}/cabinet/sites")
    accepts.get_by_role("link", name=NAME).first.click()
    expect(accepts.get_by_text(f"Домен {town.origin} подтверждён")).to_be_visible()
    code = accepts.locator("#code").inner_text()
    assert key in code
    town.put("/city.html", f"{HEAD}</head><body>{code}</body></html>")
    resident = new_page(viewport={"width": 1280, "height": 900})
    open_form(resident, f"{town.origin}/city.html")
    assert report(resident, TEXT) == 1
    accepts.goto(f"{service.url}/cabinet/problems")
    expect(accepts.get_by_text(TEXT).first).to_be_visible()
