"""The residents' pages in a real browser: without scripts, at 320 px, in every colour scheme, under axe and CSP."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from email.message import EmailMessage

import pytest
from playwright.sync_api import Page, expect

from tests.factories import HOST_ORIGIN
from tests.support import axe
from tests.support.browser import Watch
from tests.support.mail import MailSink
from tests.support.processes import Service
from widget_api.problems.forms import MIN_FILLING_TIME

pytestmark = pytest.mark.browser
EMAIL = "anna@example.test"


@dataclass
class Town:
    service: Service
    key: str

    @property
    def form(self) -> str:
        return f"{self.service.url}/s/{self.key}/report"


@pytest.fixture
def town(serve: Callable[..., Service], mail_sink: MailSink) -> Town:
    service = serve(rate_limits="off", smtp_url=mail_sink.url)
    agency = service.cli("agency", "add", "--name", "Администрация города", "--email", "office@gorod.test")["agency"]
    site = service.cli("site", "add", "--name", "Сайт города", "--agency", agency, "--origin", HOST_ORIGIN)
    return Town(service, site["key"])


def fill(page: Page, *, email: str = "") -> None:
    page.select_option("[name=category]", "lighting")
    page.fill("textarea[name=description]", "Не горит фонарь у дома 5")
    page.fill("[name=address]", "ул. Ленина, 5")
    page.fill("[name=email]", email)
    page.check("[name=consent]")
    page.wait_for_timeout(MIN_FILLING_TIME * 1000 + 100)


def send(page: Page) -> None:
    page.click("button.primary")


def find_only_link(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    (link,) = [line for line in part.get_content().splitlines() if "://" in line]
    assert re.fullmatch(r"http://\S+", link)
    return str(link)


def test_a_report_is_sent_and_followed_without_javascript(
    town: Town, new_page: Callable[..., Page], mail_sink: MailSink, watch: Watch
) -> None:
    watch.allow("422")
    page = new_page(java_script_enabled=False)
    page.goto(town.form)
    page.wait_for_timeout(MIN_FILLING_TIME * 1000 + 100)
    page.fill("textarea[name=description]", "Не горит фонарь у дома 5")
    send(page)
    expect(page.locator(".summary")).to_contain_text("Выберите категорию")
    expect(page.locator(".summary a")).to_have_count(3)
    expect(page.locator("textarea[name=description]")).to_have_value("Не горит фонарь у дома 5")
    fill(page, email=EMAIL)
    send(page)
    expect(page.locator(".number")).to_have_text("№ 1")
    (letter,) = mail_sink.wait(EMAIL)
    page.goto(find_only_link(letter.message))
    expect(page.locator("form")).to_have_count(1)
    page.click("form button")
    expect(page.locator("form")).to_have_count(0)
    page.click("a.button.primary")
    expect(page.locator("h1")).to_have_text("Сообщение № 1")
    expect(page.locator(".timeline")).to_contain_text("Почта подтверждена")


def test_an_invalid_form_is_corrected_and_answered_with_number_and_code(town: Town, page: Page, watch: Watch) -> None:
    watch.allow("422")
    page.goto(town.form)
    page.wait_for_timeout(MIN_FILLING_TIME * 1000 + 100)
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


def page_states(town: Town, page: Page, mail_sink: MailSink) -> dict[str, Callable[[Page], object]]:
    """Every page in the states that look different; each callable opens one. The order tells a report's story."""
    page.goto(town.form)
    fill(page, email=EMAIL)
    send(page)
    private = page.locator("#track-link").get_attribute("href") or ""
    (letter,) = mail_sink.wait(EMAIL)
    confirmation = find_only_link(letter.message)

    def wrong(page: Page) -> None:
        page.goto(town.form)
        page.wait_for_timeout(MIN_FILLING_TIME * 1000 + 100)
        send(page)

    def resolved(page: Page) -> None:
        page.goto(confirmation)
        if page.locator("form").count():
            page.click("form button")
        with contextlib.closing(sqlite3.connect(town.service.directory / "widget.db", timeout=10)) as database:
            database.execute("UPDATE problems SET status = 'resolved', published = TRUE")
            database.commit()
        page.goto(private)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    return {
        "form": lambda page: page.goto(f"{town.form}?category=roads"),
        "errors": wrong,
        "waiting": lambda page: page.goto(private),
        "confirmation": lambda page: page.goto(confirmation),
        "resolved": resolved,
        "confirmed": lambda page: page.goto(confirmation),
        "track": lambda page: page.goto(f"{town.service.url}/track?site={town.key}"),
        "site": lambda page: page.goto(f"{town.service.url}/s/{town.key}"),
        "all sites": lambda page: page.goto(f"{town.service.url}/stats"),
        "problem": lambda page: page.goto(f"{town.service.url}/s/{town.key}/problems/1"),
        "consent": lambda page: page.goto(f"{town.service.url}/s/{town.key}/consent"),
        "not found": lambda page: page.goto(f"{town.service.url}/nowhere"),
    }


def test_residents_pages_have_no_axe_violations_and_no_overflow(
    town: Town, new_page: Callable[..., Page], mail_sink: MailSink, watch: Watch
) -> None:
    """At 320 px in every scheme; at 640 px, which is 200 % zoom of a desk, with larger letters on top."""
    watch.allow("422|404")
    page = new_page(viewport={"width": 320, "height": 640})
    found: dict[str, list[str]] = {}
    for state, opened in page_states(town, page, mail_sink).items():
        opened(page)
        complaints = axe.violations_in_appearances(page) + axe.violations_with_large_text(page)
        if complaints:
            found[state] = complaints
    assert found == {}, json.dumps(found, ensure_ascii=False, indent=1)
    assert watch.hosts() == {town.service.url}


def test_visitors_switch_the_colour_scheme_and_the_language(town: Town, page: Page) -> None:
    page.goto(f"{town.service.url}/s/{town.key}")
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
    page.goto(town.form)
    page.click("summary >> text=точнее")
    page.click("[data-locate]")
    expect(page.locator("#field-coordinates")).to_have_value("55.100000, 38.770000")
    expect(page.locator("[data-locate] + [role=status]")).to_have_text("Координаты вписаны.")


def test_public_pages_mark_the_language_of_residents_texts(
    town: Town, page: Page, new_page: Callable[..., Page], mail_sink: MailSink
) -> None:
    page_states(town, new_page(), mail_sink)
    with contextlib.closing(sqlite3.connect(town.service.directory / "widget.db", timeout=10)) as database:
        database.execute("UPDATE problems SET published = TRUE, status = 'accepted'")
        database.commit()
    page.goto(f"{town.service.url}/s/{town.key}/problems/1?lang=en")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    for words in (".prose", ".facts span >> text=Ленина"):
        expect(page.locator(words).first).to_have_attribute("lang", "ru")
