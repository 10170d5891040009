"""The whole product in one scenario with five people, from the pasted snippet to the central platform and back.

Nothing here reads a database: operators use the command line, everybody else a browser; letters are read from the SMTP
conversation, and the platform is a second process with its own database, connected over TCP.
"""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import NewPage, Watch
from tests.support.mail import Letter, MailSink
from tests.support.pages import HostPages
from tests.support.processes import Serve, Service
from tests.support.town import sign_in
from tests.support.waiting import wait_for
from tests.support.widget import PHONE, to_form

pytestmark = pytest.mark.long
EXAMPLES = Path(__file__).parents[2] / "embed_examples"
TEXT = "Глубокая яма на переходе у школы № 14, вечером её не видно"
EMAIL = "anna@example.test"
AGENCY = "Администрация города"
# The minute in which a decision that closes a report can be undone, shortened.
SHORT_MINUTE = "widget_api.casework.bulk.DELAY=1"
SOON = 30_000  # milliseconds: polling interval between the two instances


@dataclass
class Side:
    """One instance with its site and its representative."""

    service: Service
    site: dict[str, str]
    login: tuple[str, str]

    @classmethod
    def create(cls, service: Service, name: str, origin: str, *options: str) -> Side:
        """What the operator does: an agency, a site, a representative."""
        agency = service.cli("agency", "add", "--name", name, "--email", "office@gorod.test")["agency"]
        place = ("--agency", agency, "--origin", origin, "--jurisdiction", "gorod.test")
        site = service.cli("site", "add", "--name", f"Сайт: {name}", *place, *options)
        email = f"agent-{service.port}@gorod.test"
        user = service.cli("user", "add", "--email", email, "--agency", agency, "--role", "agent")
        return cls(service, site, (email, user["password"]))

    def sign_in(self, page: Page) -> Page:
        return sign_in(page, self.service, *self.login)


def decide(page: Page, to: str, **fields: str) -> None:
    """One decision in the cabinet."""
    page.check(f"input[name=to][value={to}]", force=True)
    for name, value in fields.items():
        page.fill(f"[name={name}]", value)
    page.click("form.decision button")
    page.wait_for_load_state()


def letter_to(mail: MailSink, email: str, containing: str) -> Letter:
    return mail.wait(email, matching=lambda one: containing in one.subject + one.text)[0]


