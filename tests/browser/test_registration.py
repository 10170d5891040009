"""From /sites/new to the first report, as a webmaster and an operator do it: no command line, no JavaScript needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Watch
from tests.support.mail import MailSink
from tests.support.name_server import NameServer
from tests.support.processes import Service, die_with_parent, free_port
from tests.support.registration import CONTACT, INN, NAME
from tests.support.town import sign_in
from tests.support.widget import fill_form, number, open_form, send

pytestmark = [pytest.mark.browser, pytest.mark.long]
TEXT = "Разбита остановка у вокзала"
CHOSEN = "тихая река у старой мельницы"


@dataclass
class Town:
    """The web server of a town: a process that serves a folder."""

    folder: Path
    address: str
    port: int

    @property
    def origin(self) -> str:
        return f"http://{self.address}:{self.port}"

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path / "www", "127.0.0.31", free_port())
    made.write("index.html", "<!doctype html><html lang='ru'><head><title>Зареченск</title></head><body></body></html>")
    command = [sys.executable, "-m", "http.server", str(made.port), "--bind", made.address, "--directory"]
    process = subprocess.Popen(
        die_with_parent([*command, str(made.folder)]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield made
    process.kill()
    process.wait()


def begin(page: Page, service: Service, town: Town, mail: MailSink) -> str:
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


def prove(page: Page, method: str, town: Town, names: NameServer) -> None:
    """Look too early, put the proof where it belongs, and look again."""
    section, text = page.locator(f"#{method}"), page.locator(f"#proof-{method}").inner_text()
    section.get_by_role("button", name="Проверить").click()
    expect(section.get_by_role("alert")).to_be_focused()
    if method == "file":
        expect(section.get_by_role("alert")).to_contain_text("сайт ответил 404")
        town.write(".well-known/igrajdanin-widget.txt", text)
    elif method == "meta":
        expect(section.get_by_role("alert")).to_contain_text("метатега в её <head> нет")
        town.write("index.html", f"<!doctype html><html lang='ru'><head><title>З</title>{text}</head></html>")
    else:
        expect(section.get_by_role("alert")).to_contain_text("Записи TXT")
        names.set(town.address, ["v=spf1 -all", text])
    section.get_by_role("button", name="Проверить").click()
    expect(page.get_by_text("Подтверждение найдено: домен ваш.")).to_be_visible()


@pytest.mark.parametrize("method", ["file", "meta", "dns"])
@pytest.mark.parametrize("dialect", ["sqlite"])
def test_a_webmaster_registers_a_site(
    method: str,
    town: Town,
    serve: Callable[..., Service],
    new_page: Callable[..., Page],
    mail_sink: MailSink,
    watch: Watch,
    tmp_path: Path,
    dialect: str,
) -> None:
    watch.allow("favicon.ico")
    watch.allow("422")
    with NameServer(tmp_path) as names:
        service = serve(smtp_url=mail_sink.url, dns=names.address)
        webmaster = new_page(java_script_enabled=False, viewport={"width": 360, "height": 740})
        link = begin(webmaster, service, town, mail_sink)
        prove(webmaster, method, town, names)
        webmaster.get_by_role("button", name="Отправить заявку").click()
        expect(webmaster.get_by_role("heading", name="Заявка у оператора")).to_be_visible()
        if method == "meta":  # what follows is the same
            return
        login = service.cli("user", "add", "--email", "operator@service.test", "--role", "operator")
        (waiting,) = service.cli("application", "list")
        assert (waiting["name"], waiting["proof"], waiting["marks"]) == (NAME, method, ["email_foreign"])
        if method == "dns":
            approved = service.cli("application", "approve", waiting["id"])["site"]
        else:
            operator, approved = new_page(), ""
            sign_in(operator, service, "operator@service.test", login["password"])
            operator.get_by_role("link", name="заявка на сайт").click()
            operator.get_by_role("link", name=town.address).click()
            operator.get_by_role("button", name="Одобрить").click()
            expect(operator.get_by_text("Заявка одобрена")).to_be_visible()
        (decided,) = service.cli("application", "list", "--all")
        (site,) = service.cli("site", "list")
        assert (decided["state"], decided["site_id"], site["origins"]) == ("approved", site["site"], [town.origin])
        assert approved == (site["site"] if method == "dns" else "")

        # The contact person accepts, finds the code, pastes it into the page, and the first report arrives.
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
        assert site["key"] in code
        head = "<!doctype html><html lang='ru'><head><title>Зареченск</title></head>"
        town.write("city.html", f"{head}<body>{code}</body></html>")
        resident = new_page(viewport={"width": 1280, "height": 900})
        open_form(resident, f"{town.origin}/city.html")
        fill_form(resident, TEXT)
        send(resident)
        assert number(resident) == 1
        accepts.goto(f"{service.url}/cabinet/problems")
        expect(accepts.get_by_text(TEXT).first).to_be_visible()
        webmaster.goto(link)
        expect(webmaster.get_by_role("heading", name="Заявка одобрена")).to_be_visible()
