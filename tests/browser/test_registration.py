"""From /sites/new to the first report, as a webmaster and an operator do it: no command line, no JavaScript needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Watch
from tests.support.mail import MailSink
from tests.support.name_server import NameServer
from tests.support.processes import Service
from tests.support.registration import CONTACT, INN, NAME, TownHost
from tests.support.town import sign_in
from tests.support.widget import fill_form, number, open_form, send
from widget_api.registration.model import PROOF_PATH

pytestmark = [pytest.mark.browser, pytest.mark.long]
TEXT = "Разбита остановка у вокзала"
HEAD = "<!doctype html><html lang='ru'><head><title>Зареченск</title>"
CHOSEN = "тихая река у старой мельницы"


@pytest.fixture
def towns() -> Iterator[dict[str, TownHost]]:
    """The web server of a town for each way to prove that it is theirs."""
    made = {method: TownHost(f"127.0.0.{31 + place}") for place, method in enumerate(("file", "meta", "dns"))}
    for town in made.values():
        town.put("/", f"{HEAD}</head><body></body></html>")
    yield made
    for town in made.values():
        town.close()


def begin(page: Page, service: Service, town: TownHost, contact: str, mail: MailSink) -> str:
    """The first form, and the confirmed address. Returns the link of the letter."""
    page.goto(f"{service.url}/sites/new")
    fields = {
        "Адрес сайта": town.origin,
        "ИНН": INN,
        "Официальное название": NAME,
        "Официальная почта": "priem@zarechensk.test",
        "Имя и фамилия": "Пётр Лукин",
        "Рабочая почта": contact,
    }
    for label, value in fields.items():
        page.get_by_label(label).fill(value)
    assert not page.locator("#field-consent").is_checked()
    page.locator("#field-consent").check()
    page.get_by_role("button", name="Получить ссылку на почту").click()
    expect(page.get_by_role("heading", name="Проверьте почту")).to_be_visible()
    link = next(one for one in mail.wait(contact)[0].links if "/sites/application/" in one)
    page.goto(link)
    page.get_by_role("button", name="Подтвердить адрес").click()
    page.get_by_role("button", name="Сохранить и продолжить").click()
    expect(page.get_by_role("heading", name="Подтвердите, что сайт ваш")).to_be_visible()
    return link


def prove(page: Page, method: str, town: TownHost, names: NameServer) -> None:
    """Look too early, put the proof where it belongs, and look again."""
    section, text = page.locator(f"#{method}"), page.locator(f"#proof-{method}").inner_text()
    section.get_by_role("button", name="Проверить").click()
    expect(section.get_by_role("alert")).to_be_focused()
    if method == "file":
        expect(section.get_by_role("alert")).to_contain_text("сайт ответил 404")
        town.put(PROOF_PATH, text)
    elif method == "meta":
        expect(section.get_by_role("alert")).to_contain_text("метатега в её <head> нет")
        town.put("/", f"{HEAD}{text}</head></html>")
    else:
        expect(section.get_by_role("alert")).to_contain_text("Записи TXT")
        names.set(town.host, ["v=spf1 -all", text])
    section.get_by_role("button", name="Проверить").click()
    expect(page.get_by_text("Подтверждение найдено: домен ваш.")).to_be_visible()


def test_webmasters_register_their_sites(
    towns: dict[str, TownHost],
    serve: Callable[..., Service],
    new_page: Callable[..., Page],
    mail_sink: MailSink,
    watch: Watch,
    tmp_path: Path,
) -> None:
    watch.allow("favicon.ico")
    watch.allow("422")
    with NameServer(tmp_path) as names:
        service = serve(smtp_url=mail_sink.url, dns=names.address)
        webmaster = new_page(java_script_enabled=False, viewport={"width": 360, "height": 740})

        def apply(method: str, contact: str) -> tuple[str, dict[str, Any]]:
            """The link of the letter, and the application as the operator finds it."""
            link = begin(webmaster, service, towns[method], contact, mail_sink)
            prove(webmaster, method, towns[method], names)
            webmaster.get_by_role("button", name="Отправить заявку").click()
            expect(webmaster.get_by_role("heading", name="Заявка у оператора")).to_be_visible()
            (waiting,) = (one for one in service.cli("application", "list") if one["proof"] == method)
            return link, waiting

        link, waiting = apply("file", CONTACT)
        assert (waiting["name"], waiting["marks"]) == (NAME, ["email_foreign"])
        login = service.cli("user", "add", "--email", "operator@service.test", "--role", "operator")
        operator = new_page()
        sign_in(operator, service, "operator@service.test", login["password"])
        operator.get_by_role("link", name="заявка на сайт").click()
        operator.get_by_role("link", name=towns["file"].host).click()
        operator.get_by_role("button", name="Одобрить").click()
        expect(operator.get_by_text("Заявка одобрена")).to_be_visible()
        (decided,) = service.cli("application", "list", "--all")
        (site,) = service.cli("site", "list")
        assert (decided["state"], decided["site_id"]) == ("approved", site["site"])
        assert site["origins"] == [towns["file"].origin]
        accept(service, new_page, mail_sink, site["key"], towns["file"])
        webmaster.goto(link)
        expect(webmaster.get_by_role("heading", name="Заявка одобрена")).to_be_visible()

        # A meta tag and a record of the domain prove it as well; the command line approves, too.
        apply("meta", f"meta-{CONTACT}")
        _, waiting = apply("dns", f"dns-{CONTACT}")
        approved = service.cli("application", "approve", waiting["id"])["site"]
        assert [one["origins"] for one in service.cli("site", "list") if one["site"] == approved] == [
            [towns["dns"].origin]
        ]
        invited = mail_sink.wait(f"dns-{CONTACT}", 2)[1]
        assert [one for one in invited.links if "/cabinet/invitation/" in one]


def accept(service: Service, new_page: Callable[..., Page], mail_sink: MailSink, key: str, town: TownHost) -> None:
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
    fill_form(resident, TEXT)
    send(resident)
    assert number(resident) == 1
    accepts.goto(f"{service.url}/cabinet/problems")
    expect(accepts.get_by_text(TEXT).first).to_be_visible()