# Both publication modes; tests/api covers them on both databases for each step.
@pytest.mark.parametrize(
    ("moderation", "dialect"),
    [("before", "sqlite"), pytest.param("after", "postgresql", marks=pytest.mark.full("stories run once, on SQLite"))],
    indirect=["dialect"],
)
def test_from_the_snippet_to_the_central_platform_and_back(
    moderation: str,
    database_url: str,
    serve: Serve,
    host_pages: Callable[..., HostPages],
    new_page: NewPage,
    mail_sink: MailSink,
    watch: Watch,
) -> None:
    watch.allow("favicon.ico")
    # 1. The operators of both instances.
    platform = Side.create(serve(changes=(SHORT_MINUTE,)), "Платформа", "https://platform.test")
    token = platform.service.cli("token", "add", "--site", platform.site["site"], "--scope", "platform")["token"]
    replace: dict[str, str] = {}
    host = host_pages(EXAMPLES / "plain", replace=replace)
    service = serve(
        database_url=database_url,
        smtp_url=mail_sink.url,
        platform_url=f"{platform.service.url}/open311/v2",
        platform_key=token,
        fork=False,
    )
    city = Side.create(service, AGENCY, host.url, "--moderation", moderation)
    replace |= {"{{W}}": service.url, "{{KEY}}": city.site["key"]}
    assert city.site["key"] in city.site["snippet"]
    assert f"{service.url}/w/1/loader.js" in city.site["snippet"]

    # 4 (first half). The representative signs in before the report arrives.
    agent = city.sign_in(new_page())
    expect(agent.locator("body")).not_to_contain_text(TEXT[:60])

    # 2. The resident, on the municipality's own page.
    resident = new_page(viewport=PHONE)
    resident.goto(host.url)
    resident.get_by_role("button", name="Сообщить о проблеме").click()
    to_form(resident)
    onwards = resident.get_by_role("button", name="Далее")  # a phone shows one question per step
    resident.get_by_label("Дороги и тротуары").click()  # leads on
    resident.get_by_label("Что именно не так").fill(TEXT)
    onwards.click()
    resident.get_by_label("Адрес или ориентир").fill("ул. Октябрьской Революции, 205")
    onwards.click()
    resident.get_by_label("Электронная почта").fill(EMAIL)
    consent = resident.get_by_label(re.compile("Даю согласие"))
    expect(consent).not_to_be_checked()
    consent.check()
    before_sending = resident.get_by_role("region", name="Куда уйдёт сообщение")
    expect(before_sending).to_contain_text(AGENCY)
    expect(before_sending).to_contain_text(re.compile(r"не\s+обращение"))
    expect(before_sending).to_contain_text(re.compile(r"до\s\d+\s\S+"))
    resident.get_by_role("button", name=re.compile("^Отправить")).click()
    expect(resident.get_by_role("heading", name="Сообщение получено")).to_be_visible(timeout=SOON)
    expect(resident.get_by_text("№ 1", exact=True)).to_be_visible()
    private_link = resident.locator("input[readonly]").input_value()
    assert private_link.startswith(f"{service.url}/t/")
    expect(agent.locator("body")).to_contain_text(TEXT[:60], timeout=SOON)  # how soon: test_cabinet.py

    # 3. The letter, the button, the private page.
    confirmation = letter_to(mail_sink, EMAIL, "Подтвердите")
    assert TEXT not in confirmation.raw.decode() + confirmation.text + (confirmation.html or "")
    (confirm_link,) = confirmation.links
    private = new_page()
    private.goto(private_link)
    expect(private.locator("main")).to_contain_text("На модерации")
    private.goto(confirm_link)
    private.reload()
    mailbox_count = len(mail_sink.letters)
    private.locator("form button").first.click()
    private.wait_for_load_state()
    private.goto(confirm_link)
    expect(private.locator("main form")).to_have_count(0)
    assert len(mail_sink.letters) >= mailbox_count
    private.goto(private_link)
    expect(private.locator("main")).to_contain_text("Почта подтверждена")

    # 4. The representative accepts (if the site is moderated), starts and schedules the work.
    agent.get_by_role("link", name=re.compile("яма на переходе", re.IGNORECASE)).first.click()
    agent.wait_for_load_state()
    if moderation == "before":
        decide(agent, "accepted")
    else:
        expect(agent.locator(".chips")).to_contain_text("Принято")
    decide(agent, "in_progress")
    tomorrow = time.strftime("%Y-%m-%d", time.localtime(time.time() + 2 * 86_400))
    decide(agent, "planned", expected_on=tomorrow)
    expect(agent.locator(".chips")).to_contain_text("Запланировано")

    # 5. Everyone, on the same page of the municipality.
    visitor = new_page(viewport=PHONE)
    visitor.goto(host.url)
    visitor.get_by_role("button", name="Сообщить о проблеме").click()
    visitor.get_by_text("Проблемы города").first.click()
    card = visitor.get_by_text(re.compile("Глубокая яма на переходе")).first
    expect(card).to_be_visible()
    card.click()
    shown = visitor.locator("igrajdanin-widget")
    expect(shown).to_contain_text("Запланировано")

    # 6. The platform's own representative has all events once and in order, and answers.
    central = platform.sign_in(new_page())
    central.get_by_role("link", name=re.compile("яма на переходе", re.IGNORECASE)).first.click()
    expect(central.locator(".chips")).to_contain_text("Запланировано", timeout=SOON)
    titles = central.locator("#history .title").all_inner_texts()
    steps = ["Сообщение получено", "Сообщение принято", "Взято в работу"]
    assert titles[:3] == steps
    assert titles[3].startswith("Работы запланированы")
    assert len(titles) == 4
    decide(central, "resolved", text="Заплатку положили, переход безопасен")
    expect(central.locator(".chips")).to_contain_text("Решено", timeout=SOON)

    letter = letter_to(mail_sink, EMAIL, "Заплатку положили")
    assert letter.message["Auto-Submitted"]
    expect(shown).to_contain_text("Заплатку положили", timeout=SOON)  # no reload: the page is still open
    expect(shown).to_contain_text("Решено")
    private.reload()
    expect(private.locator("main")).to_contain_text("Заплатку положили")
    platform_link = private.get_by_role("link", name=re.compile("1")).first
    assert urlsplit(str(platform_link.get_attribute("href"))).netloc == urlsplit(platform.service.url).netloc

    # No echo: after two more polls both logs are unchanged.
    before = feeds(city, token_of(city)), feeds(platform, token)
    wait_for_polls(platform, 3)  # one may have begun before
    assert (feeds(city, token_of(city)), feeds(platform, token)) == before
    statuses = [event["data"]["status_code"] for event in before[0] if event["data"]["kind"] == "status"]
    assert statuses == ["accepted", "in_progress", "planned", "resolved"]
    assert watch.hosts() <= {service.url, host.url, platform.service.url}, "the widget contacts only its service"


def wait_for_polls(side: Side, count: int) -> None:
    """Wait until the other instance has asked this one `count` more times for updates."""

    def count_polls() -> int:
        return len(re.findall(r"GET \S+/servicerequestupdates\S* 200", side.service.log))

    before = count_polls()
    wait_for(lambda: count_polls() >= before + count, "the other instance asks no more")


def token_of(side: Side) -> str:
    return str(side.service.cli("token", "add", "--site", side.site["site"], "--scope", "platform")["token"])


def feeds(side: Side, token: str) -> list[dict[str, Any]]:
    """The event feed of the instance, as a platform polls it."""
    url = f"{side.service.url}/api/v1/platform/events?site={side.site['site']}&after=0"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return list(found["events"])
